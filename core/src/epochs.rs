//! The table of epochs: which writer wrote from where, and where two histories part.
//!
//! Invariants: numbers rise strictly, starts never fall, at most [`EPOCHS_MAX`] entries (the oldest are forgotten).
//! Epoch *i* holds the records from its start to the next one's start; the last one's end is the log's. An epoch
//! without records that another one follows at the same offset is dropped: nobody can hold a record of it that a
//! common ancestor does not already bound.
//!
//! Idea: Kafka's leader-epoch table (KIP-101, KIP-279), with random bits in the epoch so that equal entries mean equal
//! content.

use core::hash::{Hash, Hasher};

use crate::id::{Epoch, Offset};
use crate::limits::EPOCHS_MAX;

/// An epoch, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Opening {
    pub(crate) epoch: Epoch,
    pub(crate) start: Offset,
}

/// The point where two logs part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parting {
    /// The end of what both hold.
    pub(crate) at: Offset,
    /// Set if it is in the last epoch of the table that was asked.
    pub(crate) in_our_last: bool,
}

/// The newest epochs of a history, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct EpochTable {
    entries: [Opening; EPOCHS_MAX],
    len: usize,
}

/// Tables are equal by their entries; the rest of the array is left over from former ones.
impl PartialEq for EpochTable {
    fn eq(&self, other: &Self) -> bool {
        self.entries() == other.entries()
    }
}

impl Eq for EpochTable {}

impl Hash for EpochTable {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.entries().hash(hasher);
    }
}

impl EpochTable {
    pub(crate) const EMPTY: Self =
        Self { entries: [Opening { epoch: Epoch(0), start: Offset(0) }; EPOCHS_MAX], len: 0 };

    /// Returns the entries, the oldest first.
    pub(crate) fn entries(&self) -> &[Opening] {
        &self.entries[..self.len]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the newest entry.
    pub(crate) fn last(&self) -> Option<Opening> {
        self.entries().last().copied()
    }

    /// Returns the newest number, or 0.
    pub(crate) fn number(&self) -> u32 {
        self.last().map_or(0, |last| last.epoch.number())
    }

    /// Opens an epoch. Returns whether it was in order: a higher number, at no earlier an offset.
    pub(crate) fn open(&mut self, epoch: Epoch, start: Offset) -> bool {
        if !self.may_follow(epoch, start) {
            return false;
        }
        // One without records binds nobody: the new one takes its place.
        if self.last().is_some_and(|last| last.start == start) {
            self.len -= 1;
        }
        if self.len == EPOCHS_MAX {
            self.entries.copy_within(1.., 0);
            self.len -= 1;
        }
        self.push(epoch, start);
        true
    }

    /// Returns whether an epoch is in order behind the last: a higher number, at no earlier an offset.
    fn may_follow(&self, epoch: Epoch, start: Offset) -> bool {
        self.last().is_none_or(|last| epoch.number() > last.epoch.number() && start >= last.start)
    }

    fn push(&mut self, epoch: Epoch, start: Offset) {
        assert!(self.len < EPOCHS_MAX, "the caller makes room");
        debug_assert!(self.may_follow(epoch, start), "numbers rise, starts never fall");
        self.entries[self.len] = Opening { epoch, start };
        self.len += 1;
    }

    /// Returns the epoch in force at a boundary: the newest opened at or before it.
    pub(crate) fn at(&self, boundary: Offset) -> Option<Epoch> {
        self.entries().iter().rev().find(|entry| entry.start <= boundary).map(|entry| entry.epoch)
    }

    /// Returns the newest epoch number of which a log ending at `end` holds records, or 0.
    pub(crate) fn number_with_records(&self, end: Offset) -> u32 {
        self.of_record(end).map_or(0, Epoch::number)
    }

    /// Returns the epoch of the record before `offset`, if the table reaches so far back. The end of the log is not
    /// known here.
    pub(crate) fn of_record(&self, offset: Offset) -> Option<Epoch> {
        self.entries().iter().rev().find(|entry| entry.start < offset).map(|entry| entry.epoch)
    }

    /// Returns all but the epochs opened after `boundary` and those after `newest`: the table that a cursor there has.
    pub(crate) fn below(&self, boundary: Offset, newest: Epoch) -> &[Opening] {
        let inside = |entry: &Opening| entry.start <= boundary && entry.epoch.number() <= newest.number();
        let last = self.entries().iter().rposition(inside);
        &self.entries[..last.map_or(0, |last| last + 1)]
    }

    /// Returns the table that a cursor there has.
    pub(crate) fn cut(&self, boundary: Offset, newest: Epoch) -> Self {
        Self { entries: self.entries, len: self.below(boundary, newest).len() }
    }

    /// Returns where the epoch at `index` ends, in a log that ends at `end`.
    fn end_of(&self, index: usize, end: Offset) -> Offset {
        self.entries().get(index + 1).map_or(end, |next| next.start.min(end))
    }

    /// Returns where two logs part: the lesser of their ends in the newest epoch both tables hold. `None` if no epoch
    /// is common.
    pub(crate) fn parting(&self, end: Offset, theirs: &Self, their_end: Offset) -> Option<Parting> {
        for (index, opening) in self.entries().iter().enumerate().rev() {
            if let Some(their_index) = theirs.entries().iter().rposition(|other| other.epoch == opening.epoch)
            {
                let at = self.end_of(index, end).min(theirs.end_of(their_index, their_end));
                assert!(at <= end && at <= their_end, "both hold what lies before it");
                return Some(Parting { at, in_our_last: index + 1 == self.len });
            }
        }
        None
    }

    /// Opens an epoch as [`open`](Self::open) does, but keeps an empty one before it: a table from outside is taken as
    /// it is. It must have room.
    pub(crate) fn append(&mut self, epoch: Epoch, start: Offset) -> bool {
        let in_order = self.may_follow(epoch, start);
        if in_order {
            self.push(epoch, start);
        }
        in_order
    }
}

#[cfg(test)]
mod tests;
