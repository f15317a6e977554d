//! Large files: kept beside git, by the SHA-256 of their bytes, and named in commits by a pointer, as git-lfs has it.
//!
//! # What holds
//! - **Each is on disk once**, below `blobs/`, however many repositories have it. A repository's own name for it, below its
//!   `lfs/`, is a hard link, so the file system counts who has it, and a file that only `blobs/` names is nobody's.
//! - **Nobody gets a file by knowing its name.** A repository has a file only after somebody with the right to write to it
//!   has sent all its bytes there, or copied another one that they may read.
//! - **A pointer leads somewhere.** A commit or push with a pointer to what the repository has not is refused.
//! - **What is sent and never committed goes away**, a day later ([`Repos::sweep_large`](super::Repos::sweep_large)).
//! - **Memory is bounded**: bytes go through a buffer to disk and back.

mod attributes;
mod keep;
mod parts;
mod place;
mod pointer;
mod receive;

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

use super::RepoError;

pub use attributes::Attributes;
pub(super) use attributes::with_lines;
pub use parts::Parts;
pub(super) use place::{entries, large_folder, link};
pub(super) use pointer::{POINTER_BYTES, pointer_text, read_pointer};

/// The SHA-256 of a file's bytes: sixty-four lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LargeId(String);

/// A large file, as a pointer names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LargeFile {
    /// Which.
    pub id: LargeId,
    /// Bytes.
    pub size: u64,
}

// === impl LargeId ===

impl LargeId {
    /// That of the bytes that were hashed.
    fn of(hash: &Sha256) -> Self {
        Self(hex::encode(hash.clone().finalize()))
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LargeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for LargeId {
    type Err = RepoError;

    fn from_str(text: &str) -> Result<Self, RepoError> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(hex) {
            return Ok(Self(text.to_owned()));
        }
        Err(RepoError::Refused(
            "a large file is named by its SHA-256: sixty-four hexadecimal digits, in lower case"
                .to_owned(),
        ))
    }
}

// === impl LargeFile ===

impl LargeFile {
    /// Bytes of the pointer that stands for it in commits.
    pub fn pointer_bytes(&self) -> usize {
        pointer_text(self).len()
    }
}
