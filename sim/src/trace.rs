//! The facts of a run: the one language in which all substrates report to the oracle and are compared.
//!
//! A [`Fact`] is something that a host saw or did, never an opinion of the core. Each becomes a [`TraceRow`] of 40
//! bytes (time, node, kind, three numbers; little-endian); the hash over all rows of a run is its identity. Two runs of
//! one plan on one substrate give the same rows; across substrates only projections are compared ([`crate::diff`]).
//!
//! Kind numbers are stable: old traces stay readable.

mod tracer;

use towline_core::{Fault, Level, Role};
pub use tracer::Tracer;

/// The state of a store: how many records, and the chain over their bytes.
///
/// The chain after record `n` is XXH3-64 of its bytes seeded by the chain before it; 0 before the first. The host
/// model computes it from what its store holds, so equal chains mean equal bytes in equal order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// Records before this point.
    pub offset: u64,
    /// The chain over these records.
    pub chain: u64,
}

/// The way a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// In order: it said goodbye and flushed.
    Stopped,
    /// Killed: everything it had committed is there, synced or not.
    Killed,
    /// By a power cut of its machine: everything that was not synced is gone.
    PowerLoss,
}

/// The reason why a reader of a store sees another state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The primary committed its own writes.
    Written,
    /// A batch was applied.
    Applied,
    /// A snapshot took the old state's place.
    Installed,
    /// The store went back to the point of a fork.
    Rewound,
}

/// An upstream's answer to a JOIN, as its own table of replicas shows it right after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The stream goes on at the replica's offset.
    Continue,
    /// The replica must rewind first.
    Forked,
    /// The replica needs a snapshot.
    Snapshot,
    /// Neither is possible now: the replica waits.
    Wait,
    /// The link ends.
    Refused,
}

/// One event at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A process started with the content of its store.
    Booted {
        /// The role it starts in.
        role: Role,
        /// The state of its store.
        at: At,
    },
    /// A process ended.
    Died {
        /// The way it ended.
        how: Death,
    },
    /// The node reports its role.
    Ruled {
        /// Primary or replica.
        role: Role,
        /// The newest epoch's number.
        epoch: u64,
        /// The end of the log.
        offset: u64,
    },
    /// The node was notified of a higher epoch than its own.
    Outranked {
        /// The higher epoch's number.
        number: u32,
    },
    /// A primary's log took an operation of the workload.
    Wrote {
        /// Its number in the plan.
        op: u64,
        /// The end of the log after it.
        at: At,
    },
    /// A reader of the store sees this state now.
    Visible {
        /// The visible state.
        at: At,
        /// The reason of the change.
        cause: Cause,
    },
    /// A power cut would leave this state now.
    Durable {
        /// The durable state.
        at: At,
    },
    /// The node asked for a connection to its upstream.
    Dialled {
        /// How many attempts without progress came before.
        attempt: u32,
    },
    /// A connection is open.
    Opened {
        /// The node's id of the link.
        link: u32,
        /// The node at the other end.
        peer: usize,
        /// Set if the peer feeds this node.
        upstream: bool,
    },
    /// A peer was admitted, or admitted this node.
    Joined {
        /// The link's id.
        link: u32,
        /// The node at the other end.
        peer: usize,
        /// The offset at which the stream goes on.
        from: u64,
    },
    /// The node ended a connection.
    Closed {
        /// The link's id.
        link: u32,
        /// The node at the other end.
        peer: usize,
        /// The reason.
        fault: Fault,
        /// Set if the peer sent it.
        by_peer: bool,
        /// The time to stay away.
        retry_us: u64,
    },
    /// A connection ended without the node's doing.
    Lost {
        /// The link's id.
        link: u32,
        /// The node at the other end.
        peer: usize,
    },
    /// The node answered a replica's JOIN.
    Asked {
        /// The replica's number.
        peer: usize,
        /// The boundary the replica named; `u64::MAX` if it has no complete state.
        have: u64,
        /// The oldest boundary of the node's ring at that moment.
        start: u64,
        /// The end of the ring.
        end: u64,
        /// The answer to the JOIN.
        answer: Answer,
    },
    /// A replica acknowledged more; `u64::MAX` is "unknown".
    Acked {
        /// The replica's number.
        peer: usize,
        /// Records received.
        received: u64,
        /// Records applied.
        applied: u64,
        /// Records persisted.
        persisted: u64,
    },
    /// The upstream's history parts from this node's.
    Forked {
        /// The offset of the fork.
        offset: u64,
        /// Set if this node rewinds; otherwise a snapshot follows.
        rewinds: bool,
    },
    /// The node wants a view of its store for a replica.
    Wanted {
        /// The name of the view.
        snapshot: u64,
        /// The earliest useful offset.
        from: u64,
    },
    /// The view is open.
    Viewed {
        /// The name of the view.
        snapshot: u64,
        /// The state it was cut at.
        at: At,
    },
    /// The view is freed.
    Freed {
        /// The name of the view.
        snapshot: u64,
    },
    /// A snapshot began to arrive.
    Begun {
        /// The name of the snapshot.
        snapshot: u64,
        /// The offset it was cut at.
        offset: u64,
    },
    /// A piece of a snapshot arrived.
    Piece {
        /// The name of the snapshot.
        snapshot: u64,
        /// The number of the piece.
        piece: u64,
        /// Set for the last piece.
        last: bool,
    },
    /// Everything that the upstream had at its last beat has arrived.
    CaughtUp,
    /// A replica was forgotten.
    Expired {
        /// The replica's number.
        peer: usize,
        /// Records it lacked.
        lag: u64,
    },
    /// A fault of the plan begins.
    FaultBegan {
        /// Its place in the plan.
        index: usize,
    },
    /// A lasting fault ends.
    FaultEnded {
        /// Its place in the plan.
        index: usize,
    },
    /// Chaos is over: from here on the plan's core set must converge.
    Healed,
    /// The end of the run: the node's own content digest.
    Content {
        /// The node's offset.
        offset: u64,
        /// The store's content digest, low half.
        digest: u64,
    },
    /// A waiting client got the answer that its write is held.
    Granted {
        /// Its number in the plan.
        op: u64,
        /// The number of replicas that hold it.
        replicas: u32,
        /// The level at which they hold it.
        level: Level,
        /// Set if it also survives a power cut at the node itself.
        own: bool,
    },
    /// The store keeps no more of the stream beside the snapshot that it loads: the rest waits in the spool.
    TailWaits {
        /// The boundary after the first batch that waits.
        offset: u64,
    },
}

