//! A sparse index: the first frame that begins in each 4 KiB of the ring. Heads do the rest.
//!
//! Invariants: entries rise strictly in position and offset, at most one for each [`INDEX_STEP_BYTES`]; the number of
//! entries is bounded by the ring's size, so nothing is ever allocated after `new`.

use alloc::collections::VecDeque;

use crate::id::Offset;
use crate::limits::INDEX_STEP_BYTES;

/// A frame's byte position and first offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(super) position: u64,
    pub(super) first: Offset,
}

/// The sparse index of a ring.
#[derive(Debug)]
pub(crate) struct Index {
    entries: VecDeque<Entry>,
    bound: usize,
}

clone_fields! { Index { entries, bound } }

impl Index {
    pub(super) fn bound(backlog_bytes: u64) -> usize {
        usize::try_from(backlog_bytes / INDEX_STEP_BYTES).expect("BACKLOG_BYTES_MAX fits") + 2
    }

    pub(super) fn new(backlog_bytes: u64) -> Self {
        let bound = Self::bound(backlog_bytes);
        Self { entries: VecDeque::with_capacity(bound), bound }
    }

    /// Notes a frame that begins at a position, if it is the first in its step.
    pub(super) fn note(&mut self, position: u64, first: Offset) {
        let new_step = |last: &Entry| last.position / INDEX_STEP_BYTES < position / INDEX_STEP_BYTES;
        debug_assert!(self.entries.back().is_none_or(|last| last.position < position && last.first < first));
        if self.entries.back().is_none_or(new_step) {
            assert!(
                self.entries.len() < self.bound,
                "one entry a step, and steps before the ring's start are dropped"
            );
            self.entries.push_back(Entry { position, first });
        }
    }

    /// Forgets frames before a position.
    pub(super) fn drop_before(&mut self, position: u64) {
        while self.entries.front().is_some_and(|entry| entry.position < position) {
            self.entries.pop_front();
        }
    }

    /// Forgets frames from a position on.
    pub(super) fn truncate(&mut self, position: u64) {
        while self.entries.back().is_some_and(|entry| entry.position >= position) {
            self.entries.pop_back();
        }
    }

    /// The last noted frame that begins at or before an offset.
    pub(super) fn floor(&self, offset: Offset) -> Option<Entry> {
        let after = self.entries.partition_point(|entry| entry.first <= offset);
        after.checked_sub(1).map(|index| self.entries[index])
    }
}
