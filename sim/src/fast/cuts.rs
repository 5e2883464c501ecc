//! Breaks of connections: resets, bytes of an old one on the next, damage, and held bytes that go on.

use super::chaos::Chaos;
use super::net::{Net, Way};
use super::queue::{Queue, What};

/// How many bytes of an old connection come first on a new one.
const STALE_BYTES: usize = 96;

impl Net {
    /// Applies the faults that wait for bytes on the way down.
    pub(super) fn strike(&mut self, t_us: u64, queue: &mut Queue, chaos: &mut Chaos, conn: usize, came: u64) {
        let (replica, upstream) = self.pair_of(conn);
        let pair = &mut self.pairs[replica * self.machines + upstream];
        let way = &mut self.conns[conn].ways[1];
        if let Some((index, after)) = pair.flip_after {
            pair.flip_after = Some((index, after.saturating_sub(came)));
            if after < came {
                let at = (way.arrived - came + after - way.base) as usize;
                way.bytes[at] ^= 1 << (after % 8);
                chaos.effects[index] = true;
                pair.flip_after = None;
            }
        }
        if let Some((index, after)) = pair.cut_after {
            pair.cut_after = Some((index, after.saturating_sub(came)));
            if after < came {
                way.arrived = way.arrived - came + after;
                (way.ended, chaos.effects[index]) = (true, true);
                pair.cut_after = None;
                way.flying.clear();
                queue.push(t_us, What::Reset { conn: conn as u32, end: 1 });
                self.conns[conn].ways[0].flying.clear();
            }
        }
    }

    /// Resets the connection: both ends are notified at once, bytes under way are lost.
    pub(super) fn reset(&mut self, conn: usize) -> bool {
        let row = &mut self.conns[conn];
        let mut any = false;
        for end in 0..2 {
            any |= row.ends[end].open && !row.ends[end].reset;
            row.ends[end].reset |= row.ends[end].open;
            row.ways[end].flying.clear();
            self.dirty |= 1 << row.ends[end].machine;
        }
        any && !row.dead
    }

    /// Resets the connections between two. The last bytes are kept if a fault wants them on the next one.
    pub(super) fn reset_between(&mut self, replica: usize, upstream: usize, stale: Option<usize>) -> bool {
        let mut any = false;
        for conn in self.open_between(replica, upstream) {
            if let Some(index) = stale {
                let tail = |way: &Way| way.bytes[way.bytes.len().saturating_sub(STALE_BYTES)..].to_vec();
                let bytes = [tail(&self.conns[conn].ways[0]), tail(&self.conns[conn].ways[1])];
                self.pair(replica, upstream).stale = Some((index, bytes));
            }
            any |= self.reset(conn);
        }
        any
    }

    /// Returns the connections between two that have an open end.
    pub(super) fn open_between(&self, replica: usize, upstream: usize) -> Vec<usize> {
        let between = |conn: &usize| {
            let ends = &self.conns[*conn].ends;
            (ends[0].machine, ends[1].machine) == (replica, upstream) && (ends[0].open || ends[1].open)
        };
        (0..self.conns.len()).filter(between).collect()
    }

    /// Ends the delay of a slow line: bytes that are still on it come earlier.
    pub(super) fn hurry(&mut self, t_us: u64, queue: &mut Queue, replica: usize, upstream: usize) {
        let rate = self.rate;
        for conn in self.open_between(replica, upstream) {
            for end in 0..2_u8 {
                let way = &mut self.conns[conn].ways[usize::from(end)];
                let rest_us = ((way.written - way.arrived) * 1_000_000).checked_div(rate).unwrap_or(0);
                let sooner_us = way.line_us.saturating_sub(t_us + rest_us);
                let sooner = |due_us: u64| due_us.min(t_us).max(due_us.saturating_sub(sooner_us));
                (way.line_us, way.last_due_us) = (way.line_us - sooner_us, sooner(way.last_due_us));
                way.fin_us = way.fin_us.map(sooner);
                for segment in &mut way.flying {
                    segment.0 = sooner(segment.0);
                    let due_us = segment.0.max(t_us + 1);
                    queue.push(due_us, What::Deliver { conn: conn as u32, end });
                }
            }
        }
    }

    /// Lets held bytes between two go on; blocked writers are notified of room.
    pub(super) fn release(&mut self, t_us: u64, queue: &mut Queue, replica: usize, upstream: usize) {
        for conn in self.open_between(replica, upstream) {
            for end in 0..2_u8 {
                let (conn, way) = (conn as u32, &self.conns[conn].ways[usize::from(end)]);
                if !way.flying.is_empty() || way.fin_us.is_some() {
                    queue.push(t_us + 1, What::Deliver { conn, end });
                }
                if way.blocked {
                    queue.push(t_us + 1, What::Room { conn, end });
                }
            }
        }
    }
}
