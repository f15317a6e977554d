//! Paths of files inside a repository.

use std::fmt;
use std::str::FromStr;

use gix::validate::path::component;

use super::RepoError;

/// Longest path, in bytes.
pub(super) const MAX_BYTES: usize = 1024;
/// Longest name between two slashes, in bytes: what common file systems allow.
const MAX_NAME_BYTES: usize = 255;
/// Deepest nesting.
pub(super) const MAX_PARTS: usize = 64;

/// A path that is safe to write into a repository and to check out on any common file system: relative, `/` between
/// non-empty names, none of them `.`, `..` or anything a file system might take for `.git`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FilePath(String);

// === impl FilePath ===

impl FilePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for FilePath {
    type Err = RepoError;

    fn from_str(text: &str) -> Result<Self, RepoError> {
        match problem(text) {
            None => Ok(Self(text.to_owned())),
            Some(problem) => Err(RepoError::Refused(format!(
                "the path `{}` {problem}",
                shown(text)
            ))),
        }
    }
}

fn problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.len() > MAX_BYTES {
        return Some("is longer than 1024 bytes");
    }
    if text.starts_with('/') {
        return Some("must be relative, without a leading `/`");
    }
    if text.split('/').count() > MAX_PARTS {
        return Some("is nested more than 64 folders deep");
    }
    text.split('/').find_map(name_problem)
}

/// What is wrong with one name of a path.
pub(super) fn name_problem(name: &str) -> Option<&'static str> {
    // Device names such as `aux.txt` are Windows' own trouble and are allowed; what can be mistaken for `.git` on
    // any file system is not.
    let options = component::Options {
        protect_windows: false,
        protect_hfs: true,
        protect_ntfs: true,
    };
    if name.is_empty() {
        return Some("has an empty part (`//`, or a `/` at its end)");
    }
    if name.len() > MAX_NAME_BYTES {
        return Some("has a part longer than 255 bytes");
    }
    if name.contains('\\') {
        return Some("has a backslash; use `/` between folders");
    }
    if name.chars().any(char::is_control) {
        return Some("has a control character");
    }
    match component(name.into(), None, options) {
        Ok(_) => None,
        Err(component::Error::Relative) => Some("has a part `.` or `..`"),
        Err(component::Error::DotGitDir) => {
            Some("has a part that some file systems treat as `.git`")
        }
        Err(_) => Some("is not allowed"),
    }
}

/// A refused path as it is named in the refusal: short, and nothing that moves a cursor.
fn shown(text: &str) -> String {
    let clean: String = text.chars().take(80).flat_map(char::escape_debug).collect();
    if text.chars().nth(80).is_some() {
        clean + "…"
    } else {
        clean
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_paths_are_refused() {
        let long = "a/".repeat(600) + "a";
        let deep = "a/".repeat(64) + "a";
        let wide = "a".repeat(256);
        for bad in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "./a",
            "a/..",
            "a/./b",
            "../a",
            "a/../../b",
            ".git",
            ".GIT/config",
            "a/.git/hooks/post-checkout",
            ".Git",
            "git~1",
            "GIT~1/config",
            ".git.",
            ".git ",
            ".git . .",
            ".git::$INDEX_ALLOCATION",
            ".g\u{200c}it/config",
            "\u{feff}.git",
            ".git\u{200d}",
            "a\\b",
            "..\\a",
            "C:\\a",
            "a\0b",
            "a\nb",
            "a\u{7f}",
            "a\u{85}b",
            long.as_str(),
            deep.as_str(),
            wide.as_str(),
        ] {
            assert!(bad.parse::<FilePath>().is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn ordinary_paths_are_accepted() {
        for good in [
            "a",
            "README.md",
            ".gitattributes",
            ".gitignore",
            ".github/x.yml",
            "a b/c.txt",
            "ä/日本.png",
            "...",
            "a..b",
            "git",
            "x.git",
            "aux.txt",
            "a:b",
            "%2e%2e/x",
            "~",
            "-rf",
        ] {
            assert!(good.parse::<FilePath>().is_ok(), "{good:?} was refused");
        }
    }

    proptest! {
        #[test]
        fn accepted_paths_stay_inside(text in "[a-zA-Z.~/\\\\ :\u{200c}git\u{0}-\u{20}]{0,24}") {
            if let Ok(path) = text.parse::<FilePath>() {
                let mut depth = 0;
                for part in std::path::Path::new(path.as_str()).components() {
                    prop_assert!(matches!(part, std::path::Component::Normal(_)));
                    depth += 1;
                }
                prop_assert_eq!(depth, path.as_str().split('/').count());
                prop_assert!(!path.as_str().to_lowercase().split('/').any(|part| part == ".git"));
            }
        }

        #[test]
        fn no_path_panics(text in any::<String>()) {
            let _ = text.parse::<FilePath>();
        }
    }
}
