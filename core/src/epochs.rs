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

/// One epoch and where it was opened.
pub(crate) type Opening = (Epoch, Offset);

/// The newest epochs of a history, oldest first.
#[derive(Debug, Clone)]
pub(crate) struct EpochTable {
    entries: [Opening; EPOCHS_MAX],
    len: usize,
}

/// Tables are equal by their entries; what lies beyond them is left over from former ones.
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
    pub(crate) const EMPTY: Self = Self { entries: [(Epoch(0), Offset(0)); EPOCHS_MAX], len: 0 };

    pub(crate) fn entries(&self) -> &[Opening] {
        &self.entries[..self.len]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(crate) fn last(&self) -> Option<Opening> {
        self.entries().last().copied()
    }

    /// The newest number, or 0.
    pub(crate) fn number(&self) -> u32 {
        self.last().map_or(0, |(epoch, _)| epoch.number())
    }

    /// Opens an epoch. Returns whether it was in order: a higher number, at no earlier an offset.
    pub(crate) fn open(&mut self, epoch: Epoch, start: Offset) -> bool {
        if let Some((last, last_start)) = self.last() {
            if epoch.number() <= last.number() || start < last_start {
                return false;
            }
            if start == last_start {
                self.len -= 1;
            }
        }
        if self.len == EPOCHS_MAX {
            self.entries.copy_within(1.., 0);
            self.len -= 1;
        }
        self.entries[self.len] = (epoch, start);
        self.len += 1;
        true
    }

    /// The epoch in force at a boundary: the newest opened at or before it.
    pub(crate) fn at(&self, boundary: Offset) -> Option<Epoch> {
        self.entries().iter().rev().find(|(_, start)| *start <= boundary).map(|(epoch, _)| *epoch)
    }

    /// The newest epoch number of which a log ending at `end` holds records, or 0.
    pub(crate) fn number_with_records(&self, end: Offset) -> u32 {
        self.of_record(end).map_or(0, Epoch::number)
    }

    /// The epoch of the record before `offset`, if the table reaches so far back. The end of the log is not known here.
    pub(crate) fn of_record(&self, offset: Offset) -> Option<Epoch> {
        self.entries().iter().rev().find(|(_, start)| *start < offset).map(|(epoch, _)| *epoch)
    }

    /// All but the epochs opened after `boundary`, and those after `newest`: what a cursor there shows.
    pub(crate) fn below(&self, boundary: Offset, newest: Epoch) -> &[Opening] {
        let inside = |(epoch, start): &Opening| *start <= boundary && epoch.number() <= newest.number();
        let last = self.entries().iter().rposition(inside);
        &self.entries[..last.map_or(0, |last| last + 1)]
    }

    /// The table as a cursor there shows it.
    pub(crate) fn cut(&self, boundary: Offset, newest: Epoch) -> Self {
        Self { entries: self.entries, len: self.below(boundary, newest).len() }
    }

    /// Where the log of epoch number `index` ends, in a log that ends at `end`.
    fn end_of(&self, index: usize, end: Offset) -> Offset {
        self.entries().get(index + 1).map_or(end, |(_, start)| (*start).min(end))
    }

    /// Where two logs part: the lesser of their ends in the newest epoch both tables hold, and whether that epoch is
    /// the last of `self`. `None` if no epoch is common.
    pub(crate) fn parting(&self, end: Offset, theirs: &Self, their_end: Offset) -> Option<(Offset, bool)> {
        for (index, opening) in self.entries().iter().enumerate().rev() {
            if let Some(their_index) = theirs.entries().iter().rposition(|other| other.0 == opening.0) {
                let parting = self.end_of(index, end).min(theirs.end_of(their_index, their_end));
                return Some((parting, index + 1 == self.len));
            }
        }
        None
    }

    /// As [`open`](Self::open), but keeps an empty epoch: a table from outside is taken as it is. It must have room.
    pub(crate) fn append(&mut self, epoch: Epoch, start: Offset) -> bool {
        if self.last().is_some_and(|(last, last_start)| epoch.number() <= last.number() || start < last_start)
        {
            return false;
        }
        self.entries[self.len] = (epoch, start);
        self.len += 1;
        true
    }
}

#[cfg(test)]
mod tests;
