//! The lines of a Dockerfile, joined to instructions, and the words of an instruction.
//!
//! The grammar is that of the engine's own parser (`frontend/dockerfile/parser` of BuildKit, which the classic builder
//! uses as well). What releases of it read differently is refused.

use super::documents::{Document, announced};
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

/// White space between words, where words are not quoted.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// The first word, and what follows the blanks after it.
pub(super) fn split_first(text: &str) -> (&str, &str) {
    match text.split_once(is_blank) {
        Some((word, rest)) => (word, rest.trim_start_matches(is_blank)),
        None => (text, ""),
    }
}

/// Takes the leading words that begin with `--`, without their quotes and escapes.
pub(super) fn flags(
    number: usize,
    text: &str,
    escape: char,
) -> Result<(Vec<String>, &str), Problem> {
    let mut flags = Vec::new();
    let mut rest = text.trim_start_matches(is_blank);
    while rest.starts_with("--") {
        let (flag, length) = flag(rest, escape);
        // Releases differ in what they make of these.
        let escaped = escape == '`' && rest[..length].contains(['`', '\\']);
        if flag == "--" || !flag.is_ascii() || escaped {
            let message = "an option must follow `--`, in plain letters";
            return Err(problem(number, message));
        }
        flags.push(flag);
        rest = rest[length..].trim_start_matches(is_blank);
    }
    Ok((flags, rest))
}

/// The word at the start of `text`, and how long it is as it was written.
fn flag(text: &str, escape: char) -> (String, usize) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match quote {
            None if is_blank(c) => return (word, at),
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ if c == escape => word.extend(chars.next().map(|(_, escaped)| escaped)),
            _ => word.push(c),
        }
    }
    (word, text.len())
}

/// Words between white space, with the quotes and escapes in them: those of `ENV`, `LABEL` and `ARG`.
pub(super) fn quoted_words(text: &str, escape: char) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            words.extend(word.take());
            continue;
        }
        let is_escape = c == escape && quote != Some('\'');
        if is_escape && chars.peek().is_none() {
            // At the end it is passed over.
            continue;
        }
        let word = word.get_or_insert_default();
        word.push(c);
        match quote {
            _ if is_escape => word.extend(chars.next()),
            None if c == '\'' || c == '"' => quote = Some(c),
            Some(open) if c == open => quote = None,
            _ => {}
        }
    }
    words.extend(word);
    words
}

/// Words between blanks, whatever quotes are in them.
pub(super) fn blank_words(text: &str) -> Vec<String> {
    let words = text.split(is_blank).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The strings of a JSON array; `None` for what is none.
///
/// # Errors
/// For an array of something else.
pub(super) fn json_words(number: usize, text: &str) -> Result<Option<Vec<String>>, Problem> {
    let text = text.trim_start();
    if !text.starts_with('[') {
        return Ok(None);
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(text) else {
        return Ok(None);
    };
    let words = values.into_iter().map(|value| match value {
        serde_json::Value::String(word) => Ok(word),
        _ => Err(problem(number, "the array may contain only strings")),
    });
    words.collect::<Result<_, _>>().map(Some)
}
