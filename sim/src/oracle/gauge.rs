//! Numbers read at a node, for bounds: what an oracle is told beside the facts.

/// A number read at a node at some moment, for bounds. Not part of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauge {
    /// The ring as the node shows it.
    Ring {
        /// Bytes of frames in it.
        used_bytes: u64,
        /// The oldest offset.
        start: u64,
        /// The end.
        end: u64,
    },
    /// What is between a sender (this node) and the host of a replica, taken by nobody: as the wire and the replica's
    /// host show it.
    Flight {
        /// The replica.
        peer: usize,
        /// Bytes of batch frames.
        stream_bytes: u64,
        /// Bytes of piece frames.
        piece_bytes: u64,
    },
    /// The node's tables.
    Tables {
        /// Links open.
        links: u64,
        /// Slots in use.
        slots: u64,
        /// Views open.
        views: u64,
    },
    /// Bytes a replica's host keeps beside a snapshot.
    Spool {
        /// How many.
        bytes: u64,
    },
    /// A batch came out of the node.
    Handed {
        /// Its first record.
        first: u64,
        /// One past its last.
        end: u64,
        /// It rides beside a snapshot.
        beside: bool,
    },
    /// A slot expired: for how long, on the node's own clock, its replica had been away.
    Away {
        /// The replica.
        peer: usize,
        /// Nanoseconds.
        ns: u64,
    },
    /// What the node believes to be under way to a replica: sent, and not said to be taken.
    Credit {
        /// The replica.
        peer: usize,
        /// Bytes of batch frames.
        stream: u64,
        /// Bytes of piece frames.
        pieces: u64,
    },
    /// The operator named whom the node is to follow.
    Named {
        /// Whom.
        upstream: usize,
    },
    /// The process was told to stop in order.
    Stops,
    /// It no longer waits for its replicas.
    GivesUp,
    /// The host called the node.
    Called {
        /// Whether the call changed nothing, told nothing and moved no byte.
        idle: bool,
    },
}
