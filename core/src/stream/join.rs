//! The sender's side of a joined replica: its slot, the decision at its door, its acknowledgements.

use crate::error::Fault;
use crate::event::Event;
use crate::id::{NodeId, Offset, Position};
use crate::input::Role;
use crate::links::outbox::Stage;
use crate::links::{Phase, Shipping, due, tell};
use crate::node::Node;
use crate::stream::admission::{Decision, Ours, decide};
use crate::stream::slots::{Acked, Slot};
use crate::stream::windows::Credit;
use crate::wire::control::Ack;
use crate::wire::join::Join;

impl Node {
    /// Whether this node may make a peer discard records: a primary, or a replica whose own upstream admitted it.
    pub(crate) fn admitted(&self) -> bool {
        self.role == Role::Primary || (self.upstream.admitted && self.upstream.base)
    }

    pub(crate) fn on_join(&mut self, row: usize, body: &[u8]) -> Result<(), Fault> {
        let join = Join::decode(body)?;
        let peer = self.links[row].peer;
        // It left the ground it was answered for. A piece of which nothing was sent stays here; one that is half sent
        // cannot be taken back: come back.
        match self.links[row].outbox.stage {
            Stage::Piece { at: 0, .. } => self.links[row].outbox.stage = Stage::Idle,
            Stage::Piece { .. } => return Err(Fault::Rebased),
            Stage::Idle | Stage::Ring { .. } | Stage::Spill { .. } => {}
        }
        if join.untaken_bytes > peer.window_bytes + u64::from(self.config.frame_bytes_max()) {
            return Err(Fault::Window);
        }
        self.saw(join.epochs.number());
        if let Decision::Refuse(fault) = self.judge(&join) {
            // Before it takes a slot: a stranger costs no replica its place, and no good link its node's name.
            return Err(fault);
        }
        if !self.links[row].phase.joined() {
            self.take_slot(row)?;
        }
        self.cut_stage(row);
        self.leave_ship(row);
        if self.slots.rows[self.links[row].down.slot].cut_off != Some(join.snapshot) {
            // It holds nothing of what it was cut off from.
            self.forget_cut_off(row);
        }
        let slot = self.links[row].down.slot;
        if self.slots.rows[slot].begun.is_some_and(|from| join.base && join.position.boundary >= from) {
            // It installed what was begun, and joins again because the stream beside it had stopped, or was cut.
            self.slots.rows[slot].note_snapshot_end(self.clock.now(), &mut self.pause);
        }
        let down = &mut self.links[row].down;
        (down.stream_at, down.shipping, down.fork, down.needs_snapshot) = (None, None, None, false);
        down.credit = Credit::new(peer.window_bytes);
        mutant!(self.config, 21 => down.credit.window = u64::MAX);
        mutant!(self.config, 22 => down.credit.window = peer.window_bytes.saturating_mul(100));
        down.credit.sent = join.untaken_bytes;
        down.piece_credit = Credit::new(peer.piece_window_bytes);
        down.join = Some(join);
        // Until the door's decision is known the replica counts for nothing.
        down.acked = Acked::default();
        mutant!(self.config, 108 => {}, else self.slots.rows[slot].acked = Acked::default());
        self.decide(row);
        Ok(())
    }

    /// Gives a link the slot of its node; the newer of two links wins.
    fn take_slot(&mut self, row: usize) -> Result<(), Fault> {
        let peer = self.links[row].peer;
        let slot = match self.slots.find(peer.node) {
            Some(slot) => slot,
            None => {
                let slot = self.slots.room().ok_or(Fault::Full)?;
                if self.slots.rows[slot].used {
                    self.expire(slot);
                }
                let expired = self.slots.rows[slot].expired;
                self.slots.rows[slot] = Slot { used: true, node: peer.node, expired, ..Slot::default() };
                slot
            }
        };
        if let Some(older) = self.slots.rows[slot].link {
            let same_start = self.slots.rows[slot].incarnation == peer.incarnation;
            self.fault(older.0 as usize, if same_start { Fault::Replaced } else { Fault::IdentityClash });
        }
        self.slots.rows[slot].link = Some(Self::link_id(row));
        self.slots.rows[slot].incarnation = peer.incarnation;
        self.links[row].down.slot = slot;
        self.links[row].phase = Phase::Waiting;
        self.links[row].next_beat = self.clock.now() + self.config.beat;
        self.arm_link(row);
        Ok(())
    }

    /// Decides how to go on with a joined replica, from where it said it stands.
    pub(crate) fn decide(&mut self, row: usize) {
        let join = self.links[row].down.join.take().expect("a joined link keeps its JOIN");
        let decision = self.judge(&join);
        self.links[row].down.join = Some(join.clone());
        match decision {
            Decision::Refuse(fault) => self.fault(row, fault),
            Decision::Wait => self.wait(row),
            Decision::Continue if join.base => self.go_on(row, &join),
            Decision::Fork(position) => self.tell_fork(row, position),
            Decision::Continue => self.resume_or_begin(row, &join, true),
            Decision::Snapshot(None) if !join.base => self.resume_or_begin(row, &join, false),
            Decision::Snapshot(fork) => self.need_snapshot(row, fork),
        }
    }

