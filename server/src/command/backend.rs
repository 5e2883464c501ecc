//! The node behind the commands: the border between the client protocol ([`crate::command`]) and the task that owns
//! node and store (the engine).

use std::sync::Arc;
use std::time::Duration;

use towline_core::{EpochOffset, Level};
use towline_driver::Refusal;

use crate::command::client::ClientUsage;
use crate::command::watch::Mark;
use crate::command::{Client, Counts};
use crate::machine::Usage;
use crate::store::KeyValueStore;

/// The state of a node for INFO, ROLE, TOWLINE STATUS and the metrics.
#[derive(Debug, Clone)]
pub struct Status {
    /// The driver's view of node and store. Its memory bound includes what the server adds.
    pub driver: towline_driver::Status,
    /// The address at which clients connect.
    pub client_addr: Option<String>,
    /// "memory" or "disk".
    pub store: &'static str,
    /// Clients connected now.
    pub clients: u64,
    /// The most clients at a time.
    pub clients_max: u32,
    /// Whole seconds after which an idle client is closed; 0 for never.
    pub timeout_s: u64,
    /// Whole seconds of silence after which a TCP connection gets keepalive probes; 0 for never.
    pub tcp_keepalive_s: u64,
    /// Clients that wait for something, as WAIT does.
    pub clients_waiting: u64,
    /// Connections accepted since the start.
    pub connections: u64,
    /// Connections refused since the start because there were too many.
    pub refused_connections: u64,
    /// Bytes read from clients, and bytes written to them, since the start.
    pub client_bytes: (u64, u64),
    /// Commands, bytes read from clients and bytes written to them in a second, over the last one or two.
    pub a_second: [u64; 3],
    /// Commands executed since the start.
    pub commands: u64,
    /// Keys this primary deleted because they had expired.
    pub expired_keys: u64,
}

/// The node behind the commands.
pub trait Backend {
    /// The store, for reads.
    fn store(&self) -> &dyn KeyValueStore;
    /// Unix time in milliseconds, one reading for the whole turn.
    fn now_ms(&self) -> u64;
    /// Returns the same time in microseconds.
    fn now_us(&self) -> u64 {
        self.now_ms().saturating_mul(1000)
    }
    /// Checks that a write is possible now.
    ///
    /// # Errors
    /// The reason why not.
    fn writable(&self) -> Result<(), Refusal>;
    /// Returns the length of the longest record, in bytes.
    fn record_bytes_max(&self) -> usize;
    /// Returns the length of the longest reply, in bytes: at least a value of the longest record.
    fn reply_bytes_max(&self) -> usize;
    /// Returns a mark on a key that is set when the key changes, for WATCH; `dead` if the key has expired already.
    fn watch(&mut self, key: &[u8], dead: bool) -> Arc<Mark>;
    /// Applies a record to the store and appends it to the log; returns its place in the history.
    ///
    /// # Errors
    /// The reason why not; nothing was changed.
    fn write(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal>;
    /// Returns whether this node is a replica.
    fn follows(&self) -> bool;
    /// Returns whether this is a replica that never was complete, and so has nothing to show.
    fn loading(&self) -> bool;
    /// Returns whether a record is still in this node's history.
    fn holds(&self, place: EpochOffset) -> bool;
    /// Returns how many replicas have reached a record; none have reached one that left the history.
    fn reached(&self, level: Level, place: EpochOffset) -> u32;
    /// Returns whether a record survives a power cut on this node.
    fn keeps(&self, place: EpochOffset) -> bool;
    /// Makes earlier writes durable soon, because a client waits for it.
    fn flush_soon(&mut self);
    /// Returns the state of the node.
    fn status(&self) -> Status;
    /// Returns how often each command ran.
    fn counts(&self) -> &Counts;
    /// Returns the same, to count more.
    fn counts_mut(&mut self) -> &mut Counts;
    /// Returns the process's use of the machine; zeros where that is not measured.
    fn usage(&self) -> Usage {
        Usage::default()
    }
    /// Returns a random number, for RANDOMKEY.
    fn random(&mut self) -> u64;
    /// Notes that a command found `keys` expired keys, which the record just written deletes.
    fn note_expired(&mut self, keys: u64) {
        let _ = keys;
    }
    /// Shows every connected client but the one that asks, for CLIENT LIST.
    fn other_clients(&self, show: &mut dyn FnMut(&Client, ClientUsage)) {
        let _ = show;
    }
    /// Returns the usage of the client that asks.
    fn own_usage(&self) -> ClientUsage {
        ClientUsage::default()
    }
    /// Ends the connections of all wanted clients but the one that asks. Returns how many.
    fn kill_clients(&mut self, wanted: &mut dyn FnMut(&Client) -> bool) -> u64;
    /// Ends a client's wait (WAIT, WAITAOF): as if its time had passed, or with an error. Returns whether it waited.
    fn unblock_client(&mut self, id: u64, with_error: bool) -> bool;
    /// Holds the commands of all clients for a time: those that write, or all.
    fn pause(&mut self, time: Duration, all: bool);
    /// Ends that pause.
    fn unpause(&mut self);
    /// Returns whether every command is held now. Held writes alone are [`Refusal::NotNow`].
    fn is_paused(&self) -> bool;
}

/// The work that a command needs beyond its reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The reply is complete.
    Done,
    /// The reply is complete; close the connection after it.
    Close,
    /// Reply with the number of replicas that reached `place`, once it is `replicas` or after `timeout_ms` (0: never).
    /// It does not hold yet: the command checked that. A change of role or history ends the wait with an error.
    Wait {
        /// The stage they must reach.
        level: Level,
        /// The client's last write.
        place: EpochOffset,
        /// How many replicas.
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
    /// The client speaks HTTP: close the connection without a reply, and log it.
    Http,
    /// One slice of the command is done: run the same command again after others had their turn.
    Again,
    /// The write must wait, because the node was just promoted: run the same command again when that has passed.
    Retry,
}
