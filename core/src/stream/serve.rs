//! Snapshots for replicas: who is assigned a transfer, what is asked of the host, when a view is freed.

use crate::cursor::{Cursor, Decoded};
use crate::error::{Fault, Misuse};
use crate::event::Event;
use crate::events::{LinkFact, Subject};
use crate::id::{LinkId, Offset, SnapshotId};
use crate::input::Role;
use crate::links::{Control, Links};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::place::Place;
use crate::stream::readers::{Assigned, Serving};
use crate::stream::slots::Acked;
use crate::stream::transfers::View;
use crate::time::Span;

impl Stream {
    // --- replicas --------------------------------------------------------------------------------------------------

    /// Assigns a replica a transfer: of a view that the ring still reaches, or of a new one; else it waits.
    pub(super) fn need_snapshot(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        fork: Option<Offset>,
    ) {
        let slot = self.readers[row].slot;
        let paused = self.slots.rows[slot].not_before > shared.clock.now();
        if paused || !self.admitted() || !self.upstream.base || !self.transfers.has_free() {
            return self.wait(links, shared, row);
        }
        let Some((view, place)) = self.reachable().or_else(|| self.request_view(links, shared)) else {
            return self.wait(links, shared, row);
        };
        let link = LinkId::of_row(row);
        let transfer = self.transfers.assign(link, view.id, 0, 0).expect("a transfer is free");
        // Only now: what it was cut off from may be the very view it is assigned again.
        self.forget_cut_off(shared, slot);
        let assigned = Assigned { snapshot: view.id, next_piece: 0, fork, transfer: Some(transfer) };
        self.serve_from(row, Some(place), place.boundary, Some(assigned));
        // From the ADMIT on the replica is before the snapshot: its earlier acknowledgements count no more.
        self.readers[row].acked = Acked::default();
        let remembered = &mut self.slots.rows[slot];
        remembered.acked = Acked::default();
        shared.counters.snapshots_restarted += u64::from(remembered.snapshots > 0);
        remembered.note_snapshot(shared.clock.now(), place.boundary, &mut self.pause);
        shared.counters.full_syncs += 1;
        self.begin_if_open(links, shared, row, transfer);
        shared.events.notify_link(row, LinkFact::Joined);
        self.add_admit(links, shared, row);
    }

    /// Every piece was sent and taken: the transfer is free for the next.
    pub(super) fn pieces_released(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let reader = &self.readers[row];
        let Some(transfer) = reader.serving.transfer() else {
            return;
        };
        let all = reader.piece_credit.released == reader.piece_credit.sent;
        if all && self.transfers.rows[transfer].sent_all {
            self.leave_transfer(links, shared, row);
        }
    }

    /// Nothing of the transfer is on this link any more: it is free for another.
    pub(super) fn leave_transfer(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let Some(assigned) = self.readers[row].serving.assigned_mut() else {
            return;
        };
        let (snapshot, Some(transfer)) = (assigned.snapshot, assigned.transfer.take()) else {
            return;
        };
        self.transfers.rows[transfer].link = None;
        self.drop_if_unused(shared, snapshot);
        self.reconsider_all(links, shared);
    }

    /// The replica installed its snapshot: it counts again, and the pause before the next one begins.
    pub(super) fn installed_there(&mut self, shared: &Shared, row: usize) {
        let reader = &mut self.readers[row];
        debug_assert!(reader.acked.base, "it acknowledged a complete state");
        if reader.serving.assigned().is_some_and(|assigned| assigned.transfer.is_none()) {
            reader.serving = Serving::reading(reader.serving.reads_at(), None);
            self.slots.rows[reader.slot].note_snapshot_end(shared.clock.now(), &mut self.pause);
        }
    }

    /// The replica needs what it was cut off from no more.
    pub(super) fn forget_cut_off(&mut self, shared: &mut Shared, slot: usize) {
        if let Some(snapshot) = self.slots.rows[slot].cut_off.take() {
            self.drop_if_unused(shared, snapshot);
        }
    }

