//! Line ends. A browser shows every line break alike and sends all of them as CRLF, whatever the file has.

use imara_diff::{Algorithm, Diff, InternedInput};

/// A line without its end, and its end: `\n`, `\r\n`, `\r`, or nothing at the end of a text.
type Line<'t> = (&'t str, &'t str);

/// What was typed, with the line ends of the file that it was made from: lines that are as they were keep their own, new
/// ones get what most have.
pub(super) fn restored(original: &str, typed: &str) -> String {
    let (old, new) = (lines(original), lines(typed));
    let usual = usual(&old);
    let mut input = InternedInput::default();
    input.update_before(old.iter().map(|(text, _)| *text));
    input.update_after(new.iter().map(|(text, _)| *text));
    let diff = Diff::compute(Algorithm::Histogram, &input);
    let mut kept = (0_u32..)
        .zip(&old)
        .filter(|(at, _)| !diff.is_removed(*at))
        .map(|(_, (_, end))| *end);
    let mut text = String::with_capacity(typed.len());
    for (at, (line, end)) in (0..).zip(&new) {
        let own = match diff.is_added(at) {
            true => None,
            false => kept.next().filter(|end| !end.is_empty()),
        };
        text.push_str(line);
        text.push_str(match own.unwrap_or(usual) {
            _ if end.is_empty() => "",
            // Two ends that would be one.
            "\n" if text.ends_with('\r') => "\r",
            own => own,
        });
    }
    text
}

fn usual(lines: &[Line<'_>]) -> &'static str {
    let count = |wanted: &str| lines.iter().filter(|(_, end)| *end == wanted).count();
    let ends = ["\r", "\r\n", "\n"];
    // Of the last ones that are equal, the last; so one that is not there yet gets a plain one.
    ends.into_iter()
        .max_by_key(|end| count(end))
        .unwrap_or("\n")
}

fn lines(text: &str) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\r', '\n']) {
        let length = match rest[at..].starts_with("\r\n") {
            true => 2,
            false => 1,
        };
        lines.push((&rest[..at], &rest[at..at + length]));
        rest = &rest[at + length..];
    }
    if !rest.is_empty() {
        lines.push((rest, ""));
    }
    lines
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As a browser sends it.
    fn sent(text: &str) -> String {
        let lines = lines(text).into_iter();
        lines
            .map(|(line, end)| format!("{line}{}", if end.is_empty() { "" } else { "\r\n" }))
            .collect()
    }

    #[test]
    fn lines_end_as_they_did() {
        for (original, typed, expected) in [
            ("a\nb\n", "a\r\nc\r\n", "a\nc\n"),
            ("a\r\nb\r\n", "x\r\na\r\nb\r\n", "x\r\na\r\nb\r\n"),
            (
                "a\nb\r\nc\r\n",
                "a\r\nnew\r\nb\r\nc\r\n",
                "a\nnew\r\nb\r\nc\r\n",
            ),
            ("a\rb\r", "a\r\nb\r\n", "a\rb\r"),
            ("a\r\nb", "a\r\nb\r\nc", "a\r\nb\r\nc"),
            ("a\nb\n", "a\r\nb", "a\nb"),
            ("", "a\r\nb\r\n", "a\nb\n"),
            ("one line", "one line\r\nmore", "one line\nmore"),
        ] {
            assert_eq!(
                restored(original, typed),
                expected,
                "{original:?}, {typed:?}"
            );
        }
    }

    #[test]
    fn an_end_that_is_half_of_another_is_not_lost() {
        let (original, typed) = ("\ra\rb\n\n\n", "\n\r");
        assert_eq!(sent(&restored(original, typed)), sent(typed));
    }

    proptest! {
        #[test]
        fn what_nobody_changed_is_as_it_was(text in "[ab\r\n]{0,60}") {
            prop_assert_eq!(restored(&text, &sent(&text)), text);
        }

        #[test]
        fn nothing_typed_is_lost(original in "[abc\r\n]{0,40}", typed in "[abc\r\n]{0,40}") {
            let text = restored(&original, &typed);
            prop_assert_eq!(sent(&text), sent(&typed));
        }
    }
}
