//! The instructions that are allowed, with what is allowed in each, and how each is written for the engine.

use super::command::{Command, options, shown};
use super::documents::Document;
use super::health::healthcheck;
use super::lines::Line;
use super::mount::Mount;
use super::run::run;
use super::text::Text;
use super::words::{blank_words, json_words, quoted_words};
use super::{Problem, is_the_kernels, problem};

/// Names with their defaults.
pub(super) type Arguments = Vec<(String, Option<Text>)>;

/// An instruction within a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Instruction {
    Arg(Arguments),
    Env(Vec<(Text, Text)>),
    Label(Vec<(Text, Text)>),
    /// Also what `ADD` is: of files alone it does the same.
    Copy {
        /// As it was written; `None` for the build context.
        from: Option<String>,
        chown: Option<Text>,
        /// The mode of all files, if it is not their own.
        chmod: Option<u32>,
        /// The last is where to.
        paths: Vec<Text>,
        /// Files that stand in the Dockerfile, among the paths as [`document_path`] says.
        documents: Vec<(String, Text)>,
        /// Whether it was an `ADD`.
        added: bool,
    },
    Run(Command, Vec<Mount<Text>>),
    Cmd(Command),
    Entrypoint(Command),
    /// `None` for none; with its options, which are plain.
    Healthcheck(Option<(Vec<String>, Command)>),
    Shell(Vec<String>),
    Workdir(Text),
    User(Text),
    StopSignal(Text),
    Volume(Vec<Text>),
    Expose(Vec<Text>),
    /// What the engine need not know.
    Nothing,
}

// === impl Instruction ===

