//! A node's whole state in 128 bits, for searches that must know where they have been.
//!
//! Equal states give equal prints: times count from now (and silence on its own clock), so a `Tick` with nothing due
//! leaves out only what has passed; byte positions count from the ring's begin; rows not in use are alike, whatever
//! they held before. Left out is what no step or event depends on: the configuration (it never changes), counters and
//! what only status pages read, Unix time, the index (a shorter way to the same places). Moving `now` changes the print
//! where a deadline or a silence comes nearer by it. Nothing is allocated.

use core::hash::{Hash, Hasher};

use xxhash_rust::xxh3::Xxh3;

use crate::node::Node;

const BUFFER_BYTES: usize = 256;

/// A hasher that gives the same on every target: whole numbers of 64 bits, little-endian.
struct Print {
    hash: Xxh3,
    buffer: [u8; BUFFER_BYTES],
    len: usize,
}

impl Print {
    fn new() -> Self {
        Self { hash: Xxh3::new(), buffer: [0; BUFFER_BYTES], len: 0 }
    }

    fn spill(&mut self) {
        self.hash.update(&self.buffer[..self.len]);
        self.len = 0;
    }

    fn whole(mut self) -> u128 {
        self.spill();
        self.hash.digest128()
    }
}

impl Hasher for Print {
    fn write(&mut self, bytes: &[u8]) {
        self.spill();
        self.hash.update(bytes);
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        if self.len + 8 > BUFFER_BYTES {
            self.spill();
        }
        self.buffer[self.len..self.len + 8].copy_from_slice(&word.to_le_bytes());
        self.len += 8;
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    #[inline]
    fn write_u16(&mut self, half: u16) {
        self.write_u64(half.into());
    }

    #[inline]
    fn write_u32(&mut self, half: u32) {
        self.write_u64(half.into());
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low half, then the high one")]
    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        let mut hash = self.hash.clone();
        hash.update(&self.buffer[..self.len]);
        hash.digest()
    }
}

impl Node {
    /// The print of the whole state. Not a stable format: only to be compared within one run of one program.
    #[doc(hidden)]
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        let mut print = Print::new();
        let clock = &self.shared.clock;
        self.links.print(clock, &mut print);
        self.stream.print(&self.links, clock, &mut print);
        for at in self.shared.timers.all() {
            clock.until(at).hash(&mut print);
        }
        self.shared.events.hash(&mut print);
        print.whole()
    }
}

#[cfg(test)]
mod tests;
