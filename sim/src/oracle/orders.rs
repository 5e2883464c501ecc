//! Commands of operators: O1 (the upstream that a node must follow), A3 (a stop in order leaves nothing behind).

use super::*;

/// A stop in order that is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    t_us: u64,
    /// The end of the node's line when it was asked to stop.
    end: u64,
}

impl Oracle {
    /// Notes that a node was asked to stop in order: from here on it takes no more writes.
    pub(super) fn stops(&mut self, t_us: u64, node: usize) {
        let end = self.nodes[node].end().offset;
        self.nodes[node].stops = Some(Stop { t_us, end });
    }

    /// Notes that a process ended, whether its stop was complete or not.
    pub(super) fn stop_ends(&mut self, node: usize) {
        self.nodes[node].stops = None;
    }

    /// Judges the goodbye of a stopping node to a replica: an undisturbed one with a running stream has everything.
    pub(super) fn says_goodbye(&mut self, t_us: u64, node: usize, peer: usize) {
        let Some(stop) = self.nodes[node].stops else { return };
        let joined = |link: &super::shadow::Link| {
            !link.upstream && link.peer == peer && link.joined_us.is_some_and(|since| since < stop.t_us)
        };
        let caught_up = self.nodes[peer].has_caught_up_us.is_some_and(|since| since < stop.t_us);
        let streams = self.nodes[node].links.iter().any(joined) && self.nodes[peer].loading.is_none();
        // The stop itself is a fault of the node's: only the replica's peace counts.
        let calm = self.disturbance.sound_since(peer).is_some_and(|since| since < stop.t_us);
        let Some(received) = self.handed.received(peer).filter(|_| calm && caught_up && streams) else {
            return;
        };
        if received < stop.end {
            let text = format!(
                "{} stops in order and said goodbye to {}, which received {received} of {} records",
                self.name(node),
                self.name(peer),
                stop.end
            );
            return self.violate(Invariant::A3, t_us, node, text);
        }
        self.mark(Mark::Delivered);
    }

    /// Judges a new connection to an upstream.
    pub(super) fn fed_by(&mut self, t_us: u64, node: usize, peer: usize) {
        let Some(named) = self.nodes[node].named.filter(|named| *named != peer) else { return };
        let text = format!(
            "{} opens a connection to {}; its operator had named {}",
            self.name(node),
            self.name(peer),
            self.name(named)
        );
        self.violate(Invariant::O1, t_us, node, text);
    }
}
