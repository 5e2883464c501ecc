//! Numbers that a process shows of itself: its ring, its tables, the bytes under way, the replicas that are away.

use super::host::Turn;
use crate::oracle::Gauge;
use towline_core::{InFlight, LinkId, ReplicaState};

impl Turn<'_> {
    #[inline]
    pub(super) fn tell_gauges(&mut self) {
        if std::mem::take(&mut self.process.wants_ring) {
            self.tell_ring();
        }
        let links = self.process.links_open;
        let views = self.process.views.len() as u64;
        if self.process.tables != (links, views) {
            self.tell_tables(links, views);
        }
    }

    fn tell_ring(&mut self) {
        let stats = self.process.node.stats();
        let (start, end) = (stats.start.0, stats.end.0);
        let used_bytes = stats.backlog_used_bytes;
        self.world.told.gauge(self.world.t_us, self.me, Gauge::Ring { used_bytes, start, end });
    }

    fn tell_tables(&mut self, links: u64, views: u64) {
        self.process.tables = (links, views);
        let slots = self.process.node.replicas().count() as u64;
        self.world.told.gauge(self.world.t_us, self.me, Gauge::Tables { links, slots, views });
    }

    /// Reports the stream and piece bytes between a sender and the part that a replica's host took.
    pub(super) fn tell_flight(&mut self, conn: usize) {
        let row = &self.world.net.conns[conn];
        let (wire, untaken) = (row.ways[1].under_way(), row.untaken);
        let (stream_bytes, piece_bytes) = (wire.stream + untaken.stream, wire.pieces + untaken.pieces);
        let (replica, upstream) = (row.ends[0].machine, row.ends[1].machine);
        if replica < self.world.plan.nodes.len() {
            let gauge = Gauge::Flight { peer: replica, stream_bytes, piece_bytes };
            self.world.told.gauge(self.world.t_us, upstream, gauge);
        }
    }

    /// Reports the bytes that this node counts as under way to a replica.
    pub(super) fn tell_credit(&mut self, link: usize, peer: usize) {
        if peer >= self.world.plan.nodes.len() {
            return;
        }
        // A replica that gets neither stream nor snapshot has no window now.
        let in_flight = self.process.node.in_flight(LinkId(link as u32));
        let InFlight { stream_bytes: stream, piece_bytes: pieces } = in_flight.unwrap_or_default();
        self.world.told.gauge(self.world.t_us, self.me, Gauge::Credit { peer, stream, pieces });
    }

    /// Notes slots whose replica went away just now.
    pub(super) fn look_away(&mut self) {
        let process = &mut *self.process;
        for replica in process.node.replicas() {
            let Some(peer) = self.world.plan.nodes.iter().position(|node| node.id == replica.node.0) else {
                continue;
            };
            let away = &mut process.away[peer];
            match replica.state {
                ReplicaState::Away => *away = away.or(Some(self.now.0)),
                ReplicaState::Waiting | ReplicaState::Snapshot | ReplicaState::Streaming => *away = None,
            }
        }
    }
}
