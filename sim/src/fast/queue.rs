//! The event queue: what happens when, in one order. Events of one moment come in the order they were asked for.
//!
//! Nobody takes an event back: each carries what it needs to find that it is no longer meant (a process's birth, a
//! dial's number), so a late one is harmless.

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

/// The events to come.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// When and what, the next one last: there are a few dozen, and most that are asked for are soon.
    events: Vec<(u64, What)>,
}

impl Queue {
    /// Something will happen. Its place is looked for from the next event on: it is near.
    pub(super) fn push(&mut self, t_us: u64, what: What) {
        let later = self.events.iter().rposition(|event| event.0 > t_us);
        self.events.insert(later.map_or(0, |place| place + 1), (t_us, what));
    }

    /// When the next event is.
    pub(super) fn next_us(&self) -> Option<u64> {
        self.events.last().map(|event| event.0)
    }

    /// The next event, if it is due.
    pub(super) fn pop_due(&mut self, now_us: u64) -> Option<What> {
        self.events.pop_if(|event| event.0 <= now_us).map(|event| event.1)
    }
}
