//! `RUN`: its options, and the documents that it reads.

use super::command::{Command, options, shown};
use super::lines::Line;
use super::mount::Mount;
use super::text::Text;
use super::{Problem, problem};

/// Bytes of a command: Linux gives a program 128 KiB in one word, and something stands around it.
const LONGEST_COMMAND: usize = 120 << 10;
/// Mounts of one command.
const MOST_MOUNTS: usize = 20;

/// What a line has run, and what that sees besides.
///
/// # Errors
/// For options that are not supported.
pub(super) fn run(line: &Line, escape: char) -> Result<(Command, Vec<Mount<Text>>), Problem> {
    let number = line.number;
    let mut mounts = Vec::new();
    for (name, value) in options(line)? {
        match (name, value) {
            ("mount", value) => mounts.push(Mount::parse(number, value, escape)?),
            // As it is without.
            ("network", "default") | ("security", "sandbox") => {}
            (name, _) => {
                let message = format!("`RUN --{}` is not supported; remove it", shown(name));
                return Err(problem(number, message));
            }
        }
    }
    if mounts.len() > MOST_MOUNTS {
        let message = format!("there are more than {MOST_MOUNTS} mounts");
        return Err(problem(number, message));
    }
    let command = match line.documents.as_slice() {
        [] => Command::parse(line)?,
        [only] if line.rest == only.word => {
            let text = only.text();
            match text.starts_with("#!") {
                true => script(&text),
                false => Command::Shell(text),
            }
        }
        // The shell reads them itself.
        documents => {
            let mut text = line.rest.clone();
            for document in documents {
                text.push('\n');
                text.push_str(&document.raw);
                text.push_str(&document.name);
            }
            Command::Shell(text)
        }
    };
    if command.len() > LONGEST_COMMAND {
        let message = "the command is longer than 128 KiB, the most that Linux takes; `COPY` a script and run that";
        return Err(problem(number, message));
    }
    if command.is_empty() {
        return Err(problem(number, "`RUN` needs an argument"));
    }
    Ok((command, mounts))
}

/// A document that says which program reads it.
fn script(text: &str) -> Command {
    let mut end = "END".to_owned();
    while text.lines().any(|line| line == end) {
        end.push('_');
    }
    let shell = format!(
        "file=$(mktemp) && cat > \"$file\" <<'{end}' && chmod 700 \"$file\" && \"$file\"; code=$?; rm -f \"$file\"; exit \
         $code\n{text}{end}\n"
    );
    Command::Exec(vec!["/bin/sh".to_owned(), "-c".to_owned(), shell])
}
