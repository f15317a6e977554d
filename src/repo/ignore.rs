//! What a `.gitignore` leaves out of a push.

use gix::glob::{Pattern, pattern::Case, wildmatch};

/// A parsed `.gitignore`.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<Pattern>,
}

/// Longest text that is read, in bytes.
const MAX_BYTES: usize = 256 << 10;
/// Patterns that are read; the rest of the file is passed over.
const MAX_PATTERNS: usize = 1000;
/// Patterns with more stars than this are passed over: matching time grows steeply with them.
const MAX_STARS: usize = 8;

// === impl Ignore ===

impl Ignore {
    /// Reads a `.gitignore` at the root. Nothing in it is an error; what is too large or too costly ignores nothing.
    pub fn parse(text: &str) -> Self {
        if text.len() > MAX_BYTES {
            return Self::default();
        }
        let patterns = text
            .lines()
            .filter(|line| !line.starts_with('#') && line.matches('*').count() <= MAX_STARS)
            .filter_map(|line| Pattern::from_bytes(without_trailing_spaces(line).as_bytes()))
            .take(MAX_PATTERNS)
            .collect();
        Self { patterns }
    }

    /// Is the file, or a folder it is in, left out?
    pub fn ignores(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| (&path[..at], true));
        // What is inside an ignored folder cannot be let in again.
        folders
            .chain([(path, false)])
            .any(|(path, is_folder)| self.matches(path, is_folder))
    }

    fn matches(&self, path: &str, is_folder: bool) -> bool {
        let basename = path.rfind('/').map(|at| at + 1);
        let last = self.patterns.iter().rev().find(|pattern| {
            pattern.matches_repo_relative_path(
                path.into(),
                basename,
                Some(is_folder),
                Case::Sensitive,
                wildmatch::Mode::NO_MATCH_SLASH_LITERAL,
            )
        });
        last.is_some_and(|pattern| !pattern.is_negative())
    }
}

/// A trailing space counts only behind a backslash.
fn without_trailing_spaces(line: &str) -> &str {
    let trimmed = line.trim_end_matches([' ', '\t', '\r']);
    match trimmed.ends_with('\\') && trimmed.len() < line.len() {
        true => &line[..=trimmed.len()],
        false => trimmed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_gits() {
        let ignore = Ignore::parse(
            "# comment\n\n*.log\n!keep.log\n/build\nnode_modules/\ndoc/**/*.tmp\r\n\\#odd\nspaced\\ \ntail   \n",
        );
        for path in [
            "a.log",
            "x/y.log",
            "build",
            "build/x",
            "node_modules/a/b.js",
            "x/node_modules/c",
            "doc/a/b/c.tmp",
            "doc/c.tmp",
            "#odd",
            "spaced ",
            "tail",
        ] {
            assert!(ignore.ignores(path), "{path} was kept");
        }
        for path in [
            "keep.log",
            "x/keep.log",
            "x/build",
            "node_modules",
            "comment",
            "doc/c.txt",
            "spaced",
        ] {
            assert!(!ignore.ignores(path), "{path} was ignored");
        }
    }
}
