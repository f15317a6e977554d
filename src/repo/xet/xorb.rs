//! Xorbs: chunks end to end, each with a header of eight bytes: version 0, the packed size in three bytes, how it is packed,
//! and the real size in three bytes. Numbers are little-endian.

use std::io::{self, Read, Seek, SeekFrom};

use super::Hash;
use crate::repo::RepoError;

/// Most bytes of a xorb: 64 MiB of chunks that cannot be packed, their headers, and the list that may follow.
pub(super) const MAX_XORB: u64 = 65 << 20;
/// Most bytes of a chunk.
const MAX_CHUNK: u32 = 128 << 10;
/// Chunks of a xorb.
const MAX_CHUNKS: usize = 8 << 10;
/// How the list begins that may follow the chunks.
const FOOTER: &[u8] = b"XETBLOB";

/// The header of a chunk.
#[derive(Debug, Clone, Copy)]
struct Header {
    packed: u32,
    packing: Packing,
    size: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    None,
    /// An LZ4 frame.
    Lz4,
    /// Every fourth byte together, from the first, the second and so on, and all that in an LZ4 frame.
    GroupedLz4,
}

/// Reads a xorb from its beginning and computes its hash.
///
/// # Errors
/// `Refused` for what is no xorb.
pub(super) fn hash_of(mut xorb: impl Read) -> Result<Hash, RepoError> {
    let mut chunks = Vec::new();
    while let Some(header) = next_header(&mut xorb)? {
        if chunks.len() >= MAX_CHUNKS {
            return Err(refused("has too many chunks"));
        }
        let bytes = unpack(&mut xorb, header)?;
        chunks.push((Hash::of_chunk(&bytes), u64::from(header.size)));
    }
    if chunks.is_empty() {
        return Err(refused("has no chunks"));
    }
    Ok(Hash::of_tree(&chunks))
}

/// Hands out the bytes of chunks `start` up to `end`, one after the other, and returns their hashes.
///
/// # Errors
/// `Refused` when there are fewer, or `take` says so.
pub(super) fn read_chunks(
    mut xorb: impl Read + Seek,
    start: u32,
    end: u32,
    mut take: impl FnMut(&[u8]) -> Result<(), RepoError>,
) -> Result<Vec<Hash>, RepoError> {
    let mut hashes = Vec::new();
    for index in 0..end {
        let header =
            next_header(&mut xorb)?.ok_or_else(|| refused("has fewer chunks than a file needs"))?;
        if index < start {
            xorb.seek(SeekFrom::Current(i64::from(header.packed)))?;
            continue;
        }
        let bytes = unpack(&mut xorb, header)?;
        hashes.push(Hash::of_chunk(&bytes));
        take(&bytes)?;
    }
    Ok(hashes)
}

/// The next chunk's header; `None` at the end of the chunks.
fn next_header(xorb: &mut impl Read) -> Result<Option<Header>, RepoError> {
    let mut bytes = [0; 8];
    let mut filled = 0;
    while filled < bytes.len() {
        match xorb.read(&mut bytes[filled..])? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(refused("ends inside a chunk's header")),
            count => filled += count,
        }
    }
    if bytes.starts_with(FOOTER) {
        return Ok(None);
    }
    let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0]);
    let packing = match bytes[4] {
        0 => Packing::None,
        1 => Packing::Lz4,
        2 => Packing::GroupedLz4,
        _ => return Err(refused("has a chunk with unknown compression")),
    };
    let header = Header {
        packed: number(1),
        packing,
        size: number(5),
    };
    let sound = bytes[0] == 0
        && (1..=MAX_CHUNK).contains(&header.size)
        && header.packed <= 2 * MAX_CHUNK
        && (packing != Packing::None || header.packed == header.size);
    if sound {
        Ok(Some(header))
    } else {
        Err(refused("has a chunk of impossible size or version"))
    }
}

fn unpack(xorb: &mut impl Read, header: Header) -> Result<Vec<u8>, RepoError> {
    let mut packed = vec![0; header.packed as usize];
    xorb.read_exact(&mut packed)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => refused("ends inside a chunk"),
            _ => error.into(),
        })?;
    if header.packing == Packing::None {
        return Ok(packed);
    }
    let mut bytes = Vec::with_capacity(header.size as usize);
    // One byte more than was said is enough to know.
    lz4_flex::frame::FrameDecoder::new(packed.as_slice())
        .take(u64::from(header.size) + 1)
        .read_to_end(&mut bytes)
        .map_err(|_| refused("has a chunk that cannot be decompressed"))?;
    if bytes.len() != header.size as usize {
        return Err(refused("has a chunk that decompresses to another size"));
    }
    Ok(match header.packing {
        Packing::GroupedLz4 => ungrouped(&bytes),
        _ => bytes,
    })
}

/// Undoes the grouping: four planes, the first ones a byte longer when the length is not divisible.
fn ungrouped(grouped: &[u8]) -> Vec<u8> {
    let length = grouped.len();
    let mut planes = [0; 4];
    for plane in 1..4 {
        planes[plane] = planes[plane - 1] + (length + 4 - plane) / 4;
    }
    (0..length)
        .map(|at| grouped[planes[at % 4] + at / 4])
        .collect()
}

fn refused(problem: &str) -> RepoError {
    RepoError::Refused(format!("the xorb {problem}"))
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;
    use proptest::prelude::*;

    fn chunk(bytes: &[u8], packing: u8) -> Vec<u8> {
        let grouped: Vec<u8> = (0..4)
            .flat_map(|plane| bytes.iter().skip(plane).step_by(4).copied())
            .collect();
        let packed = match packing {
            0 => bytes.to_vec(),
            1 => lz4(bytes),
            _ => lz4(&grouped),
        };
        let mut chunk = vec![0];
        chunk.extend(&(packed.len() as u32).to_le_bytes()[..3]);
        chunk.push(packing);
        chunk.extend(&(bytes.len() as u32).to_le_bytes()[..3]);
        chunk.extend(packed);
        chunk
    }

    fn lz4(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
        encoder.write_all(bytes).expect("memory");
        encoder.finish().expect("memory")
    }

    proptest! {
        #[test]
        fn chunks_come_back(
            chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 1..200), 0..3_u8), 1..8),
            start in 0..8_usize,
        ) {
            let xorb: Vec<u8> = chunks.iter().flat_map(|(bytes, packing)| chunk(bytes, *packing)).collect();
            let start = start.min(chunks.len());
            let mut back = Vec::new();
            let hashes = read_chunks(Cursor::new(&xorb), start as u32, chunks.len() as u32, |bytes| {
                back.extend_from_slice(bytes);
                Ok(())
            }).expect("valid");
            let expected: Vec<u8> = chunks[start..].iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            prop_assert_eq!(back, expected);
            prop_assert_eq!(hashes.len(), chunks.len() - start);
            prop_assert!(hash_of(xorb.as_slice()).is_ok());
            prop_assert!(read_chunks(Cursor::new(&xorb), 0, chunks.len() as u32 + 1, |_| Ok(())).is_err());
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = hash_of(bytes.as_slice());
        }

        #[test]
        fn lies_about_sizes_are_refused(bytes in prop::collection::vec(any::<u8>(), 8..200), at in 1..8_usize, to in any::<u8>()) {
            let mut xorb = chunk(&bytes, 1);
            let honest = xorb[at];
            xorb[at] = to;
            if to != honest && at >= 5 {
                prop_assert!(hash_of(xorb.as_slice()).is_err());
            }
        }
    }
}
