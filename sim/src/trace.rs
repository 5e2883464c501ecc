//! What happened, as facts: the one language all substrates speak to the oracle and to each other.
//!
//! A [`Fact`] is a thing a host saw or did, never an opinion of the core. Each folds into a [`Record`] of 40 bytes
//! (time, node, kind, three numbers; little-endian); the hash over all records of a run is its identity. Two runs of
//! one plan on one substrate give the same records; across substrates only projections are compared ([`crate::diff`]).
//!
//! Kind numbers are stable: old traces stay readable.

mod tracer;

use towline_core::{Fault, Level, Role};
pub use tracer::Tracer;

/// Where a store stands: how many records, and the chain over their bytes.
///
/// The chain after record `n` is XXH3-64 of its bytes seeded by the chain before it; 0 before the first. The host
/// model computes it from what its store holds, so equal chains mean equal bytes in equal order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At {
    /// Records before this point.
    pub offset: u64,
    /// The chain over them.
    pub chain: u64,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It said goodbye and flushed.
    Stopped,
    /// Killed: what it had committed is there, synced or not.
    Killed,
    /// The machine lost power: what was not synced is gone.
    PowerLoss,
}

/// Why what a reader of a store sees has changed.
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

/// What an upstream answered a JOIN, as its own table of replicas shows it right after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// The stream goes on where the replica stands.
    Continue,
    /// It must rewind first.
    Forked,
    /// A snapshot.
    Snapshot,
    /// Neither is possible now.
    Wait,
    /// The link ends.
    Refused,
}

/// One thing that happened at one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fact {
    /// A process started on what its store holds.
    Booted {
        /// What it starts as.
        role: Role,
        /// Where its store stands.
        at: At,
    },
    /// A process ended.
    Died {
        /// How.
        how: Death,
    },
    /// The node says what it is.
    Ruled {
        /// Primary or replica.
        role: Role,
        /// The newest epoch.
        epoch: u64,
        /// The log's end.
        offset: u64,
    },
    /// The node was told of a higher epoch than its own reign.
    Outranked {
        /// The number.
        number: u32,
    },
    /// A primary's log took an operation of the workload.
    Wrote {
        /// Its number in the plan.
        op: u64,
        /// Where the log ends after it.
        at: At,
    },
    /// What a reader of the store sees now.
    Visible {
        /// Where it stands.
        at: At,
        /// Why it changed.
        cause: Cause,
    },
    /// What would survive a power cut now.
    Durable {
        /// Where it stands.
        at: At,
    },
    /// The node asked for a connection to its upstream.
    Dialled {
        /// How many without progress came before.
        attempt: u32,
    },
    /// A connection stands.
    Opened {
        /// This node's name for it.
        link: u32,
        /// Who is at the other end.
        peer: usize,
        /// Whether the peer feeds this node.
        upstream: bool,
    },
    /// A peer was admitted, or admitted this node.
    Joined {
        /// The link.
        link: u32,
        /// Who is at the other end.
        peer: usize,
        /// Where the stream goes on.
        from: u64,
    },
    /// The node ended a connection.
    Closed {
        /// The link.
        link: u32,
        /// Who was at the other end.
        peer: usize,
        /// Why.
        fault: Fault,
        /// Whether the peer said so.
        by_peer: bool,
        /// How long to stay away.
        retry_us: u64,
    },
    /// A connection ended without the node's doing.
    Lost {
        /// The link.
        link: u32,
        /// Who was at the other end.
        peer: usize,
    },
    /// The node answered a replica's JOIN.
    Asked {
        /// The replica.
        peer: usize,
        /// The boundary the replica named; `u64::MAX` if it has no complete state.
        have: u64,
        /// The node's ring: its oldest boundary at that moment.
        start: u64,
        /// And its end.
        end: u64,
        /// What it answered.
        answer: Answer,
    },
    /// A replica acknowledged more; `u64::MAX` is "unknown".
    Acked {
        /// The replica.
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
        /// Where.
        offset: u64,
        /// Whether this node rewinds; else a snapshot follows.
        rewinds: bool,
    },
    /// The node wants a view of its store for a replica.
    Wanted {
        /// Its name.
        snapshot: u64,
        /// The earliest useful offset.
        from: u64,
    },
    /// The view stands.
    Viewed {
        /// Its name.
        snapshot: u64,
        /// Where it was cut.
        at: At,
    },
    /// The view is freed.
    Freed {
        /// Its name.
        snapshot: u64,
    },
    /// A snapshot began to arrive.
    Begun {
        /// Its name.
        snapshot: u64,
        /// Where it was cut.
        offset: u64,
    },
    /// A piece of it arrived.
    Piece {
        /// Of which snapshot.
        snapshot: u64,
        /// Its number.
        piece: u64,
        /// Whether it is the last.
        last: bool,
    },
    /// Everything the upstream had at its last beat is here.
    CaughtUp,
    /// A replica was forgotten.
    Expired {
        /// Which.
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
    /// The end of the run: what the node's own content digest says.
    Content {
        /// Where it stands.
        offset: u64,
        /// The store's content digest, low half.
        digest: u64,
    },
    /// A client that waited was told that its write is held.
    Granted {
        /// Its number in the plan.
        op: u64,
        /// By how many replicas.
        replicas: u32,
        /// How far they have it.
        level: Level,
        /// And that it survives a power cut at the node itself.
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
pub struct Record {
    /// Microseconds since the run began.
    pub t_us: u64,
    /// Which node.
    pub node: u32,
    /// The kind's stable number.
    pub kind: u32,
    /// What the kind says.
    pub fields: [u64; 3],
}

/// The length of a record.
pub const RECORD_BYTES: usize = 40;

impl Record {
    /// The record's bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; RECORD_BYTES] {
        let mut bytes = [0; RECORD_BYTES];
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
    /// The fact's stable number and its three fields.
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
