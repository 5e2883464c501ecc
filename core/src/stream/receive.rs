//! Frames of the upstream: welcome, admission, the stream, beats.

use crate::error::Fault;
use crate::events::{LinkFact, NodeFact};
use crate::id::{HistoryId, SnapshotId};
use crate::input::{Payload, PayloadKind, Role, Step};
use crate::limits::BATCH_HEAD_BYTES;
use crate::links::{Control, Links, Up};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::wire::Head;
use crate::wire::batch::{BatchHead, verify as verify_batch};
use crate::wire::control::Beat;
use crate::wire::join::{Admit, Verdict};

/// A payload without bytes or records.
pub(super) fn mark(kind: PayloadKind, first: u64, count: u32) -> Payload {
    Payload { range: 0..0, first, count, kind, snapshot: SnapshotId(0) }
}

impl Stream {
    /// Takes note of an epoch number seen somewhere. A higher one travels up, and a primary's host is notified.
    #[inline]
    pub(crate) fn saw(&mut self, shared: &mut Shared, number: u32) {
        if number > self.seen {
            self.seen = number;
            if self.role == Role::Primary {
                shared.events.notify_node(NodeFact::Outranked);
            }
        }
    }

    // --- joining ---------------------------------------------------------------------------------------------------

    /// Asks to join a peer with this history, which welcomed us.
    pub(crate) fn welcomed(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        history: HistoryId,
    ) {
        self.upstream.welcomed(history);
        self.ask_to_join(links, shared, row);
    }

    /// Asks the upstream to go on from our position.
    pub(super) fn ask_to_join(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        self.upstream.ask(&shared.config, &self.log);
        links.ask_to_join(shared, row);
    }

    pub(crate) fn on_admit(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        body: &[u8],
        step: &mut Step,
    ) -> Result<(), Fault> {
        assert!(links.upstream() == Some(row), "only our upstream admits us");
        let admit = Admit::decode(body)?;
        self.saw(shared, admit.epochs.number());
        if admit.join != self.upstream.joins {
            // It answers a JOIN from a position we have left since; ours is on its way.
            return if admit.join < self.upstream.joins { Ok(()) } else { Err(Fault::Malformed) };
        }
        links.admitted(row);
        self.upstream.admit = admit.number;
        if admit.epochs.last() != self.log.epochs().last() {
            // Another primary is at the root: the former one's end is not its end.
            self.upstream.origin = None;
        }
        match admit.verdict {
            Verdict::Wait => self.upstream.streaming = false,
            Verdict::Continue if !self.upstream.base => return Err(Fault::Unexpected),
            Verdict::Continue => {
                self.stands_at(&admit)?;
                self.go_with(links, shared, row, &admit);
            }
            Verdict::Fork => {
                self.upstream.may_rewind(&shared.config, &self.log, &admit)?;
                self.upstream.streaming = false;
                self.upstream.fork = Some(admit.from);
                step.payload = Some(mark(PayloadKind::Fork, admit.from.boundary.0, 1));
            }
            Verdict::Snapshot | Verdict::SnapshotOnly => {
                self.snapshot_comes(links, shared, row, &admit, step)?;
            }
        }
        links.add_pending(shared, row, Control::Ack);
        links.arm(shared, row);
        Ok(())
    }

    /// Checks that the place that an ADMIT names is our position.
    pub(super) fn stands_at(&self, admit: &Admit) -> Result<(), Fault> {
        let here = self.log.position();
        if admit.history != self.log.history {
            return Err(Fault::HistoryDiffers);
        }
        if admit.from.boundary != here.boundary {
            return Err(Fault::Gap);
        }
        if admit.from.digest == here.digest { Ok(()) } else { Err(Fault::Parent) }
    }

    /// Goes on with the stream: the sender's table is ours, and we may feed others.
    pub(super) fn go_with(&mut self, links: &mut Links, shared: &mut Shared, row: usize, admit: &Admit) {
        let news = *self.log.epochs() != admit.epochs;
        self.log.take_epochs(&admit.epochs);
        let upstream = &mut self.upstream;
        let first = !upstream.streaming;
        (upstream.streaming, upstream.fork) = (true, None);
        let newly = upstream.base && !upstream.admitted;
        upstream.admitted |= upstream.base;
        if first {
            shared.events.notify_link(row, LinkFact::Joined);
        }
        if news || newly {
            self.epochs_changed(links, shared);
        }
        debug_assert!(self.upstream.fork.is_none(), "an upstream that goes on asks for no rewind");
    }

    // --- the stream ------------------------------------------------------------------------------------------------

    pub(crate) fn on_batch(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        head: &Head,
        frame: &[u8],
        step: &mut Step,
    ) -> Result<(), Fault> {
        if !self.upstream.streaming {
            return Err(Fault::Unexpected);
        }
        let batch = BatchHead::decode(frame);
        verify_batch(frame, &batch, head.check)?;
        self.log.admits(&batch)?;
        if self.upstream.receiving.as_ref().is_some_and(|held| !held.fits_batch(&batch, head.check)) {
            // Refused while the host can still tell the two apart: done on the snapshot, it could not be undone.
            return Err(Fault::SnapshotDiffers);
        }
        self.upstream.stream.receive(frame.len() as u64)?;
        while self.log.free() < frame.len() as u64 {
            self.evict(links, shared);
        }
        self.log.accept(frame, &batch, head.check);
        debug_assert!(self.log.end() == batch.end() && self.log.position().digest == head.check);
        self.seen = self.seen.max(batch.epoch.number());
        links.note_progress();
        shared.counters.records_received += u64::from(batch.count);
        self.wake_idle(shared);
        self.note_caught_up(shared);
        let kind = if self.upstream.base { PayloadKind::Batch } else { PayloadKind::Spool };
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

    pub(crate) fn on_beat(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        body: &[u8],
    ) -> Result<(), Fault> {
        let beat = Beat::decode(body)?;
        self.upstream.note_beat(&beat, shared.clock.now());
        if self.upstream.streaming {
            // A link that lived for a beat is progress; to be admitted is not.
            links.note_progress();
        }
        self.note_caught_up(shared);
        Ok(())
    }

    pub(super) fn note_caught_up(&mut self, shared: &mut Shared) {
        if self.upstream.note_caught_up(self.log.end()) {
            shared.events.notify_node(NodeFact::CaughtUp);
        }
    }

    /// Adds a pending acknowledgement, if the upstream admitted us.
    pub(super) fn add_ack(&self, links: &mut Links, shared: &mut Shared) {
        if let Some(row) = links.upstream_in(Up::Admitted) {
            links.add_pending(shared, row, Control::Ack);
        }
    }
}
