//! The planted bugs that take more than a line.

use crate::clock::Clock;
use crate::error::Fault;
use crate::events::Subject;
use crate::id::{Offset, SnapshotId};
use crate::input::{Payload, PayloadKind, Step};
use crate::limits::BATCH_HEAD_BYTES;
use crate::links::Links;
use crate::links::outbox::Stage;
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::completions::Completed;
use crate::stream::readers::Serving;
use crate::stream::slots::Acked;
use crate::time::{Span, Time};
use crate::wire::batch::BatchHead;

/// The memory of a bug.
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

impl Stream {
    /// 9, 10, 117: the snapshot under way to a replica is dropped for a new one, without a pause.
    pub(super) fn begin_again(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let piece_staged = matches!(links[row].outbox.stage(), Stage::Piece { .. });
        if piece_staged || self.readers[row].serving.assigned().is_none() {
            return;
        }
        self.cut_run(links, row);
        self.leave_transfer(links, shared, row);
        self.slots.rows[self.readers[row].slot].not_before = Time::ZERO;
        self.need_snapshot(links, shared, row, None);
    }

    /// 10: the first piece left, and the log has grown since its view was opened: a newer view is better.
    pub(crate) fn prefer_newer(&mut self, links: &mut Links, shared: &mut Shared, transfer: usize) {
        let Some(link) = self.transfers.rows[transfer].link else { return };
        let row = link.row();
        let first = self.readers[row].serving.assigned().is_some_and(|assigned| assigned.next_piece == 1);
        let view = self.transfers.view(self.transfers.rows[transfer].snapshot);
        let old = view.and_then(|view| view.ready).is_some_and(|(_, at)| at < self.log.next());
        if first && old {
            self.begin_again(links, shared, row);
        }
    }

    /// 8: after its snapshot a replica is sent the stream from the ring's begin.
    pub(super) fn stream_all_again(&mut self, links: &mut Links, row: usize) {
        if matches!(self.readers[row].serving, Serving::Streaming { .. }) {
            self.cut_run(links, row);
            self.readers[row].serving.read_at(self.log.oldest());
            self.readers[row].sent = self.log.start();
            self.readers.floor = self.readers.floor.min(self.log.oldest());
        }
    }

    /// ... and it hands its host what it has had.
    pub(super) fn hand_out_again(
        &mut self,
        frame: &[u8],
        batch: &BatchHead,
        step: &mut Step,
    ) -> Result<(), Fault> {
        self.upstream.stream.receive(frame.len() as u64)?;
        step.position = Some(self.log.position());
        let (first, count, range) = (batch.first.0, batch.count, BATCH_HEAD_BYTES..frame.len());
        let kind = if self.upstream.base { PayloadKind::Batch } else { PayloadKind::Spool };
        step.payload = Some(Payload { range, first, count, kind, snapshot: SnapshotId(0) });
        Ok(())
    }

    /// 23: whether another replica has not taken what it was offered.
    pub(super) fn another_waits(&self, links: &Links, row: usize) -> bool {
        let waits = |other: usize| {
            let outbox = &links[other].outbox;
            let admitted = self.readers[other].serving.admitted();
            other != row && admitted && outbox.is_notified() && !outbox.is_idle()
        };
        (0..links.len()).any(waits)
    }

    /// 25: whether there is bulk to go before control.
    pub(super) fn bulk_first(&self, links: &Links, row: usize) -> bool {
        let reader = &self.readers[row];
        let grown = reader.serving.reads_at().is_some_and(|at| at < self.log.sealed());
        let more = grown && reader.credit.may_begin();
        reader.serving.admitted() && (links[row].outbox.stage() != Stage::Idle || more)
    }

    /// 32: joins from where the host has persisted, without a word to it.
    pub(super) fn stand_at_persisted(&mut self) {
        let persisted = self.upstream.persisted;
        let Some(to) = self.log.position_at(persisted).filter(|_| self.upstream.base) else { return };
        let admitted = self.upstream.admitted;
        self.log.rewind(to);
        self.upstream.stand_on(persisted, self.log.sealed());
        self.upstream.admitted = admitted;
    }

    /// ... and its answers of before say no more than what it stands on.
    pub(super) fn within(&self, done: Completed) -> Completed {
        let within = |offset: Offset| offset.min(self.log.next());
        let Completed { taken, applied, persisted } = done;
        Completed { taken: within(taken), applied: within(applied), persisted: persisted.map(within) }
    }

    /// 36: a replica that is connected for longer than the window "expires".
    pub(super) fn expire_connected(&mut self, links: &Links, shared: &mut Shared, row: usize) {
        let connected = shared.clock.alive().saturating_sub(links[row].opened());
        if self.readers[row].serving.joined() && connected > shared.config.options().reconnect_window.0 {
            let slot = self.readers[row].slot;
            let lag = self.log.next().0.saturating_sub(self.slots.rows[slot].acked.received.0);
            self.slots.rows[slot].expired = Some((self.slots.rows[slot].node, lag));
            shared.events.notify(Subject::Slot(slot));
        }
    }

    /// 102: a restarted primary goes on in the epoch it finds.
    pub(super) fn keep_epoch(&mut self, clock: &Clock) {
        if self.log.epochs().is_empty() {
            self.open_epoch(clock);
        } else {
            self.log.reopen();
        }
    }

    /// 111: before the position changes, readers keep the frame they are in ...
    pub(super) fn hold_readers(&mut self, links: &mut Links, shared: &mut Shared) {
        for row in 0..links.len() {
            self.cut_run(links, row);
            if !self.spill(links, row) {
                links[row].outbox.drop_bulk();
                self.fault(links, shared, row, Fault::Overrun);
                links.close_now(shared, row);
            }
        }
    }

    /// ... and afterwards stand at its end, as if they had followed.
    pub(super) fn move_readers(&mut self) {
        let (oldest, sealed, end) = (self.log.oldest(), self.log.sealed(), self.log.end());
        for reader in self.readers.iter_mut() {
            if reader.serving.reads_at().is_some_and(|at| at > sealed || at < oldest) {
                reader.serving.read_at(sealed);
                reader.sent = end;
            }
        }
        self.readers.floor = oldest;
    }

    /// 115: a replica waits until the view is open.
    pub(super) fn wait_for_view(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let waits = matches!(self.readers[row].serving, Serving::Waiting { .. });
        self.readers[row].serving =
            if waits { Serving::Waiting { for_snapshot: true } } else { Serving::Overtaken(None) };
        self.wait(links, shared, row);
    }

    /// 35: a window that ends one nanosecond early.
    pub(super) fn shorter_window(shared: &Shared) -> Span {
        Span(shared.config.options().reconnect_window.0 - 1)
    }
}
