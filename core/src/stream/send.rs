//! What goes on the wire next: control that is due, the stream, the pieces. And what happens when the ring overtakes.
//!
//! Stream first, yet pieces get their share of the bytes ([`PIECE_SHARE`]); control enters at the next frame's end.

use crate::error::Fault;
use crate::id::{Offset, Position};
use crate::limits::{PIECE_SHARE, RUN_BYTES};
use crate::links::outbox::{More, Stage};
use crate::links::{Phase, due, tell};
use crate::node::{Node, self_tell};
use crate::wire::FrameKind;
use crate::wire::control::{Beat, Begin, Goodbye, seal_piece};
use crate::wire::hello::{FEATURES, Hello, VERSION_MAX, VERSION_MIN};
use crate::wire::join::{Admit, Verdict};

impl Node {
    /// Puts what is next on offer: due control if none is staged, then bulk if none is staged.
    pub(crate) fn refill(&mut self, row: usize) {
        let link = &self.links[row];
        let in_turn = mutant!(self.config, 25 => !self.bulk_first(row), else true);
        if link.due != 0 && !link.outbox.has_control() && in_turn {
            self.cut_stage(row);
            self.encode_due(row);
        }
        let link = &self.links[row];
        // An ADMIT may wait behind control that is staged: nothing of the ground it speaks of leaves before it.
        let admitted = link.due & due::ADMIT == 0;
        if link.outbox.stage == Stage::Idle && link.phase == Phase::Stream && admitted {
            self.stage_bulk(row);
        }
    }

    pub(crate) fn refill_or_dry(&mut self, row: usize) -> More {
        self.refill(row);
        if !self.links[row].outbox.is_dry() {
            return More::More;
        }
        self.links[row].outbox.told = false;
        if self.links[row].phase == Phase::Closing {
            // The goodbye left.
            self.tell_link(row, tell::CLOSE);
        }
        self.list_dry(row);
        More::Dry
    }

    /// Takes back the part of a run that has not begun, so that control can enter.
    pub(crate) fn cut_stage(&mut self, row: usize) {
        let link = &mut self.links[row];
        if let Some((from, to)) = link.outbox.cut().filter(|(from, to)| from < to) {
            mutant!(self.config, 135 => {}, else link.down.credit.take_back(to - from));
            link.down.stream_at = Some(from);
            link.down.sent = self.log.head_at(from).first;
        }
    }

    // --- control ---------------------------------------------------------------------------------------------------

    fn encode_due(&mut self, row: usize) {
        let mut due = core::mem::take(&mut self.links[row].due);
        self.links[row].outbox.make_room();
        let mut at = 0;
        while due != 0 {
            // The lowest bit leaves first.
            let bit = 1 << due.trailing_zeros();
            due &= !bit;
            at += self.encode_one(row, bit, at);
        }
        let outbox = &mut self.links[row].outbox;
        (outbox.control_at, outbox.control_end) = (0, at);
    }

    fn encode_one(&mut self, row: usize, bit: u16, at: usize) -> usize {
        let seen = self.seen;
        match bit {
            due::HELLO | due::WELCOME => {
                let hello = self.hello();
                let kind = if bit == due::HELLO { FrameKind::Hello } else { FrameKind::Welcome };
                hello.encode(&mut self.links[row].outbox.scratch[at..], kind, seen)
            }
            due::JOIN => {
                let join = self.join();
                join.encode(&mut self.links[row].outbox.scratch[at..], seen)
            }
            due::ADMIT => {
                let admit = self.admit(row);
                admit.encode(&mut self.links[row].outbox.scratch[at..], seen)
            }
            due::BEGIN => self.encode_begin(row, at),
            due::BEAT => {
                let (origin_unix_ns, origin_end) = self.origin();
                let beat =
                    Beat { number: self.links[row].beats, origin_unix_ns, origin_end, end: self.log.end() };
                self.links[row].down.told_end = beat.end;
                beat.encode(&mut self.links[row].outbox.scratch[at..], seen)
            }
            due::ACK => {
                let ack = self.ack();
                ack.encode(&mut self.links[row].outbox.scratch[at..], seen)
            }
            _ => {
                let farewell = self.links[row].farewell.expect("only a closing link says goodbye");
                let goodbye = Goodbye { fault: farewell.fault, retry_after: farewell.retry_after };
                goodbye.encode(&mut self.links[row].outbox.scratch[at..], seen)
            }
        }
    }

