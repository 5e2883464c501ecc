//! The event queue: what happens when, in one order. Events of one moment come in the order they were asked for.
//!
//! Nobody takes an event back: each carries what it needs to find that it is no longer meant (a process's birth, a
//! dial's number), so a late one is harmless.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// A segment, or the end of the stream, reaches the far end. `end` is who sent it.
    Deliver {
        conn: u32,
        end: u8,
    },
    /// A blocked writer hears that there is room again.
    Room {
        conn: u32,
        end: u8,
    },
    /// An end hears that its connection is gone.
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
    /// The store applied the batch it was at.
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
    /// Time, then number, as one: compared without a branch.
    fn order(&self) -> u128 {
        u128::from(self.t_us) << 64 | u128::from(self.number)
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Self) -> Ordering {
        // The heap gives the greatest first; we want the earliest.
        other.order().cmp(&self.order())
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The events to come. A list in order is a little quicker where a few dozen wait, and many times slower in plans that
/// let thousands wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    heap: BinaryHeap<Entry>,
    number: u64,
}

impl Queue {
    /// Something will happen.
    pub(super) fn push(&mut self, t_us: u64, what: What) {
        self.number += 1;
        self.heap.push(Entry { t_us, number: self.number, what });
    }

    /// When the next event is.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.heap.peek().map(|entry| entry.t_us)
    }

    /// The next event, if it is due.
    pub(super) fn pop_due(&mut self, now_us: u64) -> Option<What> {
        if self.next_us()? > now_us {
            return None;
        }
        self.heap.pop().map(|entry| entry.what)
    }
}
