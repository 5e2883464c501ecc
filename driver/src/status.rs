//! A node as it stands, as data: what a program shows of it is the program's own.

use towline_core::{Offset, Replica, Stats};

/// The link to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamState {
    /// A primary has none.
    None,
    /// Dialling, or waiting to dial again.
    Connecting,
    /// Joined, and told to wait.
    Waiting,
    /// A snapshot is coming in.
    Snapshot,
    /// The stream flows.
    Streaming,
    /// The upstream is connected, and no primary is above it: it follows this node, or has lost its own upstream.
    NoPrimary,
    /// The upstream has another history, and nobody consented to adopt it.
    HistoryDiffers,
    /// Another process uses this node's id.
    IdentityClash,
}

/// Everything there is to show of a node.
#[derive(Debug, Clone)]
pub struct Status {
    /// The core's own view.
    pub stats: Stats,
    /// Its replicas, connected or away; with the address they connected from, where they are connected.
    pub replicas: Vec<(Replica, Option<String>)>,
    /// The address at which replicas connect.
    pub replication_addr: Option<String>,
    /// The address followed.
    pub upstream_addr: Option<String>,
    /// The link to it.
    pub upstream: UpstreamState,
    /// The last reason a link to it ended, in words.
    pub upstream_fault: Option<String>,
    /// The reason why the store takes nothing now, while it does not.
    pub store_failed: Option<String>,
    /// Records of this history that are persisted; unknown for a store that keeps nothing.
    pub persisted: Option<Offset>,
    /// A replica that never was complete: it has no data to show.
    pub loading: bool,
    /// Entries in the store, where it counts them.
    pub entries: Option<u64>,
    /// Bytes in the spool, and its bound.
    pub spool_bytes: (u64, u64),
    /// The most memory this process may take, in bytes.
    pub memory_bound_bytes: u64,
    /// The most the store took so far, as far as it was looked at.
    pub store_peak_bytes: u64,
    /// The configured backlog.
    pub backlog_bytes: u64,
    /// Milliseconds writes were held so that a joining replica could keep its tail.
    pub writes_held_ms: u64,
    /// Milliseconds of the longest of these pauses.
    pub writes_held_longest_ms: u64,
    /// Milliseconds writes were held because the disk was behind by as much as it may be.
    pub durability_held_ms: u64,
    /// Snapshots this process installed.
    pub snapshots_installed: u64,
    /// The newest range of records that left the history on this node: epoch number, first, end.
    pub forked: Option<(u32, Offset, Offset)>,
    /// Milliseconds since the start.
    pub uptime_ms: u64,
    /// The node is stopping: nothing new is begun.
    pub stopping: bool,
}

impl Status {
    /// Checks that this node does what its users may expect of one in its role: takes writes, or shows complete data.
    ///
    /// # Errors
    /// The reason, in words.
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
