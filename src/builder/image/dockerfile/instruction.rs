//! The instructions that are allowed, with what is allowed in each, and how each is written for the engine.

use super::command::{Command, options, shown};
use super::health::healthcheck;
use super::lines::{Line, blank_words, is_blank, json_words, quoted_words};
use super::text::Text;
use super::{Problem, problem};

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
        /// The last is where to.
        paths: Vec<Text>,
        /// Whether it was an `ADD`.
        added: bool,
    },
    Run(Command),
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
                let paths = paths()?;
                if paths.len() < 2 {
                    let message = format!("`{word}` needs a source and a destination");
                    return Err(problem(number, message));
                }
                no_document(number, &line.rest)?;
                let (mut from, mut chown) = (None, None);
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
                        name => return Err(unknown_option(line, name)),
                    }
                }
                let from = from.filter(|from| !from.is_empty());
                return Ok(Self::Copy {
                    from,
                    chown,
                    paths,
                    added: word == "ADD",
                });
            }
            "RUN" => {
                if let Some((name, value)) = options(line)?.first() {
                    return Err(run_option(line, name, value));
                }
                no_document(number, &line.rest)?;
                Self::Run(Command::parse(line)?)
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
        if matches!(&instruction, Self::Run(command) if command.is_empty()) {
            return Err(needs_words());
        }
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
    let needs_buildkit = [
        "chmod",
        "link",
        "parents",
        "exclude",
        "checksum",
        "keep-git-dir",
        "unpack",
    ];
    let (word, name) = (&line.word, shown(name));
    problem(
        line.number,
        match name.as_str() {
            "from" | "chown" => {
                format!("`--{name}` is given twice, or does not belong to `{word}`")
            }
            "chmod" => {
                "`--chmod` needs BuildKit, which this server does not use; use `RUN chmod` instead"
                    .to_owned()
            }
            name if needs_buildkit.contains(&name) => {
                format!("`--{name}` needs BuildKit, which this server does not use; remove it")
            }
            name => format!("`{word}` has no option `--{name}`"),
        },
    )
}

fn run_option(line: &Line, name: &str, value: &str) -> Problem {
    let is_secret = name == "mount" && value.contains("type=secret");
    let message = match is_secret {
        true => "builds on this server cannot use secrets, because the container engine would store them in the \
                 image; read the secret from the environment when the app starts"
            .to_owned(),
        false => format!(
            "`--{}` needs BuildKit, which this server does not use; remove it",
            shown(name)
        ),
    };
    problem(line.number, message)
}

/// Refuses what newer engines read as a document within the Dockerfile, and older ones as words.
fn no_document(number: usize, text: &str) -> Result<(), Problem> {
    // Within `((` it shifts bits.
    let shifts = text.find("((").unwrap_or(usize::MAX);
    let begins = |at: usize| {
        let before = text[..at].trim_end_matches(|c: char| c.is_ascii_digit());
        let after = text[at + 2..].strip_prefix('-').unwrap_or(&text[at + 2..]);
        let after = after.trim_start_matches(is_blank);
        shifts >= at
            && (before.is_empty() || before.ends_with(char::is_whitespace))
            && after.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '"' | '\''))
    };
    if text.match_indices("<<").any(|(at, _)| begins(at)) {
        let message = "`<<` documents need BuildKit, which this server does not use; put the lines into a file and \
                       `COPY` it";
        return Err(problem(number, message));
    }
    Ok(())
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
        let (name, value) = super::lines::split_first(&line.rest);
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

/// Whether a path is where the kernel shows itself to a container, or the root.
fn is_the_kernels(path: &Text) -> bool {
    let Some(path) = path.literal() else {
        return false;
    };
    let mut names = Vec::new();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    names
        .first()
        .is_none_or(|first| ["proc", "sys", "dev"].contains(first))
}