    fn hello(&self) -> Hello {
        Hello {
            version_min: VERSION_MIN,
            version_max: VERSION_MAX,
            features_offered: FEATURES,
            features_required: 0,
            frame_bytes_max: self.config.frame_bytes_max(),
            piece_bytes_max: self.config.piece_bytes_max,
            window_bytes: self.config.window_bytes,
            piece_window_bytes: self.config.piece_window_bytes,
            node: self.id,
            incarnation: self.incarnation,
            history: self.log.history,
        }
    }

    /// How things stand with a replica, as the latest fact.
    fn admit(&self, row: usize) -> Admit {
        let down = &self.links[row].down;
        let here = down.stream_at.and_then(|_| self.log.position_at(down.sent));
        let (verdict, from) = match (self.links[row].phase, down.fork, down.shipping, here) {
            (Phase::Forked, Some(fork), _, _) => (Verdict::Fork, fork),
            (Phase::Stream, _, None, Some(here)) => (Verdict::Continue, here),
            (Phase::Stream, _, Some(_), Some(here)) => (Verdict::Snapshot, here),
            (Phase::Stream, _, Some(_), None) => (Verdict::SnapshotOnly, Position::default()),
            _ => (Verdict::Wait, Position::default()),
        };
        let shipping = down.shipping;
        // A staged piece of which nothing left comes behind this.
        let behind = u64::from(matches!(self.links[row].outbox.stage, Stage::Piece { at: 0, .. }));
        Admit {
            number: down.admit,
            verdict,
            history: self.log.history,
            from,
            snapshot: shipping.map_or(crate::id::SnapshotId(0), |shipping| shipping.snapshot),
            next_piece: shipping.map_or(0, |shipping| shipping.next_piece - behind),
            fork: shipping.and_then(|shipping| shipping.fork),
            join: down.join.as_ref().map_or(0, |join| join.number),
            epochs: self.log.epochs.clone(),
        }
    }

    fn encode_begin(&mut self, row: usize, at: usize) -> usize {
        let shipping = self.links[row].down.shipping;
        let live = shipping.and_then(|shipping| self.ships.find(shipping.snapshot));
        let live = live.and_then(|live| self.ships.live[live]);
        let Some((live, (cursor, _))) = live.and_then(|live| Some((live, live.ready?))) else {
            return 0;
        };
        let begin = Begin { snapshot: live.id, bytes: live.bytes, cursor: cursor.as_bytes() };
        begin.encode(&mut self.links[row].outbox.scratch[at..], self.seen)
    }

    // --- bulk ------------------------------------------------------------------------------------------------------

    fn stage_bulk(&mut self, row: usize) {
        mutant!(self.config, 23 => if self.another_waits(row) { return });
        let piece = self.piece_ready(row);
        if self.links[row].down.stream_at == Some(self.log.sealed()) && self.log.has_open() {
            self.seal();
        }
        let down = &self.links[row].down;
        let stream = down.stream_at.is_some_and(|at| at < self.log.sealed()) && down.credit.may_begin();
        match piece {
            Some((ship, bytes))
                if !stream || down.piece_debt >= bytes * (PIECE_SHARE - 1) && !mutant!(self.config, 116) =>
            {
                self.stage_piece(row, ship, bytes);
            }
            Some(_) | None if stream => self.stage_run(row, piece.is_some()),
            Some(_) | None => {}
        }
    }

    /// The ship and frame length of the piece that could go now.
    fn piece_ready(&self, row: usize) -> Option<(usize, u64)> {
        let link = &self.links[row];
        let ship = link.down.shipping?.ship?;
        let shut = mutant!(self.config, 118) && !link.down.credit.may_begin();
        let free = link.down.piece_credit.may_begin() && link.due & due::BEGIN == 0 && !shut;
        let bytes = self.ships.rows[ship].front_len().filter(|_| free)?;
        Some((ship, bytes as u64))
    }

    fn stage_piece(&mut self, row: usize, ship: usize, bytes: u64) {
        let seen = self.seen;
        let carrier = &mut self.ships.rows[ship];
        let chain = carrier.chain;
        let (frame, last) = carrier.front_mut().expect("piece_ready saw it");
        carrier.chain = seal_piece(frame, last, seen, chain);
        let down = &mut self.links[row].down;
        down.piece_credit.begin(bytes);
        down.piece_debt = down.piece_debt.saturating_sub(bytes * (PIECE_SHARE - 1));
        let shipping = down.shipping.as_mut().expect("piece_ready saw it");
        shipping.next_piece += 1;
        let end = usize::try_from(bytes).expect("a buffer's length");
        self.links[row].outbox.stage = Stage::Piece { ship, at: 0, end };
    }

