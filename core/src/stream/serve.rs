//! Snapshots at work on the sender's side: who ships, what is asked of the host, when a view is freed.

use crate::cursor::{Cursor, Decoded};
use crate::error::{Fault, Misuse};
use crate::event::Event;
use crate::id::{Offset, SnapshotId};
use crate::links::{Shipping, due, tell};
use crate::node::Node;
use crate::stream::log::Place;
use crate::stream::slots::Acked;
use crate::stream::transfers::Live;
use crate::time::{Span, Time};

impl Node {
    /// Puts a replica aboard a ship: a live snapshot that the ring still reaches, or a new one; else it waits.
    pub(crate) fn need_snapshot(&mut self, row: usize, fork: Option<Offset>) {
        let slot = self.links[row].down.slot;
        let paused = self.slots.rows[slot].not_before > self.clock.now() && !mutant!(self.config, 11);
        if paused || !self.admitted() || !self.upstream.base || !self.ships.has_free_ship() {
            return self.wait(row);
        }
        let Some((live, place)) = self.reachable().or_else(|| self.want_snapshot()) else {
            return self.wait(row);
        };
        if mutant!(self.config, 115) && live.ready.is_none() {
            self.links[row].down.needs_snapshot = true;
            return self.wait(row);
        }
        let ship = self.ships.board(Self::link_id(row), live.id, 0, 0).expect("a ship is free");
        // Only now: what it was cut off from may be the very view it boards again.
        self.forget_cut_off(row);
        self.stream_from(row, Some(place), place.boundary);
        let down = &mut self.links[row].down;
        down.shipping = Some(Shipping { snapshot: live.id, next_piece: 0, fork, ship: Some(ship) });
        // From the ADMIT on the replica stands on the snapshot's ground, whatever it said before.
        (down.needs_snapshot, down.acked) = (true, Acked::default());
        self.slots.rows[slot].acked = Acked::default();
        self.counters.snapshots_restarted += u64::from(self.slots.rows[slot].snapshots > 0);
        self.slots.rows[slot].note_snapshot(self.clock.now(), place.boundary, &mut self.pause);
        self.counters.full_syncs += 1;
        self.begin_if_ready(row, ship);
        self.tell_link(row, tell::JOINED);
        self.owe_admit(row);
    }

    /// A live snapshot whose tail can still begin in the ring.
    fn reachable(&self) -> Option<(Live, Place)> {
        mutant!(self.config, 120 => return None);
        self.ships.live.iter().flatten().filter(|live| !live.done).find_map(|live| {
            let from = live.ready.map_or(live.from, |(_, at)| at);
            Some((*live, self.log.find(from)?))
        })
    }

    /// Asks the host for a new view. Its tail begins where the host stands now: opening it cannot lose the tail.
    fn want_snapshot(&mut self) -> Option<(Live, Place)> {
        self.seal();
        let stands = match self.role {
            crate::input::Role::Primary => self.log.end(),
            crate::input::Role::Replica => self.upstream.applied,
        };
        let place = self.log.floor(stands)?;
        let Some(row) = self.ships.want(place.boundary) else {
            self.yield_view();
            return None;
        };
        let subject = self.live_subject(row);
        self.pending.push(subject);
        Some((self.ships.live[row].expect("just wanted"), place))
    }

    /// Every row is taken: a view that is only remembered, for a replica that was cut off from it, gives way. Its row
    /// is free once that was told; who waits looks again then.
    fn yield_view(&mut self) {
        let idle = |live: &Live| !live.done && !self.ships.carried(live.id);
        if let Some(live) = self.ships.live.iter().position(|live| live.as_ref().is_some_and(idle)) {
            self.break_snapshot(live, true);
        }
    }

    /// BEGIN leaves and the first piece is asked for, once the view is open.
    pub(crate) fn begin_if_ready(&mut self, row: usize, ship: usize) {
        if self.is_open(self.ships.rows[ship].snapshot) {
            self.owe(row, due::BEGIN);
            self.ask_piece(ship);
        }
    }

    /// Whether the host has a view open.
    pub(crate) fn is_open(&self, snapshot: SnapshotId) -> bool {
        let live = self.ships.find(snapshot).and_then(|live| self.ships.live[live]);
        live.is_some_and(|live| live.ready.is_some())
    }

