//! What the driver counts, beside what the core counts itself.

use towline_core::{EpochOffset, Span};

use super::rate::{Counted, Rate};
use crate::command::Counts;

/// Counters and facts since the start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Commands processed.
    pub(crate) commands: u64,
    /// Clients connected now.
    pub(crate) clients: u64,
    /// How often each command ran, for INFO.
    pub(crate) counts: Counts,
    /// The most clients at a time.
    pub(crate) clients_max: u32,
    /// Idle clients are closed after so many seconds; 0 for never.
    pub(crate) timeout_s: u64,
    /// Silent connections are asked for a sign of life after so many seconds; 0 for never.
    pub(crate) tcp_keepalive_s: u64,
    /// Connections taken, and refused because there were too many.
    pub(crate) connections: u64,
    /// See [`Self::connections`].
    pub(crate) refused_connections: u64,
    /// Bytes read from clients, and written to them.
    pub(crate) client_bytes: (u64, u64),
    /// How fast commands and those bytes come.
    pub(crate) rate: Rate,
    /// This process runs on a real machine, of which INFO may tell; a simulated one must be the same every time.
    pub(crate) real: bool,
    /// Keys a primary deleted because their time had come.
    pub(crate) expired_keys: u64,
    /// Snapshots this node installed.
    pub(crate) installed: u64,
    /// The newest record that survives a power cut, which may be one of a history that was left; unknown for a store
    /// that keeps nothing.
    pub(crate) persisted: Option<EpochOffset>,
    /// Nanoseconds client writes were held.
    pub(crate) held_ns: u64,
    /// The longest of them at a time.
    pub(crate) held_longest: Span,
    /// Nanoseconds client writes were held because the disk was behind.
    pub(crate) durability_held_ns: u64,
    /// What connection buffers hold, and may hold, in bytes.
    pub(crate) buffer_bytes_max: u64,
    /// Where each link's peer connected from, by link id.
    pub(crate) peers: Vec<Option<String>>,
    /// Bound addresses, for status.
    pub(crate) client_addr: Option<String>,
    /// See [`Self::client_addr`].
    pub(crate) replication_addr: Option<String>,
    /// "memory" or "disk".
    pub(crate) store: &'static str,
    /// The most the store's own caches take, in bytes.
    pub(crate) store_extra_bytes: u64,
    /// The most the spool takes in memory, in bytes.
    pub(crate) spool_memory_bytes: u64,
    /// The most the entries took so far, views and loading included: what an allocator may still hold on to.
    pub(crate) entries_peak_bytes: u64,
    /// Views open now.
    pub(crate) views: usize,
}

impl Tally {
    /// What [`Rate`] counts.
    pub(crate) const fn counted(&self) -> Counted {
        [self.commands, self.client_bytes.0, self.client_bytes.1]
    }
}
