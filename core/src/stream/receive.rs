//! The replica's side: joining, and receiving the stream.
//!
//! What a node holds outlives its links: the position is the log's end, and a snapshot under way is in [`Receiving`].
//! Invariants: applied, persisted and taken never pass the log's end; without a base nothing is applied; what is not
//! taken is still in the ring.

use crate::error::Fault;
use crate::id::{HistoryId, Offset, Position, SnapshotId};
use crate::input::{Kind, Payload, Role, Step};
use crate::limits::BATCH_HEAD_BYTES;
use crate::links::dial::Dial;
use crate::links::{Phase, due, tell};
use crate::node::{Node, self_tell};
use crate::stream::log::Log;
use crate::stream::receiving::Receiving;
use crate::stream::windows::Receipt;
use crate::time::Time;
use crate::wire::Head;
use crate::wire::batch::{BatchHead, verify as verify_batch};
use crate::wire::control::Beat;
use crate::wire::join::{Admit, Join, Verdict};

/// What a node knows of its own place below an upstream. On a primary only the completions matter.
#[derive(Debug, Clone)]
pub(crate) struct Upstream {
    pub(crate) link: Option<usize>,
    pub(crate) dial: Dial,
    pub(crate) attempt: u32,
    pub(crate) adopt: bool,
    /// The state up to `applied` is complete.
    pub(crate) base: bool,
    /// An upstream admitted us since we last stood on new ground.
    pub(crate) admitted: bool,
    /// A stream may come now.
    pub(crate) streaming: bool,
    pub(crate) applied: Offset,
    pub(crate) persisted: Offset,
    /// What was received before a promotion: nothing is written until it is applied.
    pub(crate) inherited: Offset,
    /// The boundary up to which the host took, and its byte position.
    pub(crate) taken: (Offset, u64),
    pub(crate) receiving: Option<Receiving>,
    /// The snapshot that was installed last: its sender may speak of it until it hears of that.
    pub(crate) installed: SnapshotId,
    /// Where the host was asked to rewind to.
    pub(crate) fork: Option<Position>,
    pub(crate) stream: Receipt,
    pub(crate) pieces: Receipt,
    /// The last ADMIT read on this link.
    pub(crate) admit: u32,
    /// The JOINs said on this link.
    pub(crate) joins: u32,
    /// The newest beat's number on this link.
    pub(crate) echo: u64,
    /// The root's newest beat: its Unix time, its end, and when we first heard of it.
    pub(crate) origin: Option<(u64, Offset, Time)>,
    /// Beats of the upstream since, none of which brought a newer one of the root.
    pub(crate) stale_beats: u32,
    /// The upstream's end at its last beat.
    pub(crate) peer_end: Option<Offset>,
    pub(crate) caught_up: bool,
    /// The history of the upstream that last welcomed us.
    pub(crate) peer_history: HistoryId,
    #[cfg(towline_mutants)]
    pub(crate) planted: crate::mutants::Planted,
}

impl Upstream {
    pub(crate) fn new() -> Self {
        Self {
            link: None,
            dial: Dial::Idle,
            attempt: 0,
            adopt: false,
            base: false,
            admitted: false,
            streaming: false,
            applied: Offset(0),
            persisted: Offset(0),
            inherited: Offset(0),
            taken: (Offset(0), 0),
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
            #[cfg(towline_mutants)]
            planted: crate::mutants::Planted::default(),
        }
    }

    /// Complete up to a boundary, all of it applied and persisted.
    pub(crate) fn stand_on(&mut self, boundary: Offset, sealed: u64) {
        self.base = true;
        (self.applied, self.persisted, self.inherited) = (boundary, boundary, Offset(0));
        self.taken = (boundary, sealed);
        self.admitted = false;
    }

    pub(crate) fn check(&self, log: &Log, role: Role) {
        assert!(role == Role::Primary || self.applied <= log.end(), "applied ahead of received");
        assert!(self.persisted <= self.applied || role == Role::Primary, "persisted ahead of applied");
        if role == Role::Replica {
            assert!(self.taken.1 <= log.sealed(), "taken ahead of received");
            assert!(log.oldest() <= self.taken.1, "what is not taken is in the ring");
            assert!(self.base || self.applied == Offset(0), "nothing is applied without a base");
        }
        assert!(self.link.is_none() || role == Role::Replica, "a primary has no upstream");
    }
}

