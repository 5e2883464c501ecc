//! Counts of the driver, beside those of the core.

use towline_core::Span;

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Snapshots this node installed.
    pub(crate) installed: u64,
    /// Nanoseconds for which writes were held for a joining replica.
    pub(crate) held_ns: u64,
    /// The longest of these pauses.
    pub(crate) held_longest: Span,
    /// Nanoseconds for which writes were held because the disk was behind.
    pub(crate) durability_held_ns: u64,
    /// The most memory the store took so far, views and loading included: an allocator may still hold on to it.
    pub(crate) store_peak_bytes: u64,
}