/// One fact, flat: 40 bytes, little-endian when hashed or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceRow {
    /// Microseconds since the run began.
    pub t_us: u64,
    /// The node's number.
    pub node: u32,
    /// The stable number of the fact's kind.
    pub kind: u32,
    /// The fields of this kind.
    pub fields: [u64; 3],
}

/// The length of a row.
pub const ROW_BYTES: usize = 40;

impl TraceRow {
    /// Returns the row's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; ROW_BYTES] {
        let mut bytes = [0; ROW_BYTES];
        bytes[..8].copy_from_slice(&self.t_us.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.node.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.kind.to_le_bytes());
        for (place, field) in self.fields.iter().enumerate() {
            bytes[16 + 8 * place..24 + 8 * place].copy_from_slice(&field.to_le_bytes());
        }
        bytes
    }
}

const fn flag(yes: bool) -> u64 {
    yes as u64
}

impl Fact {
    /// Returns the fact's stable number and its three fields.
    #[inline(always)]
    #[must_use]
    pub fn flat(&self) -> (u32, [u64; 3]) {
        match *self {
            Self::Booted { role, at } => (1, [flag(role == Role::Primary), at.offset, at.chain]),
            Self::Died { how } => (2, [how as u64, 0, 0]),
            Self::Ruled { role, epoch, offset } => (3, [flag(role == Role::Primary), epoch, offset]),
            Self::Outranked { number } => (4, [number.into(), 0, 0]),
            Self::Wrote { op, at } => (5, [op, at.offset, at.chain]),
            Self::Visible { at, cause } => (6, [cause as u64, at.offset, at.chain]),
            Self::Durable { at } => (7, [0, at.offset, at.chain]),
            Self::Dialled { attempt } => (8, [attempt.into(), 0, 0]),
            Self::Opened { link, peer, upstream } => (9, [link.into(), peer as u64, flag(upstream)]),
            Self::Joined { link, peer, from } => (10, [link.into(), peer as u64, from]),
            Self::Closed { link, peer, fault, by_peer, retry_us } => {
                let why = u64::from(fault.number()) << 1 | flag(by_peer);
                (11, [u64::from(link) << 32 | peer as u64, why, retry_us])
            }
            Self::Lost { link, peer } => (12, [link.into(), peer as u64, 0]),
            Self::Asked { peer, have, start, end, answer } => {
                (13, [(peer as u64) << 8 | answer as u64, have, start.rotate_left(32) ^ end])
            }
            Self::Acked { peer, received, applied, persisted } => {
                (14, [peer as u64, received, applied.rotate_left(32) ^ persisted])
            }
            Self::Forked { offset, rewinds } => (15, [offset, flag(rewinds), 0]),
            Self::Wanted { snapshot, from } => (16, [snapshot, from, 0]),
            Self::Viewed { snapshot, at } => (17, [snapshot, at.offset, at.chain]),
            Self::Freed { snapshot } => (18, [snapshot, 0, 0]),
            Self::Begun { snapshot, offset } => (19, [snapshot, offset, 0]),
            Self::Piece { snapshot, piece, last } => (20, [snapshot, piece, flag(last)]),
            Self::CaughtUp => (21, [0; 3]),
            Self::Expired { peer, lag } => (22, [peer as u64, lag, 0]),
            Self::FaultBegan { index } => (23, [index as u64, 0, 0]),
            Self::FaultEnded { index } => (24, [index as u64, 0, 0]),
            Self::Healed => (25, [0; 3]),
            Self::Content { offset, digest } => (26, [offset, digest, 0]),
            Self::Granted { op, replicas, level, own } => {
                (27, [op, u64::from(replicas) << 8 | level as u64, flag(own)])
            }
            Self::TailWaits { offset } => (28, [offset, 0, 0]),
        }
    }
}
