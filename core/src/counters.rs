//! Counts since boot.

/// Counts since boot.
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
