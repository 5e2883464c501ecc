//! Numbers read at a node, for bounds: the oracle gets them beside the facts.

/// A number read at a node at some moment, for bounds. Not part of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauge {
    /// The ring, as the node reports it.
    Ring {
        /// Bytes of frames in the ring.
        used_bytes: u64,
        /// The oldest offset of the ring.
        start: u64,
        /// The end of the ring.
        end: u64,
    },
    /// Bytes between a sender (this node) and the host of a replica that are not taken, as the wire and the replica's
    /// host count them.
    Flight {
        /// The replica's number.
        peer: usize,
        /// Bytes of batch frames on the wire.
        stream_bytes: u64,
        /// Bytes of piece frames on the wire.
        piece_bytes: u64,
    },
    /// The sizes of the node's tables.
    Tables {
        /// Open links.
        links: u64,
        /// Slots in use.
        slots: u64,
        /// Open views.
        views: u64,
    },
    /// The bytes that a replica's host keeps beside a snapshot.
    Spool {
        /// Bytes in the spool.
        bytes: u64,
    },
    /// A batch that came out of the node.
    Handed {
        /// The batch's first record.
        first: u64,
        /// The offset after its last record.
        end: u64,
        /// Set if it comes beside a snapshot.
        beside: bool,
    },
    /// An expired slot: the time, by the node's own clock, for which its replica had been away.
    Away {
        /// The replica's number.
        peer: usize,
        /// Nanoseconds away.
        ns: u64,
    },
    /// The bytes that the node counts as under way to a replica: sent, and not reported as taken.
    Credit {
        /// The replica's number.
        peer: usize,
        /// Bytes of batch frames.
        stream: u64,
        /// Bytes of piece frames.
        pieces: u64,
    },
    /// The operator named the upstream that the node must follow.
    Named {
        /// The upstream's number.
        upstream: usize,
    },
    /// The process was asked to stop in order.
    Stops,
    /// The process no longer waits for its replicas.
    GivesUp,
    /// The host called the node.
    Called {
        /// Set if the call changed nothing, produced no event and moved no byte.
        idle: bool,
    },
}
