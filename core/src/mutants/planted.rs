//! The planted bugs that take more than a line.

use crate::error::Fault;
use crate::id::{Offset, SnapshotId};
use crate::input::{Kind, Payload, Step};
use crate::limits::{BATCH_HEAD_BYTES, HEAD_BYTES};
use crate::links::outbox::Stage;
use crate::links::{Phase, tell};
use crate::node::Node;
use crate::stream::slots::Acked;
use crate::time::{Span, Time};
use crate::wire::batch::BatchHead;
use crate::wire::fields::u32_at;

/// What a bug remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Planted {
    /// 12: the host was told of a snapshot's begin, and did not install it.
    begun: bool,
    /// 110: applied before the rewind.
    late: Offset,
}

impl Planted {
    /// 12: another snapshot's begin is kept from a host that holds a part of one.
    pub(crate) fn hide_begin(&mut self, step: &mut Step) {
        if self.begun {
            (step.payload, step.position) = (None, None);
        }
        self.begun = true;
    }

    pub(crate) fn installed(&mut self) {
        self.begun = false;
    }

    /// 110: what the old branch had applied is remembered ...
    pub(crate) fn rewound(&mut self, applied: Offset) {
        self.late = applied;
    }

    /// 136: of what was released of a snapshot's pieces the last byte is never told.
    pub(crate) fn less(&self, released: u64) -> u64 {
        released.saturating_sub(1)
    }

    /// ... and acknowledged of the new one as soon as it is received (134: as persisted, as soon as it is applied).
    pub(crate) fn applied(&self, applied: Offset, received: Offset) -> Offset {
        applied.max(self.late.min(received))
    }
}

impl Acked {
    /// 37: the slot forgets half of what it knew.
    pub(crate) fn half(self) -> Self {
        let half = |offset: Offset| Offset(offset.0.div_ceil(2));
        let (received, applied) = (half(self.received), half(self.applied));
        Self { received, applied, persisted: half(self.persisted), ..self }
    }

    /// 108: the slot forgets nothing.
    pub(crate) fn most(self, other: Self) -> Self {
        Self {
            received: self.received.max(other.received),
            applied: self.applied.max(other.applied),
            persisted: self.persisted.max(other.persisted),
            ..self
        }
    }
}

impl Node {
    /// 9, 10, 117: the snapshot under way to a replica is dropped for a new one, without a pause.
    pub(crate) fn begin_again(&mut self, row: usize) {
        let piece_staged = matches!(self.links[row].outbox.stage, Stage::Piece { .. });
        if piece_staged || self.links[row].phase != Phase::Stream || self.links[row].down.shipping.is_none() {
            return;
        }
        self.cut_stage(row);
        self.leave_ship(row);
        self.slots.rows[self.links[row].down.slot].not_before = Time::ZERO;
        self.need_snapshot(row, None);
    }

    /// 10: the first piece left, and the log has grown since its view was opened: a newer view is better.
    pub(crate) fn prefer_newer(&mut self, ship: usize) {
        let Some(link) = self.ships.rows[ship].link else { return };
        let row = link.0 as usize;
        let first = self.links[row].down.shipping.is_some_and(|shipping| shipping.next_piece == 1);
        let live = self.ships.find(self.ships.rows[ship].snapshot).and_then(|live| self.ships.live[live]);
        let old = live.and_then(|live| live.ready).is_some_and(|(_, at)| at < self.log.next());
        if first && old {
            self.begin_again(row);
        }
    }

    /// 8: after its snapshot a replica is sent the stream from the ring's begin.
    pub(crate) fn stream_all_again(&mut self, row: usize) {
        if self.links[row].down.stream_at.is_some() {
            self.cut_stage(row);
            (self.links[row].down.stream_at, self.links[row].down.sent) =
                (Some(self.log.oldest()), self.log.start());
            self.reader_floor = self.reader_floor.min(self.log.oldest());
        }
    }

