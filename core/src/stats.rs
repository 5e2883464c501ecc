//! What a node knows of itself, for status pages and metrics. Plain numbers; "unknown" is `None`, never 0.

use crate::id::{Epoch, HistoryId, LinkId, NodeId, Offset};
use crate::input::Role;
use crate::links::Phase;
use crate::node::Node;
use crate::stream::log::Log;
use crate::stream::slots::Level;
use crate::time::{Span, Time};

/// Things counted since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Bytes taken from `Bytes` inputs.
    pub bytes_received: u64,
    /// Bytes consumed by hosts' sockets.
    pub bytes_sent: u64,
    /// Records received from the upstream.
    pub records_received: u64,
    /// Snapshots begun for replicas.
    pub full_syncs: u64,
    /// Replicas that went on where they stood.
    pub partial_syncs: u64,
    /// Snapshots begun for a replica that had begun another and not caught up since.
    pub snapshots_restarted: u64,
    /// Snapshots that went on after a cut.
    pub snapshots_resumed: u64,
    /// Times the ring overtook a replica's stream.
    pub overruns: u64,
    /// Links we ended for a fault or a refusal.
    pub faults: u64,
}

/// The state of a node at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// What it is.
    pub role: Role,
    /// Its name.
    pub node: NodeId,
    /// Its history; none before the first snapshot.
    pub history: HistoryId,
    /// The newest epoch.
    pub epoch: Epoch,
    /// The oldest offset in the ring.
    pub start: Offset,
    /// The offset after the newest record, sealed or not.
    pub end: Offset,
    /// Bytes of frames in the ring.
    pub backlog_used_bytes: u64,
    /// Whether the state is complete (not waiting for a snapshot).
    pub base: bool,
    /// Records applied. On a primary, written is applied.
    pub applied: Offset,
    /// Records persisted, as the host said.
    pub persisted: Offset,
    /// The upstream's node, while joined.
    pub upstream: Option<NodeId>,
    /// The history of the upstream that last welcomed us; none before the first.
    pub upstream_history: HistoryId,
    /// Whether the stream flows from the upstream.
    pub streaming: bool,
    /// Whether a snapshot is under way to this node, and the pieces received of it.
    pub receiving_pieces: Option<u64>,
    /// The root's log end at its newest beat.
    pub origin_end: Option<Offset>,
    /// How long ago the newest beat of the root was first heard.
    pub origin_age: Option<Span>,
    /// Beats of the upstream since the newest of the root, one after another: a few are the way's length. More mean
    /// that there is no primary at the root, or that it is not reached: the nodes above follow each other, or nobody.
    pub stale_beats: u32,
    /// Calls whose time lay before an earlier one's.
    pub clamped: u64,
    /// Counted since boot.
    pub counters: Counters,
}

/// How far behind something is, three ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Records not reached.
    pub records: u64,
    /// Bytes of frames not reached; unknown once they left the ring.
    pub bytes: Option<u64>,
    /// Age of the oldest record not reached; 0 when there is none, unknown once it left the ring.
    pub age: Option<Span>,
}

/// What a replica of this node is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReplicaState {
    /// Disconnected, remembered.
    Away,
    /// Joined; neither stream nor snapshot is possible now.
    Waiting,
    /// Receiving a snapshot, or installing it.
    Snapshot,
    /// Receiving the stream.
    Streaming,
}

/// One remembered replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replica {
    /// Its name.
    pub node: NodeId,
    /// Its link, if connected.
    pub link: Option<LinkId>,
    /// What it is doing.
    pub state: ReplicaState,
    /// Records received, applied, persisted; unknown without a base, and persisted where nothing is kept.
    pub acked: [Option<Offset>; 3],
    /// How far behind at each of these stages.
    pub lag: [Option<Lag>; 3],
    /// Bytes of the ring not yet offered to it; none while no stream flows. When this nears the backlog, the ring is
    /// about to overtake it.
    pub unsent_bytes: Option<u64>,
    /// Bytes of the log its host has not taken: those not yet offered to it and those under way. None while no stream
    /// flows. A replica that keeps taking them keeps its stream, however many there are.
    pub untaken_bytes: Option<u64>,
    /// Bytes of stream and snapshot its host has taken since it joined on this link; none while it is away. Two looks
    /// at this number tell whether it makes progress.
    pub taken_bytes: Option<u64>,
}