impl Node {
    // --- joining ---------------------------------------------------------------------------------------------------

    pub(crate) fn ask_to_join(&mut self, row: usize) {
        mutant!(self.config, 32 => self.stand_at_persisted());
        self.links[row].phase = Phase::Admit;
        self.links[row].next_beat = self.clock.now() + self.config.beat;
        // The answer has a handshake's time from here on.
        self.links[row].opened = self.clock.alive();
        let untaken = self.log.sealed() - self.upstream.taken.1;
        let upstream = &mut self.upstream;
        upstream.joins += 1;
        (upstream.streaming, upstream.caught_up, upstream.echo) = (false, false, 0);
        upstream.stream = Receipt { received: untaken, ..Receipt::new(self.config.window_bytes) };
        upstream.pieces = Receipt::new(self.config.piece_window_bytes);
        if let Some(receiving) = &mut upstream.receiving {
            receiving.forget_window();
        }
        self.owe(row, due::JOIN);
        self.arm_link(row);
    }

    pub(crate) fn join(&self) -> Join {
        let upstream = &self.upstream;
        let receiving = upstream.receiving.as_ref();
        let holds = upstream.base || receiving.is_some();
        let counted = |offset: Offset| if upstream.base { offset } else { Offset(0) };
        Join {
            can_rewind: self.config.can_rewind,
            adopt: upstream.adopt,
            base: upstream.base,
            volatile: !self.config.persists,
            snapshot_complete: receiving.is_some_and(|receiving| receiving.complete),
            history: if holds { self.log.history } else { HistoryId::NONE },
            position: if holds { self.log.position() } else { Position::default() },
            applied: counted(upstream.applied),
            persisted: counted(upstream.persisted),
            // As it was when the windows began; what the host has taken since is in the first ACK.
            untaken_bytes: upstream.stream.received,
            snapshot: receiving.map_or(SnapshotId(0), |receiving| receiving.id),
            next_piece: receiving.map_or(0, |receiving| receiving.next_piece),
            chain: receiving.map_or(0, |receiving| receiving.chain),
            number: upstream.joins,
            epochs: self.log.epochs.clone(),
        }
    }

    pub(crate) fn on_admit(&mut self, row: usize, body: &[u8], step: &mut Step) -> Result<(), Fault> {
        let admit = Admit::decode(body)?;
        self.saw(admit.epochs.number());
        if admit.join != self.upstream.joins {
            // It answers a JOIN from ground we have left since; ours is on its way.
            return if admit.join < self.upstream.joins { Ok(()) } else { Err(Fault::Malformed) };
        }
        self.links[row].phase = Phase::Admitted;
        self.upstream.admit = admit.number;
        match admit.verdict {
            Verdict::Wait => self.upstream.streaming = false,
            Verdict::Continue => self.admitted_here(row, &admit)?,
            Verdict::Fork => self.forked(&admit, step)?,
            Verdict::Snapshot | Verdict::SnapshotOnly => self.snapshot_comes(row, &admit, step)?,
        }
        self.owe(row, due::ACK);
        self.arm_link(row);
        Ok(())
    }

    /// Whether the place an ADMIT names is where we stand.
    pub(crate) fn stands_at(&self, admit: &Admit) -> Result<(), Fault> {
        let here = self.log.position();
        if admit.history != self.log.history {
            return Err(Fault::HistoryDiffers);
        }
        if admit.from.boundary != here.boundary {
            return Err(Fault::Gap);
        }
        if admit.from.digest == here.digest { Ok(()) } else { Err(Fault::Parent) }
    }

    fn admitted_here(&mut self, row: usize, admit: &Admit) -> Result<(), Fault> {
        if !self.upstream.base {
            return Err(Fault::Unexpected);
        }
        self.stands_at(admit)?;
        self.go_with(row, admit);
        Ok(())
    }

