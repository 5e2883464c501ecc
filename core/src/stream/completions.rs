//! Completions of the host, of all it was handed: taken, applied, persisted, rewound.

use crate::error::{Fault, Misuse};
use crate::id::{Offset, Position};
use crate::input::Role;
use crate::links::outbox::Stage;
use crate::links::{Links, Up};
use crate::shared::Shared;
use crate::stream::Stream;

/// A completion of the host: all up to `taken` is taken, and up to the others, where they are named, applied and
/// persisted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Completed {
    pub(crate) taken: Offset,
    pub(crate) applied: Offset,
    pub(crate) persisted: Option<Offset>,
}

impl Stream {
    /// Checks that the host speaks of what it was handed.
    pub(crate) fn may_complete(&self, upto: Offset) -> Result<(), Misuse> {
        let ahead = self.upstream.base && upto > self.log.next();
        if ahead { Err(Misuse::NeverHandedOut) } else { Ok(()) }
    }

    /// Takes note of what the host completed; applied and persisted imply taken.
    pub(crate) fn completed(&mut self, links: &mut Links, shared: &mut Shared, done: Completed) {
        let Completed { taken, applied, persisted } = done;
        if !self.upstream.base {
            // Late news of the state that a snapshot is about to replace.
            return;
        }
        let before = self.upstream.completions();
        self.take(taken);
        let upstream = &mut self.upstream;
        upstream.applied = upstream.applied.max(applied);
        upstream.persisted = upstream.persisted.max(persisted.unwrap_or_default());
        if before != upstream.completions() {
            self.add_ack(links, shared);
        }
        debug_assert!(self.role == Role::Primary || self.upstream.persisted <= self.upstream.applied);
    }

    /// Checks that the host speaks of records and pieces it was handed.
    pub(crate) fn may_take(&self, upto: Offset, pieces: u64) -> Result<(), Misuse> {
        let ahead = upto > self.log.next();
        let receiving = self.upstream.receiving.as_ref();
        if ahead || receiving.is_some_and(|receiving| pieces > receiving.next_piece) {
            return Err(Misuse::NeverHandedOut);
        }
        Ok(())
    }

    /// Takes note that records before `upto` are taken, and the first `pieces` pieces of the snapshot under way.
    pub(crate) fn taken(&mut self, links: &mut Links, shared: &mut Shared, upto: Offset, pieces: u64) {
        let before = self.upstream.completions();
        self.take(upto);
        self.upstream.take_pieces(pieces);
        if before != self.upstream.completions() {
            self.add_ack(links, shared);
        }
        debug_assert!(self.role == Role::Primary || self.upstream.taken.boundary <= self.log.end());
    }

    fn take(&mut self, upto: Offset) {
        if self.role == Role::Replica {
            self.upstream.take(&self.log, upto);
        }
    }

    /// Returns where the host was asked to rewind to.
    pub(crate) fn may_rewind(&self) -> Result<Position, Misuse> {
        self.upstream.fork.ok_or(Misuse::NotAsked)
    }

    /// Takes note that the host is back at the fork.
    pub(crate) fn rewound(&mut self, links: &mut Links, shared: &mut Shared, to: Position) {
        assert!(self.upstream.fork == Some(to), "checked by may_rewind");
        self.upstream.fork = None;
        self.rebase(links, shared, to.boundary);
        self.log.rewind(to);
        let persisted = self.upstream.persisted.min(to.boundary);
        self.upstream.stand_on(to.boundary, self.log.sealed());
        self.upstream.persisted = persisted;
        if let Some(row) = links.upstream_in(Up::Admitted) {
            self.ask_to_join(links, shared, row);
        }
    }

    /// Leaves the log's position, and of its records all after `kept`: replicas of this node must return and wait.
    pub(super) fn rebase(&mut self, links: &mut Links, shared: &mut Shared, kept: Offset) {
        for row in 0..links.len() {
            if links[row].may_hold_a_replica() {
                self.fault(links, shared, row, Fault::Rebased);
            }
        }
        for row in 0..links.len() {
            // A goodbye follows the rest of a frame, and the ring is about to forget it.
            if matches!(links[row].outbox.stage(), Stage::Run { .. }) {
                self.leave_ring(links, shared, row);
            }
        }
        self.drop_all_views(links, shared);
        self.slots.forget_after(kept);
        let gone = (0..links.len()).all(|row| !self.readers[row].serving.joined());
        assert!(gone, "every replica returns and waits");
    }
}
