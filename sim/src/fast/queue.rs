//! The event queue: events by time, in one order. Events of one moment come in the order they were asked for.
//!
//! No event is taken back: each carries what it needs to show that it is outdated (a process's birth, a dial's number),
//! so a late one is harmless.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// An event of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A segment, or the end of the stream, reaches the far end. `end` is the sender.
    Deliver {
        conn: u32,
        end: u8,
    },
    /// A blocked writer is notified that there is room again.
    Room {
        conn: u32,
        end: u8,
    },
    /// An end is notified that its connection is gone.
    Reset {
        conn: u32,
        end: u8,
    },
    /// A dial reaches its upstream.
    Connect {
        machine: u8,
        birth: u32,
        dial: u32,
    },
    /// A dial was not answered.
    DialTimeout {
        machine: u8,
        birth: u32,
        dial: u32,
    },
    /// A node's deadline.
    Wake {
        machine: u8,
    },
    /// A machine has something to do.
    Turn {
        machine: u8,
    },
    /// The store finished a batch.
    Applied {
        machine: u8,
        birth: u32,
        round: u32,
    },
    /// The disk's sync ends.
    Synced {
        machine: u8,
        birth: u32,
        round: u32,
    },
    /// A view is open.
    ViewOpen {
        machine: u8,
        birth: u32,
        snapshot: u64,
    },
    /// An operation of the workload is due.
    Op,
    /// A machine starts for the first time, or again.
    Start {
        machine: u8,
    },
    /// A fault of the plan begins, has its next part, or ends.
    FaultBegins {
        index: u16,
    },
    FaultPart {
        index: u16,
        part: u32,
    },
    FaultEnds {
        index: u16,
    },
    /// Chaos is over.
    Heal,
    /// The operator looks after the nodes, once chaos is over.
    Tend,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    t_us: u64,
    number: u64,
    what: What,
}

impl Entry {
    /// Returns time, then number, as one: compared without a branch.
    fn order(&self) -> u128 {
        u128::from(self.t_us) << 64 | u128::from(self.number)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first; the earliest is wanted.
        other.order().cmp(&self.order())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// How many events are kept in order. A few dozen wait in most plans, thousands in some.
const NEAR_MAX: usize = 32;

/// The events to come: the next few in order, which is quicker than a heap, and in a heap the rest.
///
/// Invariants: nothing near comes after anything far; while anything waits, something is near.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// The next events, the earliest last.
    near: Vec<Entry>,
    far: BinaryHeap<Entry>,
    number: u64,
}

impl Queue {
    /// Adds an event.
    pub(super) fn push(&mut self, t_us: u64, what: What) {
        self.number += 1;
        let entry = Entry { t_us, number: self.number, what };
        if self.far.peek().is_some_and(|first| first.t_us <= t_us) {
            return self.far.push(entry);
        }
        let place = self.near.partition_point(|later| later.t_us > t_us);
        self.near.insert(place, entry);
        if self.near.len() > NEAR_MAX {
            self.far.push(self.near.remove(0));
        }
    }

    /// Returns the time of the next event.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.near.last().map(|entry| entry.t_us)
    }

    /// Returns the next event, if it is due.
    pub(super) fn pop_due(&mut self, now_us: u64) -> Option<What> {
        let due = self.near.pop_if(|entry| entry.t_us <= now_us)?;
        if self.near.is_empty() {
            self.near.extend((0..NEAR_MAX / 2).map_while(|_| self.far.pop()));
            self.near.reverse();
        }
        Some(due.what)
    }
}

#[cfg(test)]
mod tests;
