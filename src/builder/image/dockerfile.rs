//! What a Dockerfile asks of the engine, as far as that must be known before the engine reads it.
//!
//! The engine fetches base images and the sources of `ADD` itself, outside every limit of the build and from the host's
//! own network. So this reader finds them, and refuses what it cannot follow: what engines read differently from one
//! version to the next would be a way around it.

use std::collections::{HashMap, HashSet};

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

/// An instruction with its continuation lines joined.
#[derive(Debug, PartialEq, Eq)]
struct Instruction {
    line: usize,
    /// Lower case.
    word: String,
    rest: String,
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
    Ok(reader.needs)
}

/// Joins lines as the engine does: comments and empty lines are left out, also within an instruction.
fn instructions(text: &str) -> Result<Vec<Instruction>, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let content = line.trim_start();
        if let Some(comment) = content.strip_prefix('#') {
            let directive = comment.trim_start().to_ascii_lowercase();
            let escape = directive.strip_prefix("escape").map(str::trim_start);
            if let Some(value) = escape.and_then(|rest| rest.strip_prefix('='))
                && found.is_empty()
                && value.trim() != "\\"
            {
                return Err(problem(
                    number,
                    "another escape character than `\\` is not supported",
                ));
            }
            continue;
        }
        if content.trim_end().is_empty() {
            continue;
        }
        let content = match open {
            Some(_) => line,
            None => content,
        };
        let end = content.trim_end_matches([' ', '\t', '\r']);
        let (begun, mut joined) = open.take().unwrap_or((number, String::new()));
        if end.ends_with("\\\\") {
            let message = "a line ends in two backslashes, which engines read differently; write it otherwise";
            return Err(problem(number, message));
        }
        match end.strip_suffix('\\') {
            Some(rest) => {
                joined.push_str(rest);
                open = Some((begun, joined));
            }
            None => {
                joined.push_str(content);
                found.push(instruction(begun, &joined));
            }
        }
    }
    if let Some((begun, joined)) = open {
        found.push(instruction(begun, &joined));
    }
    Ok(found)
}

fn instruction(line: usize, text: &str) -> Instruction {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    Instruction {
        line,
        word: word.to_ascii_lowercase(),
        rest: rest.trim().to_owned(),
    }
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn images(text: &str) -> Vec<String> {
        let needs = read(text, &[("TAG".to_owned(), "3.12".to_owned())]).expect("readable");
        needs.images.into_iter().map(|image| image.name).collect()
    }

    fn refused(text: &str) -> Problem {
        read(text, &[]).expect_err("refused")
    }

    #[test]
    fn base_images_are_found() {
        assert_eq!(
            images("FROM python:3.11-slim\nRUN true"),
            ["python:3.11-slim"]
        );
        assert_eq!(
            images(
                "ARG TAG=3.11\nARG BASE=python:${TAG}\nfrom $BASE as build\nFROM Build\nCOPY --from=build /a /a\nCOPY --from=0 /b /b\nCOPY --from=alpine:3 /c /c\nFROM scratch"
            ),
            ["python:3.12", "alpine:3"]
        );
        assert_eq!(images("ARG X\nFROM ${X:-debian}:${X:+y}12"), ["debian:12"]);
        assert_eq!(
            images("FROM \\\n  # a comment\n\n  debian:12 \\\n AS base\nFR\\\nOM alpine"),
            ["debian:12", "alpine"]
        );
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        for (text, line) in [
            ("FROM $NONE", 1),
            ("FROM a\nFROM --platform=linux/arm64 b", 2),
            ("FROM a b", 1),
            ("FROM a\"b", 1),
            ("FROM a\nRUN true\nARG I=b\nCOPY --from=$I / /", 4),
            ("# escape=`\nFROM a", 1),
            ("#Escape = `\nFROM a", 1),
            ("FROM a\nRUN echo \\\\\nADD http://host/ /x", 2),
            ("FROM a\nRUN <<EOF\nADD x\nEOF", 2),
            ("FROM a\nCOPY <<-'EOF' /x\nEOF", 2),
            (
                "FROM a\n\nRUN --mount=type=secret,id=X cat /run/secrets/X",
                3,
            ),
            ("FROM a\nRUN --network=host true", 2),
            ("FROM a\nCOPY --link a b", 2),
        ] {
            assert_eq!(refused(text).line, line, "{text}");
        }
        let secret = refused("FROM a\nRUN --mount=type=secret,id=X true").message;
        assert!(secret.contains("secrets"), "{secret}");
        assert!(read("FROM a\nRUN cat <<<word && echo $((1<<20))", &[]).is_ok());
    }

    #[test]
    fn add_may_name_files_and_nothing_else() {
        let added = |text: &str| -> Vec<String> {
            let needs = read(text, &[]).expect("readable");
            needs.added.into_iter().map(|added| added.path).collect()
        };
        assert_eq!(
            added("FROM a\nADD --chown=1 . ./x /y//z.txt /to/"),
            ["", "x", "y/z.txt"]
        );
        assert_eq!(
            added("FROM a\nADD [\"with space\", \"/to\"]"),
            ["with space"]
        );
        for source in [
            "http://169.254.169.254/latest",
            "HTTPS://host/x",
            "git@host:x.git",
            "$URL",
            "${URL}",
            "*.tar",
            "ht\\tp://x",
            "\"http\"://x",
            "[\"http://x\",",
        ] {
            let text = format!("FROM a\nARG URL=http://host\nADD {source} /to");
            assert_eq!(refused(&text).line, 3, "{source}");
        }
        assert!(read("FROM a\nA\\\nDD http://host/ /x", &[]).is_err());
        assert!(read("FROM a\nADD \\\n# comment\nhttp://host/ /x", &[]).is_err());
    }

    proptest! {
        #[test]
        fn no_dockerfile_panics(text in "((FROM|ARG|ADD|COPY|RUN|#)?[ -~\\\\$\n]{0,40}\n){0,8}") {
            let _ = read(&text, &[]);
        }

        #[test]
        fn no_address_is_added_however_it_is_broken_up(parts in proptest::collection::vec("[ \t]?\\\\\n( *# x\n)?", 0..4), at in proptest::collection::vec(0usize..24, 0..4)) {
            let mut text = "ADD http://host/file /to".to_owned();
            for (part, at) in parts.iter().zip(at) {
                let at = at.min(text.len());
                text.insert_str(at, part);
            }
            let parsed = read(&format!("FROM a\n{text}"), &[]);
            if let Ok(needs) = parsed {
                // Broken by a space, the word is another one; what is left are files.
                prop_assert!(needs.added.iter().all(|added| !added.path.contains("://")));
            }
        }
    }
}
