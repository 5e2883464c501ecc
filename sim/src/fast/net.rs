//! Connections like those of a transport: two directed streams of bytes, in order, with a window, and an end.
//!
//! End 0 dialled (the replica), end 1 accepted (its upstream). States of a connection: *open* (both ends), *half* (one
//! end closed: its written bytes still come), *dead* (bytes vanish and nobody knows), *gone*. A stream's positions
//! never cross: used <= read <= arrived <= written, and written - read is at most the window.
use super::chaos::{Blocks, Chaos, HOLDS};
use super::latency::Latency;
use super::queue::{Queue, What};
use super::tap::{Bulk, Tap};
use crate::plan::{Kind, Plan};
use crate::stream::Stream;
use std::collections::VecDeque;

/// The run in which consumed bytes are dropped; until then they can come again (`Stale`).
const COMPACT_BYTES: usize = 16 << 10;
/// The runs a beat in which the bytes of a slow line arrive: a beat is not delayed by the bytes that were written with
/// it.
const SEGMENTS_A_BEAT: u64 = 4;

/// One end of a connection.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) machine: usize,
    pub(super) open: bool,
    /// Set if it was notified that the connection is gone.
    pub(super) reset: bool,
}

/// One direction; the end of the same number writes it.
#[derive(Debug, Default)]
pub(super) struct Way {
    pub(super) bytes: Vec<u8>,
    /// The stream's position of the first of `bytes`.
    pub(super) base: u64,
    pub(super) used: u64,
    pub(super) read: u64,
    pub(super) arrived: u64,
    pub(super) written: u64,
    /// The arrival of each segment, and its end.
    pub(super) flying: VecDeque<(u64, u64)>,
    pub(super) last_due_us: u64,
    /// The time until which the line is busy with earlier bytes.
    pub(super) line_us: u64,
    pub(super) blocked: bool,
    /// The time of the end, once the writer closed.
    pub(super) fin_us: Option<u64>,
    pub(super) ended: bool,
    pub(super) tap: Tap,
    pub(super) consumed: Bulk,
    /// Bytes written before the replica joined last: they count in no window any more.
    pub(super) forgotten: Bulk,
}

impl Way {
    /// Drops used bytes.
    pub(super) fn compact(&mut self) {
        let done = (self.used - self.base) as usize;
        if done >= COMPACT_BYTES && done * 2 > self.bytes.len() {
            self.bytes.drain(..done);
            self.base = self.used;
        }
    }

    /// Returns the bulk that is written and not yet used at the other end.
    pub(super) fn under_way(&self) -> Bulk {
        let (written, consumed, old) = (self.tap.written, self.consumed, self.forgotten);
        Bulk {
            stream: written.stream - consumed.stream.max(old.stream),
            pieces: written.pieces - consumed.pieces.max(old.pieces),
        }
    }
}

/// A connection between two ends.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) ends: [End; 2],
    pub(super) ways: [Way; 2],
    pub(super) dead: bool,
    /// Bytes that the replica's host was handed and has not reported as taken.
    pub(super) untaken: Bulk,
}

impl Conn {
    /// Returns whether anything came to an end, or waits there.
    pub(super) fn has_news(&self, end: usize) -> bool {
        let way = &self.ways[1 - end];
        way.used < way.arrived || way.ended || self.ends[end].reset
    }
}

/// The faults that wait for bytes on the way from an upstream to a replica.
#[derive(Debug, Clone, Default)]
pub(super) struct Pair {
    pub(super) blocks: Blocks,
    /// The fault's place, and the bytes before it strikes.
    pub(super) cut_after: Option<(usize, u64)>,
    pub(super) flip_after: Option<(usize, u64)>,
    /// The fault's place, and the bytes that come first on the next connection, both ways.
    pub(super) stale: Option<(usize, [Vec<u8>; 2])>,
}

/// All connections of a run.
pub(super) struct Net {
    pub(super) conns: Vec<Conn>,
    pub(super) pairs: Vec<Pair>,
    random: Vec<Option<Box<Stream>>>,
    pub(super) machines: usize,
    seed: u64,
    latency: Latency,
    pub(super) rate: u64,
    /// The longest time that the line is busy with one segment.
    segment_us: u64,
    window: u64,
    pub(super) gulp: u64,
    /// Machines whose turn it is: a bit each.
    pub(super) dirty: u64,
}

impl Net {
    pub(super) fn new(plan: &Plan, machines: usize) -> Self {
        let knobs = &plan.knobs;
        let latency =
            Latency { least_us: knobs.latency, shape: knobs.latency_shape, jitter_us: knobs.jitter };
        Self {
            conns: Vec::new(),
            pairs: vec![Pair::default(); machines * machines],
            random: (0..machines * machines).map(|_| None).collect(),
            machines,
            seed: plan.seed,
            latency,
            rate: knobs.rate,
            segment_us: (knobs.beat / SEGMENTS_A_BEAT).max(1),
            window: knobs.socket.max(1),
            gulp: knobs.gulp.max(1),
            dirty: 0,
        }
    }

