//! The lines of `.gitattributes` by which git-lfs knows which files are pointers.

use gix::glob::pattern::{Case, Mode};
use gix::glob::{Pattern, wildmatch};

/// The text with a line for each path that none covers yet; `None` when all are covered.
pub(in crate::repo) fn with_lines(text: &str, paths: &[&str]) -> Option<String> {
    let mut changed = String::new();
    let covered = Attributes::parse(text);
    for path in paths {
        if !covered.is_large(path) {
            changed += &format!("{} filter=lfs diff=lfs merge=lfs -text\n", quoted(path));
        }
    }
    if changed.is_empty() {
        return None;
    }
    let newline = if text.is_empty() || text.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    Some(format!("{text}{newline}{changed}"))
}

/// Which paths a `.gitattributes` at the root calls large.
#[derive(Debug, Default)]
pub struct Attributes {
    /// Patterns, and whether what they match is large. The last one that matches decides.
    patterns: Vec<(Pattern, bool)>,
}

/// Patterns that are read; the rest of the file is passed over.
const MAX_PATTERNS: usize = 2000;
/// Patterns with more stars than this are passed over: matching time grows steeply with them.
const MAX_STARS: usize = 8;

// === impl Attributes ===

impl Attributes {
    /// Reads what says something of the filter. Nothing in it is an error.
    pub(in crate::repo) fn parse(text: &str) -> Self {
        let patterns = text.lines().filter_map(|line| {
            let (pattern, attributes) = pattern_of(line)?;
            let filter = attributes
                .split_whitespace()
                .rev()
                .find_map(|word| match word {
                    "filter=lfs" => Some(true),
                    "-filter" | "!filter" | "filter" => Some(false),
                    _ => word.starts_with("filter=").then_some(false),
                })?;
            if pattern.matches('*').count() > MAX_STARS {
                return None;
            }
            let pattern = Pattern::from_bytes_without_negation(pattern.as_bytes())?;
            // A folder has no attributes (gitattributes(5)).
            (!pattern.mode.contains(Mode::MUST_BE_DIR)).then_some((pattern, filter))
        });
        Self {
            patterns: patterns.take(MAX_PATTERNS).collect(),
        }
    }

    /// Whether the file is to be kept as a large one, whatever its size.
    pub fn is_large(&self, path: &str) -> bool {
        let basename = path.rfind('/').map(|at| at + 1);
        let last = self.patterns.iter().rev().find(|(pattern, _)| {
            pattern.matches_repo_relative_path(
                path.into(),
                basename,
                Some(false),
                Case::Sensitive,
                wildmatch::Mode::NO_MATCH_SLASH_LITERAL,
            )
        });
        last.is_some_and(|(_, large)| *large)
    }
}

/// The pattern of a line, without its quotes, and the attributes behind it.
fn pattern_of(line: &str) -> Option<(String, &str)> {
    let line = line.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let Some(inside) = line.strip_prefix('"') else {
        let (pattern, attributes) = line.split_once([' ', '\t'])?;
        return Some((pattern.to_owned(), attributes));
    };
    let mut pattern = String::new();
    let mut letters = inside.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((pattern, &inside[at + 1..])),
            '\\' => pattern.push(letters.next()?.1),
            letter => pattern.push(letter),
        }
    }
    None
}

/// A pattern that matches this path and nothing else (gitattributes(5)).
fn quoted(path: &str) -> String {
    let mut pattern = String::from("/");
    for letter in path.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    if pattern
        .chars()
        .any(|letter| letter == ' ' || letter == '"' || letter.is_control())
    {
        let inside = pattern.replace('\\', "\\\\").replace('"', "\\\"");
        return format!("\"{inside}\"");
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_covered_gets_no_line() {
        let text =
            "*.bin filter=lfs diff=lfs merge=lfs -text\n/sub/x filter=lfs -text\n*.txt text\n";
        for path in ["a.bin", "deep/er/a.bin", "sub/x"] {
            assert_eq!(with_lines(text, &[path]), None, "{path}");
        }
        for path in ["a.txt", "x", "sub/x/y", "bin"] {
            let once = with_lines(text, &[path]).expect("a line");
            assert_eq!(with_lines(&once, &[path]), None, "{path}: {once}");
        }
    }

    #[test]
    fn the_last_pattern_decides() {
        let text = "*.bin filter=lfs\nsmall.bin -filter\nsaved_model/**/* filter=lfs\n*tfevents* filter=lfs -text\n\
                    \"a b/*.x\" filter=lfs\n# *.py filter=lfs\n*.tar.* filter=lfs\ndocs/ filter=lfs\n!*.bin filter=lfs\n";
        let attributes = Attributes::parse(text);
        for path in [
            "x.bin",
            "deep/er/x.bin",
            "saved_model/1/a.pb",
            "run/tfevents.1",
            "a b/c.x",
            "x.tar.gz",
        ] {
            assert!(attributes.is_large(path), "{path}");
        }
        for path in [
            "small.bin",
            "in/small.bin",
            "x.py",
            "a b/c/d.x",
            "docs/a",
            "tar",
            "saved/a",
        ] {
            assert!(!attributes.is_large(path), "{path}");
        }
    }

    #[test]
    fn odd_names_are_quoted() {
        let text = with_lines("a text", &["b c.bin", "d*[e]", "plain"]).expect("lines");
        let attributes = "filter=lfs diff=lfs merge=lfs -text";
        assert_eq!(
            text,
            format!(
                "a text\n\"/b c.bin\" {attributes}\n/d\\*\\[e\\] {attributes}\n/plain {attributes}\n"
            )
        );
    }
}
