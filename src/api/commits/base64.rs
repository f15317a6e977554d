//! Base64 in pieces of any size.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::repo::{RepoError, Spool};

/// Characters decoded at once; a multiple of four.
const BLOCK: usize = 64 << 10;

/// Decodes into a spool what arrives in pieces, holding no more than one block of it.
#[derive(Debug, Default)]
pub(super) struct Base64 {
    pending: Vec<u8>,
    /// Padding came; nothing may follow.
    ended: bool,
}

// === impl Base64 ===

impl Base64 {
    /// Takes the next characters.
    pub(super) fn push(&mut self, mut text: &[u8], spool: &mut Spool) -> Result<(), RepoError> {
        while !text.is_empty() {
            let (now, later) = text.split_at(text.len().min(BLOCK - self.pending.len()));
            self.pending.extend_from_slice(now);
            text = later;
            if self.pending.len() == BLOCK {
                self.decode(spool)?;
            }
        }
        Ok(())
    }

    /// Takes the end.
    pub(super) fn finish(mut self, spool: &mut Spool) -> Result<(), RepoError> {
        self.decode(spool)
    }

    fn decode(&mut self, spool: &mut Spool) -> Result<(), RepoError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let bytes = match STANDARD.decode(&self.pending) {
            Ok(bytes) if !self.ended => bytes,
            _ => {
                return Err(RepoError::Refused(
                    "a file's `content` is not valid base64".to_owned(),
                ));
            }
        };
        self.ended = self.pending.last() == Some(&b'=');
        self.pending.clear();
        spool.write(&bytes)
    }
}
