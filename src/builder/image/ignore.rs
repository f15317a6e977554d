//! `.dockerignore`: what of a Space's files is not sent to the engine. Leaving it out is the client's part of a build.

use globset::{GlobBuilder, GlobMatcher};

/// A parsed `.dockerignore`.
#[derive(Debug, Default)]
pub(super) struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    /// Matches the path itself.
    exact: GlobMatcher,
    /// Matches what lies below it.
    below: GlobMatcher,
    /// `!`: takes it back in.
    keeps: bool,
}

/// Patterns that are read; the rest of the file is passed over.
pub(super) const MAX_RULES: usize = 1000;

// === impl Ignore ===

impl Ignore {
    /// Reads the file's text. What is no pattern ignores nothing.
    ///
    /// The patterns are those of Docker's command: relative to the root of the files, `*` and `?` within a name, `**`
    /// across folders, `!` for exceptions; the last that matches a path, or a folder it is in, decides.
    pub(super) fn parse(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let rules = lines.filter_map(|line| Rule::parse(line.trim()));
        Self {
            rules: rules.take(MAX_RULES).collect(),
        }
    }

    /// Is the file left out?
    pub(super) fn ignores(&self, path: &str) -> bool {
        let last = self
            .rules
            .iter()
            .rev()
            .find(|rule| rule.exact.is_match(path) || rule.below.is_match(path));
        last.is_some_and(|rule| !rule.keeps)
    }
}

// === impl Rule ===

impl Rule {
    fn parse(line: &str) -> Option<Self> {
        let (keeps, pattern) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim_start()),
            None => (false, line),
        };
        let parts: Vec<&str> = pattern
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        let pattern = parts.join("/");
        // Nothing lies outside, and `.` names nothing in Docker's command either.
        if pattern.is_empty() || parts.contains(&"..") {
            return None;
        }
        let glob = |pattern: &str| {
            let mut builder = GlobBuilder::new(pattern);
            builder.literal_separator(true).backslash_escape(true);
            builder.build().ok().map(|glob| glob.compile_matcher())
        };
        Some(Self {
            exact: glob(&pattern)?,
            below: glob(&format!("{pattern}/**"))?,
            keeps,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rules_are_dockers() {
        let ignore = Ignore::parse(
            "# comment\n*.log\n/build/\nnode_modules\n**/*.tmp\nnotes/*\n!notes/keep.md\ndata/**\n!data/in/**\na?c\n\n",
        );
        for path in [
            "a.log",
            "build/x",
            "build/y/z",
            "node_modules/a/b.js",
            "x/y/z.tmp",
            "z.tmp",
            "notes/a.md",
            "data/x",
            "abc",
        ] {
            assert!(ignore.ignores(path), "{path} was kept");
        }
        for path in [
            "x/a.log",
            "x/build",
            "x/node_modules/y",
            "notes/keep.md",
            "data/in/x",
            "comment",
            "app.py",
            "a/c",
        ] {
            assert!(!ignore.ignores(path), "{path} was ignored");
        }
    }

    #[test]
    fn everything_but_what_is_named() {
        let ignore = Ignore::parse("*\n!app.py\n!lib");
        assert!(ignore.ignores("secret.txt") && ignore.ignores("x/y"));
        assert!(!ignore.ignores("app.py") && !ignore.ignores("lib/a.py"));
    }

    #[test]
    fn many_stars_take_no_long_time() {
        let ignore = Ignore::parse(&format!("{}b", "*a".repeat(200)));
        let begun = std::time::Instant::now();
        assert!(!ignore.ignores(&"a".repeat(1000)));
        assert!(begun.elapsed() < std::time::Duration::from_secs(2));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,80}", path in "[a-z./]{1,30}") {
            Ignore::parse(&text).ignores(&path);
        }
    }
}
