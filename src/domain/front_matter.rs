//! The YAML at the head of a README: found, bounded, read.

use serde_json::{Map, Value};

use super::CardError;

/// Bytes of a front matter.
const MAX_FRONT_MATTER: usize = 64 << 10;

/// How deep a card may be nested.
const MAX_DEPTH: usize = 64;

/// The YAML at the head of a README, and where it stands. It is found where `huggingface_hub` finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontMatter<'a> {
    /// What is between the two `---` lines.
    pub yaml: &'a str,
    /// What follows them.
    pub text: &'a str,
    /// The line of the README, counted from 1, on which the YAML begins.
    line: usize,
}

/// A line that begins a field of the outermost level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    /// What follows the colon, without a comment.
    pub(super) written: &'a str,
    /// Of the README, counted from 1.
    pub(super) line: usize,
}

// === impl FrontMatter ===

impl<'a> FrontMatter<'a> {
    /// The front matter of a README. `None` when there is none: `huggingface_hub` looks for
    /// `^(\s*---(?:\r\n|\r|\n))([\S\s]*?)((?:\r\n|\r|\n)---[ \t]*(\r\n|\n|$))`, after a byte order mark or none.
    pub fn of(readme: &'a str) -> Option<Self> {
        let text = readme.strip_prefix('\u{feff}').unwrap_or(readme);
        let rest = text.trim_start_matches(is_space).strip_prefix("---")?;
        let ends = ["\r\n", "\r", "\n"].into_iter();
        ends.filter_map(|end| rest.strip_prefix(end))
            .find_map(|rest| {
                let (yaml, after) = until_closed(rest)?;
                let head = &readme[..readme.len() - rest.len()];
                Some(Self {
                    yaml,
                    text: after,
                    line: lines(head).count(),
                })
            })
    }

    /// Reads it as the Hub's clients are to see it.
    ///
    /// # Errors
    /// What is wrong, with its line.
    pub fn read(&self) -> Result<Map<String, Value>, CardError> {
        if self.yaml.len() > MAX_FRONT_MATTER {
            return Err(CardError::one(None, "the card is larger than 64 KiB"));
        }
        // The parser's time grows with the square of the depth, and it gives up only at the end.
        if let Some(line) = too_deep(self.yaml) {
            let message = format!("the card is nested more than {MAX_DEPTH} deep");
            return Err(CardError::one(Some(self.line + line), message));
        }
        let value: Value = yaml_serde::from_str(self.yaml).map_err(|error| {
            let line = error
                .location()
                .map(|at| self.line + at.line().saturating_sub(1));
            let why = without_places(&error.to_string());
            CardError::one(line, format!("the card is not valid YAML: {why}"))
        })?;
        match value {
            Value::Object(map) => Ok(map),
            Value::Null => Ok(Map::new()),
            _ => Err(CardError::one(
                Some(self.line),
                "the card must be a list of `key: value` lines",
            )),
        }
    }

    /// The fields of the outermost level, as they are written.
    pub(super) fn keys(&self) -> impl Iterator<Item = Key<'a>> {
        let is_field = |line: &&str| !line.trim().is_empty() && !line.trim().starts_with('#');
        let first = lines(self.yaml).find(is_field).unwrap_or_default();
        let indent = &first[..first.len() - first.trim_start().len()];
        lines(self.yaml)
            .zip(self.line..)
            .filter_map(move |(text, line)| {
                let (name, value) = text.strip_prefix(indent)?.split_once(':')?;
                let is_key = !name.starts_with([' ', '\t', '#', '-', '[', '{'])
                    && (value.is_empty() || value.starts_with([' ', '\t']));
                let written = value.split(" #").next().unwrap_or(value).trim();
                is_key.then(|| Key {
                    name: name.trim().trim_matches(['"', '\'']),
                    written,
                    line,
                })
            })
    }

    /// Where a field begins. Of one that is given twice, the last counts.
    pub(super) fn key(&self, name: &str) -> Option<Key<'a>> {
        self.keys().filter(|key| key.name == name).last()
    }
}

/// The YAML before the first line of `---` that ends it, and what follows that line.
fn until_closed(text: &str) -> Option<(&str, &str)> {
    text.match_indices(['\r', '\n']).find_map(|(at, _)| {
        let (yaml, rest) = text.split_at(at);
        let line = rest.strip_prefix("\r\n").unwrap_or(&rest[1..]);
        let end = line.strip_prefix("---")?.trim_start_matches([' ', '\t']);
        let after = end.strip_prefix("\r\n").or_else(|| end.strip_prefix('\n'));
        let after = after.or_else(|| end.is_empty().then_some(end))?;
        Some((yaml, after))
    })
}

/// What `\s` is in Python: more than in Rust by four separators of ASCII.
fn is_space(letter: char) -> bool {
    letter.is_whitespace() || matches!(letter, '\u{1c}'..='\u{1f}')
}

/// YAML's lines: a lone carriage return ends one too.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
        .flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r'))
}

/// The parser's message without its own places, which count from the beginning of the YAML.
fn without_places(message: &str) -> String {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let mut parts = message.split(" at line ");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(is_digit);
        let column = rest.strip_prefix(" column ");
        text.push_str(column.map_or(rest, |rest| rest.trim_start_matches(is_digit)));
    }
    text
}

/// The line, counted from 0, at which brackets, or dashes of lists in lists, are more than `MAX_DEPTH` deep. Text in
/// quotes counts too: no honest card comes near.
fn too_deep(yaml: &str) -> Option<usize> {
    let mut brackets = 0_usize;
    for (index, line) in lines(yaml).enumerate() {
        let indent = line.len() - line.trim_start().len();
        let in_line = line.matches("- ").count().max(line.matches("? ").count());
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => brackets += 1,
                b']' | b'}' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            if brackets > MAX_DEPTH {
                return Some(index);
            }
        }
        if in_line > MAX_DEPTH || indent > 4 * MAX_DEPTH {
            return Some(index);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_are_those_of_the_readme() {
        let readme = "\u{feff}\n \n---\r\n# A comment\r\n\r\n  sdk: static # here\r\n  \"tags\": []\r\n  sdk: wasi\r\n---\r\nText";
        let found = FrontMatter::of(readme).expect("a front matter");
        assert_eq!(found.text, "Text");
        let keys: Vec<_> = found.keys().map(|key| (key.name, key.line)).collect();
        assert_eq!(keys, [("sdk", 6), ("tags", 7), ("sdk", 8)]);
        let last = found.key("sdk").expect("a key");
        assert_eq!((last.line, last.written), (8, "wasi"));
        let broken = FrontMatter::of("\n\n---\nsdk: [a\ntags: b\n---\n").expect("a front matter");
        let text = broken.read().expect_err("not YAML").text();
        assert!(text.starts_with("README.md:"), "{text}");
        assert_eq!(
            text.matches(|c: char| c.is_ascii_digit()).count(),
            1,
            "{text}"
        );
    }

    proptest! {
        #[test]
        fn every_part_is_where_it_says(readme in "[ \n\r\t]{0,3}(---)?[\n\r]{0,2}([a:\n\r -]{0,12}(---)?[\n\r ]{0,2}){0,4}") {
            if let Some(found) = FrontMatter::of(&readme) {
                prop_assert!(readme.contains(found.yaml) && readme.ends_with(found.text));
                prop_assert!(found.line <= readme.len() + 1);
                for key in found.keys() {
                    prop_assert!(key.line >= found.line);
                }
                let _ = found.read();
            }
        }
    }
}
