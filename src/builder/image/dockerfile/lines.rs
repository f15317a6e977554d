//! The lines of a Dockerfile, joined to instructions.

use super::{Problem, problem};

/// An instruction with its continuation lines joined.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) line: usize,
    /// Lower case.
    pub(super) word: String,
    pub(super) rest: String,
}

/// Joins lines as the engine does: comments and empty lines are left out, also within an instruction.
pub(super) fn instructions(text: &str) -> Result<Vec<Instruction>, Problem> {
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
