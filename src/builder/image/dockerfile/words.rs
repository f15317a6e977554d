//! The words of an instruction: its options, and what stands in quotes, arrays and between blanks.

use super::{Problem, problem};

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
