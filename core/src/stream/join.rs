//! A replica joins: its slot, the decision how to go on with it, and what follows from that.

use crate::error::Fault;
use crate::events::LinkFact;
use crate::id::{LinkId, Offset};
use crate::input::Role;
use crate::links::outbox::Stage;
use crate::links::{Control, Links, Peer};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::admission::{Decision, Ours, decide};
use crate::stream::place::Place;
use crate::stream::readers::{Assigned, Serving};
use crate::stream::slots::{Acked, Slot};
use crate::stream::windows::Credit;
use crate::wire::join::Join;

impl Stream {
    /// Returns whether this node may make a peer discard records: a primary, or a replica whose own upstream admitted
    /// it.
    pub(super) fn admitted(&self) -> bool {
        self.role == Role::Primary || (self.upstream.admitted && self.upstream.base)
    }

    pub(crate) fn on_join(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        body: &[u8],
    ) -> Result<(), Fault> {
        let join = Join::decode(body)?;
        let peer = links[row].peer();
        // It left the position that the last ADMIT was for. A piece of which nothing was sent stays here; one that is
        // half sent cannot be taken back: come back.
        match links[row].outbox.stage() {
            Stage::Piece { at: 0, .. } => links[row].outbox.drop_bulk(),
            Stage::Piece { .. } => return Err(Fault::Rebased),
            Stage::Idle | Stage::Run { .. } | Stage::Spill { .. } => {}
        }
        if join.untaken_bytes > peer.window_bytes + u64::from(shared.config.frame_bytes_max()) {
            return Err(Fault::Window);
        }
        self.saw(shared, join.epochs.number());
        if let Decision::Refuse(fault) = self.judge(shared, &join) {
            // Before it takes a slot: a stranger costs no replica its place, and no good link its node's name.
            return Err(fault);
        }
        if !self.readers[row].serving.joined() {
            self.take_slot(links, shared, row)?;
        }
        self.cut_run(links, row);
        self.leave_transfer(links, shared, row);
        let slot = self.readers[row].slot;
        if self.slots.rows[slot].cut_off != Some(join.snapshot) {
            // It holds nothing of what it was cut off from.
            self.forget_cut_off(shared, slot);
        }
        if self.slots.rows[slot].begun.is_some_and(|from| join.base && join.position.boundary >= from) {
            // It installed what was begun, and joins again because the stream beside it had stopped, or was cut.
            self.slots.rows[slot].note_snapshot_end(shared.clock.now(), &mut self.pause);
        }
        self.begin_anew(row, peer, join);
        // Until the decision is known the replica counts for nothing.
        self.readers[row].acked = Acked::default();
        self.slots.rows[slot].acked = Acked::default();
        self.decide(links, shared, row);
        Ok(())
    }

    /// Begins the windows of a reader anew with its JOIN. It reads nothing until it is decided how to go on.
    fn begin_anew(&mut self, row: usize, peer: Peer, join: Join) {
        let reader = &mut self.readers[row];
        assert!(reader.serving.joined(), "the replica has a slot");
        // A replica that waits already, and is to wait again, is sent nothing new.
        reader.serving = match reader.serving {
            Serving::Waiting { .. } => Serving::Waiting { for_snapshot: false },
            Serving::Absent
            | Serving::Forked(_)
            | Serving::Streaming { .. }
            | Serving::Transferring { .. }
            | Serving::Stopped(_)
            | Serving::Overtaken(_) => Serving::Stopped(None),
        };
        reader.credit = Credit::new(peer.window_bytes);
        reader.credit.sent = join.untaken_bytes;
        reader.piece_credit = Credit::new(peer.piece_window_bytes);
        reader.join = Some(join);
    }

    /// Gives a link the slot of its node; the newer of two links wins.
    fn take_slot(&mut self, links: &mut Links, shared: &mut Shared, row: usize) -> Result<(), Fault> {
        let peer = links[row].peer();
        let slot = match self.slots.find(peer.node) {
            Some(slot) => slot,
            None => {
                let slot = self.slots.room().ok_or(Fault::Full)?;
                if self.slots.rows[slot].used {
                    self.expire(shared, slot);
                }
                let expired = self.slots.rows[slot].expired;
                self.slots.rows[slot] = Slot { used: true, node: peer.node, expired, ..Slot::default() };
                slot
            }
        };
        if let Some(older) = self.slots.rows[slot].link {
            let same_start = self.slots.rows[slot].incarnation == peer.incarnation;
            let fault = if same_start { Fault::Replaced } else { Fault::IdentityClash };
            self.fault(links, shared, older.row(), fault);
        }
        self.slots.rows[slot].link = Some(LinkId::of_row(row));
        self.slots.rows[slot].incarnation = peer.incarnation;
        self.readers[row].slot = slot;
        self.readers[row].serving = Serving::Waiting { for_snapshot: false };
        links.joined(shared, row);
        debug_assert!(self.slots.find(peer.node) == Some(slot), "one slot a node");
        Ok(())
    }

    /// Decides how to go on with a joined replica, from the position of its JOIN.
    fn decide(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let join = self.readers[row].join.take().expect("a joined link keeps its JOIN");
        let decision = self.judge(shared, &join);
        self.readers[row].join = Some(join.clone());
        match decision {
            Decision::Refuse(fault) => self.fault(links, shared, row, fault),
            Decision::Wait => self.wait(links, shared, row),
            Decision::Continue if join.base => self.go_on(links, shared, row, &join),
            Decision::Fork(position) => {
                self.readers[row].serving = Serving::Forked(position);
                self.add_admit(links, shared, row);
            }
            Decision::Continue => self.resume_or_begin(links, shared, row, &join, true),
            Decision::Snapshot(None) if !join.base => {
                self.resume_or_begin(links, shared, row, &join, false);
            }
            Decision::Snapshot(fork) => self.need_snapshot(links, shared, row, fork),
        }
    }

