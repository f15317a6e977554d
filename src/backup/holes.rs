//! Files with holes: stretches that read as zeros and take no disk. A file of a terabyte that holds nothing costs a Space
//! none of its quota, so it may cost a backup neither room nor time.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::unix::fs::FileExt;

use rustix::fs::SeekFrom;
use rustix::io::Errno;
use sha2::{Digest, Sha256};

/// Bytes that are compared with zeros at once.
const BLOCK: usize = 1 << 16;
const ZEROS: &[u8; BLOCK] = &[0; BLOCK];

/// Copies a file into an empty one. Holes stay holes, and what is written behind its end meanwhile is left out.
pub(super) fn copy(mut from: &File, mut to: &File) -> io::Result<()> {
    let end = from.metadata()?.len();
    // First, for a file system may take no file as long as this.
    to.set_len(end)?;
    each_stretch(from, end, |stretch| {
        from.seek(io::SeekFrom::Start(stretch.start))?;
        to.seek(io::SeekFrom::Start(stretch.start))?;
        io::copy(&mut from.take(stretch.end - stretch.start), &mut to)?;
        Ok(())
    })
}

/// SHA-256 of a file's blocks that are not zeros alone and, after a hyphen, of where the others are, if there are any. It
/// depends on what the file reads as, not on where it has holes.
pub(super) fn hash(file: &File) -> io::Result<String> {
    let end = file.metadata()?.len();
    let mut data = Sha256::new();
    let mut zeros = None;
    let mut skip = |from: u64, to: u64| {
        if from < to {
            let hash = zeros.get_or_insert_with(Sha256::new);
            hash.update(from.to_le_bytes());
            hash.update(to.to_le_bytes());
        }
    };
    let mut buffer = vec![0; BLOCK];
    // Where the next block begins, and where the last one ended that was not zeros.
    let (mut next, mut hashed) = (0, 0);
    each_stretch(file, end, |stretch| {
        // A stretch may begin in the block that the last one ended in.
        next = next.max(stretch.start - stretch.start % BLOCK as u64);
        while next < stretch.end {
            let block = &mut buffer[..BLOCK.min(usize::try_from(end - next).unwrap_or(BLOCK))];
            file.read_exact_at(block, next)?;
            let after = next + block.len() as u64;
            if *block != ZEROS[..block.len()] {
                skip(hashed, next);
                data.update(block);
                hashed = after;
            }
            next = after;
        }
        Ok(())
    })?;
    skip(hashed, end);
    let data = hex::encode(data.finalize());
    Ok(match zeros {
        Some(zeros) => format!("{data}-{}", hex::encode(zeros.finalize())),
        None => data,
    })
}

/// What a file holds before `end`, without its holes, from its beginning on.
fn each_stretch(
    file: &File,
    end: u64,
    mut each: impl FnMut(Range<u64>) -> io::Result<()>,
) -> io::Result<()> {
    let mut at = 0;
    while at < end {
        let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
            Ok(start) => start,
            // There are only holes from here.
            Err(Errno::NXIO) => break,
            Err(error) => return Err(error.into()),
        };
        if start >= end {
            break;
        }
        let hole = match rustix::fs::seek(file, SeekFrom::Hole(start)) {
            // It was cut off meanwhile.
            Err(Errno::NXIO) => break,
            hole => hole?,
        };
        // Somebody may have made a hole there since.
        at = hole.max(start + 1).min(end);
        each(start..at)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_the_same_has_one_hash_wherever_its_holes_are() {
        let length = 10 * BLOCK as u64 + 7;
        let make = |written: &[(u64, &[u8])], length: u64| {
            let file = tempfile::tempfile().expect("a file");
            file.set_len(length).expect("room");
            for (at, bytes) in written {
                file.write_all_at(bytes, *at).expect("room");
            }
            file
        };
        let sparse = make(&[(3 * BLOCK as u64 - 1, b"ab"), (length - 1, b"c")], length);
        let copied = tempfile::tempfile().expect("a file");
        copy(&sparse, &copied).expect("a copy");
        let full = tempfile::tempfile().expect("a file");
        let mut bytes = vec![0; 10 * BLOCK + 7];
        sparse.read_exact_at(&mut bytes, 0).expect("all of it");
        full.write_all_at(&bytes, 0).expect("room");
        let expected = hash(&sparse).expect("a hash");
        assert_eq!(hash(&copied).expect("a hash"), expected);
        assert_eq!(hash(&full).expect("a hash"), expected);

        let longer = make(
            &[(3 * BLOCK as u64 - 1, b"ab"), (length - 1, b"c")],
            length + 1,
        );
        assert_ne!(hash(&longer).expect("a hash"), expected);
        let moved = make(&[(4 * BLOCK as u64 - 1, b"ab"), (length - 1, b"c")], length);
        assert_ne!(hash(&moved).expect("a hash"), expected);
        let dense = make(&[(0, b"no zeros")], 8);
        let plain = hex::encode(Sha256::digest(b"no zeros"));
        assert_eq!(hash(&dense).expect("a hash"), plain);
    }
}
