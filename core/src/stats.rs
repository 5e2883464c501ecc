//! The state of a node and of its replicas, for status pages and metrics. Plain numbers; "unknown" is `None`, never 0.

use crate::counters::Counters;
use crate::id::{Epoch, HistoryId, LinkId, NodeId, Offset, SnapshotId};
use crate::input::Role;
use crate::stages::Stages;
use crate::time::Span;

/// The state of a node at a glance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    /// The role of the node.
    pub role: Role,
    /// The name of the node.
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
    /// Set if the state is complete (not waiting for a snapshot).
    pub base: bool,
    /// Records applied. On a primary, written is applied.
    pub applied: Offset,
    /// Records persisted, by the host's completions.
    pub persisted: Offset,
    /// The upstream's node, while joined.
    pub upstream: Option<NodeId>,
    /// The history of the upstream that last welcomed us; none before the first since the host chose it.
    pub upstream_history: HistoryId,
    /// Set if the stream flows from the upstream.
    pub streaming: bool,
    /// The snapshot under way to this node.
    pub receiving: Option<SnapshotId>,
    /// Set if a snapshot is under way to this node, and the pieces received of it.
    pub receiving_pieces: Option<u64>,
    /// The root's log end at its newest beat. Unknown until the present root's first: after the host chose another
    /// upstream, and after another primary took over at the root.
    pub origin_end: Option<Offset>,
    /// How long ago the newest beat of the root first came.
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

/// Bytes under way to a replica, as its sender counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InFlight {
    /// Bytes of batch frames.
    pub stream_bytes: u64,
    /// Bytes of piece frames.
    pub piece_bytes: u64,
}

/// The state of a replica of this node.
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

/// A replica that is remembered, connected or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replica {
    /// The name of the node.
    pub node: NodeId,
    /// Its link, if connected.
    pub link: Option<LinkId>,
    /// The state of the replica.
    pub state: ReplicaState,
    /// Records received, applied, persisted; unknown without a base, and persisted where nothing is kept.
    pub acked: Stages<Option<Offset>>,
    /// How far behind at each of these stages.
    pub lag: Stages<Option<Lag>>,
    /// Bytes of the ring not yet offered to it; none while no stream flows. When this nears the backlog, the ring is
    /// about to overtake it.
    pub unsent_bytes: Option<u64>,
    /// Bytes of the log its host has not taken: those not yet offered to it and those under way. None while no stream
    /// flows. A replica that keeps taking them keeps its stream, however many there are.
    pub untaken_bytes: Option<u64>,
    /// Bytes of stream and snapshot its host has taken since it joined on this link; none while it is away. It makes
    /// progress if the number grows.
    pub taken_bytes: Option<u64>,
}
