//! Random numbers from the host's seed, one labelled stream for each use.
//!
//! A label is a stream number of ChaCha, so a draw for one purpose never shifts the draws of another: adding a
//! retry to one link leaves every other decision of a run as it was.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The use of a stream. The number is the ChaCha stream and never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Label {
    /// History ids, the low halves of epochs, the incarnation and snapshot ids.
    Identity = 1,
    /// Jitter of the redial back-off.
    Redial = 2,
    /// Jitter of the pause between two snapshots for one replica.
    Pause = 3,
}

/// One stream of random numbers.
#[derive(Debug, Clone)]
pub(crate) struct SeededRng(ChaCha8Rng);

impl SeededRng {
    pub(crate) fn new(seed: [u8; 32], label: Label) -> Self {
        let mut rng = ChaCha8Rng::from_seed(seed);
        rng.set_stream(label as u64);
        Self(rng)
    }

    /// How much was drawn.
    pub(crate) fn drawn(&self) -> u128 {
        self.0.get_word_pos()
    }

    pub(crate) fn word(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// 128 bits that are not zero: zero means "no history".
    pub(crate) fn id128(&mut self) -> u128 {
        let high = u128::from(self.0.next_u64());
        let low = u128::from(self.0.next_u64());
        ((high << 64) | low).max(1)
    }

    /// A value in `[whole / 2, whole]`: the jitter every back-off uses.
    pub(crate) fn jitter(&mut self, whole: u64) -> u64 {
        let half = whole / 2;
        let value = whole - self.0.next_u64() % (half + 1);
        debug_assert!((half..=whole).contains(&value));
        value
    }
}
