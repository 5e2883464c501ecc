//! What the driver counts, beside what the core counts itself.

use towline_core::Offset;

/// Counters and facts since the start.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Commands processed.
    pub(crate) commands: u64,
    /// Clients connected now.
    pub(crate) clients: u64,
    /// Keys a primary deleted because their time had come.
    pub(crate) expired_keys: u64,
    /// Snapshots this node installed.
    pub(crate) installed: u64,
    /// The newest offset that survives a power cut; unknown for a store that keeps nothing.
    pub(crate) persisted: Option<Offset>,
    /// Nanoseconds client writes were held.
    pub(crate) held_ns: u64,
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
