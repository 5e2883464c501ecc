//! The status of a node, as data: each program presents it in its own way.

use towline_core::{Offset, Replica, Stats};

/// The link to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamState {
    /// This node is a primary and has none.
    None,
    /// Dialling, or waiting to dial again.
    Connecting,
    /// Joined; the upstream makes it wait.
    Waiting,
    /// A snapshot is coming in.
    Snapshot,
    /// The stream flows.
    Streaming,
    /// The upstream is connected, and no primary is above it: it follows this node, or has lost its own upstream.
    NoPrimary,
    /// The upstream has another history, and adoption was not allowed.
    HistoryDiffers,
    /// Another process uses this node's id.
    IdentityClash,
}

/// The whole status of a node.
#[derive(Debug, Clone)]
pub struct Status {
    /// The core's own view.
    pub stats: Stats,
    /// Its replicas, connected or away; with the address they connected from, where they are connected.
    pub replicas: Vec<(Replica, Option<String>)>,
    /// The address at which replicas connect.
    pub replication_addr: Option<String>,
    /// The address of the upstream.
    pub upstream_addr: Option<String>,
    /// The link to it.
    pub upstream: UpstreamState,
    /// The last reason why a link to it ended.
    pub upstream_fault: Option<String>,
    /// The reason why the store accepts nothing now, if it does not.
    pub store_failed: Option<String>,
    /// The offset up to which this history is persisted; unknown for a store without persistence.
    pub persisted: Option<Offset>,
    /// Set on a replica that has never been complete: it has no data to show.
    pub loading: bool,
    /// Entries in the store, where it counts them.
    pub entries: Option<u64>,
    /// Bytes in the spool, and its bound.
    pub spool_bytes: (u64, u64),
    /// The most memory this process may take, in bytes.
    pub memory_bound_bytes: u64,
    /// The most memory that the store took so far, where it was measured.
    pub store_peak_bytes: u64,
    /// The configured backlog.
    pub backlog_bytes: u64,
    /// Milliseconds for which writes were held so that a joining replica could keep its tail.
    pub writes_held_ms: u64,
    /// Milliseconds of the longest of these pauses.
    pub writes_held_longest_ms: u64,
    /// Milliseconds for which writes were held because the disk was behind by the allowed maximum.
    pub durability_held_ms: u64,
    /// Snapshots this process installed.
    pub snapshots_installed: u64,
    /// The newest range of records that left the history on this node: epoch number, first, end.
    pub forked: Option<(u32, Offset, Offset)>,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// Set while the node is stopping: nothing new is begun.
    pub stopping: bool,
}

impl Status {
    /// Checks that this node can serve in its role: accept writes, or show complete data.
    ///
    /// # Errors
    /// The reason.
    pub fn ready(&self) -> Result<(), String> {
        if let Some(why) = &self.store_failed {
            return Err(format!("store failed: {why}"));
        }
        if self.stopping {
            return Err("the server is stopping".to_owned());
        }
        if !self.stats.base {
            return Err("not complete yet: the first snapshot is not installed".to_owned());
        }
        Ok(())
    }
}
