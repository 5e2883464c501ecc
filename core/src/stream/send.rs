//! The next bytes for the wire: pending control, the stream, the pieces.
//!
//! Stream first, yet pieces get their share of the bytes ([`PIECE_SHARE`]); control enters at the next frame's end.

use crate::events::LinkFact;
use crate::id::{Offset, Position, SnapshotId};
use crate::input::Role;
use crate::limits::{PIECE_SHARE, RUN_BYTES, SCRATCH_BYTES};
use crate::links::outbox::{More, Stage};
use crate::links::{Control, Links};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::readers::Serving;
use crate::wire::FrameKind;
use crate::wire::control::{Beat, Begin, seal_piece};
use crate::wire::join::{Admit, Verdict};

impl Stream {
    /// Hands a link to the host, if there is something to write. Returns whether there was.
    pub(crate) fn offer(&mut self, links: &mut Links, shared: &mut Shared, row: usize) -> bool {
        if links[row].is_free() || links[row].outbox.is_notified() {
            return false;
        }
        self.refill(links, shared, row);
        if links[row].outbox.is_idle() {
            self.readers.list_idle(row, self.log.sealed());
            return false;
        }
        links[row].outbox.notify(shared.clock.alive());
        links.arm(shared, row);
        true
    }

    /// Offers more after bytes were taken, or takes the link back from the host.
    #[inline]
    pub(crate) fn offer_more(&mut self, links: &mut Links, shared: &mut Shared, row: usize) -> More {
        self.refill(links, shared, row);
        if !links[row].outbox.is_idle() {
            return More::More;
        }
        links[row].outbox.hand_back();
        if links[row].is_closing() {
            // The goodbye left.
            shared.events.notify_link(row, LinkFact::Close);
        }
        self.readers.list_idle(row, self.log.sealed());
        More::Idle
    }

    /// Offers the next idle link that has something to write. Returns its row.
    pub(crate) fn offer_idle(&mut self, links: &mut Links, shared: &mut Shared) -> Option<usize> {
        // From the end, each once: one that is idle still (it joined at the end after the log grew) is listed again
        // behind this place.
        for place in (0..self.readers.idle_len()).rev() {
            let row = self.readers.take_idle(place);
            if self.offer(links, shared, row) {
                return Some(row);
            }
        }
        None
    }

    /// Stages what is next: pending control if none is staged, then bulk if none is staged.
    fn refill(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        if links[row].has_pending() && !links[row].outbox.has_control() {
            self.cut_run(links, row);
            self.encode_pending(links, shared, row);
        }
        let link = &links[row];
        // An ADMIT may wait behind control that is staged: nothing of what it speaks of leaves before it.
        if link.outbox.stage() == Stage::Idle && !link.is_pending(Control::Admit) {
            self.stage_bulk(links, shared, row);
        }
    }

    // --- control ---------------------------------------------------------------------------------------------------

    fn encode_pending(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let mut pending = links[row].take_pending();
        let mut at = 0;
        while let Some(control) = pending.pop_first() {
            at += self.encode(links, shared, row, control, at);
        }
        debug_assert!(at <= SCRATCH_BYTES, "one of each kind fits");
        links[row].outbox.stage_control(at);
    }

    /// Encodes one frame at a place of the link's room. Returns its length.
    fn encode(
        &mut self,
        links: &mut Links,
        shared: &Shared,
        row: usize,
        control: Control,
        at: usize,
    ) -> usize {
        let (config, seen, history) = (&shared.config, self.seen, self.log.history);
        match control {
            Control::Hello => links.encode_hello(config, row, at, FrameKind::Hello, (history, seen)),
            Control::Welcome => links.encode_hello(config, row, at, FrameKind::Welcome, (history, seen)),
            Control::Goodbye => links.encode_goodbye(row, at, seen),
            Control::Join => {
                let join = self.upstream.join(config, &self.log);
                join.encode(&mut links[row].outbox.room()[at..], seen)
            }
            Control::Ack => {
                let ack = self.upstream.ack(config, &self.log);
                ack.encode(&mut links[row].outbox.room()[at..], seen)
            }
            Control::Admit => {
                let admit = self.admit(row, links[row].outbox.stage());
                admit.encode(&mut links[row].outbox.room()[at..], seen)
            }
            Control::Begin => self.encode_begin(links, row, at),
            Control::Beat => {
                let (origin_unix_ns, origin_end) = self.origin(shared);
                let end = self.log.end();
                self.readers[row].beat_end = end;
                let beat = Beat { number: links[row].beats(), origin_unix_ns, origin_end, end };
                beat.encode(&mut links[row].outbox.room()[at..], seen)
            }
        }
    }

    /// The newest beat of the root of the tree: we are the root, or pass on its beat.
    fn origin(&self, shared: &Shared) -> (u64, Offset) {
        match (self.role, self.upstream.origin) {
            (Role::Primary, Some(_) | None) => (shared.clock.unix_ns().max(1), self.log.end()),
            (Role::Replica, Some(origin)) => (origin.unix_ns, origin.end),
            (Role::Replica, None) => (0, self.log.end()),
        }
    }

