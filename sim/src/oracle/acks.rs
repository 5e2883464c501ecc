//! Acknowledgements and slots: S4, S5, S6, L1, L2, L3, L4.

use super::*;
use towline_core::{Level, Stages};

/// Returns the invariant that too high a belief breaks, and the level's name.
const fn broken_by(level: Level) -> (Invariant, &'static str) {
    match level {
        Level::Received => (Invariant::L1, "received"),
        Level::Applied => (Invariant::S4, "applied"),
        Level::Persisted => (Invariant::S4, "persisted"),
    }
}

impl Oracle {
    pub(super) fn acked(&mut self, t_us: u64, node: usize, peer: usize, acked: Stages<u64>) {
        let truths = self.truths(node, peer);
        let beyond = |level: Level| acked[level] != u64::MAX && acked[level] > truths[level];
        if let Some(level) = Level::ALL.into_iter().find(|level| beyond(*level)) {
            let (said, truth) = (acked[level], truths[level]);
            let (invariant, level) = broken_by(level);
            let text = format!(
                "{} counts {said} records of {} as {level}; it never had more than {truth}",
                self.name(node),
                self.name(peer)
            );
            return self.violate(invariant, t_us, node, text);
        }
        let generation = self.nodes[peer].generation;
        let before = self.nodes[node].remembered[peer];
        // Nothing acknowledged: the replica has no base. Its next acknowledgement begins anew.
        let back = |level: Level| {
            acked[level] != 0
                && acked[level] != u64::MAX
                && before.acked[level] != u64::MAX
                && acked[level] < before.acked[level]
        };
        if Level::ALL.into_iter().any(back) && (!before.fresh || before.generation == generation) {
            let invariant = if before.fresh { Invariant::L2 } else { Invariant::S5 };
            let text = format!(
                "{} went back from {:?} to {acked:?} for {}",
                self.name(node),
                before.acked,
                self.name(peer)
            );
            return self.violate(invariant, t_us, node, text);
        }
        let shadow = &self.nodes[node];
        // The acknowledgement came on the oldest open link, or on a younger one.
        let said_on = shadow.links.iter().find(|link| !link.upstream && link.peer == peer);
        let generation = said_on.map_or(before.generation, |link| link.generation);
        let remembered = &mut self.nodes[node].remembered[peer];
        (remembered.acked, remembered.fresh, remembered.generation) = (acked, false, generation);
        if self.nodes[peer].in_a_row > 0
            && acked.received != u64::MAX
            && acked.received >= self.told(t_us, node).max(1)
        {
            self.nodes[peer].in_a_row = 0;
        }
    }

    /// Returns what a caught-up replica must have received: everything that existed a beat ago, as its upstream counts;
    /// for one that started since, everything that existed when it was first seen.
    fn told(&self, t_us: u64, node: usize) -> u64 {
        let shadow = &self.nodes[node];
        let beat_ago = t_us.saturating_sub(self.plan.knobs.beat);
        let told = shadow.trail.iter().rev().find(|then| then.0 <= beat_ago).or(shadow.trail.front());
        told.map_or(shadow.end().offset, |then| then.1)
    }

    pub(super) fn expired(&mut self, t_us: u64, node: usize, peer: usize, lag: u64) {
        let shadow = &self.nodes[node];
        let connected =
            shadow.links.iter().any(|link| !link.upstream && link.peer == peer && link.joined_us.is_some());
        let again = shadow.remembered[peer].expired && !self.has_twin(peer);
        let wraps = lag > self.history.tip_max();
        let violated = if connected {
            Some((Invariant::L3, "it is connected"))
        } else if again {
            Some((Invariant::L4, "that was reported before"))
        } else if wraps {
            Some((Invariant::S6, "it cannot lack more than was ever written"))
        } else {
            None
        };
        if let Some((invariant, words)) = violated {
            let text = format!("{} forgot {} with a lag of {lag}: {words}", self.name(node), self.name(peer));
            return self.violate(invariant, t_us, node, text);
        }
        self.nodes[node].remembered[peer].expired = true;
        let shadow = &mut self.nodes[peer];
        shadow.sender = shadow.sender.filter(|sender| *sender != node);
    }

    /// Returns whether another process with this node's id joins, of which the oracle gets no facts.
    pub(super) fn has_twin(&self, node: usize) -> bool {
        self.plan.faults.iter().any(|fault| fault.kind == Kind::Twin && fault.node == node)
    }

    /// Judges how long a replica had been away when its slot expired or gave way.
    pub(super) fn away(&mut self, t_us: u64, node: usize, peer: usize, ns: u64) {
        let window_ns = self.bounds.reconnect_window_us * 1_000;
        if ns > window_ns {
            self.mark(Mark::Expired);
            return;
        }
        let slots = self.plan.knobs.slots;
        if (self.plan.nodes.len() as u64) <= slots && !self.has_odd_clock(node) && !self.has_twin(peer) {
            let text = format!(
                "{} forgot {} after {ns} ns, within its {window_ns}, with room for {slots}",
                self.name(node),
                self.name(peer)
            );
            return self.violate(Invariant::L3, t_us, node, text);
        }
        self.mark(Mark::Evicted);
    }
}
