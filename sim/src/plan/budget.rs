//! The time in which the core set must converge once chaos is over: integers that follow from the plan alone.
//!
//! The bound is generous, because a false alarm costs trust, and finite, because "it will come some day" proves
//! nothing. It is the time of the slowest honest way back, term by term: the node that notices the heal last, after the
//! longest pause, needs one snapshot that was begun before and one more, at each tier of a cascade.

use super::{Kind, Plan};
use crate::workload::record_bytes;
use towline_core::limits::{BATCH_HEAD_BYTES, PAUSE_MAX_NS, PAUSE_MIN_NS};

/// The longest time that a peer asks a replica to stay away: after a version, a limit or a history that does not fit.
const RETRY_AFTER_US: u64 = 5_000_000;
/// How long a host lets a dial hang, on every substrate.
const DIAL_US: u64 = 5_000_000;
/// The time that schedulers, rounding and the pieces of a turn may add to each term.
const SLACK_US: u64 = 1_000_000;

impl Plan {
    /// Returns the microseconds from the heal, or from the last operation if that is later, until everyone must have
    /// converged.
    #[must_use]
    pub fn converge_budget_us(&self) -> u64 {
        let tier = self
            .find_us()
            .saturating_add(self.pause_us())
            .saturating_add(self.snapshot_us().saturating_mul(2))
            .saturating_add(self.stream_us());
        self.clock_us()
            .saturating_add(tier.saturating_mul(self.tiers()))
            // Writes that waited for a primary come at once when there is one.
            .saturating_add(self.stream_us())
            .saturating_add(SLACK_US)
    }

    /// Returns the time of the last operation.
    #[must_use]
    pub fn ops_end_us(&self) -> u64 {
        let last = |train: &super::Train| {
            train.at_us.saturating_add(train.count.saturating_sub(1).saturating_mul(train.every_us))
        };
        self.trains.iter().map(last).max().unwrap_or(0)
    }

    /// Returns the time of a segment from end to end, and the rare long one.
    const fn way_us(&self) -> u64 {
        self.knobs.latency.saturating_add(self.knobs.jitter.saturating_mul(16))
    }

    /// Returns the time until a node has joined its upstream again: it hears nothing for the idle time and a beat, says
    /// goodbye, waits the longest pause before a redial twice, as long as a peer that refused it had asked for, on a
    /// dial that hangs since the chaos, and shakes hands twice (a clash of two processes costs one).
    fn find_us(&self) -> u64 {
        let knobs = &self.knobs;
        let silence = knobs.idle.saturating_add(knobs.beat).saturating_add(knobs.linger);
        let hands = knobs.handshake.saturating_add(self.way_us().saturating_mul(4));
        silence
            .saturating_add(knobs.redial_max.saturating_add(hands).saturating_mul(2))
            .saturating_add(RETRY_AFTER_US)
            .saturating_add(DIAL_US)
            .saturating_add(SLACK_US)
    }

    /// Returns the longest pause before a snapshot. Each doubles the one before and is kept before the next, so a pause
    /// of `p` can only follow `p` of run; it starts again when the snapshot that was begun in the chaos ends.
    fn pause_us(&self) -> u64 {
        let run_us = self.heal_us.max(self.ops_end_us());
        run_us.saturating_mul(2).clamp(PAUSE_MIN_NS / 1_000, PAUSE_MAX_NS / 1_000)
    }

    /// Returns the time of a snapshot, behind those that are transferred before it: the view, the bytes, the sync. Its
    /// bytes are those of the keys, or of the host model's records.
    fn snapshot_us(&self) -> u64 {
        let knobs = &self.knobs;
        let longest = self.trains.iter().map(|train| train.bytes).max().unwrap_or(0);
        let ops: u64 = self.trains.iter().map(|train| train.count).sum();
        let content = knobs.keys.saturating_mul(record_bytes(longest, knobs.keys)).min(self.written_bytes());
        let bytes = content.max(ops.saturating_mul(knobs.snapshot_record));
        // Both pieces of a transfer pass in one turn, unless the window or the link holds less.
        let turn = knobs.piece_window.max(knobs.piece).min(knobs.piece.saturating_mul(2));
        let one = self
            .carry_us(bytes, turn)
            .saturating_add(knobs.view)
            .saturating_add(knobs.sync.saturating_mul(2))
            .saturating_add(self.way_us().saturating_mul(4));
        one.saturating_mul((self.nodes.len() as u64).div_ceil(knobs.ships.max(1)))
    }

    /// Returns every byte of the workload, each operation a batch of its own.
    fn written_bytes(&self) -> u64 {
        let heads = BATCH_HEAD_BYTES as u64 + 4;
        let each = |train: &super::Train| {
            train.count.saturating_mul(record_bytes(train.bytes, self.knobs.keys) + heads)
        };
        self.trains.iter().map(each).fold(0, u64::saturating_add)
    }

    /// Returns the time to carry and apply a full ring and a full spool, in batches of one short record each.
    fn stream_us(&self) -> u64 {
        let knobs = &self.knobs;
        let ops: u64 = self.trains.iter().map(|train| train.count).sum();
        let bytes = self.written_bytes().min(knobs.backlog.saturating_add(knobs.spool));
        let batches = ops.min(bytes / (BATCH_HEAD_BYTES as u64 + record_bytes(0, knobs.keys)) + 1);
        let turn = knobs.options().check().map_or(1, |config| config.options().window_bytes);
        self.carry_us(bytes, turn)
            .saturating_add(batches.saturating_mul(knobs.apply))
            .saturating_add(knobs.sync.saturating_mul(2))
    }

    /// Returns the time of so many bytes over a link that takes `turn` of them per round trip. Stream and pieces share
    /// its rate.
    fn carry_us(&self, bytes: u64, turn: u64) -> u64 {
        let knobs = &self.knobs;
        let turn = turn.min(knobs.socket).min(knobs.gulp.saturating_mul(8)).max(1);
        let trips = (bytes / turn).saturating_add(2).saturating_mul(self.way_us().saturating_mul(2).max(1));
        let rate = bytes.saturating_mul(2_000_000).checked_div(knobs.rate).unwrap_or(0);
        trips.saturating_add(rate)
    }

    /// Returns the longest time for which a clock that was put back stands still.
    fn clock_us(&self) -> u64 {
        let back = self.faults.iter().filter(|fault| fault.kind == Kind::ClockBack);
        back.map(|fault| fault.amount).fold(0, u64::saturating_add)
    }

    /// Returns the longest chain of nodes: all of them, once operators have given orders.
    fn tiers(&self) -> u64 {
        let up = |node: &usize| self.nodes[*node].upstream;
        let depth = |node: usize| std::iter::successors(Some(node), up).take(self.nodes.len()).count();
        let longest = (0..self.nodes.len()).map(depth).max().unwrap_or(1) as u64;
        let moved =
            self.faults.iter().filter(|fault| matches!(fault.kind, Kind::Follow | Kind::Promote)).count();
        longest.saturating_add(moved as u64).min(self.nodes.len() as u64)
    }
}