    fn judge(&mut self, shared: &Shared, join: &Join) -> Decision {
        let primary = self.role == Role::Primary;
        if primary && join.position.boundary > self.log.end() {
            self.seal(&shared.clock);
        }
        if !self.upstream.base {
            return Decision::Wait;
        }
        let ours = Ours {
            history: self.log.history,
            epochs: self.log.epochs(),
            start: self.log.start(),
            end: self.log.end(),
            primary,
            admitted: self.admitted(),
        };
        decide(ours, join, |at| self.log.position_at(at))
    }

    fn go_on(&mut self, links: &mut Links, shared: &mut Shared, row: usize, join: &Join) {
        assert!(join.base, "its state is complete");
        let slot = self.readers[row].slot;
        self.forget_cut_off(shared, slot);
        let place = self.log.find(join.position.boundary);
        self.serve_from(row, place, join.position.boundary, None);
        let acked = Acked {
            base: true,
            volatile: join.volatile,
            received: join.position.boundary,
            applied: join.applied,
            persisted: join.persisted.min(join.applied),
        };
        self.set_acked(shared, row, acked);
        shared.counters.partial_syncs += 1;
        shared.events.notify_link(row, LinkFact::Joined);
        self.add_admit(links, shared, row);
    }

    /// Goes on with the snapshot that a replica without a base holds a part of, or begins another.
    fn resume_or_begin(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        join: &Join,
        tail: bool,
    ) {
        assert!(!join.base, "a complete state resumes no snapshot");
        let place = if tail { self.log.find(join.position.boundary) } else { None };
        let slot = self.readers[row].slot;
        let resumed =
            Assigned { snapshot: join.snapshot, next_piece: join.next_piece, fork: None, transfer: None };
        if join.snapshot_complete {
            self.forget_cut_off(shared, slot);
            self.serve_from(row, place, join.position.boundary, Some(resumed));
        } else if join.snapshot.0 != 0 && self.transfers.find(join.snapshot).is_some() {
            let link = LinkId::of_row(row);
            let free = self.transfers.assign(link, join.snapshot, join.next_piece, join.chain);
            let Some(transfer) = free else {
                return self.wait(links, shared, row);
            };
            self.slots.rows[slot].cut_off = None;
            let assigned = Assigned { transfer: Some(transfer), ..resumed };
            self.serve_from(row, place, join.position.boundary, Some(assigned));
            self.begin_if_open(links, shared, row, transfer);
            shared.counters.snapshots_resumed += 1;
        } else {
            return self.need_snapshot(links, shared, row, None);
        }
        shared.events.notify_link(row, LinkFact::Joined);
        self.add_admit(links, shared, row);
    }

    /// Lets a replica read the log at a place, if there is one, beside a snapshot, if there is one.
    pub(super) fn serve_from(
        &mut self,
        row: usize,
        place: Option<Place>,
        have: Offset,
        assigned: Option<Assigned>,
    ) {
        let at = place.map(|place| place.position);
        debug_assert!(
            at.is_none_or(|at| self.log.oldest() <= at && at <= self.log.sealed()),
            "inside the ring"
        );
        self.readers.floor = self.readers.floor.min(at.unwrap_or(u64::MAX));
        self.readers[row].serving = Serving::reading(at, assigned);
        self.readers[row].sent = place.map_or(have, |place| place.boundary);
    }

    /// Lets a replica wait: neither stream nor snapshot is possible now. A change of that looks again
    /// ([`Self::reconsider_all`]), and so do beats.
    pub(super) fn wait(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let reader = &mut self.readers[row];
        debug_assert!(reader.serving.joined(), "only a joined replica waits");
        let knows = matches!(reader.serving, Serving::Waiting { .. }) && reader.admit > 0;
        reader.serving = Serving::Waiting { for_snapshot: reader.serving.needs_snapshot() };
        if !knows {
            self.add_admit(links, shared, row);
        }
    }

    /// Adds an ADMIT for a changed verdict. It is numbered now, not when it leaves: acks under the old one are old from
    /// here on.
    pub(super) fn add_admit(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        debug_assert!(self.readers[row].serving.joined(), "an ADMIT answers a JOIN");
        self.readers[row].beat_end = Offset(u64::MAX);
        self.readers[row].admit += 1;
        links.add_pending(shared, row, Control::Admit);
    }

    /// Looks again at a replica, if it waits.
    fn reconsider(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        match self.readers[row].serving {
            Serving::Waiting { for_snapshot: true } => self.need_snapshot(links, shared, row, None),
            Serving::Waiting { for_snapshot: false } => self.decide(links, shared, row),
            Serving::Absent
            | Serving::Forked(_)
            | Serving::Streaming { .. }
            | Serving::Transferring { .. }
            | Serving::Stopped(_)
            | Serving::Overtaken(_) => {}
        }
    }

    /// Looks again at every replica that waits.
    pub(super) fn reconsider_all(&mut self, links: &mut Links, shared: &mut Shared) {
        for row in 0..self.readers.len() {
            self.reconsider(links, shared, row);
        }
    }

    /// Sends every replica an ADMIT: our table of epochs changed, or how we may go on with them.
    pub(super) fn epochs_changed(&mut self, links: &mut Links, shared: &mut Shared) {
        for row in 0..self.readers.len() {
            if self.readers[row].serving.admitted() {
                self.add_admit(links, shared, row);
            }
        }
        self.reconsider_all(links, shared);
    }

    /// It is time to beat on the link of a replica.
    pub(crate) fn beat(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        links.beat(shared, row);
        self.reconsider(links, shared, row);
    }
}
