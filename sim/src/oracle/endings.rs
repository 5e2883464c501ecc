//! Links that a node ends without need.
//!
//! B4 (the ring overtook a frame that could have been kept), F4 (time slept through was counted as silence).

use super::*;

/// The length of a record in a batch, beyond its bytes.
const RECORD_HEAD_BYTES: u64 = 16;

/// The nodes that slept, and for each those that were in peace with it when it fell asleep: a bit each.
#[derive(Debug, Clone)]
pub(super) struct Sleepers {
    peaceful: Vec<u64>,
    woke_us: Vec<Option<u64>>,
}

impl Sleepers {
    pub(super) fn new(count: usize) -> Self {
        Self { peaceful: vec![0; count], woke_us: vec![None; count] }
    }

    /// Notes that something else happens to a node, or to all: an operator's command reaches a sleeping node, too.
    pub(super) fn disturbs(&mut self, kind: Kind, node: usize) {
        if kind.shape().moves_roles {
            self.peaceful.fill(0);
        }
        self.peaceful[node] = 0;
    }
}

impl Oracle {
    /// Notes that a node falls asleep.
    pub(super) fn sleeps(&mut self, t_us: u64, node: usize) {
        let at_peace = |peer: &usize| {
            let since = self.disturbance.calm_since(node, *peer);
            since.is_some_and(|since| since + self.bounds.idle_us < t_us)
        };
        let peers = (0..self.nodes.len().min(64)).filter(at_peace);
        self.sleepers.peaceful[node] = peers.fold(0, |bits, peer| bits | 1 << peer);
        self.sleepers.woke_us[node] = None;
    }

    pub(super) fn wakes(&mut self, t_us: u64, node: usize) {
        self.sleepers.woke_us[node] = Some(t_us);
    }

    /// Judges a link that a node ended itself.
    pub(super) fn ends(&mut self, t_us: u64, node: usize, link: u32, peer: usize, fault: Fault) {
        if fault == Fault::Overrun && !self.has_giants() {
            let text = format!(
                "{} ended its link with {} in the middle of a frame that it could have kept",
                self.name(node),
                self.name(peer)
            );
            return self.violate(Invariant::B4, t_us, node, text);
        }
        let peaceful = self.sleepers.peaceful[node] >> peer.min(63) & 1 == 1;
        let Some(woke_us) = self.sleepers.woke_us[node].filter(|_| peaceful) else { return };
        // Before it fell asleep it had heard of the peer a beat and a way ago, and the gap is one beat of silence.
        let awake_us = self.bounds.idle_us.saturating_sub(2 * self.plan.knobs.beat) / 2;
        let way_us = self.plan.knobs.latency + 16 * self.plan.knobs.jitter;
        let dead = self.nodes[node].link(link).is_some_and(|link| link.dead_us.is_some());
        let silent = !dead && matches!(fault, Fault::Idle | Fault::Stalled);
        if silent && way_us < awake_us && t_us < woke_us + awake_us {
            let text = format!(
                "{} ended its link with {}, {} us after it woke: {fault}",
                self.name(node),
                self.name(peer),
                t_us - woke_us
            );
            self.violate(Invariant::F4, t_us, node, text);
        }
    }

    /// Returns whether a frame may be longer than a batch, which is the longest that a link can keep.
    fn has_giants(&self) -> bool {
        let longest = self.ops.iter().max().copied().unwrap_or(0);
        let record = crate::workload::record_bytes(longest, self.plan.knobs.keys) + RECORD_HEAD_BYTES;
        record > self.bounds.batch
    }
}
