//! The lines of `.gitattributes` by which git-lfs knows which files are pointers.

/// The text with a line for each path that none covers yet; `None` when all are covered.
pub(in crate::repo) fn with_lines(text: &str, paths: &[&str]) -> Option<String> {
    let mut changed = String::new();
    for path in paths {
        if !covers(text, path) && !covers(&changed, path) {
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

/// Whether a line says that the path is a pointer. Patterns are understood as far as clients write them: a path, and
/// `*.ending`; one more line than needed does no harm.
fn covers(text: &str, path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let own = quoted(path);
    text.lines()
        .filter(|line| line.split_whitespace().any(|word| word == "filter=lfs"))
        .any(|line| {
            let line = line.trim_start();
            if line.starts_with(&format!("{own} ")) {
                return true;
            }
            let pattern = line.split_whitespace().next().unwrap_or_default();
            let plain = |text: &str| !text.contains(['*', '?', '[', '\\', '"']);
            match pattern.strip_prefix('*') {
                Some(ending) => {
                    !ending.is_empty()
                        && plain(ending)
                        && !ending.contains('/')
                        && name.ends_with(ending)
                }
                None if pattern.contains('/') => {
                    plain(pattern) && pattern.trim_start_matches('/') == path
                }
                None => plain(pattern) && pattern == name,
            }
        })
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