    fn judge(&mut self, join: &Join) -> Decision {
        let primary = self.role == Role::Primary;
        if primary && join.position.boundary > self.log.end() {
            self.seal();
        }
        if !self.upstream.base {
            return Decision::Wait;
        }
        let ours = Ours {
            history: self.log.history,
            epochs: &self.log.epochs,
            start: self.log.start(),
            end: self.log.end(),
            primary,
            admitted: self.admitted(),
            #[cfg(towline_mutants)]
            mutant: self.config.mutant,
        };
        decide(ours, join, |at| self.log.position_at(at))
    }

    fn go_on(&mut self, row: usize, join: &Join) {
        self.forget_cut_off(row);
        let mut place = self.log.find(join.position.boundary);
        if mutant!(self.config, 1 | 3) {
            place = self.log.floor(join.position.boundary.max(self.log.start()));
        }
        self.stream_from(row, place, join.position.boundary);
        let acked = Acked {
            base: true,
            volatile: join.volatile,
            received: join.position.boundary,
            applied: join.applied,
            persisted: join.persisted.min(join.applied),
        };
        self.set_acked(row, mutant!(self.config, 37 => acked.half(), else acked));
        self.counters.partial_syncs += 1;
        self.tell_link(row, tell::JOINED);
        self.owe_admit(row);
    }

    fn tell_fork(&mut self, row: usize, position: Position) {
        let link = &mut self.links[row];
        link.phase = Phase::Forked;
        (link.down.fork, link.down.stream_at) = (Some(position), None);
        self.owe_admit(row);
    }

    /// A replica without a base: what it holds of a snapshot goes on where that is possible.
    fn resume_or_begin(&mut self, row: usize, join: &Join, tail: bool) {
        let place = if tail { self.log.find(join.position.boundary) } else { None };
        let resumed =
            Shipping { snapshot: join.snapshot, next_piece: join.next_piece, fork: None, ship: None };
        if join.snapshot_complete {
            self.forget_cut_off(row);
            self.stream_from(row, place, join.position.boundary);
            self.links[row].down.shipping = Some(resumed);
        } else if join.snapshot.0 != 0 && self.ships.find(join.snapshot).is_some() {
            let link = Self::link_id(row);
            let Some(ship) = self.ships.board(link, join.snapshot, join.next_piece, join.chain) else {
                return self.wait(row);
            };
            self.slots.rows[self.links[row].down.slot].cut_off = None;
            self.stream_from(row, place, join.position.boundary);
            self.links[row].down.shipping = Some(Shipping { ship: Some(ship), ..resumed });
            self.begin_if_ready(row, ship);
            self.counters.snapshots_resumed += 1;
        } else {
            return self.need_snapshot(row, None);
        }
        self.tell_link(row, tell::JOINED);
        self.owe_admit(row);
    }

    /// Neither stream nor snapshot is possible now. What can change that looks again: [`Node::reconsider_all`], beats.
    pub(crate) fn wait(&mut self, row: usize) {
        let said = self.links[row].phase == Phase::Waiting && self.links[row].down.admit > 0;
        self.links[row].phase = Phase::Waiting;
        self.links[row].down.stream_at = None;
        if !said {
            self.owe_admit(row);
        }
    }

    /// A verdict changed. It is numbered now, not when it leaves: acks under the old one are old from here on.
    pub(crate) fn owe_admit(&mut self, row: usize) {
        self.links[row].down.told_end = Offset(u64::MAX);
        self.links[row].down.admit += 1;
        self.owe(row, due::ADMIT);
    }

    pub(crate) fn reconsider(&mut self, row: usize) {
        if self.links[row].phase != Phase::Waiting {
            return;
        }
        if self.links[row].down.needs_snapshot {
            self.need_snapshot(row, None);
        } else {
            self.decide(row);
        }
    }

    pub(crate) fn reconsider_all(&mut self) {
        for row in 0..self.links.len() {
            self.reconsider(row);
        }
    }

    /// Our table of epochs changed, or what we may answer: every replica hears it.
    pub(crate) fn epochs_changed(&mut self) {
        for row in 0..self.links.len() {
            if self.links[row].phase == Phase::Stream {
                self.owe_admit(row);
            }
        }
        self.reconsider_all();
    }

    // --- acknowledgements ------------------------------------------------------------------------------------------

