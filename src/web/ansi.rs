//! The colours of terminals (ECMA-48 SGR) in log lines, as classes of the style sheet.

use serde::Serialize;

/// A piece of a line in one style.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Piece {
    /// Classes such as `a-red a-bold`; empty for plain text.
    #[serde(rename = "c")]
    pub(super) class: String,
    #[serde(rename = "t")]
    pub(super) text: String,
}

const COLORS: [&str; 8] = [
    "black", "red", "green", "yellow", "blue", "magenta", "cyan", "white",
];

/// Pieces of one line; what comes after them is plain.
const MAX_PIECES: usize = 200;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Style {
    color: Option<u8>,
    bold: bool,
    dim: bool,
    italic: bool,
    underline: bool,
}

/// The pieces of a line. Every other control sequence is left out, and of a line that a progress bar has written over
/// again and again only the last state is shown, as a terminal would.
pub(super) fn pieces(line: &str) -> Vec<Piece> {
    let line = line.trim_end_matches('\r');
    let line = line.rsplit_once('\r').map_or(line, |(_, last)| last);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut style = Style::default();
    let mut text = String::new();
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\u{1b}' if letters.peek() == Some(&'[') => {
                letters.next();
                let mut parameters = String::new();
                let mut last = None;
                for letter in letters.by_ref() {
                    match letter {
                        '0'..='9' | ';' | ':' | '?' | ' '..='/' if parameters.len() < 64 => {
                            parameters.push(letter);
                        }
                        other => {
                            last = Some(other);
                            break;
                        }
                    }
                }
                if last == Some('m') {
                    push(&mut pieces, &mut text, style);
                    style = style.after(&parameters);
                }
            }
            // Titles of windows and links: up to BEL or ST.
            '\u{1b}' if letters.peek() == Some(&']') => {
                while let Some(letter) = letters.next() {
                    if letter == '\u{7}' {
                        break;
                    }
                    if letter == '\u{1b}' {
                        letters.next();
                        break;
                    }
                }
            }
            '\u{1b}' => drop(letters.next()),
            '\t' => text.push('\t'),
            other if other.is_control() => {}
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => text.push('\u{fffd}'),
            other => text.push(other),
        }
    }
    push(&mut pieces, &mut text, style);
    pieces
}

fn push(pieces: &mut Vec<Piece>, text: &mut String, style: Style) {
    if text.is_empty() {
        return;
    }
    if pieces.len() >= MAX_PIECES
        && let Some(last) = pieces.last_mut()
    {
        last.text.push_str(text);
        text.clear();
        return;
    }
    pieces.push(Piece {
        class: style.classes(),
        text: std::mem::take(text),
    });
}

// === impl Style ===

impl Style {
    fn after(mut self, parameters: &str) -> Self {
        let mut numbers = parameters
            .split([';', ':'])
            .map(|number| number.parse::<u16>().unwrap_or(0));
        while let Some(number) = numbers.next() {
            match number {
                0 => self = Self::default(),
                1 => self.bold = true,
                2 => self.dim = true,
                3 => self.italic = true,
                4 => self.underline = true,
                22 => (self.bold, self.dim) = (false, false),
                23 => self.italic = false,
                24 => self.underline = false,
                30..=37 => self.color = Some((number - 30) as u8),
                90..=97 => self.color = Some((number - 90) as u8),
                39 => self.color = None,
                38 | 48 => {
                    let color = match numbers.next() {
                        Some(5) => numbers.next().map(nearest_of_256),
                        Some(2) => {
                            let mut next = || numbers.next().unwrap_or(0);
                            let (red, green, blue) = (next(), next(), next());
                            Some(nearest(red, green, blue))
                        }
                        _ => None,
                    };
                    if number == 38 {
                        self.color = color;
                    }
                }
                _ => {}
            }
        }
        self
    }

    fn classes(self) -> String {
        let mut classes = Vec::new();
        if let Some(color) = self.color.and_then(|color| COLORS.get(usize::from(color))) {
            classes.push(format!("a-{color}"));
        }
        for (on, name) in [
            (self.bold, "a-bold"),
            (self.dim, "a-dim"),
            (self.italic, "a-italic"),
            (self.underline, "a-underline"),
        ] {
            if on {
                classes.push(name.to_owned());
            }
        }
        classes.join(" ")
    }
}

/// Of the 256 colours the nearest of the eight.
fn nearest_of_256(index: u16) -> u8 {
    match index {
        0..=15 => (index % 8) as u8,
        16..=231 => {
            let index = index - 16;
            let step = |part: u16| part * 51;
            nearest(step(index / 36), step(index / 6 % 6), step(index % 6))
        }
        232..=243 => 0,
        _ => 7,
    }
}

fn nearest(red: u16, green: u16, blue: u16) -> u8 {
    let high = red.max(green).max(blue) / 2 + 32;
    u8::from(red > high) | u8::from(green > high) << 1 | u8::from(blue > high) << 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(line: &str) -> Vec<(String, String)> {
        let pieces = pieces(line).into_iter();
        pieces.map(|piece| (piece.class, piece.text)).collect()
    }

    fn is(class: &str, text: &str) -> (String, String) {
        (class.to_owned(), text.to_owned())
    }

    #[test]
    fn colours_become_classes() {
        assert_eq!(
            shown("a \u{1b}[1;31mred\u{1b}[0m b"),
            [is("", "a "), is("a-red a-bold", "red"), is("", " b")]
        );
        assert_eq!(shown("\u{1b}[38;5;196mx"), [is("a-red", "x")]);
        assert_eq!(shown("\u{1b}[38;2;10;200;20mx"), [is("a-green", "x")]);
    }

    #[test]
    fn everything_else_is_left_out() {
        assert_eq!(shown("\u{1b}[2K\u{1b}]0;title\u{7}x\u{8}"), [is("", "x")]);
        assert_eq!(shown("10%\r50%\r100%\r"), [is("", "100%")]);
        assert_eq!(shown("\u{1b}[31"), []);
        assert_eq!(shown("<b>"), [is("", "<b>")]);
    }

    proptest! {
        #[test]
        fn no_line_panics_or_keeps_controls(line in any::<String>()) {
            for piece in pieces(&line) {
                prop_assert_eq!(piece.text.find('\u{1b}'), None);
                prop_assert!(piece.class.bytes().all(|byte| byte.is_ascii_lowercase() || b" -".contains(&byte)));
            }
        }
    }
}
