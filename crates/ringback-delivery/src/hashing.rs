//! A cheap hash for the engine's own numbers: accounts, keys, flights.
//!
//! They are few, and none is chosen by a stranger: an account exists because an operator named it, a key is part of a
//! cryptographic hash, flights are counted. So what the standard library's hash guards against does not arise, and
//! looking things up is a good part of what a message costs.

use std::hash::{BuildHasherDefault, Hasher};

/// A map from one of those numbers.
pub(crate) type NumberMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<Mixer>>;

/// A set of those numbers.
pub(crate) type NumberSet<K> = std::collections::HashSet<K, BuildHasherDefault<Mixer>>;

/// The finaliser of SplitMix64.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        let mut mixed = self.0.wrapping_add(number).wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        self.0 = mixed ^ (mixed >> 31);
    }

    fn write_i64(&mut self, number: i64) {
        self.write_u64(number.cast_unsigned());
    }
}
