//! A node's whole state in 128 bits, for searches that must know where they have been.
//!
//! Equal states give equal prints: times count from now (and silence on its own clock), so a `Tick` with nothing due
//! leaves out only what has passed; byte positions count from the ring's begin; rows not in use are alike, whatever
//! they held before. Left out is what no answer depends on: the configuration (it never changes), counters and what
//! only status pages read, Unix time, the index (a shorter way to the same places). Moving `now` changes the print
//! where a deadline or a silence comes nearer by it. Nothing is allocated.

use core::hash::{Hash, Hasher};

use xxhash_rust::xxh3::Xxh3;

use crate::links::outbox::{Outbox, Stage};
use crate::links::{Farewell, Link, Phase};
use crate::node::Node;
use crate::stream::slots::Slot;
use crate::time::Time;

const BUFFER_BYTES: usize = 256;

/// A hasher that gives the same on every target: whole numbers of 64 bits, little-endian.
pub(crate) struct Print {
    hash: Xxh3,
    buffer: [u8; BUFFER_BYTES],
    len: usize,
}

impl Print {
    fn new() -> Self {
        Self { hash: Xxh3::new(), buffer: [0; BUFFER_BYTES], len: 0 }
    }

    fn spill(&mut self) {
        self.hash.update(&self.buffer[..self.len]);
        self.len = 0;
    }

    fn whole(mut self) -> u128 {
        self.spill();
        self.hash.digest128()
    }
}

impl Hasher for Print {
    fn write(&mut self, bytes: &[u8]) {
        self.spill();
        self.hash.update(bytes);
    }

    #[inline]
    fn write_u64(&mut self, word: u64) {
        if self.len + 8 > BUFFER_BYTES {
            self.spill();
        }
        self.buffer[self.len..self.len + 8].copy_from_slice(&word.to_le_bytes());
        self.len += 8;
    }

    #[inline]
    fn write_u8(&mut self, byte: u8) {
        self.write_u64(byte.into());
    }

    #[inline]
    fn write_u16(&mut self, half: u16) {
        self.write_u64(half.into());
    }

    #[inline]
    fn write_u32(&mut self, half: u32) {
        self.write_u64(half.into());
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the low half, then the high one")]
    fn write_u128(&mut self, word: u128) {
        self.write_u64(word as u64);
        self.write_u64((word >> 64) as u64);
    }

    #[inline]
    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }

    #[inline]
    fn write_isize(&mut self, word: isize) {
        self.write_u64(word.cast_unsigned() as u64);
    }

    fn finish(&self) -> u64 {
        let mut hash = self.hash.clone();
        hash.update(&self.buffer[..self.len]);
        hash.digest()
    }
}

impl Node {
    /// The print of the whole state. Not a stable format: only to be compared within one run of one program.
    #[doc(hidden)]
    #[must_use]
    pub fn fingerprint(&self) -> u128 {
        let mut print = Print::new();
        (self.id, self.incarnation, self.role, self.seen, self.tell, self.shut).hash(&mut print);
        for dice in [&self.identity, &self.redial, &self.pause] {
            dice.drawn().hash(&mut print);
        }
        self.log.print(&mut print);
        for link in &self.links {
            self.print_link(link, &mut print);
        }
        self.dry.hash(&mut print);
        self.in_ring(self.reader_floor.max(self.log.oldest())).hash(&mut print);
        for slot in self.slots.rows.iter().filter(|slot| slot.used || slot.expired.is_some()) {
            self.print_slot(slot, &mut print);
        }
        self.ships.hash(&mut print);
        self.print_upstream(&mut print);
        for at in self.deadlines.all() {
            self.until(at).hash(&mut print);
        }
        self.pending.hash(&mut print);
        print.whole()
    }

    /// How far ahead a time lies; the past is past.
    fn until(&self, at: Time) -> u64 {
        if at == Time::NEVER { u64::MAX } else { at.since(self.clock.now()).0 }
    }

    /// How long ago something was, on the clock of silence.
    fn silent(&self, alive: u64) -> u64 {
        self.clock.alive().saturating_sub(alive)
    }

    fn in_ring(&self, position: u64) -> u64 {
        if position == u64::MAX { position } else { position.wrapping_sub(self.log.oldest()) }
    }

    fn print_link(&self, link: &Link, print: &mut Print) {
        (link.phase, link.listed, link.beats).hash(print);
        if link.phase == Phase::Free {
            return;
        }
        (link.upstream, link.due, link.tell, link.seen, link.peer).hash(print);
        (self.silent(link.opened), self.silent(link.heard), self.until(link.next_beat)).hash(print);
        if let Some(Farewell { fault, by_peer, retry_after, linger }) = link.farewell {
            (fault.number(), by_peer, retry_after, self.until(linger)).hash(print);
        }
        self.print_outbox(&link.outbox, print);
        let down = &link.down;
        (&down.join, down.slot, down.stream_at.map(|at| self.in_ring(at)), down.sent).hash(print);
        (down.credit, down.piece_credit, down.piece_debt, down.shipping, down.fork).hash(print);
        (down.needs_snapshot, down.fallen, down.admit, down.acked, down.told_end, down.echo).hash(print);
    }

    fn print_outbox(&self, outbox: &Outbox, print: &mut Print) {
        outbox.scratch[outbox.control_at..outbox.control_end].hash(print);
        outbox.told.hash(print);
        if outbox.told {
            self.silent(outbox.offered_since).hash(print);
        }
        match outbox.stage {
            Stage::Idle => 0_u64.hash(print),
            Stage::Ring { at, frame_end, limit } => {
                (1_u64, self.in_ring(at), self.in_ring(frame_end), self.in_ring(limit)).hash(print);
            }
            Stage::Spill { at, end } => outbox.spill[at..end].hash(print),
            Stage::Piece { ship, at, end } => (2_u64, ship, at, end).hash(print),
        }
    }

    fn print_slot(&self, slot: &Slot, print: &mut Print) {
        (slot.used, slot.node, slot.incarnation, slot.link, slot.acked, slot.acked_untold).hash(print);
        (slot.cut_off, slot.snapshots, slot.begun, self.until(slot.not_before), slot.expired).hash(print);
        if slot.link.is_none() {
            self.clock.now().since(slot.last_seen).hash(print);
        }
    }

    fn print_upstream(&self, print: &mut Print) {
        let upstream = &self.upstream;
        let dial = upstream.dial.map_time(|at| Time(self.until(at)));
        (upstream.link, dial, upstream.attempt, upstream.adopt, upstream.base, upstream.admitted).hash(print);
        (upstream.streaming, upstream.applied, upstream.persisted, upstream.inherited).hash(print);
        (upstream.taken.0, self.in_ring(upstream.taken.1), &upstream.receiving, upstream.fork).hash(print);
        (upstream.stream, upstream.pieces, upstream.admit, upstream.joins, upstream.echo).hash(print);
        let origin = upstream.origin.map(|(_, end, _)| end);
        (origin, upstream.peer_end, upstream.caught_up, upstream.peer_history).hash(print);
        upstream.installed.hash(print);
        #[cfg(towline_mutants)]
        upstream.planted.hash(print);
    }
}

#[cfg(test)]
mod tests;
