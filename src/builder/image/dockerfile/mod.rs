//! What a Dockerfile asks of the engine, as far as that must be known before the engine reads it.
//!
//! The engine fetches base images and the sources of `ADD` itself, outside every limit of the build and from the host's
//! own network. So this reader finds them, and refuses what it cannot follow: what engines read differently from one
//! version to the next would be a way around it.

mod lines;

use std::collections::{HashMap, HashSet};

use lines::{Instruction, instructions};

/// What is wrong with a Dockerfile, for its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    /// Line of the file, counted from 1.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

/// An image that is built on or copied from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BaseImage {
    /// As the engine is asked for it.
    pub(super) name: String,
    /// Line of the file, counted from 1.
    pub(super) line: usize,
}

/// A source of `ADD`: a path in the build context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Added {
    /// Without leading `/` and `./`; empty for the whole context.
    pub(super) path: String,
    /// Line of the file, counted from 1.
    pub(super) line: usize,
}

/// What a Dockerfile needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// Without stages of its own and `scratch`, in order, each once.
    pub(super) images: Vec<BaseImage>,
    /// Files and folders that `ADD` adds.
    pub(super) added: Vec<Added>,
    /// Names of build arguments it declares.
    pub(super) arguments: HashSet<String>,
}

/// Reads a Dockerfile. `args` are the build arguments that will be given.
///
/// # Errors
/// The first thing that cannot be built here.
pub(super) fn read(text: &str, args: &[(String, String)]) -> Result<Needs, Problem> {
    let mut reader = Reader {
        args,
        globals: HashMap::new(),
        stages: Vec::new(),
        needs: Needs::default(),
    };
    for instruction in instructions(text)? {
        reader.take(&instruction)?;
    }
    if reader.stages.is_empty() {
        return Err(problem(
            1,
            "the file is empty; it must begin with `FROM IMAGE`",
        ));
    }
    Ok(reader.needs)
}

fn problem(line: usize, message: impl Into<String>) -> Problem {
    Problem {
        line,
        message: message.into(),
    }
}

struct Reader<'a> {
    args: &'a [(String, String)],
    /// The arguments declared before the first stage: only these count in `FROM`.
    globals: HashMap<String, String>,
    /// Names of the stages so far, lower case; empty for one without a name.
    stages: Vec<String>,
    needs: Needs,
}

// === impl Reader ===