impl Instruction {
    /// # Errors
    /// For what is not allowed, or not as the engine expects it.
    pub(super) fn parse(line: &Line, escape: char) -> Result<Self, Problem> {
        let number = line.number;
        let text = |text: &str| {
            Text::parse(text, escape)
                .map_err(|what| problem(number, format!("`{}` {what}", shown(text))))
        };
        let word = line.word.as_str();
        let needs_words = || problem(number, format!("`{word}` needs an argument"));
        // Shell forms have no quotes of their own here: what is empty is told by each.
        if line.rest.is_empty() && word != "ENTRYPOINT" {
            return Err(needs_words());
        }
        let paths = || -> Result<Vec<Text>, Problem> {
            let words = match json_words(number, &line.rest)? {
                Some(words) => words,
                None => blank_words(&line.rest),
            };
            words.iter().map(|word| text(word)).collect()
        };
        let instruction = match word {
            "ARG" => Self::Arg(arguments(line, escape)?),
            "ENV" => Self::Env(pairs(line, escape)?),
            "LABEL" => Self::Label(labels(line, escape)?),
            "COPY" | "ADD" => {
                let mut paths = paths()?;
                if paths.len() < 2 {
                    let message = format!("`{word}` needs a source and a destination");
                    return Err(problem(number, message));
                }
                let documents = documents(line, escape, &mut paths)?;
                let (mut from, mut chown, mut chmod) = (None, None, None);
                for (name, value) in options(line)? {
                    match name {
                        "from" if word == "COPY" && from.is_none() => {
                            from = Some(value.to_owned());
                        }
                        "chown" if chown.is_none() => {
                            let owner = text(value)?;
                            if let Err(odd) = owner.bare() {
                                let message = format!("`--chown` may not contain `{odd}`");
                                return Err(problem(number, message));
                            }
                            chown = Some(owner).filter(|_| !value.is_empty());
                        }
                        "chmod" if chmod.is_none() => chmod = Some(mode(number, value)?),
                        // Each copy is a layer of its own here too.
                        "link" => {}
                        name => return Err(unknown_option(line, name)),
                    }
                }
                let from = from.filter(|from| !from.is_empty());
                if from.is_some() && (chmod.is_some() || !documents.is_empty()) {
                    let message = "`--from` with `--chmod` or a document is not supported; use `RUN chmod` after it";
                    return Err(problem(number, message));
                }
                return Ok(Self::Copy {
                    from,
                    chown,
                    chmod,
                    documents,
                    paths,
                    added: word == "ADD",
                });
            }
            "RUN" => {
                let (command, mounts) = run(line, escape)?;
                return Ok(Self::Run(command, mounts));
            }
            "CMD" => Self::Cmd(Command::parse(line)?),
            // Without anything it takes the base image's away.
            "ENTRYPOINT" if line.rest.is_empty() => Self::Entrypoint(Command::Exec(Vec::new())),
            "ENTRYPOINT" => Self::Entrypoint(Command::parse(line)?),
            "HEALTHCHECK" => return healthcheck(line).map(Self::Healthcheck),
            "SHELL" => match json_words(number, &line.rest)? {
                Some(words) if !words.is_empty() => Self::Shell(words),
                _ => {
                    let message = "`SHELL` must be an array, such as [\"/bin/bash\", \"-c\"]";
                    return Err(problem(number, message));
                }
            },
            "WORKDIR" => Self::Workdir(text(&line.rest)?),
            "USER" => Self::User(text(&line.rest)?),
            "STOPSIGNAL" => Self::StopSignal(text(&line.rest)?),
            "VOLUME" => match paths()? {
                paths
                    if paths
                        .iter()
                        .any(|path| path.literal().is_some_and(|path| path.trim().is_empty())) =>
                {
                    return Err(needs_words());
                }
                paths if paths.is_empty() => return Err(needs_words()),
                paths if paths.iter().any(is_the_kernels) => {
                    let message = "`VOLUME` may not be `/` or a path in `/proc`, `/sys` or `/dev`: a container could \
                                   not start with that";
                    return Err(problem(number, message));
                }
                paths => Self::Volume(paths),
            },
            "EXPOSE" => {
                let ports: Result<Vec<Text>, Problem> = blank_words(&line.rest)
                    .iter()
                    .map(|port| text(port))
                    .collect();
                let ports = ports?;
                if let Some(odd) = ports.iter().find_map(|port| port.bare().err()) {
                    let message = format!("a port may not contain `{odd}`");
                    return Err(problem(number, message));
                }
                Self::Expose(ports)
            }
            // Whose it is the platform knows; the engine has no use for it.
            "MAINTAINER" => Self::Nothing,
            "ONBUILD" => {
                let message = "`ONBUILD` is not supported, because no image is built on the image of a Space. Write \
                               the instruction without `ONBUILD`";
                return Err(problem(number, message));
            }
            _ => {
                let message = format!("`{}` is not a Dockerfile instruction", shown(word));
                return Err(problem(number, message));
            }
        };
        match line.flags.first() {
            None => Ok(instruction),
            Some(flag) => {
                let name = flag.split('=').next().unwrap_or(flag);
                let message = format!("`{word}` has no option `{}`", shown(name));
                Err(problem(number, message))
            }
        }
    }
}

fn unknown_option(line: &Line, name: &str) -> Problem {
    let (word, name) = (&line.word, shown(name));
    let message = match name.as_str() {
        "from" | "chown" | "chmod" => {
            format!("`--{name}` is given twice, or does not belong to `{word}`")
        }
        "exclude" => {
            "`--exclude` is not supported; list what stays behind in .dockerignore".to_owned()
        }
        "parents" | "checksum" | "keep-git-dir" | "unpack" => {
            format!("`{word} --{name}` is not supported; remove it")
        }
        name => format!("`{word}` has no option `--{name}`"),
    };
    problem(line.number, message)
}

/// The folder of the build context in which documents are. No file of a Space is sent there.
pub(in crate::builder::image) const DOCUMENTS: &str = ".glasshouse.documents";

/// Bytes that a document may come to.
const LONGEST_DOCUMENT: usize = 1 << 20;

