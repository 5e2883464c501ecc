//! The ring makes room: readers of what goes keep the rest of a frame beside it, and are served otherwise.

use core::ops::Range;

use crate::error::Fault;
use crate::links::Links;
use crate::links::outbox::Stage;
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::readers::Serving;

impl Stream {
    /// Makes room in the ring: the oldest frame goes. O(1), unless a reader is in it.
    pub(super) fn evict(&mut self, links: &mut Links, shared: &mut Shared) {
        let after = self.log.oldest_frame_end().expect("frame_bytes_max is a quarter of the ring");
        let overtaken = after > self.readers.floor;
        if overtaken {
            self.overtake(links, shared, after);
        }
        self.log.evict();
        if overtaken {
            self.serve_overtaken(links, shared);
        }
        debug_assert!(self.log.oldest() <= self.readers.floor, "no reader is in what is gone");
    }

    /// Prepares for the end of the frames before `after`: their readers keep the rest of a frame in the spill, no more.
    fn overtake(&mut self, links: &mut Links, shared: &mut Shared, after: u64) {
        for row in 0..links.len() {
            if matches!(links[row].outbox.stage(), Stage::Run { at, .. } if at < after) {
                self.leave_ring(links, shared, row);
            }
        }
        // Only now: a link that was let go frees a transfer, and the next one that it is assigned to begins to read.
        let mut floor = u64::MAX;
        for (row, reader) in self.readers.iter_mut().enumerate() {
            if reader.serving.reads_at().is_some_and(|at| at < after) {
                reader.serving = Serving::Overtaken(reader.serving.assigned().copied());
                shared.counters.overruns += 1;
            }
            if let Stage::Run { at, .. } = links[row].outbox.stage() {
                floor = floor.min(at);
            }
            floor = floor.min(reader.serving.reads_at().unwrap_or(u64::MAX));
        }
        self.readers.floor = floor;
    }

    /// Keeps the rest of a frame that a link has half sent beside the ring, which goes on without it.
    pub(super) fn leave_ring(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        self.cut_run(links, row);
        if !self.spill(links, row) {
            // A giant, half sent: neither its rest nor a goodbye can follow. Come back at once.
            links[row].outbox.drop_bulk();
            self.fault(links, shared, row, Fault::Overrun);
            links.close_now(shared, row);
        }
        assert!(!matches!(links[row].outbox.stage(), Stage::Run { .. }), "nothing of the ring is on offer");
    }

    /// Keeps the rest of the frame in progress out of the ring. Returns whether it fits.
    pub(super) fn spill(&self, links: &mut Links, row: usize) -> bool {
        match links[row].outbox.stage() {
            Stage::Run { at, limit, .. } => links[row].outbox.spill(self.log.slices(at, limit)),
            Stage::Idle | Stage::Spill { .. } | Stage::Piece { .. } => true,
        }
    }

    /// Serves overtaken replicas otherwise: the snapshot under way to them goes on, or they need one.
    fn serve_overtaken(&mut self, links: &mut Links, shared: &mut Shared) {
        for row in 0..self.readers.len() {
            let Serving::Overtaken(assigned) = self.readers[row].serving else {
                continue;
            };
            if assigned.is_some() {
                self.readers[row].serving = Serving::Stopped(assigned);
                // A snapshot that is begun is finished and installed; the stream beside it has stopped.
                self.add_admit(links, shared, row);
            } else {
                self.need_snapshot(links, shared, row, None);
            }
        }
    }

    /// Takes back the part of a run that has not begun, so that control can enter.
    pub(super) fn cut_run(&mut self, links: &mut Links, row: usize) {
        if let Some(cut) = links[row].outbox.cut().filter(|cut| !cut.is_empty()) {
            let Range { start: from, end: to } = cut;
            let reader = &mut self.readers[row];
            reader.credit.take_back(to - from);
            reader.serving.read_at(from);
            reader.sent = self.log.head_at(from).first;
        }
    }
}