impl Reader<'_> {
    fn take(&mut self, instruction: &Instruction) -> Result<(), Problem> {
        let Instruction { line, word, rest } = instruction;
        let (flags, operands) = flags(rest);
        if matches!(word.as_str(), "run" | "copy" | "add") {
            for flag in &flags {
                needs_no_buildkit(*line, flag)?;
            }
            no_heredoc(*line, rest)?;
        }
        if word == "arg" {
            let names = rest
                .split_whitespace()
                .map(|part| part.split('=').next().unwrap_or(part));
            self.needs.arguments.extend(names.map(str::to_owned));
        }
        if self.stages.is_empty() && !matches!(word.as_str(), "from" | "arg") {
            let message = "`FROM IMAGE` must come first, and only `ARG` before it";
            return Err(problem(*line, message));
        }
        match word.as_str() {
            "arg" if self.stages.is_empty() => self.argument(rest),
            "from" => self.stage(*line, &flags, operands)?,
            "copy" => {
                if let Some(from) = flags.iter().find_map(|flag| flag.strip_prefix("--from=")) {
                    self.copied(*line, from)?;
                }
            }
            "add" => self.added(*line, operands)?,
            _ => {}
        }
        Ok(())
    }

    fn argument(&mut self, rest: &str) {
        for part in rest.split_whitespace() {
            let (name, default) = match part.split_once('=') {
                Some((name, default)) => (name, Some(default.trim_matches(['"', '\'']))),
                None => (part, None),
            };
            let given = self.args.iter().find(|(key, _)| key == name);
            let value = match (given, default) {
                (Some((_, value)), _) => value.clone(),
                (None, Some(default)) => match self.expand(default) {
                    Some(value) => value,
                    None => continue,
                },
                (None, None) => continue,
            };
            self.globals.insert(name.to_owned(), value);
        }
    }

    fn stage(&mut self, line: usize, flags: &[&str], operands: &str) -> Result<(), Problem> {
        if let Some(flag) = flags.first() {
            let message =
                format!("`FROM {flag}` is not supported; images are built for this server");
            return Err(problem(line, message));
        }
        let words: Vec<&str> = operands.split_whitespace().collect();
        let (image, name) = match words.as_slice() {
            [image] => (*image, ""),
            [image, r#as, name] if r#as.eq_ignore_ascii_case("as") => (*image, *name),
            _ => {
                return Err(problem(
                    line,
                    "`FROM` must be `FROM IMAGE` or `FROM IMAGE AS NAME`",
                ));
            }
        };
        let image = self.resolved(line, image)?;
        let earlier = self.stages.contains(&image.to_ascii_lowercase());
        if image != "scratch" && !earlier {
            self.image(line, image)?;
        }
        self.stages.push(name.to_ascii_lowercase());
        Ok(())
    }

    /// `COPY --from=…`: a stage by name or number, or else an image.
    fn copied(&mut self, line: usize, from: &str) -> Result<(), Problem> {
        let is_stage = self.stages.contains(&from.to_ascii_lowercase())
            || from
                .parse::<usize>()
                .is_ok_and(|index| index < self.stages.len());
        if is_stage || from.is_empty() {
            return Ok(());
        }
        if from.contains('$') {
            return Err(problem(
                line,
                "`COPY --from` must name a stage or an image without variables",
            ));
        }
        self.image(line, from.to_owned())
    }

    fn image(&mut self, line: usize, name: String) -> Result<(), Problem> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._/:@-".contains(&byte);
        if name.is_empty() || name.starts_with('-') || !name.bytes().all(plain) {
            let shown: String = name.chars().take(80).collect();
            let message = format!("`{}` is no name of an image", shown.escape_debug());
            return Err(problem(line, message));
        }
        if self.needs.images.iter().all(|image| image.name != name) {
            self.needs.images.push(BaseImage { name, line });
        }
        Ok(())
    }

    fn resolved(&self, line: usize, text: &str) -> Result<String, Problem> {
        self.expand(text).ok_or_else(|| {
            let message = format!(
                "`FROM {text}` cannot be followed: give every variable in it a value, by `ARG NAME=VALUE` before the first \
                 `FROM` or as a variable of the Space"
            );
            problem(line, message)
        })
    }

    /// Fills in `$NAME`, `${NAME}`, `${NAME:-DEFAULT}` and `${NAME:+OTHER}`; `None` where there is no value.
    fn expand(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let (inner, after) = match rest.strip_prefix('{') {
                Some(braced) => braced.split_once('}')?,
                None => {
                    let end = rest
                        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                        .unwrap_or(rest.len());
                    rest.split_at(end)
                }
            };
            let value = |name: &str| self.globals.get(name).filter(|value| !value.is_empty());
            let filled = if let Some((name, default)) = inner.split_once(":-") {
                value(name).map_or(default, String::as_str)
            } else if let Some((name, other)) = inner.split_once(":+") {
                value(name).map_or("", |_| other)
            } else {
                value(inner)?.as_str()
            };
            if filled.contains('$') {
                return None;
            }
            out.push_str(filled);
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }

    fn added(&mut self, line: usize, operands: &str) -> Result<(), Problem> {
        let words = match serde_json::from_str::<Vec<String>>(operands) {
            Ok(words) => words,
            Err(_) => operands.split_whitespace().map(str::to_owned).collect(),
        };
        let Some((_, sources)) = words.split_last() else {
            return Ok(());
        };
        for source in sources {
            if source.contains("://") || source.starts_with("git@") {
                let message = "`ADD` of an address is not supported, since the engine would fetch it outside the limits of \
                               this build; use `RUN curl` or `RUN git clone`";
                return Err(problem(line, message));
            }
            if source.contains(['$', '*', '?', '[', '\\', '"', '\'']) {
                let message = format!(
                    "`ADD {source}` is not supported: `ADD` may only name files and folders plainly here; use `COPY`"
                );
                return Err(problem(line, message));
            }
            let path: Vec<&str> = source
                .split('/')
                .filter(|part| !part.is_empty() && *part != ".")
                .collect();
            self.needs.added.push(Added {
                path: path.join("/"),
                line,
            });
        }
        Ok(())
    }
}

/// Splits the leading `--flag` words off.
fn flags(rest: &str) -> (Vec<&str>, &str) {
    let mut flags = Vec::new();
    let mut rest = rest.trim_start();
    while rest.starts_with("--") {
        let (flag, after) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        flags.push(flag);
        rest = after.trim_start();
    }
    (flags, rest)
}

fn needs_no_buildkit(line: usize, flag: &str) -> Result<(), Problem> {
    let name = flag.split('=').next().unwrap_or(flag);
    if name == "--mount" && flag.contains("type=secret") {
        let message = "secrets are not given to builds on this server, since its engine keeps what a build sees; read the \
                       secret when the app starts, where it is in the environment";
        return Err(problem(line, message));
    }
    if matches!(name, "--from" | "--chown") {
        return Ok(());
    }
    let message = format!("`{name}` needs BuildKit, and this server builds without; leave it out");
    Err(problem(line, message))
}

fn no_heredoc(line: usize, rest: &str) -> Result<(), Problem> {
    let begins = |word: &str| {
        let word = word.trim_start_matches(|c: char| c.is_ascii_digit());
        word.strip_prefix("<<").is_some_and(|end| {
            end.trim_start_matches(['-', '"', '\''])
                .starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        })
    };
    if rest.split_whitespace().any(begins) {
        let message = "`<<` documents need BuildKit, and this server builds without; put the lines into a file and `COPY` it";
        return Err(problem(line, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
