//! Base64 in pieces of any size.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::domain::size_text;
use crate::repo::{Content, RepoError, Spool};

/// Characters decoded at once; a multiple of four.
const BLOCK: usize = 64 << 10;

/// Beyond its limit, so much more of a file is passed over in the hope of its name.
const PATIENCE: u64 = 256 << 20;

/// Decodes into a spool what arrives in pieces, holding no more than one block of it.
#[derive(Debug)]
pub(super) struct Base64 {
    limit: u64,
    decoded: u64,
    pending: Vec<u8>,
    /// Padding came; nothing may follow.
    ended: bool,
}

// === impl Base64 ===

impl Base64 {
    /// For a file of at most `limit` bytes.
    pub(super) fn new(limit: u64) -> Self {
        Self {
            limit,
            decoded: 0,
            pending: Vec::new(),
            ended: false,
        }
    }

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

    /// Takes the end; `None` for a file beyond the limit, of which the spool has nothing whole.
    pub(super) fn finish(mut self, spool: &mut Spool) -> Result<Option<Content>, RepoError> {
        self.decode(spool)?;
        let content = spool.finish();
        Ok((self.decoded <= self.limit).then_some(content))
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
        self.decoded += bytes.len() as u64;
        if self.decoded <= self.limit {
            return spool.write(&bytes);
        }
        // The name of the file may come after its bytes, and the refusal is to name it.
        if self.decoded > self.limit.saturating_add(PATIENCE) {
            return Err(RepoError::TooLarge(format!(
                "a file is larger than the {} allowed for one file",
                size_text(self.limit)
            )));
        }
        Ok(())
    }
}
