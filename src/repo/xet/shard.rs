//! Shards: of what chunks files are made. A header, then records of forty-eight bytes, numbers little-endian.

use super::Hash;
use crate::repo::RepoError;

/// Most bytes of a shard.
pub(super) const MAX_SHARD: usize = 64 << 20;
const RECORD: usize = 48;
const TAG: &[u8] = b"HFRepoMetaData";

/// After a file's terms stands a hash for each.
const VERIFIED: u32 = 0x8000_0000;
/// And then the SHA-256 of the file.
const WITH_SHA256: u32 = 0x4000_0000;

/// A file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) terms: Vec<Term>,
    /// As its sender names it; in one of two orders of bytes.
    pub(super) sha256: Option<[u8; 32]>,
}

/// A part of a file: a run of chunks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    pub(super) xorb: Hash,
    pub(super) bytes: u32,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The hash of the run.
    pub(super) run: Hash,
}

/// Reads the files of a shard. What else stands there is for looking up chunks, and is passed over.
///
/// # Errors
/// `Refused` for what is no shard, and for files without hashes of their runs.
pub(super) fn read_files(shard: &[u8]) -> Result<Vec<File>, RepoError> {
    let mut records = shard.chunks_exact(RECORD);
    let header = records.next().unwrap_or_default();
    if !header.starts_with(TAG) || number(header, 32) != 2 {
        return Err(refused("is not one of version 2"));
    }
    let mut next = || {
        records
            .next()
            .ok_or_else(|| refused("ends in the middle of its files"))
    };
    let mut files = Vec::new();
    loop {
        let file = next()?;
        if file[..32] == [0xff; 32] {
            return Ok(files);
        }
        let (flags, count) = (number(file, 32), number(file, 36));
        if count as usize > shard.len() / RECORD {
            return Err(refused("has a file with too many parts"));
        }
        let mut terms = Vec::new();
        for _ in 0..count {
            let term = next()?;
            let (bytes, start, end) = (number(term, 36), number(term, 40), number(term, 44));
            if start >= end {
                return Err(refused("has a part without chunks"));
            }
            terms.push(Term {
                xorb: hash(term),
                bytes,
                start,
                end,
                run: Hash([0; 32]),
            });
        }
        if flags & VERIFIED == 0 && count > 0 {
            return Err(refused("does not prove that its sender has the chunks"));
        }
        for term in &mut terms {
            term.run = hash(next()?);
        }
        let sha256 = match flags & WITH_SHA256 {
            0 => None,
            _ => Some(hash(next()?).0),
        };
        files.push(File { terms, sha256 });
    }
}

fn hash(record: &[u8]) -> Hash {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(&record[..32]);
    Hash(bytes)
}

fn number(record: &[u8], at: usize) -> u32 {
    let mut bytes = [0; 4];
    if let Some(four) = record.get(at..at + 4) {
        bytes.copy_from_slice(four);
    }
    u32::from_le_bytes(bytes)
}

fn refused(problem: &str) -> RepoError {
    RepoError::Refused(format!("the shard {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(hash: [u8; 32], numbers: [u32; 4]) -> Vec<u8> {
        let mut record = hash.to_vec();
        record.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
        record
    }

    fn header() -> Vec<u8> {
        let mut tag = [0; 32];
        tag[..TAG.len()].copy_from_slice(TAG);
        record(tag, [2, 0, 0, 0])
    }

    proptest! {
        #[test]
        fn files_come_back(terms in prop::collection::vec((any::<[u8; 32]>(), 0..9_u32), 1..5), sha256 in any::<Option<[u8; 32]>>()) {
            let flags = VERIFIED | if sha256.is_some() { WITH_SHA256 } else { 0 };
            let mut shard = header();
            shard.extend(record([7; 32], [flags, terms.len() as u32, 0, 0]));
            for (hash, start) in &terms {
                shard.extend(record(*hash, [0, 5, *start, start + 1]));
            }
            for (hash, _) in &terms {
                shard.extend(record(*hash, [0; 4]));
            }
            if let Some(sha256) = sha256 {
                shard.extend(record(sha256, [0; 4]));
            }
            let cut = shard.len();
            shard.extend(record([0xff; 32], [0; 4]));
            let files = read_files(&shard).expect("valid");
            prop_assert_eq!(files.len(), 1);
            prop_assert_eq!(files[0].terms.len(), terms.len());
            prop_assert_eq!(files[0].sha256, sha256);
            prop_assert!(read_files(&shard[..cut]).is_err());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_files(&bytes);
            let mut shard = header();
            shard.extend(bytes);
            let _ = read_files(&shard);
        }
    }
}
