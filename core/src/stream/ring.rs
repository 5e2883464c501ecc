//! A fixed ring of bytes, addressed by positions that only grow.
//!
//! Invariants: `start <= end`, `end - start <= capacity`. Byte `p` is at `p % capacity`; the place of `start` is
//! kept, so that nothing divides to find another. Nothing here knows frames.

use alloc::boxed::Box;
use alloc::vec;

/// A fixed ring of bytes.
#[derive(Debug)]
pub(crate) struct Ring {
    bytes: Box<[u8]>,
    start: u64,
    end: u64,
    /// The place of the byte at `start`.
    start_place: usize,
}

clone_fields! { Ring { bytes, start, end, start_place } }

impl Ring {
    pub(super) fn new(capacity: u64) -> Self {
        let capacity = usize::try_from(capacity).expect("BACKLOG_BYTES_MAX fits in usize");
        Self { bytes: vec![0; capacity].into_boxed_slice(), start: 0, end: 0, start_place: 0 }
    }

    pub(super) fn start(&self) -> u64 {
        self.start
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn free(&self) -> u64 {
        self.bytes.len() as u64 - (self.end - self.start)
    }

    /// Returns the place of the byte at a position from `start` to `end`.
    #[expect(clippy::cast_possible_truncation, reason = "at most the capacity, a usize")]
    fn place(&self, position: u64) -> usize {
        let place = self.start_place + (position - self.start) as usize;
        if place < self.bytes.len() { place } else { place - self.bytes.len() }
    }

    /// Appends bytes; there must be room.
    pub(super) fn push(&mut self, data: &[u8]) {
        assert!(data.len() as u64 <= self.free(), "the log evicts before it appends");
        let at = self.end;
        self.end += data.len() as u64;
        self.overwrite(at, data);
    }

    /// Moves the end forward over bytes to be written later.
    pub(super) fn reserve(&mut self, count: u64) {
        assert!(count <= self.free(), "the log evicts before it appends");
        self.end += count;
    }

    /// Writes over bytes inside the ring.
    pub(super) fn overwrite(&mut self, position: u64, data: &[u8]) {
        debug_assert!(self.start <= position && position + data.len() as u64 <= self.end, "inside the ring");
        let place = self.place(position);
        let room = self.bytes.len() - place;
        if data.len() <= room {
            self.bytes[place..place + data.len()].copy_from_slice(data);
        } else {
            self.bytes[place..].copy_from_slice(&data[..room]);
            self.bytes[..data.len() - room].copy_from_slice(&data[room..]);
        }
    }

    /// Forgets everything before a position.
    pub(super) fn drop_before(&mut self, position: u64) {
        assert!(self.start <= position && position <= self.end);
        (self.start_place, self.start) = (self.place(position), position);
    }

    /// Forgets everything from a position on.
    pub(super) fn truncate(&mut self, position: u64) {
        assert!(self.start <= position && position <= self.end);
        self.end = position;
    }

    /// Returns the bytes between two positions inside the ring, in one or two parts.
    pub(super) fn slices(&self, from: u64, to: u64) -> (&[u8], &[u8]) {
        assert!(self.start <= from && from <= to && to <= self.end, "bytes that the ring has let go");
        let place = self.place(from);
        let count = usize::try_from(to - from).expect("within the ring");
        let room = self.bytes.len() - place;
        if count <= room {
            (&self.bytes[place..place + count], &[])
        } else {
            (&self.bytes[place..], &self.bytes[..count - room])
        }
    }

    /// Returns a copy of `N` bytes at a position.
    #[inline]
    pub(super) fn read<const N: usize>(&self, position: u64) -> [u8; N] {
        assert!(self.start <= position && position + N as u64 <= self.end, "bytes that the ring has let go");
        match self.bytes[self.place(position)..].first_chunk() {
            Some(bytes) => *bytes,
            None => self.read_around(position),
        }
    }

    /// Returns the same of bytes that go around the end.
    fn read_around<const N: usize>(&self, position: u64) -> [u8; N] {
        let (front, back) = self.slices(position, position + N as u64);
        let mut bytes = [0; N];
        bytes[..front.len()].copy_from_slice(front);
        bytes[front.len()..].copy_from_slice(back);
        bytes
    }
}