    pub(super) fn pair(&mut self, replica: usize, upstream: usize) -> &mut Pair {
        &mut self.pairs[replica * self.machines + upstream]
    }

    pub(super) fn pair_of(&self, conn: usize) -> (usize, usize) {
        let [replica, upstream] = &self.conns[conn].ends;
        (replica.machine, upstream.machine)
    }

    /// Returns the time of a segment from one machine to another.
    pub(super) fn way_us(&mut self, from: usize, to: usize) -> u64 {
        let seed = self.seed;
        let random = &mut self.random[from * self.machines + to];
        let random = random.get_or_insert_with(|| Box::new(Stream::new(seed, &format!("link:{from}-{to}"))));
        self.latency.draw_us(random)
    }

    /// Makes a connection; bytes of an older one may come first on it.
    pub(super) fn connect(&mut self, chaos: &mut Chaos, ends: [usize; 2]) -> usize {
        let end = |machine| End { machine, open: true, reset: false };
        let mut ways = [Way::default(), Way::default()];
        if let Some((index, bytes)) = self.pair(ends[0], ends[1]).stale.take() {
            if let Some(effect) = chaos.effects.get_mut(index) {
                *effect = true;
            }
            for (way, bytes) in ways.iter_mut().zip(bytes) {
                let length = bytes.len() as u64;
                (way.bytes, way.written, way.arrived) = (bytes, length, length);
                way.tap.skip(length);
            }
        }
        self.conns.push(Conn { ends: ends.map(end), ways, dead: false, untaken: Bulk::default() });
        for machine in ends {
            self.dirty |= 1 << machine;
        }
        self.conns.len() - 1
    }

    // --- writing ---------------------------------------------------------------------------------------------------

    /// Writes as much as there is room for; returns how much.
    pub(super) fn write(
        &mut self,
        (t_us, queue, chaos): (u64, &mut Queue, &mut Chaos),
        (conn, end): (usize, usize),
        slices: [&[u8]; 3],
        speaks: Option<u64>,
    ) -> usize {
        let (replica, upstream) = self.pair_of(conn);
        let blocks = &self.pairs[replica * self.machines + upstream].blocks;
        let offered: usize = slices.iter().map(|slice| slice.len()).sum();
        let way = &mut self.conns[conn].ways[end];
        let lies = way.written - way.read;
        let window = blocks.window.map_or(self.window, |narrow| narrow.min(self.window));
        let gulp = blocks.gulp.map_or(self.gulp, |gulp| gulp.min(self.gulp));
        let take = (offered as u64).min(window.saturating_sub(lies)).min(gulp);
        if blocks.any {
            let blocks = *blocks;
            self.note_limits(chaos, (replica, upstream), (offered as u64, lies), blocks);
        }
        let way = &mut self.conns[conn].ways[end];
        way.blocked |= take == 0 && offered > 0;
        if take == 0 {
            return 0;
        }
        let mut left = take as usize;
        for slice in slices.iter().filter(|slice| !slice.is_empty()) {
            let part = slice.len().min(left);
            way.bytes.extend_from_slice(&slice[..part]);
            left -= part;
        }
        way.written += take;
        if way.tap.walk(&mut way.bytes, way.base, speaks) {
            chaos.took_effect(self.conns[conn].ends[end].machine, Kind::Speaks);
        }
        self.send(t_us, queue, (conn, end), take);
        take as usize
    }

    fn note_limits(
        &self,
        chaos: &mut Chaos,
        (replica, upstream): (usize, usize),
        (offered, lies): (u64, u64),
        blocks: Blocks,
    ) {
        let room = self.window.saturating_sub(lies).min(offered);
        let narrow = blocks.window.is_some_and(|window| window.saturating_sub(lies) < room);
        let dribble = blocks.gulp.is_some_and(|gulp| gulp < room);
        let rate = blocks.rate.is_some() && room > 0;
        let slow = blocks.slow_us > 0 && room > 0;
        let felt = [(narrow, Kind::Narrow), (dribble, Kind::Dribble), (rate, Kind::Rate), (slow, Kind::Slow)];
        for (_, kind) in felt.into_iter().filter(|(felt, _)| *felt) {
            chaos.took_effect_between(replica, upstream, &[kind]);
        }
    }

