//! This node's own place below an upstream: all that was received, taken, applied, persisted, and is under way.
//!
//! It outlives the links: the position is the log's end, and a snapshot under way is in [`Receiving`].
//! On a primary only the completions matter. Invariants: applied, persisted and taken never pass the log's end; without
//! a base nothing is applied; what is not taken is still in the ring.

use core::hash::{Hash, Hasher};

use crate::config::Config;
use crate::error::Fault;
use crate::id::{HistoryId, Offset, Position, SnapshotId};
use crate::input::Role;
use crate::stream::log::Log;
use crate::stream::place::FrameEnd;
use crate::stream::receiving::{Receiving, Replaced};
use crate::stream::windows::Receipt;
use crate::time::Time;
use crate::wire::control::{Ack, Beat};
use crate::wire::join::{Admit, Join};

/// The newest beat of the root of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) unix_ns: u64,
    pub(super) end: Offset,
    /// When it first came.
    pub(super) received_at: Time,
}

/// The fields of an acknowledgement that the host moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Completions {
    applied: Offset,
    persisted: Offset,
    taken: FrameEnd,
    pieces_released: u64,
}

/// The receipts of one log.
#[derive(Debug, Clone)]
pub(super) struct Upstream {
    /// The host consented to another history.
    pub(super) adopt: bool,
    /// The state up to `applied` is complete.
    pub(super) base: bool,
    /// An upstream admitted us since we last took another position.
    pub(super) admitted: bool,
    /// A stream may come now.
    pub(super) streaming: bool,
    pub(super) applied: Offset,
    pub(super) persisted: Offset,
    /// The end at a promotion: nothing is written until all before it is applied.
    pub(super) inherited: Offset,
    /// The end of what the host has taken.
    pub(super) taken: FrameEnd,
    pub(super) receiving: Option<Receiving>,
    /// The snapshot that was installed last: its sender may name it until it knows of that.
    pub(super) installed: SnapshotId,
    /// Where the host was asked to rewind to.
    pub(super) fork: Option<Position>,
    pub(super) stream: Receipt,
    pub(super) pieces: Receipt,
    /// The last ADMIT read on this link.
    pub(super) admit: u32,
    /// The number of JOINs on this link.
    pub(super) joins: u32,
    /// The newest beat's number on this link.
    echo: u64,
    /// It outlives a link, so that its age goes on, but neither the upstream that the host chose nor the root's epoch.
    pub(super) origin: Option<Origin>,
    /// Beats of the upstream since, none of which brought a newer one of the root.
    pub(super) stale_beats: u32,
    /// The upstream's end at its last beat.
    peer_end: Option<Offset>,
    caught_up: bool,
    /// The history of the upstream that last welcomed us since the host chose it.
    pub(super) peer_history: HistoryId,
}

impl Upstream {
    pub(super) fn new() -> Self {
        Self {
            adopt: false,
            base: false,
            admitted: false,
            streaming: false,
            applied: Offset(0),
            persisted: Offset(0),
            inherited: Offset(0),
            taken: FrameEnd { position: 0, boundary: Offset(0) },
            receiving: None,
            installed: SnapshotId(0),
            fork: None,
            stream: Receipt::default(),
            pieces: Receipt::default(),
            admit: 0,
            joins: 0,
            echo: 0,
            origin: None,
            stale_beats: 0,
            peer_end: None,
            caught_up: false,
            peer_history: HistoryId::NONE,
        }
    }

    /// Moves to a complete state up to a boundary, all of it applied and persisted.
    pub(super) fn stand_on(&mut self, boundary: Offset, sealed: u64) {
        self.base = true;
        (self.applied, self.persisted, self.inherited) = (boundary, boundary, Offset(0));
        self.taken = FrameEnd { position: sealed, boundary };
        self.admitted = false;
    }

    /// Makes room for a snapshot that will replace the state: without it nothing is complete.
    pub(super) fn stand_before(
        &mut self,
        admit: &Admit,
        replaces: Option<Replaced>,
        sealed: u64,
        tail: bool,
    ) {
        assert!(self.receiving.is_none(), "the snapshot before was given up");
        self.stand_on(Offset(0), sealed);
        self.taken = FrameEnd { position: sealed, boundary: admit.from.boundary };
        self.base = false;
        self.fork = None;
        // Without a tail the log has no position until the snapshot is installed.
        self.receiving = Some(Receiving::new(admit, !tail, replaces));
        // All that was under way to the former position is released with it.
        self.stream.released = self.stream.received;
        self.pieces.released = self.pieces.received;
        self.streaming = false;
    }