    fn ask_piece(&mut self, ship: usize) {
        if self.ships.rows[ship].has_room() {
            let subject = self.ship_subject(ship);
            self.pending.push(subject);
        }
    }

    /// A staged piece left whole: its buffer takes the next one.
    pub(crate) fn piece_left(&mut self, ship: usize) {
        self.ships.rows[ship].unload();
        self.ask_piece(ship);
        mutant!(self.config, 10 => self.prefer_newer(ship));
    }

    pub(crate) fn tell_of_ship(&mut self, ship: usize) -> Option<Event> {
        let carrier = &self.ships.rows[ship];
        // What is pending of a ship may be left from who was aboard before.
        if !carrier.has_room() || !self.is_open(carrier.snapshot) {
            return None;
        }
        let (snapshot, piece) = (carrier.snapshot, carrier.next_read);
        // One answer serves all who wait for the same piece.
        for other in self.ships.rows.iter_mut() {
            if other.snapshot == snapshot && other.next_read == piece && other.has_room() {
                other.asked = true;
            }
        }
        Some(Event::SnapshotRead { snapshot, piece })
    }

    pub(crate) fn tell_of_live(&mut self, row: usize) -> Option<Event> {
        let live = self.ships.live[row].as_mut()?;
        let untold = core::mem::take(&mut live.wanted_untold);
        let (snapshot, from) = (live.id, live.from);
        if live.done {
            self.ships.live[row] = None;
            self.reconsider_all();
            // The host never heard of a view that was given up before it was asked for.
            return (!untold).then_some(Event::SnapshotDone { snapshot });
        }
        untold.then_some(Event::SnapshotWanted { snapshot, from })
    }

    pub(crate) fn snapshot_ready(
        &mut self,
        now: Time,
        snapshot: SnapshotId,
        cursor: &[u8],
        bytes: Option<u64>,
    ) -> Result<(), Misuse> {
        if !self.ships.issued(snapshot) {
            return Err(Misuse::UnknownSnapshot);
        }
        let decoded = Decoded::from_bytes(cursor).ok_or(Misuse::BadCursor)?;
        let at = decoded.position.boundary;
        if let Some(live) = self.ships.find(snapshot).and_then(|row| self.ships.live[row]) {
            let known = self.log.find(at).is_none_or(|place| place.digest == decoded.position.digest);
            let sound =
                decoded.history == self.log.history && live.from <= at && at <= self.log.end() && known;
            if !sound || live.ready.is_some() {
                return Err(Misuse::BadCursor);
            }
        }
        self.advance(now);
        let Some(row) = self.ships.find(snapshot) else {
            return Ok(());
        };
        let live = self.ships.live[row].as_mut().expect("found");
        let cursor = Cursor::new(decoded.history, decoded.position, decoded.epochs.entries());
        (live.ready, live.bytes) = (Some((cursor, at)), bytes.unwrap_or(u64::MAX));
        for ship in 0..self.ships.rows.len() {
            let carrier = &self.ships.rows[ship];
            if let Some(link) = carrier.link.filter(|_| carrier.snapshot == snapshot) {
                self.begin_if_ready(link.0 as usize, ship);
            }
        }
        mutant!(self.config, 115 => self.reconsider_all());
        mutant!(self.config, 115 => self.drop_if_unused(snapshot));
        Ok(())
    }

    pub(crate) fn snapshot_piece(
        &mut self,
        now: Time,
        snapshot: SnapshotId,
        piece: u64,
        data: &[u8],
        last: bool,
    ) -> Result<(), Misuse> {
        if !self.ships.issued(snapshot) {
            return Err(Misuse::UnknownSnapshot);
        }
        if data.len() > self.config.piece_bytes_max as usize || (data.is_empty() && !last) {
            return Err(Misuse::PieceLength);
        }
        self.advance(now);
        let data = if mutant!(self.config, 13) && last { &data[..0] } else { data };
        for ship in 0..self.ships.rows.len() {
            let carrier = &mut self.ships.rows[ship];
            let waits = carrier.asked && carrier.snapshot == snapshot && carrier.next_read == piece;
            if let Some(link) = carrier.link.filter(|_| waits) {
                carrier.load(data, last);
                self.want(link.0 as usize);
                self.ask_piece(ship);
            }
        }
        Ok(())
    }

