//! The memory of a replica, connected or not.
//!
//! States of a slot: *free*, *connected* (a link owns it), *away* (since `last_seen`). A slot remembers; it never holds
//! the ring. Away for strictly more than the reconnect window it is forgotten, once, with an event; in a full table
//! the longest away gives way. Invariants: one slot a node, one link a slot.

use alloc::boxed::Box;
use alloc::vec;
use core::hash::{Hash, Hasher};

use crate::clock::Clock;
use crate::config::Config;
use crate::events::Subject;
use crate::id::{LinkId, NodeId, Offset, SnapshotId};
use crate::limits::{PAUSE_MAX_NS, PAUSE_MIN_NS};
use crate::rng::SeededRng;
use crate::stages::{Level, Stages};
use crate::time::{Span, Time};

/// The acknowledgement of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Acked {
    /// Without a base the offsets count for nothing.
    pub(crate) base: bool,
    /// It keeps nothing through a power cut: `persisted` means nothing.
    pub(super) volatile: bool,
    pub(super) received: Offset,
    pub(super) applied: Offset,
    pub(super) persisted: Offset,
}

impl Acked {
    /// Returns whether it takes back what was acknowledged before.
    pub(super) fn is_behind(&self, before: &Self) -> bool {
        self.received < before.received
            || before.base
                && (!self.base || self.applied < before.applied || self.persisted < before.persisted)
    }

    pub(super) fn at(&self, level: Level) -> Offset {
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
    /// Set if the slot is taken.
    pub(super) used: bool,
    pub(super) node: NodeId,
    pub(super) incarnation: u64,
    pub(super) link: Option<LinkId>,
    pub(super) last_seen: Time,
    pub(super) acked: Acked,
    /// It acknowledged more than was notified.
    pub(super) acked_pending: bool,
    /// The snapshot it was cut off from.
    pub(super) cut_off: Option<SnapshotId>,
    /// Snapshots begun since it last caught up.
    pub(super) snapshots: u32,
    /// Where the tail of the one began that is not known to be installed.
    pub(super) begun: Option<Offset>,
    /// No new snapshot for it before this.
    pub(super) not_before: Time,
    /// A former owner's expiry that was not notified yet.
    pub(super) expired: Option<(NodeId, u64)>,
}

impl Slot {
    /// Takes note that a snapshot begins: the next one, unless the replica catches up, waits a growing pause.
    pub(super) fn note_snapshot(&mut self, now: Time, from: Offset, rng: &mut SeededRng) {
        debug_assert!(self.used && self.link.is_some(), "a snapshot is for a connected replica");
        self.begun = Some(from);
        let pause = PAUSE_MIN_NS.saturating_mul(1 << self.snapshots.min(16)).min(PAUSE_MAX_NS);
        self.snapshots += 1;
        self.not_before = now + Span(rng.jitter(pause));
    }

    /// Takes note that a snapshot was installed: the pause before the next one is counted from here.
    pub(super) fn note_snapshot_end(&mut self, now: Time, rng: &mut SeededRng) {
        debug_assert!(self.used && self.link.is_some(), "a connected replica says so");
        self.begun = None;
        let pause =
            PAUSE_MIN_NS.saturating_mul(1 << self.snapshots.saturating_sub(1).min(16)).min(PAUSE_MAX_NS);
        self.not_before = now + Span(rng.jitter(pause));
    }

    /// Takes note that the replica caught up: the pauses begin anew.
    pub(super) fn note_caught_up(&mut self) {
        self.snapshots = 0;
        self.not_before = Time::ZERO;
    }

    /// The acknowledgement as our host is notified of it: without a base it counts for nothing.
    pub(super) fn counted(&self) -> Stages<Offset> {
        Stages::of(|level| if self.acked.base { self.acked.at(level) } else { Offset(0) })
    }

    /// Returns when it will be forgotten: the first moment strictly past the window.
    pub(super) fn expires_at(&self, window: Span) -> Option<Time> {
        (self.used && self.link.is_none()).then(|| self.last_seen + window + Span(1))
    }
}

/// The table of slots.
#[derive(Debug)]
pub(crate) struct Slots {
    pub(super) rows: Box<[Slot]>,
}

clone_fields! { Slots { rows } }

impl Slots {
    pub(super) fn new(count: u32) -> Self {
        Self { rows: vec![Slot::default(); count as usize].into_boxed_slice() }
    }

    /// Forgets acknowledgements of records after `kept`, which are not in the log any more: the next JOIN of their
    /// replica has its position.
    pub(super) fn forget_after(&mut self, kept: Offset) {
        for slot in self.rows.iter_mut().filter(|slot| slot.used && slot.acked.received > kept) {
            (slot.acked, slot.acked_pending) = (Acked::default(), false);
        }
    }

    /// Returns the slot of a node.
    pub(super) fn find(&self, node: NodeId) -> Option<usize> {
        self.rows.iter().position(|slot| slot.used && slot.node == node)
    }

    /// Returns a free slot, or the one that gives way: the longest away. `None` if all are connected.
    pub(super) fn room(&self) -> Option<usize> {
        if let Some(free) = self.rows.iter().position(|slot| !slot.used) {
            return Some(free);
        }
        let away =
            self.rows.iter().enumerate().filter(|(_, slot)| slot.link.is_none() && slot.expired.is_none());
        away.min_by_key(|(_, slot)| slot.last_seen).map(|(row, _)| row)
    }

    /// Returns the `n`-th highest acknowledgement at a level, over connected replicas with a base.
    pub(super) fn acked(&self, level: Level, n: u32) -> Offset {
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

    /// The bytes it allocates.
    pub(super) fn memory_bytes(config: &Config) -> u64 {
        u64::from(config.options().slots_max) * size_of::<Slot>() as u64
    }

    /// Returns whether there is something to notify of each slot.
    pub(super) fn pending(&self) -> impl Iterator<Item = (bool, Subject)> + '_ {
        let has = |slot: &Slot| slot.acked_pending || slot.expired.is_some();
        self.rows.iter().enumerate().map(move |(row, slot)| (has(slot), Subject::Slot(row)))
    }

    /// Feeds a fingerprint. Times count from now; rows not in use are left out.
    pub(super) fn print(&self, clock: &Clock, print: &mut impl Hasher) {
        for slot in self.rows.iter().filter(|slot| slot.used || slot.expired.is_some()) {
            (slot.used, slot.node, slot.incarnation, slot.link, slot.acked, slot.acked_pending).hash(print);
            let not_before = clock.until(slot.not_before);
            (slot.cut_off, slot.snapshots, slot.begun, not_before, slot.expired).hash(print);
            if slot.link.is_none() {
                clock.now().since(slot.last_seen).hash(print);
            }
        }
    }

    pub(super) fn check(&self) {
        for (row, slot) in self.rows.iter().enumerate().filter(|(_, slot)| slot.used) {
            assert_eq!(self.find(slot.node), Some(row), "one slot a node");
        }
    }
}
