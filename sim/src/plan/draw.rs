//! From a scenario and a seed to a plan: every draw made, each from a stream of its own name.
//!
//! Knobs are drawn one by one and then settled: a knob that depends on a drawn value is clamped to it, so every plan's
//! options pass the core's check, every value of the workload fits a record, and no timer is shorter than the way of
//! the bytes it waits for.

use super::scenario::{Scenario, Workload};
use super::{Knobs, Plan, Train, chaos};
use crate::stream::Stream;
use crate::workload::{VALUE_BYTES_MIN, record_bytes};
use towline_core::limits::{BACKLOG_BYTES_MAX, BATCH_HEAD_BYTES, RECORD_BYTES_MAX, RECORD_HEAD_BYTES};

/// The length of the heads of a batch of one record.
const HEADS_BYTES: u64 = (BATCH_HEAD_BYTES + RECORD_HEAD_BYTES) as u64;
/// The least bytes that a link's windows must let through in a second.
const THROUGH_BYTES_MIN: u64 = 64 << 10;
/// The lengths of trains of steady operations of one length.
const STEADY: (u64, u64) = (8, 64);

impl Scenario {
    /// Returns the plan of a seed. The same seed gives the same plan in every process.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Plan {
        let sheet = &self.sheet;
        let mut knobs = Knobs::default();
        for (name, draw) in &sheet.knobs {
            let value = draw.draw(&mut Stream::new(seed, &format!("knobs:{name}")));
            assert!(knobs.set(name, value), "a knob that was read is known");
        }
        settle(&mut knobs);
        let mut plan = Plan {
            name: sheet.name.clone(),
            seed,
            core: env!("CARGO_PKG_VERSION").to_owned(),
            on: sheet.on.clone(),
            exact: sheet.exact,
            duration_us: sheet.duration_us,
            heal_us: sheet.heal_us,
            expect: sheet.expect.clone(),
            knobs,
            nodes: sheet.nodes.clone(),
            trains: self.trains(seed, value_bytes_max(&knobs)),
            faults: chaos::draw(self, seed),
        };
        plan.duration_us = plan.duration_us.max(plan.over_us());
        plan
    }

    fn trains(&self, seed: u64, bytes_max: u64) -> Vec<Train> {
        let mut trains = Vec::new();
        for (index, train) in self.sheet.trains.iter().enumerate() {
            let mut stream = Stream::new(seed, &format!("train:{index}"));
            trains.push(Train {
                at_us: train.at.draw(&mut stream),
                count: train.count.draw(&mut stream),
                every_us: train.every.draw(&mut stream),
                bytes: train.value.draw(&mut stream),
            });
        }
        if let Some(workload) = &self.workload {
            steady(workload, &mut Stream::new(seed, "workload"), &mut trains);
            bursts(workload, self.sheet.heal_us, &mut Stream::new(seed, "workload:bursts"), &mut trains);
        }
        trains.retain(|train| train.count > 0);
        for train in &mut trains {
            train.bytes = train.bytes.clamp(VALUE_BYTES_MIN, bytes_max);
        }
        trains.sort_by_key(|train| train.at_us);
        trains
    }
}

fn steady(workload: &Workload, stream: &mut Stream, trains: &mut Vec<Train>) {
    let Some(every_us) = workload.every_us() else { return };
    let mut at_us = every_us;
    while at_us < workload.until_us {
        let left = (workload.until_us - at_us).div_ceil(every_us);
        let count = stream.between(STEADY.0, STEADY.1).min(left);
        trains.push(Train { at_us, count, every_us, bytes: workload.value.draw(stream) });
        at_us += count * every_us;
    }
}

fn bursts(workload: &Workload, heal_us: u64, stream: &mut Stream, trains: &mut Vec<Train>) {
    let Some(bursts) = &workload.bursts else { return };
    for _ in 0..bursts.count.draw(stream) {
        let at_us = stream.between(heal_us / 20, heal_us);
        let (count, bytes) = (bursts.ops.draw(stream), bursts.value.draw(stream));
        trains.push(Train { at_us, count, every_us: 0, bytes });
    }
}

