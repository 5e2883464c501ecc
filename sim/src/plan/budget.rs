//! How long a healed run may take to converge: integers from the plan, generous and finite.

use super::Plan;

impl Plan {
    /// From the heal (or the last operation, if that is later) until every node of the core set must agree, in
    /// microseconds. The sum of what may follow one upon another, twice:
    ///
    /// | term | why |
    /// |---|---|
    /// | idle, handshake, linger | an end that does not know yet that its connection is dead |
    /// | four of the longest redial | back-off that grew while nothing answered |
    /// | snapshots, at the pace of windows and rate | everyone may need one, and another when the first was overtaken |
    /// | the growing pause between two | one, two, four and eight seconds |
    /// | the whole log's way through the window | what a replica lacks that needs no snapshot |
    /// | applying and syncing every batch | a slow store |
    ///
    /// and all of it once for each tier of the cascade.
    #[must_use]
    pub fn converge_budget_us(&self) -> u64 {
        let knobs = &self.knobs;
        let way_us = knobs.latency + 8 * knobs.jitter + 1_000;
        let ops: u64 = self.trains.iter().map(|train| train.count).sum();
        let log_bytes: u64 = self.trains.iter().map(|train| train.count * (train.bytes + 150)).sum();
        let snapshot_bytes = ops * knobs.snapshot_record.max(16);
        let window = if knobs.window == 0 { knobs.backlog / 4 } else { knobs.window };
        let through = |bytes: u64, window: u64| {
            let turns = bytes / window.min(knobs.socket).clamp(1, knobs.gulp.max(1) * 8) + 2;
            let rate_us = bytes.saturating_mul(1_000_000).checked_div(knobs.rate).unwrap_or(0);
            turns * 2 * way_us + rate_us
        };
        let waits_us = knobs.idle + knobs.handshake + knobs.linger + 4 * knobs.redial_max + 15_000_000;
        let ships_us = 4 * (through(snapshot_bytes, knobs.piece_window) + knobs.view);
        let stream_us = through(log_bytes, window);
        let store_us = ops * knobs.apply + 100 * knobs.sync;
        2 * self.tiers() * (waits_us + ships_us + stream_us + store_us)
    }

    /// How many links lie between the root and the furthest replica, at least one.
    fn tiers(&self) -> u64 {
        let depth = |node: usize| {
            let up = |at: &usize| self.nodes[*at].upstream;
            std::iter::successors(Some(node), up).take(self.nodes.len()).count() as u64 - 1
        };
        (0..self.nodes.len()).map(depth).max().unwrap_or(1).max(1)
    }
}