    /// Turns a primary into a follower: all it wrote is applied, but part of what it inherited may still be on its way.
    pub(super) fn stand_as_written(&mut self, log: &Log) {
        let applied = if self.applied < self.inherited { self.applied } else { log.end() };
        let persisted = self.persisted;
        self.stand_on(log.end(), log.sealed());
        (self.applied, self.persisted) = (applied, persisted.min(applied));
        assert!(self.applied <= log.end(), "no more is applied than was written");
    }

    /// Returns whether all that was received before a promotion is applied.
    pub(super) fn inherited_applied(&self) -> bool {
        self.applied >= self.inherited
    }

    /// Takes note that the link ended. All that was received stays.
    pub(super) fn disconnected(&mut self) {
        (self.streaming, self.caught_up, self.peer_end) = (false, false, None);
    }

    /// Forgets the upstream and its root: the host turned to another.
    pub(super) fn left(&mut self) {
        (self.admitted, self.fork) = (false, None);
        (self.origin, self.stale_beats, self.peer_history) = (None, 0, HistoryId::NONE);
    }

    /// Takes note that a peer welcomed us.
    pub(super) fn welcomed(&mut self, history: HistoryId) {
        (self.peer_history, self.admit, self.joins) = (history, 0, 0);
        self.stale_beats = 0;
    }

    // --- joining ---------------------------------------------------------------------------------------------------

    /// Begins the windows anew, for a JOIN: bytes that are not taken fill them.
    pub(super) fn ask(&mut self, config: &Config, log: &Log) {
        debug_assert!(log.oldest() <= self.taken.position, "what is not taken is in the ring");
        let untaken = log.sealed() - self.taken.position;
        self.joins += 1;
        (self.streaming, self.caught_up, self.echo) = (false, false, 0);
        self.stream = Receipt { received: untaken, ..Receipt::new(config.options().window_bytes) };
        self.pieces = Receipt::new(config.options().piece_window_bytes);
        if let Some(receiving) = &mut self.receiving {
            receiving.forget_window();
        }
    }

    fn counted(&self, offset: Offset) -> Offset {
        if self.base { offset } else { Offset(0) }
    }

    /// Returns our position, for the upstream.
    pub(super) fn join(&self, config: &Config, log: &Log) -> Join {
        let receiving = self.receiving.as_ref();
        let holds = self.base || receiving.is_some();
        Join {
            can_rewind: config.options().can_rewind,
            adopt: self.adopt,
            base: self.base,
            volatile: !config.options().persists,
            snapshot_complete: receiving.is_some_and(|receiving| receiving.complete),
            history: if holds { log.history } else { HistoryId::NONE },
            position: if holds { log.position() } else { Position::default() },
            applied: self.counted(self.applied),
            persisted: self.counted(self.persisted),
            // As it was when the windows began; what the host has taken since is in the first ACK.
            untaken_bytes: self.stream.received,
            snapshot: receiving.map_or(SnapshotId(0), |receiving| receiving.id),
            next_piece: receiving.map_or(0, |receiving| receiving.next_piece),
            chain: receiving.map_or(0, |receiving| receiving.chain),
            number: self.joins,
            epochs: log.epochs().clone(),
        }
    }

    /// Returns whether the host can be asked to go back to where an ADMIT says that the logs part.
    pub(super) fn may_rewind(&self, config: &Config, log: &Log, admit: &Admit) -> Result<(), Fault> {
        let sound = self.base && config.options().can_rewind && admit.history == log.history;
        if !sound || admit.from.boundary >= log.end() {
            return Err(Fault::Unexpected);
        }
        if log.find(admit.from.boundary).is_some_and(|place| place.digest != admit.from.digest) {
            return Err(Fault::Parent);
        }
        // A peer that shares a position with us shares the epoch it was written in.
        if log.epochs().below(admit.from.boundary, admit.from.epoch).is_empty() {
            return Err(Fault::EpochOrder);
        }
        Ok(())
    }

    /// Returns where the history parts from the state that a new snapshot will replace, if the sender named a fork; and
    /// that state.
    pub(super) fn replaced(&mut self, log: &Log, admit: &Admit) -> (Option<Offset>, Option<Replaced>) {
        if self.base {
            let replaced = Replaced { epochs: log.epochs().clone(), end: log.end() };
            return (admit.fork, Some(replaced));
        }
        // The sender knows the basis of a snapshot that is given up, not the state beside it.
        let replaced = self.receiving.take().and_then(|receiving| receiving.replaces);
        let parting = replaced.as_ref().and_then(|replaced| replaced.parting(&admit.epochs));
        (parting.filter(|_| admit.fork.is_some()), replaced)
    }