    /// Returns the verdict on a replica, as the latest fact.
    fn admit(&self, row: usize, stage: Stage) -> Admit {
        let reader = &self.readers[row];
        let nowhere = Position::default();
        let here = || self.log.position_at(reader.sent);
        let (verdict, from) = match reader.serving {
            Serving::Forked(fork) => (Verdict::Fork, fork),
            Serving::Streaming { .. } => {
                here().map_or((Verdict::Wait, nowhere), |here| (Verdict::Continue, here))
            }
            Serving::Transferring { .. } => {
                here().map_or((Verdict::SnapshotOnly, nowhere), |here| (Verdict::Snapshot, here))
            }
            Serving::Stopped(Some(_)) | Serving::Overtaken(Some(_)) => (Verdict::SnapshotOnly, nowhere),
            Serving::Absent | Serving::Waiting { .. } | Serving::Stopped(None) | Serving::Overtaken(None) => {
                (Verdict::Wait, nowhere)
            }
        };
        let assigned = reader.serving.assigned();
        // A staged piece of which nothing left comes behind this.
        let behind = u64::from(matches!(stage, Stage::Piece { at: 0, .. }));
        Admit {
            number: reader.admit,
            verdict,
            history: self.log.history,
            from,
            snapshot: assigned.map_or(SnapshotId(0), |assigned| assigned.snapshot),
            next_piece: assigned.map_or(0, |assigned| assigned.next_piece - behind),
            fork: assigned.and_then(|assigned| assigned.fork),
            join: reader.join.as_ref().map_or(0, |join| join.number),
            epochs: self.log.epochs().clone(),
        }
    }

    fn encode_begin(&self, links: &mut Links, row: usize, at: usize) -> usize {
        let assigned = self.readers[row].serving.assigned();
        let view = assigned.and_then(|assigned| self.transfers.view(assigned.snapshot));
        let Some((view, (cursor, _))) = view.and_then(|view| Some((view, view.ready?))) else {
            return 0;
        };
        let begin = Begin { snapshot: view.id, bytes: view.bytes, cursor: cursor.as_bytes() };
        begin.encode(&mut links[row].outbox.room()[at..], self.seen)
    }

    // --- bulk ------------------------------------------------------------------------------------------------------

    /// Stages a piece or a run, whichever is in turn, if there is one.
    fn stage_bulk(&mut self, links: &mut Links, shared: &Shared, row: usize) {
        let (reads_at, transfer) = self.readers[row].serving.sources();
        let piece = transfer.and_then(|transfer| self.piece_ready(links, row, transfer));
        if self.log.has_open() && reads_at == Some(self.log.sealed()) {
            self.seal(&shared.clock);
        }
        let reader = &self.readers[row];
        let stream = reads_at.filter(|at| *at < self.log.sealed() && reader.credit.may_begin());
        match (piece, stream) {
            (Some((transfer, bytes)), None) => self.stage_piece(links, row, transfer, bytes),
            (Some((transfer, bytes)), Some(_)) if reader.piece_debt >= bytes * (PIECE_SHARE - 1) => {
                self.stage_piece(links, row, transfer, bytes);
            }
            (Some(_) | None, Some(from)) => self.stage_run(links, row, from, piece.is_some()),
            (None, None) => {}
        }
    }

    /// The transfer and the frame length of its piece, if that could go now.
    fn piece_ready(&self, links: &Links, row: usize, transfer: usize) -> Option<(usize, u64)> {
        let reader = &self.readers[row];
        let free = reader.piece_credit.may_begin() && !links[row].is_pending(Control::Begin);
        let bytes = self.transfers.rows[transfer].front_len().filter(|_| free)?;
        Some((transfer, bytes as u64))
    }

    fn stage_piece(&mut self, links: &mut Links, row: usize, transfer: usize, bytes: u64) {
        let of = &mut self.transfers.rows[transfer];
        let chain = of.chain;
        let (frame, last) = of.front_mut().expect("piece_ready saw it");
        of.chain = seal_piece(frame, last, self.seen, chain);
        let reader = &mut self.readers[row];
        reader.piece_credit.begin(bytes);
        reader.piece_debt = reader.piece_debt.saturating_sub(bytes * (PIECE_SHARE - 1));
        reader.serving.assigned_mut().expect("piece_ready saw it").next_piece += 1;
        let end = usize::try_from(bytes).expect("a buffer's length");
        links[row].outbox.stage_bulk(Stage::Piece { transfer, at: 0, end });
    }

    /// Stages a run of whole frames, as far as window and run allow.
    fn stage_run(&mut self, links: &mut Links, row: usize, from: u64, pieces_wait: bool) {
        let sealed = self.log.sealed();
        let reader = &mut self.readers[row];
        let mut to = from;
        while to < sealed && to - from < RUN_BYTES && reader.credit.may_begin() {
            let after = self.log.frame_ends(to);
            reader.credit.begin(after.position - to);
            (to, reader.sent) = (after.position, after.boundary);
        }
        if pieces_wait {
            reader.piece_debt += to - from;
        }
        debug_assert!(from < to && to <= sealed, "a run is of sealed frames");
        reader.serving.read_at(to);
        links[row].outbox.stage_bulk(Stage::Run { at: from, frame_end: from, limit: to });
    }
}