impl Node {
    /// The state of this node at a glance; ages count to the last call that brought the time.
    #[inline(always)]
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats_at(self.clock.now())
    }

    /// The same, with ages that count to `now`: between two inputs time passes too.
    #[inline(always)]
    #[must_use]
    pub fn stats_at(&self, now: Time) -> Stats {
        let upstream = &self.upstream;
        let applied = match self.role {
            Role::Primary if upstream.applied >= upstream.inherited => self.log.next(),
            Role::Primary | Role::Replica => upstream.applied,
        };
        let peer = upstream.link.map(|row| &self.links[row]).filter(|link| link.phase == Phase::Admitted);
        Stats {
            role: self.role,
            node: self.id,
            history: self.log.history,
            epoch: self.log.epochs.last().map_or(Epoch(0), |(epoch, _)| epoch),
            start: self.log.start(),
            end: self.log.next(),
            backlog_used_bytes: self.config.backlog_bytes - self.log.free(),
            base: upstream.base,
            applied,
            persisted: upstream.persisted,
            upstream: peer.map(|link| link.peer.node),
            upstream_history: upstream.peer_history,
            streaming: upstream.streaming,
            receiving_pieces: upstream.receiving.as_ref().map(|receiving| receiving.next_piece),
            origin_end: upstream.origin.map(|(_, end, _)| end),
            origin_age: upstream.origin.map(|(_, _, heard)| now.max(self.clock.now()).since(heard)),
            stale_beats: upstream.stale_beats,
            clamped: self.clock.clamped,
            counters: self.counters,
        }
    }

    /// The configuration this node was made with.
    #[must_use]
    pub fn config(&self) -> &crate::config::Config {
        &self.config
    }

    /// The remembered replicas, connected or away; ages count to the last call that brought the time.
    pub fn replicas(&self) -> impl Iterator<Item = Replica> + '_ {
        self.replicas_at(self.clock.now())
    }

    /// The same, with ages that count to `now`.
    pub fn replicas_at(&self, now: Time) -> impl Iterator<Item = Replica> + '_ {
        self.slots.rows.iter().filter(|slot| slot.used).map(move |slot| {
            let link = slot.link.map(|id| &self.links[id.0 as usize]);
            let state = match link {
                None => ReplicaState::Away,
                Some(link) if link.phase != Phase::Stream => ReplicaState::Waiting,
                Some(link) if link.down.shipping.is_some() => ReplicaState::Snapshot,
                Some(_) => ReplicaState::Streaming,
            };
            let known = |level| slot.acked.base && !(level == Level::Persisted && slot.acked.volatile);
            let at = |level| known(level).then(|| slot.acked.at(level));
            let acked = [Level::Received, Level::Applied, Level::Persisted].map(at);
            let lag = acked.map(|offset| offset.map(|offset| self.lag_at(offset, now)));
            let unsent_bytes = link.and_then(|link| link.down.stream_at).map(|at| self.log.bytes_from(at));
            // Staged is counted as under way, and what is cut from the stage is taken back from both: the sum is exact.
            let untaken_bytes =
                unsent_bytes.zip(link).map(|(unsent, link)| unsent + link.down.credit.in_flight());
            let taken_bytes = link.map(|link| link.down.credit.released + link.down.piece_credit.released);
            let (node, link) = (slot.node, slot.link);
            Replica { node, link, state, acked, lag, unsent_bytes, untaken_bytes, taken_bytes }
        })
    }

    /// Bytes of batch frames and of piece frames that count as under way to a replica: staged or sent since it joined,
    /// and not said to be taken. 0 in both once it took all. None on a link without a replica.
    #[must_use]
    pub fn in_flight_bytes(&self, link: LinkId) -> Option<[u64; 2]> {
        let link = self.links.get(link.0 as usize).filter(|link| link.phase == Phase::Stream)?;
        Some([link.down.credit, link.down.piece_credit].map(|credit| credit.in_flight()))
    }

    /// How far an offset is behind this node's end.
    #[must_use]
    pub fn lag(&self, offset: Offset) -> Lag {
        self.lag_at(offset, self.clock.now())
    }

    /// The same, with an age that counts to `now`.
    #[must_use]
    pub fn lag_at(&self, offset: Offset, now: Time) -> Lag {
        let records = self.log.next().0.saturating_sub(offset.0);
        if records == 0 {
            return Lag { records, bytes: Some(0), age: Some(Span::ZERO) };
        }
        let (bytes, sealed) = lag_in_ring(&self.log, offset);
        let age = match sealed {
            // Only the open batch is behind: it was begun in this turn.
            None if offset >= self.log.end() => Some(Span::ZERO),
            sealed => sealed.map(|unix_ns| Span(self.clock.unix_ns_at(now).saturating_sub(unix_ns))),
        };
        Lag { records, bytes, age }
    }
}

/// Frame bytes from an offset to the end, and when the first of them was sealed.
fn lag_in_ring(log: &Log, offset: Offset) -> (Option<u64>, Option<u64>) {
    let Some(place) = log.floor(offset) else {
        return (None, None);
    };
    let bytes = log.bytes_from(place.position);
    let sealed = (place.position < log.sealed()).then(|| log.head_at(place.position).unix_ns);
    (Some(bytes), sealed)
}
