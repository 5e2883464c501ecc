//! The answer to TOWLINE STATUS: one structure, written here and read by `towline status`.
//!
//! Names and histories are text, because JSON's numbers end at 53 bits for many readers. An unknown value is `null`,
//! never 0. Fields are added, not renamed.

use serde::{Deserialize, Serialize};
use towline_core::{Lag, Level, Replica, ReplicaState, Role};

use super::backend::Status;
use crate::store::KeyValueStore;
use towline_driver::UpstreamState;

/// The report of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of the program.
    pub version: String,
    /// "primary" or "replica".
    pub role: String,
    /// The node's name, 16 hex digits.
    pub node: String,
    /// The history's id, 32 hex digits; none before the first snapshot.
    pub history: Option<String>,
    /// The newest epoch's number.
    pub epoch: u32,
    /// The newest epoch's id: its number and its random part.
    pub epoch_id: String,
    /// The content digest, 32 hex digits.
    pub digest: String,
    /// The address for clients.
    pub client_addr: Option<String>,
    /// The address for replicas.
    pub replication_addr: Option<String>,
    /// The oldest offset in the backlog.
    pub start: u64,
    /// The offset after the newest record.
    pub end: u64,
    /// How many records are applied.
    pub applied: u64,
    /// How many records are persisted; unknown for a memory store.
    pub persisted: Option<u64>,
    /// Set if the state is complete.
    pub complete: bool,
    /// The upstream, if the node follows one.
    pub upstream: Option<Upstream>,
    /// "memory" or "disk".
    pub store: String,
    /// The reason why the store accepts nothing now, while it does not.
    pub store_failed: Option<String>,
    /// Keys in the store, expired or not.
    pub keys: u64,
    /// Bytes that the keys take in memory.
    pub store_bytes: u64,
    /// The configured size of the backlog.
    pub backlog_bytes: u64,
    /// Used bytes of the backlog.
    pub backlog_used_bytes: u64,
    /// Bytes in the spool.
    pub spool_bytes: u64,
    /// The bound of the spool.
    pub spool_bytes_max: u64,
    /// The most memory this process may take.
    pub memory_bound_bytes: u64,
    /// The replicas that the node remembers.
    pub replicas: Vec<ReplicaReport>,
    /// The newest range of records that left the history here.
    pub forked: Option<Forked>,
    /// Counters since the start.
    pub counters: Counters,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
}

/// The link to the upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The address of the upstream.
    pub addr: Option<String>,
    /// The node there, while joined.
    pub node: Option<String>,
    /// "connecting", "waiting", "snapshot", "streaming", "no primary upstream", "history differs" or "identity clash".
    pub state: String,
    /// The reason why the last link ended.
    pub fault: Option<String>,
    /// The root's log end, at its newest beat.
    pub origin_end: Option<u64>,
    /// Milliseconds since that beat was received.
    pub origin_age_ms: Option<u64>,
    /// Pieces received of a snapshot under way.
    pub pieces: Option<u64>,
}

/// One replica.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplicaReport {
    /// The replica's name.
    pub node: String,
    /// The address it connected from, while it is connected.
    pub addr: Option<String>,
    /// "away", "waiting", "snapshot" or "streaming".
    pub state: String,
    /// The records it received.
    pub received: Stage,
    /// The records it shows to its readers.
    pub applied: Stage,
    /// The records that survive a power cut there.
    pub persisted: Stage,
}

/// A replica's progress at one stage, and its lag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// How many records have reached the stage.
    pub offset: Option<u64>,
    /// How many records it lacks.
    pub lag_records: Option<u64>,
    /// How many bytes it lacks.
    pub lag_bytes: Option<u64>,
    /// The age of the oldest record it lacks.
    pub lag_ms: Option<u64>,
}

/// Records that left the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forked {
    /// The number of the epoch they were written in.
    pub epoch: u32,
    /// The offset of the first one.
    pub from: u64,
    /// The offset after the last.
    pub end: u64,
}

/// Counters since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Clients that are connected now.
    pub clients: u64,
    /// How many commands were executed.
    pub commands: u64,
    /// Keys deleted because they had expired.
    pub expired_keys: u64,
    /// Snapshots begun for replicas.
    pub full_syncs: u64,
    /// Replicas that went on from their own offset.
    pub partial_syncs: u64,
    /// Snapshots that went on after a cut.
    pub snapshots_resumed: u64,
    /// Snapshots begun anew for a replica that had begun another.
    pub snapshots_restarted: u64,
    /// Times the backlog overtook a replica's stream.
    pub overruns: u64,
    /// Links ended for a fault or a refusal.
    pub faults: u64,
    /// Replication bytes that were received.
    pub bytes_received: u64,
    /// Replication bytes that were sent.
    pub bytes_sent: u64,
    /// Records received from the upstream.
    pub records_received: u64,
    /// Milliseconds client writes were held for joining replicas.
    pub writes_held_ms: u64,
    /// Milliseconds of the longest of these pauses.
    pub writes_held_longest_ms: u64,
    /// Milliseconds client writes were held because the disk was behind by as much as it may be.
    pub durability_held_ms: u64,
}