    // --- views -----------------------------------------------------------------------------------------------------

    /// A view whose tail can still begin in the ring.
    fn reachable(&self) -> Option<(View, Place)> {
        self.transfers.views.iter().flatten().filter(|view| !view.done).find_map(|view| {
            let from = view.ready.map_or(view.from, |(_, at)| at);
            Some((*view, self.log.find(from)?))
        })
    }

    /// Asks the host for a new view. Its tail begins at the host's present position: opening it cannot lose the tail.
    fn request_view(&mut self, links: &mut Links, shared: &mut Shared) -> Option<(View, Place)> {
        self.seal(&shared.clock);
        let stands = match self.role {
            Role::Primary => self.log.end(),
            Role::Replica => self.upstream.applied,
        };
        let place = self.log.floor(stands)?;
        let Some(row) = self.transfers.add_view(place.boundary) else {
            self.release_view(links, shared);
            return None;
        };
        shared.events.notify(Subject::View(row));
        Some((self.transfers.views[row].expect("just wanted"), place))
    }

    /// Every row is taken: a view that is only remembered, for a replica that was cut off from it, gives way. Its row
    /// is free once that was notified; who waits looks again then.
    fn release_view(&mut self, links: &mut Links, shared: &mut Shared) {
        let unused = |view: &View| !view.done && !self.transfers.is_assigned(view.id);
        if let Some(view) = self.transfers.views.iter().position(|view| view.as_ref().is_some_and(unused)) {
            self.break_view(links, shared, view, true);
        }
    }

    /// A view is gone. A replica that had begun with it is cut and comes back; one that had not waits for the next.
    fn break_view(&mut self, links: &mut Links, shared: &mut Shared, view: usize, retry: bool) {
        // First of all: closing a link frees its transfer, and who waits for one must not be assigned what is gone.
        self.transfers.views[view].as_mut().expect("a view").done = true;
        let broken = self.transfers.views[view].expect("a view").id;
        for slot in self.slots.rows.iter_mut().filter(|slot| slot.cut_off == Some(broken)) {
            slot.cut_off = None;
        }
        for transfer in 0..self.transfers.rows.len() {
            let of = &self.transfers.rows[transfer];
            let Some(link) = of.link.filter(|_| of.snapshot == broken) else {
                continue;
            };
            let row = link.row();
            let pause = if retry { Span::ZERO } else { Span::from_secs(1) };
            self.close(links, shared, row, Fault::SnapshotFailed, pause);
            self.slots.rows[self.readers[row].slot].cut_off = None;
        }
        debug_assert!(!self.transfers.is_assigned(broken), "nobody is sent what is gone");
        shared.events.notify(Subject::View(view));
    }

    pub(crate) fn drop_all_views(&mut self, links: &mut Links, shared: &mut Shared) {
        for view in 0..self.transfers.views.len() {
            if self.transfers.views[view].is_some_and(|view| !view.done) {
                self.break_view(links, shared, view, true);
            }
        }
    }

    // --- the host --------------------------------------------------------------------------------------------------

    /// BEGIN leaves and the first piece is asked for, once the view is open.
    pub(super) fn begin_if_open(&self, links: &mut Links, shared: &mut Shared, row: usize, transfer: usize) {
        if self.transfers.is_open(self.transfers.rows[transfer].snapshot) {
            links.add_pending(shared, row, Control::Begin);
            self.ask_piece(shared, transfer);
        }
    }

    fn ask_piece(&self, shared: &mut Shared, transfer: usize) {
        if self.transfers.rows[transfer].has_room() {
            shared.events.notify(Subject::Transfer(transfer));
        }
    }

    /// A staged piece left whole: its buffer takes the next one.
    pub(crate) fn piece_left(&mut self, shared: &mut Shared, transfer: usize) {
        self.transfers.rows[transfer].unload();
        self.ask_piece(shared, transfer);
    }

