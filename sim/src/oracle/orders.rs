//! What operators said: O1 (whom a node is to follow), A3 (who stops in order leaves nothing behind).

use super::*;

/// A stop in order that is under way.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    t_us: u64,
    /// Where the node's line ended when it was told.
    end: u64,
}

impl Oracle {
    /// A node was told to stop in order: from here on it takes no more writes.
    pub(super) fn stops(&mut self, t_us: u64, node: usize) {
        let end = self.nodes[node].end().offset;
        self.nodes[node].stops = Some(Stop { t_us, end });
    }

    /// Its process ended, whether it was through or not.
    pub(super) fn stop_ends(&mut self, node: usize) {
        self.nodes[node].stops = None;
    }

    /// A node that stops takes leave of a replica: one whose stream ran, and whom nothing disturbed, has everything.
    pub(super) fn takes_leave(&mut self, t_us: u64, node: usize, peer: usize) {
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

    /// A connection to an upstream was taken up.
    pub(super) fn fed_by(&mut self, t_us: u64, node: usize, peer: usize) {
        let Some(named) = self.nodes[node].named.filter(|named| *named != peer) else { return };
        let text = format!(
            "{} takes up a connection with {}; its operator had named {}",
            self.name(node),
            self.name(peer),
            self.name(named)
        );
        self.violate(Invariant::O1, t_us, node, text);
    }
}
