//! The second half of a turn: every event of the node, and every link that wants to write.

use super::host::{Row, Turn};
use super::queue::What;
use super::tap::Bulk;
use crate::oracle::Gauge;
use crate::trace::Fact;
use towline_core::{Event, Fault, Input, LinkId, More, NodeId, Role, Stages};

impl Turn<'_> {
    /// Takes every event; returns whether there was one.
    pub(super) fn poll(&mut self) -> bool {
        let mut any = false;
        while let Some(event) = self.process.node.poll_event() {
            (any, self.moved) = (true, self.moved + 1);
            self.told(event);
        }
        any
    }

    fn told(&mut self, event: Event) {
        match event {
            Event::WantsWrite { link } => {
                if let Some(row) = self.row_of(link) {
                    row.writing = true;
                    self.process.wants_write = true;
                }
            }
            Event::Acked { node, received, applied, persisted } => {
                let at = Stages { received: received.0, applied: applied.0, persisted: persisted.0 };
                self.acked(node, at);
            }
            Event::Dial { attempt } => self.dial(attempt),
            Event::Joined { link, node: _, from } => {
                let Some(row) = self.row_of(link).copied() else { return };
                self.tell_of(row.peer, &Fact::Joined { link: link.0, peer: row.peer, from: from.0 });
            }
            Event::Close { link, fault, by_peer, retry_after } => {
                let retry_us = retry_after.0 / 1_000;
                let row =
                    self.closed(link, |peer| Fact::Closed { link: link.0, peer, fault, by_peer, retry_us });
                if row.is_some_and(|row| row.is_upstream()) {
                    self.process.stopped |= by_peer && fault == Fault::IdentityClash;
                    self.process.refused |= fault == Fault::HistoryDiffers;
                }
            }
            Event::SnapshotWanted { snapshot, from } => self.want_view(snapshot, from.0),
            Event::SnapshotRead { snapshot, piece } => self.read_view(snapshot, piece),
            Event::SnapshotDone { snapshot } => self.free_view(snapshot),
            Event::CaughtUp => self.tell(&Fact::CaughtUp),
            Event::SlotExpired { node, lag } => self.expired(node, lag),
            Event::Role { role, epoch, offset } => {
                self.tell(&Fact::Ruled { role, epoch: epoch.0, offset: offset.0 });
            }
            Event::Outranked { number } => {
                self.tell(&Fact::Outranked { number });
                self.process.outranked = true;
                if self.world.healed && self.world.operator.primary == self.me {
                    self.process.outranked = false;
                    self.promote();
                }
            }
        }
    }

    /// Returns the node of the plan that has this id.
    fn peer_of(&self, node: NodeId) -> Option<usize> {
        self.world.plan.nodes.iter().position(|row| row.id == node.0)
    }

    fn acked(&mut self, node: NodeId, at: Stages<u64>) {
        let Stages { received, applied, persisted } = at;
        let Some(peer) = self.peer_of(node) else {
            return;
        };
        let of_twin = |row: &Row| self.world.operator.original_of(row.peer) == Some(peer);
        if self.world.operator.has_twins() && self.process.rows().any(of_twin) {
            // One id, two stores: nobody outside can tell whose acknowledgement it was.
            return;
        }
        let volatile = !self.world.plan.nodes[peer].disk;
        let persisted = if volatile { u64::MAX } else { persisted };
        self.tell(&Fact::Acked { peer, received, applied, persisted });
        self.process.waits.news = true;
    }

    fn expired(&mut self, node: NodeId, lag: u64) {
        let Some(peer) = self.peer_of(node) else {
            return;
        };
        self.tell(&Fact::Expired { peer, lag });
        if let Some(since) = self.process.away[peer].take() {
            let ns = self.now.0.saturating_sub(since);
            self.world.told.gauge(self.world.t_us, self.me, Gauge::Away { peer, ns });
        }
    }

    fn dial(&mut self, attempt: u32) {
        self.tell(&Fact::Dialled { attempt });
        let Some(upstream) = self.world.operator.upstream[self.me] else {
            self.process.dial_failed = true;
            self.world.queue.push(self.world.t_us + 1, What::Turn { machine: self.me as u8 });
            return;
        };
        self.process.dials += 1;
        let dial = self.process.dials;
        (self.process.dial, self.process.dial_to) = (Some((dial, false)), upstream);
        let (there, back) =
            (self.world.net.way_us(self.me, upstream), self.world.net.way_us(upstream, self.me));
        let (machine, birth) = (self.me as u8, self.process.birth);
        self.world.queue.push(self.world.t_us + there + back, What::Connect { machine, birth, dial });
        let patience_us = self.world.t_us + super::DIAL_TIMEOUT_US;
        self.world.queue.push(patience_us, What::DialTimeout { machine, birth, dial });
    }

    /// Closes a connection in order, after the node ended its link.
    fn closed(&mut self, link: LinkId, fact: impl Fn(usize) -> Fact) -> Option<Row> {
        let row = self.process.let_go(link.0 as usize)?;
        let (t_us, queue) = (self.world.t_us, &mut self.world.queue);
        self.world.net.finish(t_us, queue, row.conn, row.end);
        if row.is_upstream() {
            self.world.net.conns[row.conn].untaken = Bulk::default();
        } else {
            self.look_away();
        }
        self.tell_of(row.peer, &fact(row.peer));
        Some(row)
    }

    /// Closes a connection by the host's own decision.
    pub(super) fn close_conn(&mut self, conn: usize) -> bool {
        let ours = |row: &Option<Row>| row.is_some_and(|row| row.conn == conn && row.opened);
        let Some(link) = self.process.links.iter().position(ours) else {
            return false;
        };
        let id = LinkId(link as u32);
        if self.say(Input::Lost { link: id }).is_err() {
            return false;
        }
        self.closed(id, |peer| Fact::Lost { link: id.0, peer });
        true
    }

    // --- writing ---------------------------------------------------------------------------------------------------

    /// Writes every link that wants to, until it is idle or takes no more.
    pub(super) fn write_all(&mut self) {
        if !std::mem::take(&mut self.process.wants_write) {
            return;
        }
        for link in 0..self.process.links_top {
            if self.process.links[link].as_ref().is_some_and(|row| row.writing && row.opened) {
                self.write(link);
            }
        }
    }

    fn write(&mut self, link: usize) {
        let row = self.process.links[link].expect("the caller looked");
        let id = LinkId(link as u32);
        let mut wrote = 0;
        loop {
            let shown = self.process.node.peek_transmit(id);
            let speaks = self.machine.ails.speaks;
            let world = &mut *self.world;
            let how = (world.t_us, &mut world.queue, &mut world.chaos);
            let taken = world.net.write(how, (row.conn, row.end), shown.slices(), speaks);
            if taken == 0 && !shown.is_empty() {
                // It tries again in every turn until there is room.
                self.process.wants_write = true;
                break;
            }
            wrote += taken;
            let more = self.process.node.consume(self.now, id, taken).expect("it was shown");
            self.note_call();
            if more == More::Idle {
                if let Some(row) = &mut self.process.links[link] {
                    row.writing = false;
                }
                break;
            }
        }
        self.moved += wrote as u64;
        if wrote > 0 && !row.is_upstream() {
            self.tell_flight(row.conn);
            self.tell_credit(link, row.peer);
            if row.asked.is_some() {
                self.answered(link);
            }
        }
    }

    // --- what an operator does here --------------------------------------------------------------------------------

    /// Makes the node primary, if it may; the new epoch is stored.
    pub(super) fn promote(&mut self) -> bool {
        let Ok(step) = self.say(Input::Promote) else {
            return false;
        };
        let position = step.position.expect("a promotion stands somewhere");
        self.end_waits();
        if self.machine.store.committed as u64 == position.boundary.0 {
            let cursor = super::store::Saved::new(self.process.node.cursor(position).as_bytes());
            self.machine.store.commit(cursor);
            self.begin_sync();
        }
        self.forget_dial();
        self.look_away();
        self.world.net.dirty |= 1 << self.me;
        true
    }

    /// Gives up a dial, also one that ended while this process stood still and does not know yet.
    pub(super) fn forget_dial(&mut self) {
        (self.process.dial, self.process.dial_failed) = (None, false);
        let unseen = |row: &Option<Row>| row.is_some_and(|row| row.is_upstream() && !row.opened);
        let link = self.process.links.iter().position(unseen);
        if let Some(row) = link.and_then(|link| self.process.let_go(link)) {
            let (t_us, queue) = (self.world.t_us, &mut self.world.queue);
            self.world.net.finish(t_us, queue, row.conn, row.end);
        }
    }

    /// Follows the upstream that the operator named.
    pub(super) fn follow(&mut self, adopt: bool) -> bool {
        if self.role() == Role::Primary {
            self.commit();
        }
        self.end_waits();
        self.forget_dial();
        let followed = self.say(Input::Follow { adopt }).is_ok();
        (self.process.stopped, self.process.refused) = (false, false);
        self.world.net.dirty |= 1 << self.me;
        followed
    }
}
