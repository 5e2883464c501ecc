//! What commands ask of the node behind them: the border between the client protocol ([`crate::command`]) and the task
//! that owns node and store (the engine).

use std::sync::Arc;
use std::time::Duration;

use towline_core::{EpochOffset, Level, Offset, Replica, Stats};

use crate::command::client::ClientUsage;
use crate::command::watch::Mark;
use crate::command::{Client, Counts};
use crate::machine::Usage;
use crate::store::Store;

/// Why a write is not possible now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// This node is a replica.
    ReadOnly,
    /// Just promoted: what was received is not applied yet. It passes by itself.
    NotApplied,
    /// The record would be longer than the limit, in bytes.
    TooLong {
        /// How long it would be.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// The store failed, in words.
    Store(String),
}

/// The link to the upstream, as status shows it.
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

/// Everything INFO, ROLE, TOWLINE STATUS and the metrics show of a node.
#[derive(Debug, Clone)]
pub struct Status {
    /// The core's own view.
    pub stats: Stats,
    /// Its replicas, connected or away; with the address they connected from, where they are connected.
    pub replicas: Vec<(Replica, Option<String>)>,
    /// Where clients connect.
    pub client_addr: Option<String>,
    /// Where replicas connect.
    pub replication_addr: Option<String>,
    /// The address followed.
    pub upstream_addr: Option<String>,
    /// The link to it.
    pub upstream: UpstreamState,
    /// The last reason a link to it ended, in words.
    pub upstream_fault: Option<String>,
    /// "memory" or "disk".
    pub store: &'static str,
    /// Why the store takes nothing now, while it does not.
    pub store_failed: Option<String>,
    /// Records of this history that are persisted; unknown for a memory store.
    pub persisted: Option<Offset>,
    /// A replica that never was complete: it shows no data.
    pub loading: bool,
    /// Bytes in the spool, and its bound.
    pub spool_bytes: (u64, u64),
    /// The most memory this process may take, in bytes.
    pub memory_bound_bytes: u64,
    /// The most the store took so far, as far as it was looked at.
    pub store_peak_bytes: u64,
    /// The configured backlog.
    pub backlog_bytes: u64,
    /// Milliseconds client writes were held so that a joining replica could keep its tail.
    pub writes_held_ms: u64,
    /// Milliseconds of the longest of these pauses.
    pub writes_held_longest_ms: u64,
    /// Milliseconds client writes were held because the disk was behind by as much as it may be.
    pub durability_held_ms: u64,
    /// Snapshots this process installed.
    pub snapshots_installed: u64,
    /// The newest range of records that left the history on this node: epoch number, first, end.
    pub forked: Option<(u32, Offset, Offset)>,
    /// Clients connected now.
    pub clients: u64,
    /// The most that may be at a time.
    pub clients_max: u32,
    /// Whole seconds after which an idle client is closed; 0 for never.
    pub timeout_s: u64,
    /// Whole seconds of silence after which a TCP connection is asked for a sign of life; 0 for never.
    pub tcp_keepalive_s: u64,
    /// Those of them that wait for something, as WAIT does.
    pub clients_waiting: u64,
    /// Connections taken since the start.
    pub connections: u64,
    /// Connections refused since the start, because there were too many.
    pub refused_connections: u64,
    /// Bytes read from clients, and bytes written to them, since the start.
    pub client_bytes: (u64, u64),
    /// Commands, bytes read from clients and bytes written to them in a second, over the last one or two.
    pub a_second: [u64; 3],
    /// Commands processed since the start.
    pub commands: u64,
    /// Keys this primary deleted because their time had come.
    pub expired_keys: u64,
    /// Since the start, in milliseconds.
    pub uptime_ms: u64,
    /// The server is stopping: it executes nothing new.
    pub stopping: bool,
}