/// The documents of a `COPY`, each with its path in the context, which takes its place among `paths`.
fn documents(
    line: &Line,
    escape: char,
    paths: &mut [Text],
) -> Result<Vec<(String, Text)>, Problem> {
    let mut found: Vec<(String, Text)> = Vec::new();
    for document in &line.documents {
        let Document { name, word, .. } = document;
        let path = format!("{DOCUMENTS}/{}/{name}", line.number);
        let sources = paths.split_last_mut().map(|(_, sources)| sources);
        let place = sources
            .into_iter()
            .flatten()
            .find(|path| path.literal() == Some(&word.replace(['"', '\''], "")));
        let Some(place) = place.filter(|_| found.iter().all(|(known, _)| *known != path)) else {
            let message = format!(
                "the document `{}` must be a source, and of another name than others",
                shown(word)
            );
            return Err(problem(line.number, message));
        };
        *place = Text::plain(path.clone());
        let text = match document.expands {
            true => Text::document(&document.text(), escape)
                .map_err(|what| problem(line.number, format!("`{}` {what}", shown(word))))?,
            false => Text::plain(document.text()),
        };
        if text.longest(&|_| 0) > LONGEST_DOCUMENT {
            return Err(problem(line.number, "the document is larger than 1 MiB"));
        }
        found.push((path, text));
    }
    Ok(found)
}

/// `--chmod`, in digits.
fn mode(number: usize, value: &str) -> Result<u32, Problem> {
    let mode = u32::from_str_radix(value, 8).ok();
    mode.filter(|mode| *mode <= 0o7777).ok_or_else(|| {
        let message = "`--chmod` must be octal digits, such as 755; use `RUN chmod` for others";
        problem(number, message)
    })
}

fn arguments(line: &Line, escape: char) -> Result<Arguments, Problem> {
    let words = quoted_words(&line.rest, escape);
    let arguments = words.iter().map(|word| {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.as_str(), None),
        };
        let parsed = |text: &str| {
            Text::parse(text, escape)
                .map_err(|what| problem(line.number, format!("`{}` {what}", shown(text))))
        };
        let name = parsed(name)?;
        let name = name.literal().filter(|name| is_name(name)).ok_or_else(|| {
            let message = format!(
                "`ARG {}` must begin with a name made of letters, digits and _",
                shown(word)
            );
            problem(line.number, message)
        })?;
        Ok((name.to_owned(), value.map(parsed).transpose()?))
    });
    arguments.collect()
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// `NAME=VALUE …`, or `NAME VALUE`.
fn pairs(line: &Line, escape: char) -> Result<Vec<(Text, Text)>, Problem> {
    let word = &line.word;
    let words = quoted_words(&line.rest, escape);
    let old = words.first().is_some_and(|word| !word.contains('='));
    let pairs: Vec<(&str, &str)> = if old {
        let (name, value) = super::words::split_first(&line.rest);
        if value.is_empty() {
            let message = format!("`{word}` must be `{word} NAME=VALUE`");
            return Err(problem(line.number, message));
        }
        vec![(name, value)]
    } else {
        let pairs = words.iter().map(|pair| {
            pair.split_once('=').ok_or_else(|| {
                let message = format!(
                    "`{}` must be `NAME=VALUE`; put a value with spaces in quotes",
                    shown(pair)
                );
                problem(line.number, message)
            })
        });
        pairs.collect::<Result<_, _>>()?
    };
    let pairs = pairs.into_iter().map(|(name, value)| {
        let parsed = |text: &str| {
            Text::parse(text, escape)
                .map_err(|what| problem(line.number, format!("`{}` {what}", shown(text))))
        };
        let (name, value) = (parsed(name)?, parsed(value)?);
        if name.literal() == Some("") || name.quoted().contains('=') {
            return Err(problem(
                line.number,
                format!("`{word}` needs a name before the `=`"),
            ));
        }
        Ok((name, value))
    });
    pairs.collect()
}

/// Labels that begin like this say whose an image is.
const OURS: &str = "glasshouse.";

fn labels(line: &Line, escape: char) -> Result<Vec<(Text, Text)>, Problem> {
    let labels = pairs(line, escape)?;
    for (name, _) in &labels {
        if name.literal().is_none_or(|name| name.starts_with(OURS)) {
            let message =
                format!("a label's name may not begin with `{OURS}` or contain variables");
            return Err(problem(line.number, message));
        }
    }
    Ok(labels)
}
