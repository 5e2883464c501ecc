//! Names and quantities: every number that travels has a type of its own.

use core::fmt;

/// A node's own name, chosen by its operator and unique among the replicas of one store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct NodeId(pub u64);

/// The host's name for one connection: any number below [`Config::link_ids`](crate::Config::link_ids).
///
/// It is busy from [`Input::Opened`](crate::Input::Opened) until [`Event::Close`](crate::Event::Close) was polled
/// or [`Input::Lost`](crate::Input::Lost) was handled; then it may name another connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct LinkId(pub u32);

/// The name of one history of writes: 128 random bits, drawn when a store is first written. Zero means none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HistoryId(pub u128);

/// The part of a history that one writer wrote: a number of 32 bits (high) and 32 random bits (low).
///
/// The number orders epochs; the random bits tell two writers apart that chose the same number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// How many records lie before a point of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Offset(pub u64);

/// One consistent view of a sender's store: 32 bits that are random at each boot (high), and a count of 32 (low).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SnapshotId(pub u64);

/// One record of a history: the epoch it was written in, and the offset after it.
///
/// An offset alone names a record of every history that came so far; with the epoch it names one, for ever. A promise
/// that outlives a change of role is remembered as this, and asked of [`Node::holds`](crate::Node::holds).
/// The default lies before every record, in every history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EpochOffset {
    /// The epoch of the record before the offset.
    pub epoch: Epoch,
    /// The offset after it.
    pub offset: Offset,
}

/// A boundary of the history with the proof of what lies before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Position {
    /// The newest epoch opened at or before the boundary. It may hold no record yet: the epoch of the record before is
    /// that of [`Node::place`](crate::Node::place).
    pub epoch: Epoch,
    /// The number of records before it; always between two sealed batches.
    pub boundary: Offset,
    /// The digest chained over every batch before it.
    pub digest: u64,
}

impl LinkId {
    /// Returns the name of a row of the table of links.
    pub(crate) fn of_row(row: usize) -> Self {
        Self(u32::try_from(row).expect("link ids are u32"))
    }

    /// Returns the row it names.
    pub(crate) const fn row(self) -> usize {
        self.0 as usize
    }
}

impl HistoryId {
    /// No history: a store that never held one. Not the same as offset 0.
    pub const NONE: Self = Self(0);

    /// Returns whether this names no history.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

impl Epoch {
    /// Joins a number and random bits.
    #[must_use]
    pub const fn new(number: u32, random: u32) -> Self {
        Self(((number as u64) << 32) | random as u64)
    }

    /// Returns the number, which orders epochs.
    #[must_use]
    pub const fn number(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

impl fmt::Debug for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HistoryId({self})")
    }
}

impl fmt::Display for HistoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Epoch({self})")
    }
}

impl fmt::Display for Epoch {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is random")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:08x}", self.number(), self.0 as u32)
    }
}

impl fmt::Debug for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotId({self})")
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
