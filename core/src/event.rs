//! Every event of a node.
//!
//! An event is the latest fact about its link, slot or snapshot, not a story: pending facts are overtaken by newer
//! ones, so the queue is bounded by the tables it speaks of. While one is pending,
//! [`Node::next_deadline`](crate::Node::next_deadline) is now.

use crate::error::Fault;
use crate::id::{Epoch, LinkId, NodeId, Offset, SnapshotId};
use crate::input::Role;
use crate::time::Span;

/// One fact that a host polls from its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Connect to the upstream, then pass `Opened` or `DialFailed`.
    Dial {
        /// How many dials came before it without progress.
        attempt: u32,
    },
    /// A peer was admitted (sender's side), or admitted us (replica's side).
    Joined {
        /// The link.
        link: LinkId,
        /// The peer.
        node: NodeId,
        /// The offset where the stream goes on.
        from: Offset,
    },
    /// Close this connection; its id is free.
    Close {
        /// The connection.
        link: LinkId,
        /// The reason of its end.
        fault: Fault,
        /// Set if the peer ended it, by its goodbye; else this node did.
        by_peer: bool,
        /// How long the peer was, or we were, asked to stay away.
        retry_after: Span,
    },
    /// There is something to write where there was nothing: peek, write, consume, until `consume` returns
    /// [`More::Idle`](crate::More::Idle).
    WantsWrite {
        /// The link.
        link: LinkId,
    },
    /// Open a view of the store at `from` or later (a primary passes `Flush` first) and pass `SnapshotReady` at once.
    SnapshotWanted {
        /// Its name.
        snapshot: SnapshotId,
        /// The earliest useful offset.
        from: Offset,
    },
    /// Read a piece of an open view and pass `SnapshotPiece`; one answer serves all who wait for it.
    SnapshotRead {
        /// The view.
        snapshot: SnapshotId,
        /// The number of the piece.
        piece: u64,
    },
    /// Nobody needs this view any more: free it.
    SnapshotDone {
        /// The view.
        snapshot: SnapshotId,
    },
    /// Replica: everything its upstream had at the last beat has been received.
    CaughtUp,
    /// A replica of ours acknowledged more.
    Acked {
        /// The replica.
        node: NodeId,
        /// Records it received.
        received: Offset,
        /// Records it applied.
        applied: Offset,
        /// Records it persisted.
        persisted: Offset,
    },
    /// A disconnected replica was away too long, or gave way in a full table: it is forgotten.
    SlotExpired {
        /// The replica.
        node: NodeId,
        /// How many records it lacked at that moment.
        lag: u64,
    },
    /// The role of this node from now on.
    Role {
        /// Primary or replica.
        role: Role,
        /// The newest epoch.
        epoch: Epoch,
        /// The log's end.
        offset: Offset,
    },
    /// A peer has seen a higher epoch than this primary's: another was promoted. `Promote` opens a higher one,
    /// `Follow` gives way.
    Outranked {
        /// The number seen.
        number: u32,
    },
}
