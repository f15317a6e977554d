//! The hashes of chunks, of the trees above them, and of runs of chunks.

use std::fmt;
use std::str::FromStr;

use crate::repo::RepoError;

/// Keys the hash of a chunk's bytes.
const CHUNK: [u8; 32] = [
    102, 151, 245, 119, 91, 149, 80, 222, 49, 53, 203, 172, 165, 151, 24, 28, 157, 228, 33, 16,
    155, 235, 43, 88, 180, 208, 176, 75, 147, 173, 242, 41,
];
/// Keys the hash of a node above others.
const NODE: [u8; 32] = [
    1, 126, 197, 199, 165, 71, 41, 150, 253, 148, 102, 102, 180, 138, 2, 230, 93, 221, 83, 111, 55,
    199, 109, 210, 248, 99, 82, 230, 74, 83, 113, 63,
];
/// Keys the hash of a run of chunks, which only who has the chunks can know.
const RUN: [u8; 32] = [
    127, 24, 87, 214, 206, 86, 237, 102, 18, 127, 249, 19, 231, 165, 195, 243, 164, 205, 38, 213,
    181, 219, 73, 230, 65, 36, 152, 127, 40, 251, 148, 195,
];

/// One node in so many, on average, is the last of its parent's children.
const BRANCHING: u64 = 4;
/// Most children of a node.
const MOST_CHILDREN: usize = 2 * BRANCHING as usize + 1;

/// A hash. As text it is four little-endian numbers of sixteen hexadecimal digits each.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub(super) [u8; 32]);

// === impl Hash ===

impl Hash {
    pub(super) fn of_chunk(bytes: &[u8]) -> Self {
        Self(*blake3::keyed_hash(&CHUNK, bytes).as_bytes())
    }

    pub(super) fn of_run(chunks: &[Self]) -> Self {
        let mut hasher = blake3::Hasher::new_keyed(&RUN);
        for chunk in chunks {
            hasher.update(&chunk.0);
        }
        Self(*hasher.finalize().as_bytes())
    }

    /// The root over chunks with their sizes; zeros when there is none.
    pub(super) fn of_tree(chunks: &[(Self, u64)]) -> Self {
        let mut level = chunks.to_vec();
        while level.len() > 1 {
            let mut above = Vec::with_capacity(level.len() / 2);
            let mut rest = level.as_slice();
            while !rest.is_empty() {
                let (children, after) = rest.split_at(next_cut(rest));
                above.push(parent(children));
                rest = after;
            }
            level = above;
        }
        level.first().map_or(Self([0; 32]), |(hash, _)| *hash)
    }

    fn words(self) -> [u64; 4] {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(self.0.chunks_exact(8)) {
            // Pieces of exactly eight.
            *word = u64::from_le_bytes(bytes.try_into().unwrap_or_default());
        }
        words
    }
}

/// How many of the nodes have one parent: up to the third or a later one that is divisible, or as many as there may be.
fn next_cut(nodes: &[(Hash, u64)]) -> usize {
    let most = MOST_CHILDREN.min(nodes.len());
    if nodes.len() <= 2 {
        return nodes.len();
    }
    (2..most)
        .find(|&at| nodes[at].0.words()[3].is_multiple_of(BRANCHING))
        .map_or(most, |at| at + 1)
}

fn parent(children: &[(Hash, u64)]) -> (Hash, u64) {
    let mut text = String::new();
    let mut sum = 0_u64;
    for (hash, size) in children {
        text += &format!("{hash} : {size}\n");
        sum = sum.saturating_add(*size);
    }
    (
        Hash(*blake3::keyed_hash(&NODE, text.as_bytes()).as_bytes()),
        sum,
    )
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for word in self.words() {
            write!(formatter, "{word:016x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for Hash {
    type Err = RepoError;

    fn from_str(text: &str) -> Result<Self, RepoError> {
        let bad = || RepoError::Refused("a hash has sixty-four hexadecimal digits".to_owned());
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (word, digits) in bytes
            .chunks_exact_mut(8)
            .zip(text.as_bytes().chunks_exact(16))
        {
            let digits = std::str::from_utf8(digits).map_err(|_| bad())?;
            let number = u64::from_str_radix(digits, 16).map_err(|_| bad())?;
            word.copy_from_slice(&number.to_le_bytes());
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_comes_back(bytes in any::<[u8; 32]>()) {
            let text = Hash(bytes).to_string();
            prop_assert_eq!(text.parse::<Hash>().expect("a hash"), Hash(bytes));
        }

        #[test]
        fn every_tree_has_a_root(sizes in prop::collection::vec(any::<u64>(), 0..200)) {
            let chunks: Vec<_> = sizes.iter().map(|size| (Hash::of_chunk(&size.to_le_bytes()), *size)).collect();
            let root = Hash::of_tree(&chunks);
            if let [(only, _)] = chunks.as_slice() {
                prop_assert_eq!(root, *only);
            }
        }
    }
}