impl Status {
    /// Whether this node does what clients may expect of one in its role: takes writes, or shows complete data.
    ///
    /// # Errors
    /// Why not, in words.
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

/// What commands ask of the node behind them.
pub trait Backend {
    /// The store, for reads.
    fn store(&self) -> &dyn Store;
    /// Unix time in milliseconds, one reading for the whole turn.
    fn now_ms(&self) -> u64;
    /// The same in microseconds.
    fn now_us(&self) -> u64 {
        self.now_ms().saturating_mul(1000)
    }
    /// Whether a write is possible now.
    ///
    /// # Errors
    /// Why not.
    fn writable(&self) -> Result<(), Refusal>;
    /// The longest record, in bytes.
    fn record_bytes_max(&self) -> usize;
    /// The longest reply, in bytes: at least a value of the longest record.
    fn reply_bytes_max(&self) -> usize;
    /// A mark on a key that is set when it changes, for WATCH; `dead` if its time has come already.
    fn watch(&mut self, key: &[u8], dead: bool) -> Arc<Mark>;
    /// Applies a record to the store and appends it to the log; answers its place in the history.
    ///
    /// # Errors
    /// Why not; nothing was changed.
    fn write(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal>;
    /// Whether this node is a replica.
    fn follows(&self) -> bool;
    /// Whether this is a replica that never was complete, and so has nothing to show.
    fn loading(&self) -> bool;
    /// Whether a record is still in this node's history.
    fn holds(&self, place: EpochOffset) -> bool;
    /// How many replicas have reached a record; none have reached one that left the history.
    fn reached(&self, level: Level, place: EpochOffset) -> u32;
    /// Whether a record survives a power cut on this node.
    fn keeps(&self, place: EpochOffset) -> bool;
    /// Has what was written made durable soon: somebody waits for it.
    fn flush_soon(&mut self);
    /// Everything there is to show.
    fn status(&self) -> Status;
    /// How often each command ran.
    fn counts(&self) -> &Counts;
    /// The same, to count on.
    fn counts_mut(&mut self) -> &mut Counts;
    /// What the process has used of the machine; zeros where that is not to be looked at.
    fn usage(&self) -> Usage {
        Usage::default()
    }
    /// Fresh dice, for RANDOMKEY.
    fn dice(&mut self) -> u64;
    /// A command found `keys` whose time had come, and the record just written deletes them.
    fn note_expired(&mut self, keys: u64) {
        let _ = keys;
    }
    /// Shows every connected client but the one that asks, for CLIENT LIST.
    fn other_clients(&self, show: &mut dyn FnMut(&Client, ClientUsage)) {
        let _ = show;
    }
    /// The usage of the client that asks.
    fn own_usage(&self) -> ClientUsage {
        ClientUsage::default()
    }
    /// Ends the connections of all wanted clients but the one that asks. Returns how many.
    fn kill_clients(&mut self, wanted: &mut dyn FnMut(&Client) -> bool) -> u64;
    /// Ends what a client waits for (WAIT, WAITAOF): as if its time had passed, or with an error. Returns whether it
    /// waited.
    fn unblock_client(&mut self, id: u64, with_error: bool) -> bool;
    /// Holds the commands of all clients for a time: those that write, or all.
    fn pause(&mut self, time: Duration, all: bool);
    /// Ends that.
    fn unpause(&mut self);
    /// Whether every command is held now. Held writes alone are [`Refusal::NotApplied`].
    fn is_paused(&self) -> bool;
}

/// What a command wants beyond its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is complete.
    Done,
    /// The reply is complete; close the connection after it.
    Close,
    /// Reply with the number of replicas that reached `place`, once it is `replicas` or after `timeout_ms` (0: never).
    /// It does not hold yet: that was looked at. A change of role or history ends it with an error.
    Wait {
        /// The stage they must reach.
        level: Level,
        /// The client's last write.
        place: EpochOffset,
        /// How many.
        replicas: u32,
        /// Milliseconds; 0 waits for ever.
        timeout_ms: u64,
        /// Also wait until this node's own store has persisted it (WAITAOF 1).
        own: bool,
    },
    /// Follow another upstream; the engine replies, because it probes the address first.
    Follow {
        /// Host and port.
        addr: String,
    },
    /// Become primary; the engine replies.
    Promote,
    /// Stop the server.
    Shutdown,
    /// The client speaks HTTP: close the connection without a word, and say so in the log.
    Http,
    /// One slice of the command is done: run the same command again when others had their turn.
    Again,
    /// The write must wait (freshly promoted): run the same command again when that has passed.
    Retry,
}
