//! What a command sees besides its image: `RUN --mount=…`.

use super::text::Text;
use super::{Problem, is_the_kernels, problem, shown};

/// Something that a command sees at a path, and that is no part of the image. `T` is a text, or what it is with its
/// variables filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builder::image) struct Mount<T> {
    pub(in crate::builder::image) kind: Kind<T>,
    /// Where: absolute, or below the working directory. `None` for where secrets usually are.
    pub(in crate::builder::image) target: Option<T>,
    /// Octal digits of its mode.
    pub(in crate::builder::image) mode: Option<u32>,
    /// The number of the user whose it is.
    pub(in crate::builder::image) user: u32,
    /// The number of its group.
    pub(in crate::builder::image) group: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::builder::image) enum Kind<T> {
    /// An empty folder, for what a tool may download again.
    Cache,
    /// A folder in memory, of so many bytes at most.
    Memory(Option<i64>),
    /// A file or folder of the build context.
    Context(T),
    /// A secret of the Space, and whether there must be one.
    Secret { name: String, required: bool },
}

// === impl Mount ===

impl Mount<Text> {
    /// What stands behind `--mount=`.
    ///
    /// # Errors
    /// For what is not supported.
    pub(super) fn parse(number: usize, value: &str, escape: char) -> Result<Self, Problem> {
        let odd =
            |message: String| problem(number, format!("`--mount={}`: {message}", shown(value)));
        if value.contains('"') {
            return Err(odd("quotes are not supported".to_owned()));
        }
        let text = |text: &str| Text::parse(text, escape).map_err(|what| odd(format!("it {what}")));
        let (mut kind, mut target, mut source, mut name) = ("bind", None, None, None);
        let (mut mode, mut user, mut group, mut required, mut size) = (None, 0, 0, false, None);
        for field in value.split(',') {
            let (key, value) = field.split_once('=').unwrap_or((field, "true"));
            let number = || {
                value
                    .parse()
                    .map_err(|_| odd(format!("`{key}` must be a number")))
            };
            match key.to_ascii_lowercase().as_str() {
                "type" => kind = value,
                "target" | "dst" | "destination" => target = Some(text(value)?),
                "source" | "src" => source = Some(value),
                "id" => name = Some(value),
                "mode" => {
                    let digits = u32::from_str_radix(value, 8).ok();
                    let digits = digits.filter(|mode| *mode <= 0o7777);
                    mode = Some(digits.ok_or_else(|| odd("`mode` must be octal".to_owned()))?);
                }
                "uid" => user = number()?,
                "gid" => group = number()?,
                "required" => required = value == "true" || value == "1",
                "size" => {
                    size = Some(bytes(value).ok_or_else(|| odd("`size` must be bytes".to_owned()))?)
                }
                // Each command has its own cache, and only reads what is of the context.
                "sharing" | "readonly" | "ro" => {}
                "rw" | "readwrite" if value == "false" => {}
                "rw" | "readwrite" => {
                    let message = "a mount that is written to is not supported; `COPY` the files";
                    return Err(odd(message.to_owned()));
                }
                "from" => {
                    let message =
                        "mounting from a stage or an image is not supported; use `COPY --from`";
                    return Err(odd(message.to_owned()));
                }
                "env" => {
                    let message = "a secret in a variable would be in the image's history; read it from its file";
                    return Err(odd(message.to_owned()));
                }
                _ => return Err(odd(format!("there is no `{key}`"))),
            }
        }
        let kind = match kind {
            "cache" => Kind::Cache,
            "tmpfs" => Kind::Memory(size),
            "bind" => Kind::Context(text(source.unwrap_or("."))?),
            "secret" => {
                let name = name.or(source).unwrap_or_default();
                let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
                if name.is_empty() || name.starts_with('.') || !name.bytes().all(is_plain) {
                    return Err(odd("it needs the name of a secret as `id`".to_owned()));
                }
                Kind::Secret {
                    name: name.to_owned(),
                    required,
                }
            }
            "ssh" => return Err(odd("there is no SSH agent".to_owned())),
            _ => return Err(odd("there is no such type".to_owned())),
        };
        if target.is_none() && !matches!(kind, Kind::Secret { .. }) {
            return Err(odd("it needs a `target`".to_owned()));
        }
        if target.as_ref().is_some_and(is_the_kernels) {
            let message = "`target` may not be `/` or a path in `/proc`, `/sys` or `/dev`";
            return Err(odd(message.to_owned()));
        }
        Ok(Self {
            kind,
            target,
            mode,
            user,
            group,
        })
    }

    /// With its variables filled in.
    pub(super) fn filled(
        &self,
        fill: impl Fn(&Text) -> Result<String, Problem>,
    ) -> Result<Mount<String>, Problem> {
        Ok(Mount {
            kind: match &self.kind {
                Kind::Cache => Kind::Cache,
                Kind::Memory(size) => Kind::Memory(*size),
                Kind::Context(source) => Kind::Context(fill(source)?),
                Kind::Secret { name, required } => Kind::Secret {
                    name: name.clone(),
                    required: *required,
                },
            },
            target: self.target.as_ref().map(fill).transpose()?,
            mode: self.mode,
            user: self.user,
            group: self.group,
        })
    }
}

/// `64m`, `1g`, `1048576`.
fn bytes(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let text = text.trim_end_matches('b');
    let (digits, shift) = match text.chars().last()? {
        'k' => (&text[..text.len() - 1], 10),
        'm' => (&text[..text.len() - 1], 20),
        'g' => (&text[..text.len() - 1], 30),
        _ => (text, 0),
    };
    let number: i64 = digits.parse().ok().filter(|number| *number > 0)?;
    number.checked_mul(1 << shift)
}
