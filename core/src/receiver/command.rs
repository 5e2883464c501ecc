//! The values at the receiver's border: the commands it gives, what it is told of its node, and why it refuses a call.

use core::fmt;
use core::ops::Range;

use crate::id::{Offset, Position, SnapshotId};
use crate::input::Input;
use crate::node::Node;

/// A batch in the frame that was received last.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Batch {
    /// Its records, in the data of that [`Input::Bytes`].
    pub range: Range<usize>,
    /// The offset of its first record.
    pub first: Offset,
    /// The position after it: its cursor belongs in the same atomic step as its records.
    pub position: Position,
}

/// One thing the host is to do.
///
/// "The oldest batch" is the one at the front of the host's spool. The host takes it out when it does the command, and
/// only then; it knows its end and its cursor, because it kept them with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Say this to the node, then give the position of its answer to
    /// [`Receiver::answered`](super::Receiver::answered), `None` if it was refused.
    Say(Input<'static>),
    /// Put this batch at the end of the spool, with the cursor of its position.
    Keep(Batch),
    /// Apply this batch and its cursor in one step, then call [`Receiver::applied`](super::Receiver::applied).
    Apply(Batch),
    /// The same with the oldest batch of the spool.
    ApplySpooled {
        /// The offset of its first record.
        first: Offset,
    },
    /// Do this batch on the snapshot that is loading, then call [`Receiver::tailed`](super::Receiver::tailed).
    LoadTail(Batch),
    /// The same with the oldest batch of the spool, which stays there if it cannot be done.
    LoadTailSpooled {
        /// The offset of its first record.
        first: Offset,
    },
    /// Forget the batches of the spool that end at or before this offset; all of them if there is none.
    DropSpooled {
        /// The last end that is forgotten.
        upto: Option<Offset>,
    },
    /// Nothing is to be done: the state of the store parts from the history at this offset, and a snapshot follows.
    Forked {
        /// The first record of ours that left the history.
        at: Offset,
    },
    /// Begin to load a snapshot beside the state. One that was loading before is of no use any more.
    Begin {
        /// Its cursor, in the data of the last frame.
        range: Range<usize>,
        /// Its name.
        snapshot: SnapshotId,
        /// Its offset.
        at: Offset,
    },
    /// Load a piece of it, then call [`Receiver::loaded`](super::Receiver::loaded).
    Load {
        /// The piece, in the data of the last frame.
        range: Range<usize>,
        /// Its number.
        piece: u64,
        /// True for the last one.
        last: bool,
    },
    /// Put the loaded snapshot in the place of the state, in one step, with nothing older under way; then call
    /// [`Receiver::installed`](super::Receiver::installed).
    Install {
        /// Its name.
        snapshot: SnapshotId,
        /// Its offset.
        at: Offset,
    },
    /// Undo what lies past this position, store its cursor in the same step, with nothing older under way; then call
    /// [`Receiver::rewound`](super::Receiver::rewound).
    Rewind {
        /// Where the store is to stand.
        position: Position,
    },
}

/// The state of the node that a payload is read against, after the step that brought it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Standing {
    /// True if the state is complete: [`Stats::base`](crate::Stats::base).
    pub base: bool,
    /// The log's end: [`Stats::end`](crate::Stats::end).
    pub end: Offset,
    /// The snapshot under way: [`Stats::receiving`](crate::Stats::receiving).
    pub snapshot: Option<SnapshotId>,
    /// The pieces received of it: [`Stats::receiving_pieces`](crate::Stats::receiving_pieces), 0 if there is none.
    pub pieces: u64,
}

impl Standing {
    /// Returns the standing of a node.
    #[inline]
    #[must_use]
    pub fn of(node: &Node) -> Self {
        let stats = node.stats();
        Self {
            base: stats.base,
            end: stats.end,
            snapshot: stats.receiving,
            pieces: stats.receiving_pieces.unwrap_or_default(),
        }
    }
}

/// How much of what was done the node is told: the host's brake on its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Taking {
    /// The spool has room: everything handed out is said to be taken.
    #[default]
    All,
    /// The spool is full: pieces are still said to be taken, batches no more.
    Pieces,
    /// Nothing is said: neither taken, nor applied, nor persisted.
    Nothing,
}

/// Why a call was refused: a mistake of the host. Nothing was changed, but where
/// [`Receiver::answered`](super::Receiver::answered) says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiverError {
    /// A step came before [`Receiver::poll`](super::Receiver::poll) returned `None` for the one before.
    Unpolled,
    /// A payload that cannot follow what came before: steps were left out, or given twice.
    OutOfOrder,
    /// A completion of something that was not asked for.
    NotAsked,
    /// The store failed before.
    Failed,
}

impl fmt::Display for ReceiverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unpolled => "a frame was received before the commands of the last one were done",
            Self::OutOfOrder => {
                "a payload does not follow the one before: a step was left out or given twice"
            }
            Self::NotAsked => "a completion of something that the receiver did not ask for",
            Self::Failed => "the store failed before; start again from its cursor",
        })
    }
}

impl core::error::Error for ReceiverError {}
