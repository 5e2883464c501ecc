//! The states of a receiver, and the invariant of each.

use core::ops::Range;

use super::{Batch, Receiver};
use crate::id::{Offset, Position, SnapshotId};

/// See the head of the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum State {
    Whole(Fork),
    Named(SnapshotId),
    Loading(Loading),
    Failed,
}

/// The point that a whole state has to go back to, if to any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fork {
    None,
    /// To here, once what was handed out before it is applied.
    Due(Offset),
    /// The node was told `Rewound`, and its answer is awaited.
    Said,
}

/// A snapshot that is loaded beside the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Loading {
    pub(super) snapshot: SnapshotId,
    pub(super) at: Offset,
    /// Pieces handed out, and of those loaded.
    pub(super) pieces: u64,
    pub(super) loaded: u64,
    pub(super) stage: Stage,
    pub(super) tail: Tail,
}

/// How far a loading snapshot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// More pieces are to come.
    Coming,
    /// The last one came.
    Complete,
    /// It is installed, and the node's answer is awaited.
    Said,
}

/// Up to where the stream is done on a loading snapshot, at least its own offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Tail {
    /// The next batch may be done too.
    Open(Offset),
    /// The store refused one: the rest waits for the snapshot's end.
    Waits(Offset),
}

impl Tail {
    pub(super) const fn end(self) -> Offset {
        match self {
            Self::Open(end) | Self::Waits(end) => end,
        }
    }
}

/// The request that the store has not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Asked {
    Nothing,
    /// To apply the batch that came with a frame.
    Apply(Offset),
    /// To apply the oldest batch of the spool.
    ApplySpooled,
    /// To do a batch on the loading snapshot: one that came with a frame, or the oldest of the spool.
    LoadTail,
    LoadTailSpooled,
    Install,
    Rewind(Offset),
    /// Something that was overtaken meanwhile.
    Overtaken,
}

/// The batches in the host's spool: from the first record of the oldest to the end of the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Run {
    pub(super) from: Offset,
    pub(super) to: Offset,
}

impl Run {
    pub(super) fn is_empty(self) -> bool {
        self.from == self.to
    }

    pub(super) fn stand_at(&mut self, at: Offset) {
        (self.from, self.to) = (at, at);
    }
}

/// The part of the last frame, or of the node's last answer, that was not handed out yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Fresh {
    Keep(Batch),
    Apply(Batch),
    LoadTail(Batch),
    /// The tail was asked of the store, which may refuse it.
    Offered(Batch),
    Begin(Range<usize>),
    Load(Range<usize>, u64),
    Installed(SnapshotId),
    Rewind(Position),
}

impl Fresh {
    /// Returns whether this is the batch that the store was offered, and it ends at `upto`.
    pub(super) fn is_offered(&self, upto: Offset) -> bool {
        match self {
            Self::Offered(batch) => batch.position.boundary == upto,
            Self::Keep(_)
            | Self::Apply(_)
            | Self::LoadTail(_)
            | Self::Begin(_)
            | Self::Load(..)
            | Self::Installed(_)
            | Self::Rewind(_) => false,
        }
    }
}

/// Stages of the history, and pieces: as they are, and as the node was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Done {
    pub(super) taken: Offset,
    pub(super) pieces: u64,
    pub(super) applied: Offset,
    pub(super) persisted: Offset,
}

impl Done {
    pub(super) const NOTHING: Self = Self::taken_to(Offset(0));

    /// Nothing but what lies before this offset is done with.
    pub(super) const fn taken_to(taken: Offset) -> Self {
        Self { taken, pieces: 0, applied: Offset(0), persisted: Offset(0) }
    }
}

impl Receiver {
    /// Returns whether a snapshot is on its way, to be loaded or installed.
    #[must_use]
    pub const fn is_joining(&self) -> bool {
        matches!(self.state, State::Named(_) | State::Loading(_))
    }

    /// Returns whether a snapshot is loading: its BEGIN came, and it is not installed.
    #[must_use]
    pub const fn is_loading(&self) -> bool {
        matches!(self.state, State::Loading(_))
    }

    /// Returns whether a whole snapshot is loaded, and not installed.
    #[must_use]
    pub fn is_loaded(&self) -> bool {
        match self.state {
            State::Loading(loading) => loading.stage == Stage::Complete && loading.loaded == loading.pieces,
            State::Whole(_) | State::Named(_) | State::Failed => false,
        }
    }

    /// Returns whether something that was handed out is still to be applied to a state that is whole.
    #[must_use]
    pub fn is_replaying(&self) -> bool {
        let idle = self.spool.is_empty() && self.asked == Asked::Nothing;
        matches!(self.state, State::Whole(_)) && !idle
    }

    /// Returns how many records wait in the spool.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.spool.to.0 - self.spool.from.0
    }

    /// Returns whether batches wait that the node was not told to be taken.
    #[must_use]
    pub fn withholds(&self) -> bool {
        self.said.taken < self.spool.to && !self.spool.is_empty()
    }

    /// Asserts the whole invariant.
    ///
    /// # Panics
    /// A bug of the receiver.
    pub fn check(&self) {
        assert!(self.spool.from <= self.spool.to, "the spool is a run");
        assert!(self.said.taken <= self.done.taken.max(self.said.applied), "no more is said than is taken");
        assert!(self.said.pieces <= self.done.pieces, "no more pieces are said than are loaded");
        assert!(self.said.applied <= self.done.applied, "no more is said than is applied");
        assert!(self.said.persisted <= self.done.persisted, "no more is said than is persisted");
        match self.state {
            State::Whole(_) => {
                assert!(self.spool.is_empty() || self.done.applied <= self.spool.from, "applied in order");
                let tails = matches!(self.asked, Asked::LoadTail | Asked::LoadTailSpooled | Asked::Install);
                assert!(!tails, "nothing is loading");
            }
            State::Named(_) => {
                let idle = matches!(self.asked, Asked::Nothing | Asked::Overtaken);
                assert!(idle, "nothing is asked of a state that is replaced");
                assert!(self.done.applied == Offset(0) && self.done.pieces == 0);
            }
            State::Loading(loading) => self.check_loading(&loading),
            State::Failed => {}
        }
    }

    fn check_loading(&self, loading: &Loading) {
        assert!(loading.loaded <= loading.pieces && loading.loaded == self.done.pieces);
        assert!(loading.tail.end() >= loading.at, "the tail is past the snapshot");
        assert!(loading.stage == Stage::Coming || loading.pieces > 0, "the last piece came");
        let whole = loading.stage != Stage::Coming && loading.loaded == loading.pieces;
        assert!(self.asked != Asked::Install || whole, "only a whole snapshot is installed");
        let applies = matches!(self.asked, Asked::Apply(_) | Asked::ApplySpooled | Asked::Rewind(_));
        assert!(!applies, "nothing is applied beside a snapshot");
        let tails = matches!(self.asked, Asked::LoadTail | Asked::LoadTailSpooled);
        assert!(!tails || self.loads_tail && loading.loaded > 0, "the tail needs a loaded piece");
    }
}
