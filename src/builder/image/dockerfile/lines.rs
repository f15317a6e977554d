//! The lines of a Dockerfile, joined to instructions, and the words of an instruction.
//!
//! The grammar is that of the engine's own parser (`frontend/dockerfile/parser` of BuildKit, which the classic builder
//! uses as well). What releases of it read differently is refused.

use super::documents::{Document, announced};
use super::words::{flags, split_first};
use super::{Problem, problem};

/// An instruction with its continuation lines joined.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins, counted from 1.
    pub(super) number: usize,
    /// Upper case.
    pub(super) word: String,
    /// The leading `--name=value` words, without quotes and escapes.
    pub(super) flags: Vec<String>,
    /// What follows, trimmed, as it was written.
    pub(super) rest: String,
    /// All of it, trimmed, as it was written.
    pub(super) original: String,
    /// The documents that it announces, in order.
    pub(super) documents: Vec<Document>,
}

/// All lines, and the character that escapes.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) lines: Vec<Line>,
    pub(super) escape: char,
}

/// Reads the lines: parser directives first, then instructions. Comments and empty lines are left out, also within an
/// instruction.
pub(super) fn read(text: &str) -> Result<Lines, Problem> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut directives = Directives {
        escape: '\\',
        seen: Vec::new(),
        done: false,
    };
    let mut found: Vec<(usize, String, Vec<Document>)> = Vec::new();
    let mut open: Option<(usize, String)> = None;
    // How many documents of the last instruction have ended.
    let mut ended = 0;
    for (index, line) in text.split('\n').enumerate() {
        let number = index + 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if let Some((_, _, documents)) = found.last_mut()
            && let Some(document) = documents.get_mut(ended)
        {
            ended += usize::from(document.takes(line));
            continue;
        }
        plain(number, line)?;
        let content = line.trim_start();
        if !directives.done {
            directives.line(number, content)?;
        }
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let (begun, mut joined) = match open.take() {
            // White space counts where a line goes on.
            Some((begun, joined)) => (begun, joined + line),
            None => (number, content.to_owned()),
        };
        // What was joined before does not count: the engine looks at each line by itself.
        let last = if begun == number { content } else { line };
        if let Some(length) = continues(last, directives.escape) {
            joined.truncate(joined.len() - length);
            open = Some((begun, joined));
        } else {
            let documents = announced(&joined, directives.escape);
            found.push((begun, joined, documents));
            ended = 0;
        }
    }
    if let Some((number, _, documents)) = found.last()
        && let Some(document) = documents.get(ended)
    {
        let message = format!(
            "the document `{}` has no line `{}` that ends it",
            document.word, document.name
        );
        return Err(problem(*number, message));
    }
    found.extend(open.map(|(number, text)| (number, text, Vec::new())));
    let escape = directives.escape;
    let lines = found
        .into_iter()
        .map(|(number, text, documents)| {
            Ok(Line {
                documents,
                ..instruction(number, &text, escape)?
            })
        })
        .collect::<Result<_, _>>()?;
    Ok(Lines { lines, escape })
}

/// Nobody means these, and not everything that reads them does so alike.
fn plain(number: usize, line: &str) -> Result<(), Problem> {
    let odd = |c: &char| (c.is_control() && !"\t\u{b}\u{c}\u{85}".contains(*c)) || *c == '\u{feff}';
    match line.chars().find(odd) {
        None => Ok(()),
        Some('\r') => Err(problem(
            number,
            "there is a carriage return within the line; end lines with a line feed",
        )),
        Some(c) => Err(problem(
            number,
            format!(
                "there is an invisible character (U+{:04X}); remove it",
                u32::from(c)
            ),
        )),
    }
}

/// How many bytes at the end of a line say that it goes on: an escape character that is not itself escaped, and blanks.
fn continues(line: &str, escape: char) -> Option<usize> {
    let end = line.trim_end_matches([' ', '\t']);
    let before = end.strip_suffix(escape)?;
    (!before.ends_with(escape)).then_some(line.len() - before.len())
}

struct Directives {
    escape: char,
    seen: Vec<String>,
    /// Whether something else than a directive was found.
    done: bool,
}

// === impl Directives ===

impl Directives {
    fn line(&mut self, number: usize, content: &str) -> Result<(), Problem> {
        let Some((name, value)) = directive(content) else {
            self.done = true;
            return Ok(());
        };
        let name = name.to_ascii_lowercase();
        if !["escape", "syntax", "check"].contains(&name.as_str()) {
            self.done = true;
            return Ok(());
        }
        if self.seen.contains(&name) {
            return Err(problem(number, format!("`{name}` is set twice")));
        }
        if name == "escape" {
            // Older engines end the directives at `check`, newer ones do not.
            if self.seen.iter().any(|seen| seen == "check") {
                let message = "`# escape=` must stand before `# check=`";
                return Err(problem(number, message));
            }
            self.escape = match value {
                "\\" => '\\',
                "`" => '`',
                _ => return Err(problem(number, "`escape` may be `\\` or `` ` ``")),
            };
        }
        self.seen.push(name);
        Ok(())
    }
}

/// `# NAME = VALUE`.
fn directive(content: &str) -> Option<(&str, &str)> {
    const BLANK: [char; 4] = [' ', '\t', '\u{c}', '\r'];
    let text = content.strip_prefix('#')?.trim_start();
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim_end_matches(BLANK), value.trim_matches(BLANK));
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    (is_name && !value.is_empty()).then_some((name, value))
}

fn instruction(number: usize, text: &str, escape: char) -> Result<Line, Problem> {
    let original = text.trim();
    let (word, rest) = split_first(original);
    let (flags, rest) = flags(number, rest, escape)?;
    Ok(Line {
        number,
        word: word.to_ascii_uppercase(),
        flags,
        rest: rest.trim().to_owned(),
        original: original.to_owned(),
        documents: Vec::new(),
    })
}
