//! Which lines of two texts are not the same.

use imara_diff::{Algorithm, Diff, Hunk as Span, InternedInput};

/// Lines that are shown around changed ones.
const CONTEXT: u32 = 3;

/// Changed lines that stand together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Number of its first line before, counted from 1.
    pub before: usize,
    /// Number of its first line after, counted from 1.
    pub after: usize,
    /// In the order in which they are read.
    pub lines: Vec<Line>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Whether it is new, gone, or only beside such a one.
    pub kind: LineKind,
    /// Its text with the line break, if it has one.
    pub text: String,
}

/// What happened to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineKind {
    /// Nothing.
    Same,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
}

/// What may still be shown.
pub(super) struct Room {
    /// Lines.
    pub(super) lines: usize,
    /// Bytes of these lines.
    pub(super) bytes: usize,
    /// Bytes that may still be compared.
    pub(super) compared: u64,
}

// === impl Room ===

impl Room {
    /// Takes room for a line; whether there was any.
    fn take(&mut self, text: &str) -> bool {
        if self.lines == 0 || self.bytes < text.len() {
            self.lines = 0;
            return false;
        }
        self.lines -= 1;
        self.bytes -= text.len();
        true
    }
}

/// The changed lines with those around them, as far as there is room.
pub(super) fn hunks(before: &str, after: &str, room: &mut Room) -> Vec<Hunk> {
    let input = InternedInput::new(before, after);
    let mut diff = Diff::compute(Algorithm::Histogram, &input);
    diff.postprocess_lines(&input);
    let spans: Vec<Span> = diff.hunks().collect();
    let old = |at: u32| input.interner[input.before[at as usize]];
    let new = |at: u32| input.interner[input.after[at as usize]];
    let count = u32::try_from(input.before.len()).unwrap_or(u32::MAX);
    // What has less than twice the context between them stands together.
    let groups = spans.chunk_by(|one, next| next.before.start - one.before.end <= 2 * CONTEXT);
    let mut hunks = Vec::new();
    for group in groups {
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let lead = first.before.start.min(CONTEXT);
        let mut at = first.before.start - lead;
        let mut hunk = Hunk {
            before: at as usize + 1,
            after: (first.after.start - lead) as usize + 1,
            lines: Vec::new(),
        };
        let mut add = |kind, text: &str| {
            let fits = room.take(text);
            if fits {
                let text = text.to_owned();
                hunk.lines.push(Line { kind, text });
            }
            fits
        };
        let mut whole = true;
        for span in group {
            whole = whole
                && (at..span.before.start).all(|at| add(LineKind::Same, old(at)))
                && span
                    .before
                    .clone()
                    .all(|at| add(LineKind::Removed, old(at)))
                && span.after.clone().all(|at| add(LineKind::Added, new(at)));
            at = span.before.end;
        }
        let end = (last.before.end + CONTEXT).min(count);
        whole = whole && (at..end).all(|at| add(LineKind::Same, old(at)));
        if !hunk.lines.is_empty() {
            hunks.push(hunk);
        }
        if !whole {
            break;
        }
    }
    hunks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(before: &str, after: &str, lines: usize) -> String {
        let mut room = Room {
            lines,
            bytes: 1 << 20,
            compared: 0,
        };
        let mut text = String::new();
        for hunk in hunks(before, after, &mut room) {
            text += &format!("@{},{}\n", hunk.before, hunk.after);
            for line in hunk.lines {
                text.push(match line.kind {
                    LineKind::Same => ' ',
                    LineKind::Added => '+',
                    LineKind::Removed => '-',
                });
                text += &line.text;
            }
        }
        text
    }

    #[test]
    fn changed_lines_stand_with_those_around_them() {
        let before: String = (1..=30).map(|line| format!("{line}\n")).collect();
        let after = before.replace("\n10\n", "\nten\n").replace("\n25\n", "\n");
        assert_eq!(
            shown(&before, &after, 100),
            "@7,7\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n@22,22\n 22\n 23\n 24\n-25\n 26\n 27\n 28\n"
        );
        let near = before.replace("\n10\n", "\nten\n").replace("\n16\n", "\n");
        assert_eq!(shown(&before, &near, 100).matches('@').count(), 1);
        assert_eq!(shown("", "a\nb", 100), "@1,1\n+a\n+b");
        assert_eq!(shown("a\n", "", 100), "@1,1\n-a\n");
        assert_eq!(shown("a\n", "a\r\n", 100), "@1,1\n-a\n+a\r\n");
        assert_eq!(shown(&before, &after, 5), "@7,7\n 7\n 8\n 9\n-10\n+ten\n");
    }
}