impl Report {
    /// Makes the report of a node and its store.
    #[must_use]
    pub fn of(status: &Status, store: &dyn KeyValueStore) -> Self {
        let stats = &status.driver.stats;
        let (spool_bytes, spool_bytes_max) = status.driver.spool_bytes;
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            role: role(stats.role).to_owned(),
            node: stats.node.to_string(),
            history: (!stats.history.is_none()).then(|| stats.history.to_string()),
            epoch: stats.epoch.number(),
            epoch_id: stats.epoch.to_string(),
            digest: store.digest().to_string(),
            client_addr: status.client_addr.clone(),
            replication_addr: status.driver.replication_addr.clone(),
            start: stats.start.0,
            end: stats.end.0,
            applied: stats.applied.0,
            persisted: status.driver.persisted.map(|offset| offset.0),
            complete: stats.base,
            upstream: upstream(status),
            store: status.store.to_owned(),
            store_failed: status.driver.store_failed.clone(),
            keys: store.len(),
            store_bytes: store.memory_bytes(),
            backlog_bytes: status.driver.backlog_bytes,
            backlog_used_bytes: stats.backlog_used_bytes,
            spool_bytes,
            spool_bytes_max,
            memory_bound_bytes: status.driver.memory_bound_bytes,
            replicas: replicas(status),
            forked: status.driver.forked.map(|(epoch, from, end)| Forked { epoch, from: from.0, end: end.0 }),
            counters: counters(status),
            uptime_ms: status.driver.uptime_ms,
        }
    }
}

/// Returns a role's name.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Replica => "replica",
    }
}

/// Returns the link to the upstream, if there is one.
pub(crate) fn upstream(status: &Status) -> Option<Upstream> {
    let stats = &status.driver.stats;
    let state = match status.driver.upstream {
        UpstreamState::None => return None,
        UpstreamState::Connecting => "connecting",
        UpstreamState::Waiting => "waiting",
        UpstreamState::Snapshot => "snapshot",
        UpstreamState::Streaming => "streaming",
        UpstreamState::NoPrimary => "no primary upstream",
        UpstreamState::HistoryDiffers => "history differs",
        UpstreamState::IdentityClash => "identity clash",
    };
    Some(Upstream {
        addr: status.driver.upstream_addr.clone(),
        node: stats.upstream.map(|node| node.to_string()),
        state: state.to_owned(),
        fault: status.driver.upstream_fault.clone(),
        origin_end: stats.origin_end.map(|offset| offset.0),
        origin_age_ms: stats.origin_age.map(|age| age.as_millis()),
        pieces: stats.receiving_pieces,
    })
}

/// Returns the replicas that the node remembers.
pub(crate) fn replicas(status: &Status) -> Vec<ReplicaReport> {
    status.driver.replicas.iter().map(|(replica, addr)| replica_report(replica, addr)).collect()
}

fn replica_report(replica: &Replica, addr: &Option<String>) -> ReplicaReport {
    let state = match replica.state {
        ReplicaState::Away => "away",
        ReplicaState::Waiting => "waiting",
        ReplicaState::Snapshot => "snapshot",
        ReplicaState::Streaming => "streaming",
    };
    ReplicaReport {
        node: replica.node.to_string(),
        addr: addr.clone(),
        state: state.to_owned(),
        received: stage(replica, Level::Received),
        applied: stage(replica, Level::Applied),
        persisted: stage(replica, Level::Persisted),
    }
}

fn stage(replica: &Replica, level: Level) -> Stage {
    let lag: Option<Lag> = replica.lag[level];
    Stage {
        offset: replica.acked[level].map(|offset| offset.0),
        lag_records: lag.map(|lag| lag.records),
        lag_bytes: lag.and_then(|lag| lag.bytes),
        lag_ms: lag.and_then(|lag| lag.age).map(|age| age.as_millis()),
    }
}

fn counters(status: &Status) -> Counters {
    let counted = &status.driver.stats.counters;
    Counters {
        clients: status.clients,
        commands: status.commands,
        expired_keys: status.expired_keys,
        full_syncs: counted.full_syncs,
        partial_syncs: counted.partial_syncs,
        snapshots_resumed: counted.snapshots_resumed,
        snapshots_restarted: status.driver.stats.counters.snapshots_restarted,
        overruns: counted.overruns,
        faults: counted.faults,
        bytes_received: counted.bytes_received,
        bytes_sent: counted.bytes_sent,
        records_received: counted.records_received,
        writes_held_ms: status.driver.writes_held_ms,
        writes_held_longest_ms: status.driver.writes_held_longest_ms,
        durability_held_ms: status.driver.durability_held_ms,
    }
}
