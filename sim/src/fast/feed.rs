//! The first part of a turn: connections that came or went, and bytes, frame by frame.

use super::host::{Row, Turn};
use super::queue::What;
use super::tap;
use crate::plan::Kind;
use crate::trace::{Answer, Fact};
use towline_core::{Input, LinkId, Next, NodeId, ReplicaState, Side};

/// The part of a second's bytes that a throttled reader may save up, as a divisor.
const SAVED_PARTS: u64 = 50;

impl Turn<'_> {
    /// Handles the news of every connection.
    pub(super) fn feed(&mut self) {
        if std::mem::take(&mut self.process.dial_failed) {
            // Refused if the operator turned the node elsewhere since; nobody dials any more, which is right.
            let _ = self.say(Input::DialFailed);
        }
        for link in 0..self.process.links_top {
            let Some(row) = &self.process.links[link] else { continue };
            let (conn, end, opened) = (row.conn, row.end, row.opened);
            if !opened && !self.open(link) {
                continue;
            }
            if self.world.net.conns[conn].has_news(end) {
                self.feed_link(link);
            }
        }
    }

    /// Returns whether the node took it.
    fn open(&mut self, link: usize) -> bool {
        let row = self.process.links[link].as_mut().expect("the caller looked");
        row.opened = true;
        let (row, id) = (*row, LinkId(link as u32));
        let side = if row.is_upstream() { Side::Upstream } else { Side::Downstream };
        if self.say(Input::Opened { link: id, side }).is_err() {
            // The operator turned elsewhere while the dial was under way, or the node is shut down.
            self.process.let_go(link);
            self.world.net.conns[row.conn].ends[row.end].open = false;
            self.world.net.reset(row.conn);
            return false;
        }
        let upstream = row.is_upstream();
        if upstream {
            // Windows begin anew with a JOIN: it names batches that are not taken, but no pieces.
            self.process.receive.untaken.pieces = 0;
        }
        self.tell_of(row.peer, &Fact::Opened { link: id.0, peer: row.peer, upstream });
        if let Some(original) = self.world.operator.original_of(row.peer) {
            self.world.chaos.took_effect(original, Kind::Twin);
        }
        true
    }

    /// Reads as much as may be read, hands it to the node, and handles the end.
    fn feed_link(&mut self, link: usize) {
        let row = self.process.links[link].expect("the caller looked");
        let (conn, end) = (row.conn, row.end);
        if !self.world.net.conns[conn].ends[end].reset {
            self.read(&row);
            let way = &self.world.net.conns[conn].ways[1 - end];
            // The same part of a frame again brings nothing new.
            if way.used < way.read && row.shown < way.read && !row.deaf {
                self.hand_over(link, &row);
            }
        }
        let far = &self.world.net.conns[conn];
        let way = &far.ways[1 - end];
        let ended = way.ended && way.read == way.arrived;
        if !far.ends[end].reset && !ended {
            return;
        }
        // A link that reads no more is about to get the reason of its close, which must not be lost.
        let deaf = self.process.links[link].is_some_and(|row| row.deaf);
        if far.ends[end].reset && (row.deaf || !deaf) || ended && !deaf {
            self.lose(link, row);
        }
    }

    fn read(&mut self, row: &Row) {
        let (conn, end) = (row.conn, row.end);
        let way = &self.world.net.conns[conn].ways[1 - end];
        let waits = way.arrived - way.read;
        if waits == 0 {
            return;
        }
        if self.machine.ails.stops_reading {
            return self.took_effect(Kind::StopReading);
        }
        let (replica, upstream) = if end == 0 { (self.me, row.peer) } else { (row.peer, self.me) };
        let gulp = self.world.net.gulp;
        let dribble = self.world.net.pair(replica, upstream).blocks.gulp;
        let mut most = dribble.map_or(gulp, |dribble| dribble.min(gulp));
        if dribble.is_some_and(|dribble| dribble < waits.min(gulp)) {
            self.world.chaos.took_effect_between(replica, upstream, &[Kind::Dribble]);
        }
        most = most.min(self.may_read(waits));
        let (t_us, queue) = (self.world.t_us, &mut self.world.queue);
        let read = self.world.net.read(t_us, queue, conn, end, most);
        if let Some(rate) = self.machine.ails.reads_a_second {
            self.machine.tokens.0 -= read * 1_000_000;
            if read < waits {
                self.took_effect(Kind::SlowReading);
                let pause_us = (1_000_000 / rate).clamp(1_000, 1_000_000);
                self.world.queue.push(t_us + pause_us, What::Turn { machine: self.me as u8 });
            }
        } else if read < waits {
            self.world.queue.push(t_us + 1, What::Turn { machine: self.me as u8 });
        }
    }

    /// Returns how much a throttled reader may read now.
    fn may_read(&mut self, waits: u64) -> u64 {
        let Some(rate) = self.machine.ails.reads_a_second else {
            return waits;
        };
        let (saved, since_us) = self.machine.tokens;
        let gained = (self.world.t_us - since_us).saturating_mul(rate);
        let most = (rate * 1_000_000 / SAVED_PARTS).max(1_000_000);
        self.machine.tokens = (saved.saturating_add(gained).min(most), self.world.t_us);
        self.machine.tokens.0 / 1_000_000
    }

    fn lose(&mut self, link: usize, row: Row) {
        self.process.let_go(link);
        self.world.net.conns[row.conn].ends[row.end].open = false;
        let id = LinkId(link as u32);
        self.say(Input::Lost { link: id }).expect("the node holds it");
        self.moved += 1;
        if row.is_upstream() {
            self.world.net.conns[row.conn].untaken = tap::Bulk::default();
        }
        if let Some(away) = self.process.away.get_mut(row.peer).filter(|_| !row.is_upstream()) {
            *away = away.or(Some(self.now.0));
        }
        self.tell_of(row.peer, &Fact::Lost { link: id.0, peer: row.peer });
    }

    /// Hands over one frame after the other.
    fn hand_over(&mut self, link: usize, row: &Row) {
        let (conn, from) = (row.conn, 1 - row.end);
        // The node may not touch the wire, so it borrows the bytes.
        let bytes = std::mem::take(&mut self.world.net.conns[conn].ways[from].bytes);
        loop {
            let way = &self.world.net.conns[conn].ways[from];
            let data = &bytes[(way.used - way.base) as usize..(way.read - way.base) as usize];
            if data.is_empty() {
                break;
            }
            let before = (!row.is_upstream()).then(|| tap::join_at(data)).flatten();
            let before = before.map(|have| {
                let stats = self.process.node.stats();
                (have, stats.start.0, stats.end.0)
            });
            let input = Input::Bytes { link: LinkId(link as u32), data };
            let answer = self.say(input);
            // Borrowed, because it is long.
            let step = answer.as_ref().expect("an open link");
            self.moved += step.used as u64;
            if step.used > 0 {
                let way = &mut self.world.net.conns[conn].ways[from];
                way.used += step.used as u64;
                way.consumed.add(data[4], step.used as u64);
            }
            if let Some(asked) = before.filter(|_| step.used > 0) {
                self.asked(link, row, asked);
            }
            if row.is_upstream() {
                if tap::is_admit(&data[..step.used]) {
                    self.look_away();
                }
                self.receive(&data[..step.used], step);
            }
            match step.next {
                Next::Again => {}
                Next::NeedBytes => {
                    self.wants_more(link, conn, from);
                    break;
                }
                Next::Closed => {
                    self.turned_deaf(link, row);
                    break;
                }
            }
        }
        let way = &mut self.world.net.conns[conn].ways[from];
        way.bytes = bytes;
        way.compact();
        if row.is_upstream() {
            self.note_untaken();
            self.tell_flight(conn);
        } else {
            self.tell_credit(link, row.peer);
        }
    }

    fn wants_more(&mut self, link: usize, conn: usize, from: usize) {
        let read = self.world.net.conns[conn].ways[from].read;
        if let Some(row) = &mut self.process.links[link] {
            row.shown = read;
        }
    }

    fn turned_deaf(&mut self, link: usize, row: &Row) {
        if let Some(row) = &mut self.process.links[link] {
            row.deaf = true;
        }
        if !row.is_upstream() {
            self.look_away();
        }
    }

    // --- admission --------------------------------------------------------------------------------------------------

    /// Notes the answer to a JOIN; which answer it was may only show in the ADMIT that leaves.
    fn asked(&mut self, link: usize, row: &Row, (have, start, end): (u64, u64, u64)) {
        let down = &mut self.world.net.conns[row.conn].ways[1];
        down.forgotten = down.tap.written;
        let id = self.world.plan.nodes.get(row.peer).map(|node| NodeId(node.id));
        let of_link = |replica: &towline_core::Replica| {
            replica.link == Some(LinkId(link as u32)) && Some(replica.node) == id
        };
        let state = self.process.node.replicas().find(of_link).map(|replica| replica.state);
        let answer = match state {
            Some(ReplicaState::Streaming) => Answer::Continue,
            Some(ReplicaState::Snapshot) => Answer::Snapshot,
            Some(ReplicaState::Waiting) => {
                let row = self.process.links[link].as_mut().expect("it was just fed");
                row.asked = Some((have, start, end));
                self.world.net.conns[row.conn].ways[1].tap.admitted = None;
                return;
            }
            Some(ReplicaState::Away) | None => Answer::Refused,
        };
        self.look_away();
        self.tell_of(row.peer, &Fact::Asked { peer: row.peer, have, start, end, answer });
        if self.world.chaos.returning == Some(row.peer) {
            self.world.chaos.returning = None;
            self.world.net.dirty |= 1 << self.world.operator.primary;
        }
    }

    /// Notes the ADMIT of a replica that neither streams nor gets a snapshot: it waits, or must rewind.
    pub(super) fn answered(&mut self, link: usize) {
        let Some(row) = self.process.links[link].as_mut() else {
            return;
        };
        let Some(verdict) = self.world.net.conns[row.conn].ways[1].tap.admitted else {
            return;
        };
        let Some((have, start, end)) = row.asked.take() else {
            return;
        };
        let peer = row.peer;
        let answer = if verdict == 2 { Answer::Forked } else { Answer::Wait };
        self.look_away();
        self.tell_of(peer, &Fact::Asked { peer, have, start, end, answer });
        self.world.chaos.returning = self.world.chaos.returning.filter(|node| *node != peer);
    }
}
