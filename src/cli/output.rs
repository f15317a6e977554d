//! What is printed: for people, or with `--json` for programs.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use serde_json::Value;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
    /// Whether stdout, and whether stderr, shows colours.
    color: (bool, bool),
}

/// How a word is emphasised.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tone {
    Good,
    Busy,
    Bad,
    Quiet,
}

// === impl Output ===

impl Output {
    pub(super) fn new(json: bool) -> Self {
        // https://no-color.org: set and not empty.
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let color = (
            wanted && std::io::stdout().is_terminal(),
            wanted && std::io::stderr().is_terminal(),
        );
        Self { json, color }
    }

    /// Whether programs read.
    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// The command's result: `value` for programs, `text` for people.
    pub(super) fn result(&self, value: &Value, text: impl Display) {
        if self.json {
            print(value);
        } else {
            print(text);
        }
    }

    /// Something on the way, for people only.
    pub(super) fn note(&self, text: impl Display) {
        let _ = writeln!(std::io::stderr(), "{text}");
    }

    /// Why the command failed, with every cause.
    pub(super) fn error(&self, error: &anyhow::Error) {
        let word = if self.color.1 {
            "\x1b[31merror:\x1b[0m"
        } else {
            "error:"
        };
        self.note(format_args!("{word} {error:#}"));
        if self.json {
            print(serde_json::json!({ "error": format!("{error:#}") }));
        }
    }

    /// A word on stdout with its tone.
    pub(super) fn toned(&self, text: &str, tone: Tone) -> String {
        if !self.color.0 {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => 32,
            Tone::Busy => 33,
            Tone::Bad => 31,
            Tone::Quiet => 90,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// A stage with its tone.
    pub(super) fn stage(&self, stage: &str) -> String {
        let tone = match stage {
            stage if stage.starts_with("RUNNING") => Tone::Good,
            stage if stage.ends_with("ERROR") => Tone::Bad,
            "BUILDING" | "APP_STARTING" => Tone::Busy,
            _ => Tone::Quiet,
        };
        self.toned(stage, tone)
    }
}

/// Prints a line. A reader that has gone, such as `head`, is no error.
pub(super) fn print(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Rows in columns two spaces apart; the first is the heading. Empty but for a heading: empty.
pub(super) fn table(rows: &[Vec<String>]) -> String {
    if rows.len() < 2 {
        return String::new();
    }
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells
            .map(|cell| shown_width(cell))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths);
        let padded = cells.map(|(cell, width)| {
            format!(
                "{cell}{}",
                " ".repeat(width.saturating_sub(shown_width(cell)))
            )
        });
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Characters of a cell that are seen: colours are not.
fn shown_width(text: &str) -> usize {
    let mut width = 0;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\x1b' {
            letters.by_ref().find(|letter| *letter == 'm');
        } else {
            width += 1;
        }
    }
    width
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_whatever_their_colour() {
        let rows = [
            vec!["ID".to_owned(), "STAGE".to_owned(), "X".to_owned()],
            vec![
                "a/long-one".to_owned(),
                "\x1b[32mRUNNING\x1b[0m".to_owned(),
                "y".to_owned(),
            ],
        ];
        let table = table(&rows);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], "ID          STAGE    X");
        assert_eq!(lines[1], "a/long-one  \x1b[32mRUNNING\x1b[0m  y");
    }
}
