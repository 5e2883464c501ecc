//! What is remembered of a replica, connected or not.
//!
//! States of a slot: *free*, *connected* (a link owns it), *away* (since `last_seen`). A slot remembers; it never holds
//! the ring. Away for strictly more than the reconnect window it is forgotten, once, with an event; in a full table
//! the longest away gives way. Invariants: one slot a node, one link a slot.

use alloc::boxed::Box;
use alloc::vec;

use crate::id::{LinkId, NodeId, Offset, SnapshotId};
use crate::limits::{PAUSE_MAX_NS, PAUSE_MIN_NS};
use crate::rng::Dice;
use crate::time::{Span, Time};

/// What a replica acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Acked {
    /// Without a base the offsets count for nothing.
    pub(crate) base: bool,
    /// It keeps nothing through a power cut: `persisted` says nothing.
    pub(crate) volatile: bool,
    pub(crate) received: Offset,
    pub(crate) applied: Offset,
    pub(crate) persisted: Offset,
}

/// How far a replica came. See [`Node::acked`](crate::Node::acked).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Its core has the bytes.
    Received,
    /// Its store shows them.
    Applied,
    /// They survive a power cut there.
    Persisted,
}

impl Acked {
    pub(crate) fn at(&self, level: Level) -> Offset {
        match level {
            Level::Received => self.received,
            Level::Applied => self.applied,
            Level::Persisted => self.persisted,
        }
    }
}

/// One remembered replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Slot {
    /// Whether the slot is taken.
    pub(crate) used: bool,
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) link: Option<LinkId>,
    pub(crate) last_seen: Time,
    pub(crate) acked: Acked,
    /// Acknowledged more than was told.
    pub(crate) acked_untold: bool,
    /// The snapshot it was cut off from.
    pub(crate) cut_off: Option<SnapshotId>,
    /// Snapshots begun since it last caught up.
    pub(crate) snapshots: u32,
    /// Where the tail of the one began that is not known to be installed.
    pub(crate) begun: Option<Offset>,
    /// No new snapshot for it before this.
    pub(crate) not_before: Time,
    /// A former owner's expiry that was not told yet.
    pub(crate) expired: Option<(NodeId, u64)>,
}

impl Slot {
    /// A snapshot begins: the next one, unless the replica catches up, waits a growing pause.
    pub(crate) fn note_snapshot(&mut self, now: Time, from: Offset, dice: &mut Dice) {
        self.begun = Some(from);
        let pause = PAUSE_MIN_NS.saturating_mul(1 << self.snapshots.min(16)).min(PAUSE_MAX_NS);
        self.snapshots += 1;
        self.not_before = now + Span(dice.jitter(pause));
    }

    /// A snapshot was installed: the pause before the next one is counted from here.
    pub(crate) fn note_snapshot_end(&mut self, now: Time, dice: &mut Dice) {
        self.begun = None;
        let pause =
            PAUSE_MIN_NS.saturating_mul(1 << self.snapshots.saturating_sub(1).min(16)).min(PAUSE_MAX_NS);
        self.not_before = now + Span(dice.jitter(pause));
    }

    /// The replica caught up: the pauses begin anew.
    pub(crate) fn note_caught_up(&mut self) {
        self.snapshots = 0;
        self.not_before = Time::ZERO;
    }

    /// When it will be forgotten: the first moment strictly past the window.
    pub(crate) fn expires_at(&self, window: Span) -> Option<Time> {
        (self.used && self.link.is_none()).then(|| self.last_seen + window + Span(1))
    }
}

/// The table of slots.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(crate) rows: Box<[Slot]>,
}

clone_fields! { Slots { rows } }

impl Slots {
    pub(crate) fn new(count: u32) -> Self {
        Self { rows: vec![Slot::default(); count as usize].into_boxed_slice() }
    }

    /// The slot of a node.
    pub(crate) fn find(&self, node: NodeId) -> Option<usize> {
        self.rows.iter().position(|slot| slot.used && slot.node == node)
    }

    /// A free slot, or the one that gives way: the longest away. `None` if all are connected.
    pub(crate) fn room(&self) -> Option<usize> {
        if let Some(free) = self.rows.iter().position(|slot| !slot.used) {
            return Some(free);
        }
        let away =
            self.rows.iter().enumerate().filter(|(_, slot)| slot.link.is_none() && slot.expired.is_none());
        away.min_by_key(|(_, slot)| slot.last_seen).map(|(row, _)| row)
    }

    /// The `n`-th highest acknowledgement at a level, over connected replicas with a base.
    pub(crate) fn acked(&self, level: Level, n: u32) -> Offset {
        let counted = || self.rows.iter().filter(|slot| slot.used && slot.link.is_some() && slot.acked.base);
        let mut bound = Offset(u64::MAX);
        let mut left = n;
        // Without allocating: the highest, then the highest below it, until n are covered.
        loop {
            let best = counted().map(|slot| slot.acked.at(level)).filter(|offset| *offset < bound).max();
            let Some(best) = best else { return Offset(0) };
            let equal = counted().filter(|slot| slot.acked.at(level) == best).count();
            if equal >= left as usize {
                return best;
            }
            left -= u32::try_from(equal).expect("bounded by slots_max");
            bound = best;
        }
    }

    pub(crate) fn check(&self) {
        for (row, slot) in self.rows.iter().enumerate().filter(|(_, slot)| slot.used) {
            assert_eq!(self.find(slot.node), Some(row), "one slot a node");
        }
    }
}
