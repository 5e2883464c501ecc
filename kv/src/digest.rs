//! The content digest: 16 bytes by which two stores are compared, kept up to date on every write.
//!
//! Each entry has a hash, XXH3-128 (seed 0) of the key's length as u32 little endian, the key, the expiry's
//! milliseconds as u64 little endian (0 for never), the value. A store's digest is the sum of its entries' hashes
//! modulo 2^128; of an empty store: 0. A sum has no order and lets one entry go in or out in constant time.
//!
//! It finds mistakes, not enemies: whoever chooses the entries can choose equal sums.
//!
//! Bounds: nothing is allocated or laid out: the four parts are streamed, which costs what hashing one laid-out buffer
//! costs (about 25 ns for an entry of 100 bytes).

use crate::expiry::ExpiryMs;
use core::fmt;
use xxhash_rust::xxh3::Xxh3Default;

#[cfg(test)]
mod tests;

/// The sum of the hashes of a set of entries. [`Digest::EMPTY`] is that of none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Digest(u128);

impl Digest {
    /// The digest of an empty store.
    pub const EMPTY: Self = Self(0);

    /// The digest of a store that holds this entry alone. Its key is at most `u32::MAX` bytes, as in records.
    #[must_use]
    #[inline]
    pub fn of_entry(key: &[u8], expiry: Option<ExpiryMs>, value: &[u8]) -> Self {
        let mut hash = Xxh3Default::new();
        hash.update(&u32::try_from(key.len()).unwrap_or(u32::MAX).to_le_bytes());
        hash.update(key);
        hash.update(&ExpiryMs::word(expiry).to_le_bytes());
        hash.update(value);
        Self(hash.digest128())
    }

    /// These entries come in.
    #[inline]
    pub const fn add(&mut self, entries: Self) {
        self.0 = self.0.wrapping_add(entries.0);
    }

    /// These entries, which are in it, go out.
    #[inline]
    pub const fn remove(&mut self, entries: Self) {
        self.0 = self.0.wrapping_sub(entries.0);
    }

    /// 32 lower-case hex digits, the most significant first.
    #[must_use]
    pub fn hex(self) -> [u8; 32] {
        let mut text = [0; 32];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.to_bytes()) {
            pair[0] = HEX[usize::from(byte >> 4)];
            pair[1] = HEX[usize::from(byte & 15)];
        }
        text
    }

    /// The digest as 16 bytes, the most significant first, for a store that keeps it.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// Makes a digest of the bytes that [`Digest::to_bytes`] returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_be_bytes(bytes))
    }
}

const HEX: &[u8; 16] = b"0123456789abcdef";

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:032x}", self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest({self})")
    }
}
