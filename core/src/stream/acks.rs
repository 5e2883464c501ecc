//! Acknowledgements of replicas.

use crate::error::Fault;
use crate::event::Event;
use crate::events::Subject;
use crate::id::Offset;
use crate::links::Links;
use crate::shared::Shared;
use crate::stages::Stages;
use crate::stream::Stream;
use crate::stream::slots::Acked;
use crate::wire::control::Ack;

impl Stream {
    pub(crate) fn on_ack(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        body: &[u8],
    ) -> Result<(), Fault> {
        let ack = Ack::decode(body)?;
        let reader = &mut self.readers[row];
        if ack.echo > links[row].beats() || ack.admit > reader.admit {
            return Err(Fault::AckAhead);
        }
        reader.echo = reader.echo.max(ack.echo);
        if ack.admit < reader.admit || !reader.serving.admitted() {
            // Meant under an earlier verdict: it is a sign of life and no more.
            return Ok(());
        }
        reader.credit.release(ack.stream_released)?;
        reader.piece_credit.release(ack.pieces_released)?;
        let acked = Acked {
            base: ack.base,
            volatile: ack.volatile,
            received: ack.received,
            applied: ack.applied,
            persisted: ack.persisted,
        };
        if acked.received > reader.sent {
            return Err(Fault::AckAhead);
        }
        let before = reader.acked;
        if acked.is_behind(&before) {
            return Err(Fault::AckBackwards);
        }
        self.pieces_released(links, shared, row);
        if acked != before {
            self.set_acked(shared, row, acked);
        }
        if acked.base && !before.base {
            self.installed_there(shared, row);
        }
        let reader = &self.readers[row];
        if acked.base && (acked.received == self.log.end() || acked.received >= reader.beat_end) {
            self.slots.rows[reader.slot].note_caught_up();
        }
        self.notify_if_able(links, shared, row);
        Ok(())
    }

    #[inline(always)]
    pub(super) fn set_acked(&mut self, shared: &mut Shared, row: usize, acked: Acked) {
        debug_assert!(
            acked.persisted <= acked.applied && acked.applied <= acked.received,
            "stages are in order"
        );
        let slot = self.readers[row].slot;
        self.readers[row].acked = acked;
        self.slots.rows[slot].acked = acked;
        self.slots.rows[slot].acked_pending = true;
        shared.events.notify(Subject::Slot(slot));
    }

    /// Notifies the host if a window that opened lets something begin.
    fn notify_if_able(&self, links: &mut Links, shared: &mut Shared, row: usize) {
        let reader = &self.readers[row];
        let (reads_at, transfer) = reader.serving.sources();
        let grown = reads_at.is_some_and(|at| at < self.log.sealed());
        let loaded = |transfer: usize| self.transfers.rows[transfer].front_len().is_some();
        if grown && reader.credit.may_begin() || transfer.is_some_and(loaded) {
            links.notify_wants_write(shared, row);
        }
    }

    /// Returns the next event of a slot.
    pub(crate) fn notify_slot(&mut self, slot: usize) -> Option<Event> {
        let row = &mut self.slots.rows[slot];
        if let Some((node, lag)) = row.expired.take() {
            return Some(Event::SlotExpired { node, lag });
        }
        if core::mem::take(&mut row.acked_pending) && row.used {
            let Stages { received, applied, persisted } = row.counted();
            return Some(Event::Acked { node: row.node, received, applied, persisted });
        }
        None
    }

    /// Where the stream goes on for a replica: the offset after the last frame staged.
    pub(crate) fn sent(&self, row: usize) -> Offset {
        self.readers[row].sent
    }
}
