//! Lines: how they are cut, kept and split out of a stream.

use std::io;

use serde::{Deserialize, Serialize};

use super::{Log, now};
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

/// Splits a stream into lines of a log. Text that is not UTF-8 is kept with replacement characters; the drop says what
/// the last line still held.
#[derive(Debug)]
pub struct LogWriter {
    log: Log,
    line: Vec<u8>,
    limit: usize,
    /// Bytes of the present line that did not fit.
    beyond: usize,
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

// === impl LogWriter ===

impl LogWriter {
    pub(super) fn new(log: Log, limit: usize) -> Self {
        Self {
            log,
            line: Vec::new(),
            limit,
            beyond: 0,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = self.limit - self.line.len();
        let (kept, beyond) = bytes.split_at(room.min(bytes.len()));
        self.line.extend_from_slice(kept);
        self.beyond += beyond.len();
    }

    fn end_line(&mut self) {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        self.log.say(&String::from_utf8_lossy(line), self.beyond);
        self.line.clear();
        self.beyond = 0;
    }
}

impl io::Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match piece.strip_suffix(b"\n") {
                Some(rest) => {
                    self.take(rest);
                    self.end_line();
                }
                None => self.take(piece),
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogWriter {
    fn drop(&mut self) {
        if !self.line.is_empty() || self.beyond > 0 {
            self.end_line();
        }
    }
}