    pub(crate) fn snapshot_failed(
        &mut self,
        now: Time,
        snapshot: SnapshotId,
        retry: bool,
    ) -> Result<(), Misuse> {
        if !self.ships.issued(snapshot) {
            return Err(Misuse::UnknownSnapshot);
        }
        self.advance(now);
        if let Some(live) = self.ships.find(snapshot) {
            self.break_snapshot(live, retry);
        }
        Ok(())
    }

    /// A view is gone. Who had begun with it is cut and comes back; who had not waits for the next.
    fn break_snapshot(&mut self, live: usize, retry: bool) {
        // First of all: closing a link frees its ship, and who waits for one must not board what is gone.
        self.ships.live[live].as_mut().expect("a live row").done = true;
        let broken = self.ships.live[live].expect("a live row");
        for slot in self.slots.rows.iter_mut().filter(|slot| slot.cut_off == Some(broken.id)) {
            slot.cut_off = None;
        }
        for ship in 0..self.ships.rows.len() {
            let carrier = &self.ships.rows[ship];
            let Some(link) = carrier.link.filter(|_| carrier.snapshot == broken.id) else {
                continue;
            };
            let row = link.0 as usize;
            if mutant!(self.config, 11 | 39) && !self.links[row].phase.joined() {
                self.ships.rows[ship].link = None;
                continue;
            }
            let pause = if retry { Span::ZERO } else { Span::from_secs(1) };
            self.close(row, Fault::SnapshotFailed, false, pause);
            self.slots.rows[self.links[row].down.slot].cut_off = None;
        }
        let subject = self.live_subject(live);
        self.pending.push(subject);
    }

    pub(crate) fn drop_all_snapshots(&mut self) {
        for live in 0..self.ships.live.len() {
            if self.ships.live[live].is_some_and(|live| !live.done) {
                self.break_snapshot(live, true);
            }
        }
    }

    /// Frees the view nobody needs any more.
    pub(crate) fn drop_if_unused(&mut self, snapshot: SnapshotId) {
        let remembered = self.slots.rows.iter().any(|slot| slot.used && slot.cut_off == Some(snapshot));
        if remembered || self.ships.carried(snapshot) {
            return;
        }
        if let Some(live) = self.ships.find(snapshot) {
            self.ships.live[live].as_mut().expect("found").done = true;
            let subject = self.live_subject(live);
            self.pending.push(subject);
        }
    }

    /// The replica needs what it was cut off from no more.
    pub(crate) fn forget_cut_off(&mut self, row: usize) {
        let slot = self.links[row].down.slot;
        if let Some(snapshot) = self.slots.rows[slot].cut_off.take() {
            self.drop_if_unused(snapshot);
        }
    }

    /// Every piece was sent and taken: the ship is free for the next.
    pub(crate) fn pieces_released(&mut self, row: usize) {
        let down = &mut self.links[row].down;
        let Some(Shipping { ship: Some(ship), .. }) = down.shipping else {
            return;
        };
        let all = down.piece_credit.released == down.piece_credit.sent;
        if all && self.ships.rows[ship].sent_all {
            self.leave_ship(row);
        }
    }

    /// Nothing of the ship is on this link any more: it is free for another.
    pub(crate) fn leave_ship(&mut self, row: usize) {
        let down = &mut self.links[row].down;
        let Some(Shipping { ship: Some(ship), snapshot, .. }) = down.shipping else {
            return;
        };
        down.shipping = down.shipping.map(|shipping| Shipping { ship: None, ..shipping });
        self.ships.rows[ship].link = None;
        self.drop_if_unused(snapshot);
        self.reconsider_all();
    }

    /// The replica installed its snapshot: it counts again, and the pause before the next one begins.
    pub(crate) fn installed_there(&mut self, row: usize) {
        let slot = self.links[row].down.slot;
        let down = &mut self.links[row].down;
        if down.shipping.is_some_and(|shipping| shipping.ship.is_none()) {
            (down.shipping, down.needs_snapshot) = (None, false);
            self.slots.rows[slot].note_snapshot_end(self.clock.now(), &mut self.pause);
            mutant!(self.config, 8 => self.stream_all_again(row));
        }
    }
}