/// Returns the longest record that these knobs let through.
fn record_bytes_max(knobs: &Knobs) -> u64 {
    let most = (knobs.backlog / 4 - HEADS_BYTES).min(RECORD_BYTES_MAX.into());
    if knobs.record_max == 0 { most } else { knobs.record_max.min(most) }
}

/// Returns the longest value whose record these knobs let through.
pub(crate) fn value_bytes_max(knobs: &Knobs) -> u64 {
    let longest = record_bytes_max(knobs);
    let around = record_bytes(longest, knobs.keys) - longest;
    longest.saturating_sub(around).max(VALUE_BYTES_MIN)
}

/// Clamps knobs that depend on others, in the order of dependence.
pub(crate) fn settle(knobs: &mut Knobs) {
    knobs.keys = knobs.keys.clamp(1, 1 << 32);
    let shortest = record_bytes(0, knobs.keys);
    knobs.backlog = knobs.backlog.clamp(4 * (shortest + HEADS_BYTES), BACKLOG_BYTES_MAX);
    if knobs.record_max != 0 {
        knobs.record_max = knobs.record_max.max(shortest).min(record_bytes_max(knobs));
    }
    knobs.batch = knobs.batch.clamp(1, u32::MAX.into());
    let frame = record_bytes_max(knobs) + HEADS_BYTES;
    if knobs.window != 0 {
        knobs.window = knobs.window.min(knobs.backlog / 2 - frame);
    }
    knobs.piece = knobs.piece.clamp(1, 1 << 26);
    knobs.piece_window = knobs.piece_window.max(1);
    knobs.links = knobs.links.clamp(1, 1 << 16);
    knobs.slots = knobs.slots.clamp(1, 1 << 16);
    knobs.ships = knobs.ships.clamp(1, knobs.links);
    knobs.snapshot_record = knobs.snapshot_record.max(16);
    knobs.latency_shape = knobs.latency_shape.min(3);
    knobs.socket = knobs.socket.max(1);
    knobs.gulp = knobs.gulp.max(1);
    // The bytes that windows let through in a round trip are a rate too; below this one, no run ends in time.
    let window = if knobs.window == 0 { knobs.backlog / 2 - frame } else { knobs.window };
    let pieces = knobs.piece_window.max(knobs.piece).min(2 * knobs.piece);
    let through = window.min(pieces).min(knobs.socket).min(knobs.gulp.saturating_mul(8));
    let way_us = through.saturating_mul(1_000_000) / THROUGH_BYTES_MIN / 2;
    knobs.latency = knobs.latency.min(way_us / 2);
    knobs.jitter = knobs.jitter.min(way_us / 32);
    // A silence shorter than the way there and back, of the slowest segment, says nothing about the peer.
    let way_us = knobs.latency + 16 * knobs.jitter;
    knobs.beat = knobs.beat.max(1_000);
    knobs.idle = knobs.idle.max(3 * knobs.beat).max(4 * way_us);
    knobs.handshake = knobs.handshake.max(knobs.beat).max(8 * way_us);
    knobs.linger = knobs.linger.max(1);
    knobs.reconnect_window = knobs.reconnect_window.max(knobs.idle);
    knobs.redial_min = knobs.redial_min.max(1_000);
    knobs.redial_max = knobs.redial_max.max(knobs.redial_min);
}

impl Plan {
    /// Returns the latest end of a run: healed, all written, converged within the budget, and calm for long enough.
    #[must_use]
    pub fn over_us(&self) -> u64 {
        let healed_us = self.heal_us.max(self.ops_end_us());
        let calm_us = self.knobs.idle.saturating_mul(2).saturating_add(1_000_000);
        healed_us.saturating_add(self.converge_budget_us()).saturating_add(calm_us)
    }
}

#[cfg(test)]
mod tests;
