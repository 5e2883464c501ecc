//! Every input of a node, and the step that it returns.
//!
//! Inputs are values: a run, a corpus entry and a bug report are a list of `(Time, Input)`. Any input is legal at
//! any time; what makes no sense is [`Misuse`](crate::Misuse) and changes nothing.

use core::ops::Range;

use crate::id::{LinkId, NodeId, Offset, Position, SnapshotId};

/// Which way a connection leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// We dialled it, because [`Event::Dial`](crate::Event::Dial) asked: the peer feeds us.
    Upstream,
    /// A peer dialled us: we feed it.
    Downstream,
}

/// The role of a node at boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Writes its history. Every start as primary opens an epoch.
    Primary,
    /// Follows an upstream; may feed replicas of its own.
    Replica,
}

/// One start of a node, as [`Node::new`](crate::Node::new) must know it.
#[derive(Debug, Clone, Copy)]
pub struct Boot<'a> {
    /// The node's name, the same at every start.
    pub node: NodeId,
    /// Random bytes, fresh at every start: all randomness of the node comes from here.
    pub seed: [u8; 32],
    /// The role it starts in.
    pub role: Role,
    /// Unix time in nanoseconds at [`Time::ZERO`](crate::Time::ZERO).
    pub unix_zero: u64,
    /// The cursor the host stored in the same atomic step as its data; `None` for an empty store.
    pub cursor: Option<&'a [u8]>,
}

/// One thing that happened, as a host passes it to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input<'a> {
    /// Time passed: at the latest at [`Node::next_deadline`](crate::Node::next_deadline).
    Tick,
    /// A connection was made.
    Opened {
        /// The host's name for it, which must be free.
        link: LinkId,
        /// The side that the peer is on.
        side: Side,
    },
    /// A connection is gone; its id is free at once.
    Lost {
        /// The connection.
        link: LinkId,
    },
    /// The connection asked for by [`Event::Dial`](crate::Event::Dial) could not be made.
    DialFailed,
    /// Bytes came: everything unread on this link, from its first unread byte. At most one frame is taken.
    Bytes {
        /// The link they came on.
        link: LinkId,
        /// The unread bytes.
        data: &'a [u8],
    },
    /// A record to append; it returns [`Step::offset`]. It is atomic: a transaction is one record.
    Write {
        /// The record, opaque to the core.
        data: &'a [u8],
    },
    /// Seal the open batch; it returns [`Step::position`], to be stored with the data.
    Flush,
    /// Replica: payloads before `upto` and the first `pieces` pieces are queued, spooled or stored.
    Taken {
        /// Records taken.
        upto: Offset,
        /// Pieces of the snapshot under way taken.
        pieces: u64,
    },
    /// Replica: records before `upto` are applied. Implies taken.
    Applied {
        /// Records applied.
        upto: Offset,
    },
    /// Records before `upto` survive a power cut. Implies applied.
    Persisted {
        /// Records persisted.
        upto: Offset,
    },
    /// The view asked for by [`Event::SnapshotWanted`](crate::Event::SnapshotWanted) is open, exactly at `cursor`.
    SnapshotReady {
        /// The view, or at a replica the snapshot.
        snapshot: SnapshotId,
        /// [`Node::cursor`](crate::Node::cursor) of the view's position.
        cursor: &'a [u8],
        /// Its size where known; for progress only.
        bytes: Option<u64>,
    },
    /// A piece of a view, asked for by [`Event::SnapshotRead`](crate::Event::SnapshotRead). Cut where you like, but
    /// the same piece number must always hold the same bytes.
    SnapshotPiece {
        /// The view.
        snapshot: SnapshotId,
        /// The number of the piece, from 0.
        piece: u64,
        /// At most `piece_bytes_max` bytes.
        data: &'a [u8],
        /// Set if the view ends here.
        last: bool,
    },
    /// The view could not be opened, or broke.
    SnapshotFailed {
        /// The view, or at a replica the snapshot.
        snapshot: SnapshotId,
        /// Set if asking again makes sense.
        retry: bool,
    },
    /// Replica: the received snapshot replaced the old state, atomically, and nothing older is under way.
    Installed {
        /// The view, or at a replica the snapshot.
        snapshot: SnapshotId,
    },
    /// Replica: the host stands at the offset of the last [`PayloadKind::Fork`], and nothing older is under way.
    Rewound,
    /// Become primary: cut the upstream, open an epoch at the log's end.
    Promote,
    /// Follow (another) upstream, whose address the host knows.
    Follow {
        /// Accept another history, whose snapshot will replace ours.
        adopt: bool,
    },
    /// End every link with a goodbye; each ends with [`Event::Close`](crate::Event::Close).
    Shutdown,
}

/// How to go on with the rest of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u32)] // As in `PayloadKind`.
pub enum Next {
    /// Drop `used` bytes and pass [`Input::Bytes`] with the rest.
    Again,
    /// Read until you hold [`Step::need`] unread bytes.
    #[default]
    NeedBytes,
    /// This link reads no more; [`Event::Close`](crate::Event::Close) follows.
    Closed,
}

/// The kinds of a [`Payload`], in stream order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
// Whole words: with bytes, a copy of a Step is made of misaligned parts that overlap, and waits for the stores before.
#[repr(u32)]
pub enum PayloadKind {
    /// Records to apply; the cursor of [`Step::position`] belongs in the same atomic step.
    Batch,
    /// Records that ride along with a snapshot: keep them, apply those past it once it is installed. A payload that
    /// does not begin where the one before ended rides beside another snapshot: forget those before.
    Spool,
    /// The history parts from ours at `first`. If `count` is 1, stand exactly there (apply what was handed out before
    /// it, undo or forget what lies past it) and pass [`Input::Rewound`]; if it is 0, a snapshot follows, and our state
    /// stays beside it until [`Input::Installed`]. Until then another upstream may part elsewhere from our state, or
    /// nowhere if `first` is our end.
    Fork,
    /// A snapshot begins; `range` is its cursor, to be installed with it, and `first` its offset. Spooled records that
    /// do not end at [`Stats::end`](crate::Stats::end) now rode beside another snapshot, maybe on a branch that is
    /// gone: forget them.
    Begin,
    /// A piece of it; `first` is its number.
    Piece,
    /// Its last piece. Install, then pass [`Input::Installed`].
    LastPiece,
}

/// The part of one frame that is for the host, as a range of the host's own buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The place in the `data` of this [`Input::Bytes`].
    pub range: Range<usize>,
    /// The first record's offset, the piece number, or the point of the fork.
    pub first: u64,
    /// How many records; see [`PayloadKind::Fork`] for its meaning there.
    pub count: u32,
    /// Its kind.
    pub kind: PayloadKind,
    /// The snapshot that begins, or that the piece belongs to; zero for all else.
    pub snapshot: SnapshotId,
}

/// The result of one input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// Bytes taken from the front of `data`.
    pub used: usize,
    /// For [`Next::NeedBytes`]: how many unread bytes make the next step possible.
    pub need: usize,
    /// How to go on with this link.
    pub next: Next,
    /// For [`Input::Write`]: the offset after the record.
    pub offset: Option<Offset>,
    /// The position after this step, where it moved: store its cursor with the data.
    pub position: Option<Position>,
    /// The part of the frame that is for the host.
    pub payload: Option<Payload>,
}