    fn send(&mut self, t_us: u64, queue: &mut Queue, (conn, end): (usize, usize), bytes: u64) {
        let (replica, upstream) = self.pair_of(conn);
        let Blocks { slow_us, rate, .. } = self.pairs[replica * self.machines + upstream].blocks;
        let (from, to) = if end == 0 { (replica, upstream) } else { (upstream, replica) };
        let way_us = self.way_us(from, to) + slow_us;
        let rate = match (rate, self.rate) {
            (Some(rate), 0) => rate,
            (Some(rate), usual) => rate.min(usual),
            (None, usual) => usual,
        };
        // A slow line delivers a write in parts, so that beats arrive in between.
        let segment =
            if rate == 0 { bytes } else { (rate.saturating_mul(self.segment_us) / 1_000_000).max(1) };
        let way = &mut self.conns[conn].ways[end];
        let mut upto = way.written - bytes;
        while upto < way.written {
            let carried = segment.min(way.written - upto);
            upto += carried;
            way.line_us = way.line_us.max(t_us) + (carried * 1_000_000).checked_div(rate).unwrap_or(0);
            let due_us = (way.line_us + way_us).max(way.last_due_us);
            let same = due_us == way.last_due_us;
            way.last_due_us = due_us;
            match way.flying.back_mut().filter(|_| same) {
                Some(segment) => segment.1 = upto,
                None => {
                    way.flying.push_back((due_us, upto));
                    queue.push(due_us, What::Deliver { conn: conn as u32, end: end as u8 });
                }
            }
        }
    }

    /// Closes an end in order: its written bytes come, then the end.
    pub(super) fn finish(&mut self, t_us: u64, queue: &mut Queue, conn: usize, end: usize) {
        let ends = &self.conns[conn].ends;
        let (from, to) = (ends[end].machine, ends[1 - end].machine);
        let way_us = self.way_us(from, to);
        let conn_row = &mut self.conns[conn];
        conn_row.ends[end].open = false;
        let way = &mut conn_row.ways[end];
        let due_us = (t_us + way_us).max(way.last_due_us);
        (way.last_due_us, way.fin_us) = (due_us, Some(due_us));
        queue.push(due_us, What::Deliver { conn: conn as u32, end: end as u8 });
        // The other direction has no reader any more.
        conn_row.ways[1 - end].bytes = Vec::new();
        let other = &mut conn_row.ways[1 - end];
        (other.base, other.used, other.read) = (other.written, other.written, other.written);
        (other.arrived, other.tap.written) = (other.written, other.consumed);
        other.forgotten = Bulk::default();
        other.tap.forget(other.written);
        other.flying.clear();
    }

    // --- arriving --------------------------------------------------------------------------------------------------

    /// Delivers a segment, or an end, at the far end of a way.
    pub(super) fn deliver(
        &mut self,
        t_us: u64,
        queue: &mut Queue,
        chaos: &mut Chaos,
        (conn, end): (usize, usize),
    ) {
        let (replica, upstream) = self.pair_of(conn);
        let row = &mut self.conns[conn];
        if row.dead {
            return;
        }
        if self.pairs[replica * self.machines + upstream].blocks.held[end] {
            chaos.took_effect_between(replica, upstream, HOLDS);
            return;
        }
        let way = &mut row.ways[end];
        let before = way.arrived;
        while let Some((_, upto)) = way.flying.pop_front_if(|segment| segment.0 <= t_us) {
            way.arrived = way.arrived.max(upto);
        }
        way.ended |= way.fin_us.is_some_and(|due| due <= t_us) && way.flying.is_empty();
        let far = row.ends[1 - end];
        let came = way.arrived - before;
        if far.open {
            self.dirty |= 1 << far.machine;
        } else if came > 0 {
            // No process is there: the machine, which still runs, resets the connection.
            queue.push(t_us + 1, What::Reset { conn: conn as u32, end: end as u8 });
        }
        if end == 1 && came > 0 {
            self.strike(t_us, queue, chaos, conn, came);
        }
    }

    // --- reading ---------------------------------------------------------------------------------------------------

    /// Reads at most so much at an end, and notifies a blocked writer of the room. Returns how much.
    pub(super) fn read(&mut self, t_us: u64, queue: &mut Queue, conn: usize, end: usize, most: u64) -> u64 {
        let ends = &self.conns[conn].ends;
        let (here, there) = (ends[end].machine, ends[1 - end].machine);
        let way = &mut self.conns[conn].ways[1 - end];
        let bytes = (way.arrived - way.read).min(most);
        way.read += bytes;
        if bytes > 0 && way.blocked {
            way.blocked = false;
            let due_us = t_us + self.way_us(here, there);
            queue.push(due_us, What::Room { conn: conn as u32, end: 1 - end as u8 });
        }
        bytes
    }

    /// Notifies a writer that there is room.
    pub(super) fn room(&mut self, conn: usize, end: usize) {
        let (replica, upstream) = self.pair_of(conn);
        let held = self.pairs[replica * self.machines + upstream].blocks.held[1 - end];
        let row = &mut self.conns[conn];
        row.ways[end].blocked |= held;
        if !held && !row.dead {
            self.dirty |= 1 << row.ends[end].machine;
        }
    }
}