    pub(crate) fn on_ack(&mut self, row: usize, body: &[u8]) -> Result<(), Fault> {
        let ack = Ack::decode(body)?;
        let down = &mut self.links[row].down;
        if ack.echo > self.links[row].beats || ack.admit > down.admit {
            return Err(Fault::AckAhead);
        }
        let down = &mut self.links[row].down;
        down.echo = down.echo.max(ack.echo);
        if ack.admit < down.admit || self.links[row].phase != Phase::Stream {
            // Meant under an earlier verdict: it says only that the replica lives.
            return Ok(());
        }
        let released = mutant!(self.config, 20 => down.credit.sent, else ack.stream_released);
        down.credit.release(released)?;
        down.piece_credit.release(ack.pieces_released)?;
        let acked = Acked {
            base: ack.base,
            volatile: ack.volatile,
            received: ack.received,
            applied: ack.applied,
            persisted: ack.persisted,
        };
        if acked.received > down.sent && !mutant!(self.config, 8) {
            return Err(Fault::AckAhead);
        }
        let before = down.acked;
        let backwards = acked.received < before.received
            || before.base
                && (!acked.base || acked.applied < before.applied || acked.persisted < before.persisted);
        if backwards {
            return Err(Fault::AckBackwards);
        }
        self.pieces_released(row);
        if acked != before {
            self.set_acked(row, acked);
        }
        if acked.base && !before.base {
            self.installed_there(row);
        }
        let down = &self.links[row].down;
        if acked.base && (acked.received == self.log.end() || acked.received >= down.told_end) {
            self.slots.rows[self.links[row].down.slot].note_caught_up();
        }
        self.want_if_able(row);
        Ok(())
    }

    #[inline(always)]
    fn set_acked(&mut self, row: usize, acked: Acked) {
        let slot = self.links[row].down.slot;
        self.links[row].down.acked = acked;
        self.slots.rows[slot].acked =
            mutant!(self.config, 108 => acked.most(self.slots.rows[slot].acked), else acked);
        mutant!(self.config, 38 => self.slots.rows[slot].acked.received = self.links[row].down.sent);
        mutant!(self.config, 109 => self.slots.rows[slot].acked.base = true);
        self.slots.rows[slot].acked_untold = true;
        let subject = self.slot_subject(slot);
        self.pending.push(subject);
    }

    /// A window opened: the host is told if that lets something begin.
    fn want_if_able(&mut self, row: usize) {
        let link = &self.links[row];
        let grown = link.down.stream_at.is_some_and(|at| at < self.log.sealed());
        let ship = link.down.shipping.and_then(|shipping| shipping.ship);
        let loaded = ship.is_some_and(|ship| self.ships.rows[ship].front_len().is_some());
        if !link.outbox.told && (grown && link.down.credit.may_begin() || loaded) {
            self.want(row);
        }
    }

    // --- slots -----------------------------------------------------------------------------------------------------

    /// A downstream link ended: its slot remembers, its ship is free.
    pub(crate) fn downstream_gone(&mut self, row: usize) {
        let joined = self.links[row].phase.joined();
        let down = &mut self.links[row].down;
        down.stream_at = None;
        if !joined {
            return;
        }
        let slot = down.slot;
        let shipping = down.shipping.take().filter(|shipping| shipping.ship.is_some());
        if let Some(Shipping { ship: Some(ship), snapshot, .. }) = shipping {
            mutant!(self.config, 39 => {}, else self.ships.rows[ship].link = None);
            self.slots.rows[slot].cut_off = Some(snapshot);
        }
        self.slots.rows[slot].link = None;
        self.slots.rows[slot].last_seen = self.clock.now();
        self.arm_slot(slot);
        if shipping.is_some() {
            self.reconsider_all();
        }
    }

    /// Forgets a replica and says so.
    pub(crate) fn expire(&mut self, slot: usize) {
        let gone = self.slots.rows[slot];
        let lag = self.log.next().0.saturating_sub(gone.acked.received.0);
        self.slots.rows[slot] = Slot { expired: Some((gone.node, lag)), ..Slot::default() };
        if let Some(snapshot) = gone.cut_off {
            self.drop_if_unused(snapshot);
        }
        let subject = self.slot_subject(slot);
        self.pending.push(subject);
    }

    pub(crate) fn tell_of_slot(&mut self, slot: usize) -> Option<Event> {
        let row = &mut self.slots.rows[slot];
        if let Some((node, lag)) = row.expired {
            row.expired = None;
            return Some(Event::SlotExpired { node, lag });
        }
        if core::mem::take(&mut row.acked_untold) && row.used {
            let Acked { base, volatile: _, received, applied, persisted } = row.acked;
            let counted = |offset: Offset| if base { offset } else { Offset(0) };
            let node: NodeId = row.node;
            let (received, applied, persisted) = (counted(received), counted(applied), counted(persisted));
            return Some(Event::Acked { node, received, applied, persisted });
        }
        None
    }
}
