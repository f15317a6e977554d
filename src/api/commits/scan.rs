//! Finding the content of a file in a line of JSON, without holding the line.

use super::base64::Base64;

/// Follows JSON from byte to byte, to find where the value of a key `content` begins, two objects deep.
#[derive(Debug, Default)]
pub(super) struct Scan {
    depth: u32,
    in_string: bool,
    pub(super) escaped: bool,
    /// Beginning of the newest string, as long as it may be a key.
    token: Vec<u8>,
    /// A key `content` and its colon have just been passed.
    at_content: bool,
    /// Inside the content.
    pub(super) content: Option<Base64>,
}

/// One byte more than the key that is looked for.
const TOKEN_BYTES: usize = b"content".len() + 1;

// === impl Scan ===

impl Scan {
    /// Takes one byte outside any content; returns whether it is the quote that opens one.
    pub(super) fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            if self.in_string && self.token.len() < TOKEN_BYTES {
                self.token.push(byte);
            }
            return false;
        }
        match byte {
            b' ' | b'\t' | b'\r' => return false,
            b'"' if self.at_content => {
                self.at_content = false;
                return true;
            }
            b'"' => {
                self.in_string = true;
                self.token.clear();
            }
            b':' => {
                self.at_content = self.depth == 2 && self.token == b"content";
                self.token.clear();
                return false;
            }
            b'{' | b'[' => self.depth = self.depth.saturating_add(1),
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.at_content = false;
        false
    }
}