    /// The stream flows: the sender's table is ours, and we may speak for it.
    pub(crate) fn go_with(&mut self, row: usize, admit: &Admit) {
        let news = self.log.epochs != admit.epochs;
        mutant!(self.config, 105 => {}, else self.log.take_epochs(&admit.epochs));
        let upstream = &mut self.upstream;
        let first = !upstream.streaming;
        (upstream.streaming, upstream.fork) = (true, None);
        let newly = upstream.base && !upstream.admitted;
        upstream.admitted |= upstream.base;
        if first {
            self.tell_link(row, tell::JOINED);
        }
        if news || newly {
            self.epochs_changed();
        }
    }

    fn forked(&mut self, admit: &Admit, step: &mut Step) -> Result<(), Fault> {
        let sound = self.upstream.base && self.config.can_rewind && admit.history == self.log.history;
        if !sound || admit.from.boundary >= self.log.end() {
            return Err(Fault::Unexpected);
        }
        if self.log.find(admit.from.boundary).is_some_and(|place| place.digest != admit.from.digest) {
            return Err(Fault::Parent);
        }
        // Who shares ground with us shares the epoch it was written in.
        if self.log.epochs.below(admit.from.boundary, admit.from.epoch).is_empty() {
            return Err(Fault::EpochOrder);
        }
        self.upstream.streaming = false;
        self.upstream.fork = Some(admit.from);
        step.payload = Some(Self::mark(Kind::Fork, admit.from.boundary.0, 1));
        Ok(())
    }

    // --- the stream ------------------------------------------------------------------------------------------------

    pub(crate) fn on_batch(&mut self, head: &Head, frame: &[u8], step: &mut Step) -> Result<(), Fault> {
        if !self.upstream.streaming {
            return Err(Fault::Unexpected);
        }
        let batch = BatchHead::decode(frame);
        verify_batch(frame, &batch, head.check)?;
        mutant!(self.config, 8 => if batch.first < self.log.end() {
            return self.hand_out_again(frame, &batch, step);
        });
        self.log.admits(&batch)?;
        self.upstream.stream.receive(frame.len() as u64)?;
        while self.log.free() < frame.len() as u64 {
            self.evict();
        }
        self.log.accept(frame, &batch, head.check);
        self.seen = self.seen.max(batch.epoch.number());
        self.upstream.attempt = 0;
        self.counters.records_received += u64::from(batch.count);
        self.wake_dry();
        self.note_caught_up();
        let kind = if self.upstream.base { Kind::Batch } else { Kind::Spool };
        step.position = Some(self.log.position());
        step.payload = Some(Payload {
            range: BATCH_HEAD_BYTES..frame.len(),
            first: batch.first.0,
            count: batch.count,
            kind,
            snapshot: SnapshotId(0),
        });
        Ok(())
    }

    pub(crate) fn on_beat(&mut self, body: &[u8]) -> Result<(), Fault> {
        let beat = Beat::decode(body)?;
        let now = self.clock.now();
        let upstream = &mut self.upstream;
        upstream.echo = upstream.echo.max(beat.number);
        upstream.peer_end = Some(beat.end);
        if upstream.streaming {
            // A link that lived for a beat is progress; to be admitted is not.
            upstream.attempt = 0;
        }
        if upstream.origin.is_none_or(|(unix_ns, _, _)| unix_ns != beat.origin_unix_ns) {
            upstream.origin = Some((beat.origin_unix_ns, beat.origin_end, now));
            upstream.stale_beats = 0;
        } else {
            upstream.stale_beats = upstream.stale_beats.saturating_add(1);
        }
        self.note_caught_up();
        Ok(())
    }

    pub(crate) fn note_caught_up(&mut self) {
        let end = self.log.end();
        let upstream = &mut self.upstream;
        let reached =
            upstream.base && upstream.streaming && upstream.peer_end.is_some_and(|peer| end >= peer);
        if reached && !upstream.caught_up {
            upstream.caught_up = true;
            self.tell_self(self_tell::CAUGHT_UP);
        }
    }

    /// What the root of the tree last said of itself: we are the root, or pass on its beat.
    pub(crate) fn origin(&self) -> (u64, Offset) {
        match (self.role, self.upstream.origin) {
            (Role::Primary, _) => (self.clock.unix_ns(), self.log.end()),
            (Role::Replica, Some((unix_ns, end, _))) => (unix_ns, end),
            (Role::Replica, None) => (0, self.log.end()),
        }
    }
}