    /// ... and it hands its host what it has had.
    pub(crate) fn hand_out_again(
        &mut self,
        frame: &[u8],
        batch: &BatchHead,
        step: &mut Step,
    ) -> Result<(), Fault> {
        self.upstream.stream.receive(frame.len() as u64)?;
        step.position = Some(self.log.position());
        let (first, count, range) = (batch.first.0, batch.count, BATCH_HEAD_BYTES..frame.len());
        let kind = if self.upstream.base { Kind::Batch } else { Kind::Spool };
        step.payload = Some(Payload { range, first, count, kind, snapshot: SnapshotId(0) });
        Ok(())
    }

    /// 23: whether another replica has not taken what it was offered.
    pub(crate) fn another_waits(&self, row: usize) -> bool {
        let waits = |(other, link): (usize, &crate::links::Link)| {
            other != row && link.phase == Phase::Stream && link.outbox.told && !link.outbox.is_dry()
        };
        self.links.iter().enumerate().any(waits)
    }

    /// 25: whether there is bulk to go before control.
    pub(crate) fn bulk_first(&self, row: usize) -> bool {
        let link = &self.links[row];
        let more =
            link.down.stream_at.is_some_and(|at| at < self.log.sealed()) && link.down.credit.may_begin();
        link.phase == Phase::Stream && (link.outbox.stage != Stage::Idle || more)
    }

    /// 32: joins from where the host has persisted, without a word to it.
    pub(crate) fn stand_at_persisted(&mut self) {
        let persisted = self.upstream.persisted;
        let Some(to) = self.log.position_at(persisted).filter(|_| self.upstream.base) else { return };
        let admitted = self.upstream.admitted;
        self.log.rewind(to);
        self.upstream.stand_on(persisted, self.log.sealed());
        self.upstream.admitted = admitted;
    }

    /// ... and its answers of before say no more than what it stands on.
    pub(crate) fn within(
        &self,
        taken: Offset,
        applied: Option<Offset>,
        persisted: Option<Offset>,
    ) -> (Offset, Option<Offset>, Option<Offset>) {
        let within = |offset: Offset| offset.min(self.log.next());
        (within(taken), applied.map(within), persisted.map(within))
    }

    /// 36: a replica that is connected for longer than the window "expires".
    pub(crate) fn expire_connected(&mut self, row: usize) {
        let connected = self.clock.alive().saturating_sub(self.links[row].opened);
        if self.links[row].phase.joined() && connected > self.config.reconnect_window.0 {
            let slot = self.links[row].down.slot;
            let lag = self.log.next().0.saturating_sub(self.slots.rows[slot].acked.received.0);
            self.slots.rows[slot].expired = Some((self.slots.rows[slot].node, lag));
            let subject = self.slot_subject(slot);
            self.pending.push(subject);
        }
    }

    /// 102: a restarted primary goes on in the epoch it finds.
    pub(crate) fn keep_epoch(&mut self) {
        if self.log.epochs.is_empty() {
            self.open_epoch();
        } else {
            self.log.reopen();
        }
    }

    /// 111: before the ground goes, readers keep the frame they are in ...
    pub(crate) fn hold_readers(&mut self) {
        for row in 0..self.links.len() {
            self.cut_stage(row);
            if !self.links[row].outbox.spill(&self.log) {
                self.links[row].outbox.stage = Stage::Idle;
                self.fault(row, Fault::Overrun);
                self.tell_link(row, tell::CLOSE);
            }
        }
    }

    /// ... and afterwards stand at its end, as if they had followed.
    pub(crate) fn move_readers(&mut self) {
        let (oldest, sealed, end) = (self.log.oldest(), self.log.sealed(), self.log.end());
        for link in self.links.iter_mut().filter(|link| link.down.stream_at.is_some()) {
            let at = link.down.stream_at;
            if at.is_some_and(|at| at > sealed || at < oldest) {
                (link.down.stream_at, link.down.sent) = (Some(sealed), end);
            }
        }
        self.reader_floor = oldest;
    }

    /// 126: a length as it came.
    pub(crate) fn believed(data: &[u8]) -> Option<Step> {
        let need = u32_at(data, 0) as usize;
        (data.len() >= HEAD_BYTES && data.len() < need).then(|| Step { need, ..Step::default() })
    }

    /// 35: a window that ends one nanosecond early.
    pub(crate) fn shorter_window(&self) -> Span {
        Span(self.config.reconnect_window.0 - 1)
    }
}
