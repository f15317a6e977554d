//! Repeatable chance: the same seed gives the same plants. (The generator is SplitMix64.)

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// From 0 up to, not including, 1.
    pub fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The standard library asks the host for randomness to key its maps; that is a seed as well.
pub fn fresh() -> u64 {
    RandomState::new().build_hasher().finish()
}