    /// Returns the next event of a transfer: one piece serves all that wait for it.
    pub(crate) fn notify_transfer(&mut self, transfer: usize) -> Option<Event> {
        let row = &self.transfers.rows[transfer];
        // The fact may be left from the link it was assigned to before.
        if !row.has_room() || !self.transfers.is_open(row.snapshot) {
            return None;
        }
        let (snapshot, piece) = (row.snapshot, row.next_read);
        for other in self.transfers.rows.iter_mut() {
            if other.snapshot == snapshot && other.next_read == piece && other.has_room() {
                other.asked = true;
            }
        }
        Some(Event::SnapshotRead { snapshot, piece })
    }

    /// The next event of a view.
    pub(crate) fn notify_view(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
    ) -> Option<Event> {
        let view = self.transfers.views[row].as_mut()?;
        let wanted = core::mem::take(&mut view.wanted_pending);
        let (snapshot, from) = (view.id, view.from);
        if view.done {
            self.transfers.views[row] = None;
            self.reconsider_all(links, shared);
            // The host does not know of a view that was given up before it was asked for.
            return (!wanted).then_some(Event::SnapshotDone { snapshot });
        }
        wanted.then_some(Event::SnapshotWanted { snapshot, from })
    }

    /// Checks a view that the host opened: that it was asked for, and where it is.
    pub(crate) fn may_be_ready(&self, snapshot: SnapshotId, cursor: &[u8]) -> Result<Decoded, Misuse> {
        self.issued(snapshot)?;
        let decoded = Decoded::from_bytes(cursor).ok_or(Misuse::BadCursor)?;
        let at = decoded.position.boundary;
        if let Some(view) = self.transfers.view(snapshot) {
            let known = self.log.find(at).is_none_or(|place| place.digest == decoded.position.digest);
            let sound =
                decoded.history == self.log.history && view.from <= at && at <= self.log.end() && known;
            if !sound || view.ready.is_some() {
                return Err(Misuse::BadCursor);
            }
        }
        Ok(decoded)
    }

    /// Checks that a view was asked for in this boot.
    pub(crate) fn issued(&self, snapshot: SnapshotId) -> Result<(), Misuse> {
        if self.transfers.issued(snapshot) { Ok(()) } else { Err(Misuse::UnknownSnapshot) }
    }

    /// A view is open, exactly at a cursor; one that nobody needs any more changes nothing.
    pub(crate) fn view_ready(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        snapshot: SnapshotId,
        (at, bytes): (&Decoded, Option<u64>),
    ) {
        let Some(row) = self.transfers.find(snapshot) else {
            return;
        };
        let view = self.transfers.views[row].as_mut().expect("found");
        assert!(view.ready.is_none(), "checked by may_be_ready");
        let cursor = Cursor::new(at.history, at.position, at.epochs.entries());
        (view.ready, view.bytes) = (Some((cursor, at.position.boundary)), bytes.unwrap_or(u64::MAX));
        for transfer in 0..self.transfers.rows.len() {
            let of = &self.transfers.rows[transfer];
            if let Some(link) = of.link.filter(|_| of.snapshot == snapshot) {
                self.begin_if_open(links, shared, link.row(), transfer);
            }
        }
    }

    /// A piece of a view was read: every transfer that waits for it takes it.
    pub(crate) fn view_piece(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        (snapshot, piece): (SnapshotId, u64),
        data: &[u8],
        last: bool,
    ) {
        for transfer in 0..self.transfers.rows.len() {
            let row = &mut self.transfers.rows[transfer];
            let waits = row.asked && row.snapshot == snapshot && row.next_read == piece;
            if let Some(link) = row.link.filter(|_| waits) {
                row.load(data, last);
                links.notify_wants_write(shared, link.row());
                self.ask_piece(shared, transfer);
            }
        }
    }

    /// A view could not be opened, or broke.
    pub(crate) fn view_failed(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        snapshot: SnapshotId,
        retry: bool,
    ) {
        if let Some(view) = self.transfers.find(snapshot) {
            self.break_view(links, shared, view, retry);
        }
    }
}
