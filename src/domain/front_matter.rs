//! The YAML at the head of a README: found, bounded, read.

use serde_json::{Map, Value};

use super::CardError;

/// Bytes of a front matter.
const MAX_FRONT_MATTER: usize = 64 << 10;

/// How deep a card may be nested.
const MAX_DEPTH: usize = 64;

/// The front matter between the first two `---` lines, and the text after it. `None` when there is none.
pub fn split_front_matter(readme: &str) -> Option<(&str, &str)> {
    let text = readme.strip_prefix('\u{feff}').unwrap_or(readme);
    let rest = text
        .strip_prefix("---\n")
        .or_else(|| text.strip_prefix("---\r\n"))?;
    let mut offset = 0;
    for line in rest.split_inclusive('\n') {
        if line.trim_end() == "---" {
            return Some((&rest[..offset], &rest[offset + line.len()..]));
        }
        offset += line.len();
    }
    None
}

/// Reads a front matter as the Hub's clients are to see it.
///
/// # Errors
/// What is wrong, with its line.
pub fn read_front_matter(yaml: &str) -> Result<Map<String, Value>, CardError> {
    if yaml.len() > MAX_FRONT_MATTER {
        return Err(CardError::one(None, "the card is larger than 64 KiB"));
    }
    // The parser's time grows with the square of the depth, and it gives up only at the end.
    if let Some(line) = too_deep(yaml) {
        let message = format!("the card is nested more than {MAX_DEPTH} deep");
        return Err(CardError::one(Some(line + 1), message));
    }
    let value: Value = yaml_serde::from_str(yaml).map_err(|error| {
        // The first line of the file is the opening `---`.
        let line = error.location().map(|at| at.line() + 1);
        CardError::one(line, format!("the card is not valid YAML: {error}"))
    })?;
    match value {
        Value::Object(map) => Ok(map),
        Value::Null => Ok(Map::new()),
        _ => Err(CardError::one(
            Some(2),
            "the card must be a list of `key: value` lines",
        )),
    }
}

/// The line, counted from 1, at which brackets, or dashes of lists in lists, are more than `MAX_DEPTH` deep. Text in
/// quotes counts too: no honest card comes near.
fn too_deep(yaml: &str) -> Option<usize> {
    let mut brackets = 0_usize;
    for (index, line) in yaml.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let in_line = line.matches("- ").count().max(line.matches("? ").count());
        for byte in line.bytes() {
            match byte {
                b'[' | b'{' => brackets += 1,
                b']' | b'}' => brackets = brackets.saturating_sub(1),
                _ => {}
            }
            if brackets > MAX_DEPTH {
                return Some(index + 1);
            }
        }
        if in_line > MAX_DEPTH || indent > 4 * MAX_DEPTH {
            return Some(index + 1);
        }
    }
    None
}