    // --- completions -----------------------------------------------------------------------------------------------

    /// The fields of an acknowledgement that the host moves.
    pub(super) fn completions(&self) -> Completions {
        let Self { applied, persisted, taken, .. } = *self;
        Completions { applied, persisted, taken, pieces_released: self.pieces.released }
    }

    /// Frees the window of the frames the host took.
    pub(super) fn take(&mut self, log: &Log, upto: Offset) {
        while self.taken.position < log.sealed() {
            let after = log.frame_ends(self.taken.position);
            if after.boundary > upto {
                break;
            }
            self.taken = after;
        }
        debug_assert!(self.taken.boundary <= log.end(), "no more is taken than was received");
        let untaken = log.sealed() - self.taken.position;
        self.stream.released = self.stream.released.max(self.stream.received.saturating_sub(untaken));
    }

    /// Frees the window of the first `pieces` pieces.
    pub(super) fn take_pieces(&mut self, pieces: u64) {
        if let Some(receiving) = &mut self.receiving {
            let released = receiving.take(pieces);
            self.pieces.released = released.unwrap_or(0).max(self.pieces.released);
            debug_assert!(self.pieces.released <= self.pieces.received);
        }
    }

    /// Returns the acknowledgement, which is sent.
    pub(super) fn ack(&mut self, config: &Config, log: &Log) -> Ack {
        let ack = Ack {
            admit: self.admit,
            base: self.base,
            volatile: !config.options().persists,
            received: log.end(),
            applied: self.counted(self.applied),
            persisted: self.counted(self.persisted),
            stream_released: self.stream.released,
            pieces_released: self.pieces.released,
            echo: self.echo,
        };
        // The other side of what `Ack::decode` refuses.
        debug_assert!(ack.persisted <= ack.applied && ack.applied <= ack.received, "stages are in order");
        (self.stream.acked, self.pieces.acked) = (ack.stream_released, ack.pieces_released);
        ack
    }

    // --- beats -----------------------------------------------------------------------------------------------------

    /// Takes note of a beat of the upstream.
    pub(super) fn note_beat(&mut self, beat: &Beat, now: Time) {
        self.echo = self.echo.max(beat.number);
        self.peer_end = Some(beat.end);
        let known = self.origin.map_or(0, |origin| origin.unix_ns);
        if beat.origin_unix_ns == 0 {
            // The upstream knows of no root since its own changed.
            self.origin = None;
        }
        if beat.origin_unix_ns == 0 || beat.origin_unix_ns == known {
            self.stale_beats = self.stale_beats.saturating_add(1);
        } else {
            self.origin =
                Some(Origin { unix_ns: beat.origin_unix_ns, end: beat.origin_end, received_at: now });
            self.stale_beats = 0;
        }
    }

    /// Returns whether all that the upstream had at its last beat has been received, for the first time since it fell
    /// behind.
    pub(super) fn note_caught_up(&mut self, end: Offset) -> bool {
        let reached = self.base && self.streaming && self.peer_end.is_some_and(|peer| end >= peer);
        let first = reached && !self.caught_up;
        self.caught_up |= first;
        first
    }

    /// Feeds a fingerprint. Byte positions count from the ring's begin.
    pub(super) fn print(&self, log: &Log, print: &mut impl Hasher) {
        (self.adopt, self.base, self.admitted, self.streaming).hash(print);
        (self.applied, self.persisted, self.inherited).hash(print);
        let taken = self.taken.position.wrapping_sub(log.oldest());
        (self.taken.boundary, taken, &self.receiving, self.fork).hash(print);
        (self.stream, self.pieces, self.admit, self.joins, self.echo).hash(print);
        let origin = self.origin.map(|origin| origin.end);
        (origin, self.peer_end, self.caught_up, self.peer_history, self.installed).hash(print);
    }

    pub(super) fn check(&self, log: &Log, role: Role) {
        assert!(role == Role::Primary || self.applied <= log.end(), "applied ahead of received");
        assert!(self.persisted <= self.applied || role == Role::Primary, "persisted ahead of applied");
        if role == Role::Replica {
            assert!(self.taken.position <= log.sealed(), "taken ahead of received");
            assert!(log.oldest() <= self.taken.position, "what is not taken is in the ring");
            assert!(self.base || self.applied == Offset(0), "nothing is applied without a base");
        }
    }
}
