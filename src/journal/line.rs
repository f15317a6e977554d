//! Lines: how they are cut, kept and split out of a stream.

use serde::{Deserialize, Serialize};

use super::now;
use crate::domain::Millis;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was said.
    pub at: Millis,
    /// Without its newline; never longer than the journal's limit and the mark of the cut.
    pub text: String,
}

// === impl LogLine ===

impl LogLine {
    /// The text as a terminal without colours would show it: control sequences (ECMA-48) and characters are left out, and of
    /// a line that was written over again and again the last state is kept.
    pub fn plain(&self) -> String {
        let text = self.text.trim_end_matches('\r');
        let text = text.rsplit_once('\r').map_or(text, |(_, last)| last);
        let mut plain = String::with_capacity(text.len());
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\u{1b}' => match letters.next() {
                    // Up to the letter that names what is to be done.
                    Some('[') => drop(letters.find(|letter| ('@'..='~').contains(letter))),
                    // Titles of windows and links: up to BEL, or ST of which ESC is the first half.
                    Some(']') => {
                        let end = letters.find(|letter| matches!(letter, '\u{7}' | '\u{1b}'));
                        if end == Some('\u{1b}') {
                            letters.next();
                        }
                    }
                    _ => {}
                },
                '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => plain.push('\u{fffd}'),
                '\t' => plain.push('\t'),
                other if other.is_control() => {}
                other => plain.push(other),
            }
        }
        plain
    }
}

/// The line as it stands in the file, with its newline.
pub(super) fn encode(text: &str, beyond: usize, limit: usize) -> Vec<u8> {
    let kept = &text[..text.floor_char_boundary(limit)];
    let beyond = beyond + (text.len() - kept.len());
    let mut text = kept.replace('\0', "");
    if beyond > 0 {
        text.push_str(&format!(" … [{beyond} more bytes cut]"));
    }
    // A string and a number always are JSON.
    let mut line = serde_json::to_vec(&LogLine { at: now(), text }).unwrap_or_default();
    line.push(b'\n');
    line
}

/// The longest line that [`encode`] makes of an allowed text: every byte may become `\u00xx`.
pub(super) const MAX_ENCODED: usize = 6 * (8 << 10) + 128;