    /// Stages a run of whole frames, as far as window and run allow.
    fn stage_run(&mut self, row: usize, pieces_wait: bool) {
        let sealed = self.log.sealed();
        let down = &mut self.links[row].down;
        let from = down.stream_at.expect("stage_bulk saw a stream");
        let mut to = from;
        while to < sealed && to - from < RUN_BYTES && down.credit.may_begin() {
            let (after, sent) = self.log.frame_ends(to);
            down.credit.begin(after - to);
            (to, down.sent) = (after, sent);
        }
        if pieces_wait {
            down.piece_debt += to - from;
        }
        down.stream_at = Some(to);
        self.links[row].outbox.stage = Stage::Ring { at: from, frame_end: from, limit: to };
    }

    // --- dry links -------------------------------------------------------------------------------------------------

    /// Lists a link that has sent all there is, so that growth of the log finds it. One that is held by its window is
    /// found by the acknowledgement that opens it.
    pub(crate) fn list_dry(&mut self, row: usize) {
        let sent_all = self.links[row].down.stream_at == Some(self.log.sealed());
        let link = &mut self.links[row];
        if link.phase == Phase::Stream && sent_all && !link.listed {
            link.listed = true;
            self.dry.push(u32::try_from(row).expect("link ids are u32"));
        }
    }

    /// The log grew: O(1), however many links are dry.
    #[inline]
    pub(crate) fn wake_dry(&mut self) {
        if !self.dry.is_empty() {
            self.tell_self(self_tell::DRY);
        }
    }

    // --- the ring overtakes ----------------------------------------------------------------------------------------

    /// Frames before `after` are about to go: who reads them keeps the rest of a frame in its spill, and no more.
    pub(crate) fn overtake(&mut self, after: u64) {
        for row in 0..self.links.len() {
            if !matches!(self.links[row].outbox.stage, Stage::Ring { at, .. } if at < after) {
                continue;
            }
            self.leave_ring(row);
        }
        // Only now: a link that was let go frees a ship, and who boards it begins to read.
        let mut floor = u64::MAX;
        for link in &mut self.links {
            let down = &mut link.down;
            if down.stream_at.is_some_and(|at| at < after) {
                down.stream_at = mutant!(self.config, 17 => Some(after), else None);
                self.counters.overruns += 1;
            }
            if let Stage::Ring { at, .. } = link.outbox.stage {
                floor = floor.min(at);
            }
            floor = floor.min(down.stream_at.unwrap_or(u64::MAX));
        }
        self.reader_floor = floor;
    }

    /// The ring goes on without what a link has half sent of it: the rest is kept beside it.
    pub(crate) fn leave_ring(&mut self, row: usize) {
        self.cut_stage(row);
        if mutant!(self.config, 123) || !self.links[row].outbox.spill(&self.log) {
            // A giant, half sent: neither its rest nor a goodbye can follow. Come back at once.
            self.links[row].outbox.stage = Stage::Idle;
            self.fault(row, Fault::Overrun);
            self.links[row].due = 0;
            self.tell_link(row, tell::CLOSE);
        }
    }

    /// Takes every overtaken link down a rung of the ladder.
    pub(crate) fn fall_all(&mut self) {
        for row in 0..self.links.len() {
            let down = &self.links[row].down;
            if self.links[row].phase == Phase::Stream && down.stream_at.is_none() && !down.fallen {
                (self.links[row].down.fallen, self.links[row].down.needs_snapshot) = (true, true);
                if self.links[row].down.shipping.is_some() && !mutant!(self.config, 11) {
                    mutant!(self.config, 7 => continue);
                    mutant!(self.config, 117 => { self.begin_again(row); continue });
                    // What is begun is finished and installed; the stream beside it has stopped.
                    self.owe_admit(row);
                } else {
                    self.need_snapshot(row, None);
                }
            }
        }
    }

    /// A link begins to read the ring.
    pub(crate) fn stream_from(&mut self, row: usize, place: Option<crate::stream::log::Place>, have: Offset) {
        let down = &mut self.links[row].down;
        down.stream_at = place.map(|place| place.position);
        down.sent = place.map_or(have, |place| place.boundary);
        down.fallen = place.is_none();
        down.fork = None;
        self.reader_floor = self.reader_floor.min(place.map_or(u64::MAX, |place| place.position));
        self.links[row].phase = Phase::Stream;
    }
}
