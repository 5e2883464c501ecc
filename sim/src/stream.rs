//! Independent streams of random numbers, by name.
//!
//! A stream follows from the run's seed and its name (`workload`, `fault`, `knobs`, `link:0-2`, `node:1`), so taking
//! one fault out of a run leaves every draw of the others as it was, and shrinking works. Integers only: a run must be
//! the same in every process and on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xxhash_rust::xxh3::xxh3_64;

/// A stream of random numbers.
#[derive(Debug, Clone)]
pub struct Stream(ChaCha8Rng);

impl Stream {
    /// Returns the stream of this name in the run of this seed.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&xxh3_64(name.as_bytes()).to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Returns any number.
    pub fn word(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Returns a number below `bound`; 0 if `bound` is 0. The bias of a modulus does not matter here.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.word() % bound }
    }

    /// Returns a number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low).saturating_add(1))
    }

    /// Returns a number from `low` to `high`, each power of two as likely as the next: first the magnitude, then the
    /// rest.
    pub fn log_between(&mut self, low: u64, high: u64) -> u64 {
        let bits = |value: u64| u64::from(64 - value.leading_zeros());
        let magnitude = self.between(bits(low), bits(high));
        let floor = if magnitude == 0 { 0 } else { 1_u64 << (magnitude - 1) };
        let ceiling = if magnitude == 0 { 0 } else { floor - 1 + floor };
        self.between(floor.max(low), ceiling.min(high))
    }

    /// Returns one of these.
    ///
    /// # Panics
    /// If there is none.
    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        let index = self.below(of.len() as u64);
        &of[usize::try_from(index).expect("an index")]
    }

    /// Returns true once in so many times, on average.
    pub fn one_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    /// Returns 32 bytes for a node's seed.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }
}

#[cfg(test)]
mod tests;
