//! The [`Store`] that is replicated: written by its author, driven from here.
//!
//! # What a store must do
//!
//! A store holds a state that *records* change; a record is opaque bytes of the author's own making, and applying the
//! same records in the same order gives the same state everywhere. Beside the state the store holds a *cursor*: the
//! place in the history at which the state lies, opaque bytes too. **State and cursor move together**: a store that
//! keeps its state in a file or a database writes the cursor in the same atomic step.
//!
//! | method | called | on |
//! |---|---|---|
//! | [`cursor`](Store::cursor) | at the start, and before an install | all nodes |
//! | [`apply`](Store::apply) | for each record, some between two commits | all nodes |
//! | [`commit`](Store::commit) | when all that was applied is at a boundary of the log | all nodes |
//! | [`view`](Store::view) | when a replica needs a snapshot; always right after a commit | nodes that feed others |
//! | [`load_begin`](Store::load_begin), [`load`](Store::load) | for a snapshot that comes | replicas |
//! | [`install`](Store::install) | when it is whole | replicas |
//! | [`load_tail`](Store::load_tail) | records past the snapshot, while it loads | replicas, if the store can |
//! | [`size`](Store::size) | for status and log lines | all nodes |
//! | [`persistence`](Store::persistence) | each turn | stores that survive a power cut |
//!
//! A store belongs to the one task that owns the node, so it needs no lock, and its methods are not async: work that
//! takes long belongs on a thread of its own. While a method runs, nothing else does.
//!
//! [`SnapshotBytes`] is a ready-made [`View`] for a store whose state fits in one piece of memory.

use std::io;
use std::task::{Context, Poll};

use towline_core::{HistoryId, Offset};

pub use snapshot::SnapshotBytes;
pub use spool::{Spool, Spooled};

mod snapshot;
mod spool;

/// A store that can be replicated. See the [module](self) for the whole contract.
pub trait Store: Send {
    /// Returns the cursor of the state; `None` for a store that never held a history.
    fn cursor(&self) -> Option<&[u8]>;

    /// Applies one record. The step ends with [`commit`](Self::commit); no view sees it before that.
    ///
    /// # Errors
    /// The record cannot be applied, as no correct primary sends one. The state is then worthless: nothing is
    /// committed or viewed any more until a snapshot is installed or the store is opened again.
    fn apply(&mut self, record: &[u8]) -> io::Result<()>;

    /// Records that the state is now exactly at `cursor`, whose boundary is `upto`: one atomic step with everything
    /// applied since the last commit.
    fn commit(&mut self, cursor: &[u8], upto: Offset);

    /// Opens a view of the state at the last commit, which later writes do not change.
    ///
    /// # Errors
    /// No view can be opened now. The replica that needs it asks again.
    fn view(&mut self) -> io::Result<Box<dyn View>>;

    /// Begins to load a snapshot beside the state, and drops one begun before. `cursor` is the snapshot's.
    ///
    /// # Errors
    /// There is no room beside the state.
    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()>;

    /// Takes the next bytes of the snapshot, cut anywhere.
    ///
    /// # Errors
    /// The bytes are not a snapshot's.
    fn load(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Applies a batch of records (read with [`Records`](towline_core::Records)) to the snapshot while that loads; an
    /// install then lies at this `cursor`. Returns false, with nothing done, if they must wait until it is installed.
    /// The default lets all of them wait.
    ///
    /// # Errors
    /// A record cannot be applied, as no correct primary sends one.
    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        let _ = (records, cursor, upto);
        Ok(false)
    }

    /// Puts the loaded snapshot in the place of the state, with its cursor, in one atomic step.
    ///
    /// # Errors
    /// The snapshot is not whole, or the old state could not be kept aside.
    fn install(&mut self, replaced: Replaced) -> io::Result<()>;

    /// Returns how large the state is, for status and log lines. The default knows nothing.
    fn size(&self) -> Size {
        Size::default()
    }

    /// Returns the part of a store that survives a power cut. Without one (the default) nothing here is ever reported
    /// as persisted. It goes when the driver keeps the log itself.
    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        None
    }
}

/// The size of a state, as far as its store knows it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Entries, of whatever kind the store has.
    pub entries: Option<u64>,
    /// Bytes in memory, from above.
    pub memory_bytes: u64,
}

/// Durability, for a store that writes behind.
pub trait Persistence {
    /// Becomes ready with the cursor of the state that survives a power cut, when that differs from the last one. It is
    /// a place in a history, not a number: the driver checks whether it is part of the present history.
    ///
    /// # Errors
    /// The disk refuses: the message names file and cause. The store keeps the refused writes and tries again by
    /// itself, about each second; the next cursor shows that they were written. Nothing new should be applied until
    /// then. Records that were applied already may still be committed and viewed.
    fn poll_persisted(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>>;

    /// Returns whether the store accepts a batch of the stream now. A store that did not wakes the task that last
    /// polled [`poll_persisted`](Self::poll_persisted) when it can.
    fn pace(&self) -> Pace {
        Pace::Ready
    }

    /// Returns whether more waits for the disk than it writes in the promised time, so that writers should wait. Wakes
    /// as [`pace`](Self::pace) does.
    fn holds_writers(&self) -> bool {
        false
    }

    /// Asks for everything committed to be made durable soon, without waiting for the next flush to be due.
    fn flush_soon(&mut self);
}

/// A consistent view of a store, cut into numbered pieces. Any piece may be asked for again, and is the same again.
pub trait View: Send {
    /// Returns the cursor of the view.
    fn cursor(&self) -> &[u8];
    /// Writes piece `number` into `piece` (cleared first), up to `bytes_max` bytes. Returns whether it is the last.
    /// Pieces are mostly asked for in order; going back may be slow.
    fn piece(&mut self, number: u64, bytes_max: usize, piece: &mut Vec<u8>) -> bool;
}

/// The state that a snapshot replaces, when it is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// An older state of the same history: delete it.
    Outdated,
    /// The data of another history, given up by the operator's command: keep it aside, under this name.
    Adopted {
        /// The history it belongs to.
        history: HistoryId,
    },
    /// It holds records that left the history: keep it aside, under this name.
    Forked {
        /// The number of the epoch it was written in.
        epoch: u32,
        /// The first record that left the history.
        from: Offset,
        /// The offset after the last one.
        end: Offset,
    },
}

impl Replaced {
    /// Returns whether a store on disk keeps the replaced state aside.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        match self {
            Self::Outdated => false,
            Self::Adopted { .. } | Self::Forked { .. } => true,
        }
    }
}

/// How a store accepts a batch that comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Applied at once.
    Ready,
    /// Not yet: it waits in the spool.
    Busy,
    /// Not accepted and not kept: the upstream must send no more than is under way.
    Full,
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn cursor(&self) -> Option<&[u8]> {
        (**self).cursor()
    }
    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        (**self).apply(record)
    }
    fn commit(&mut self, cursor: &[u8], upto: Offset) {
        (**self).commit(cursor, upto);
    }
    fn view(&mut self) -> io::Result<Box<dyn View>> {
        (**self).view()
    }
    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()> {
        (**self).load_begin(cursor, upto)
    }
    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        (**self).load(piece)
    }
    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        (**self).load_tail(records, cursor, upto)
    }
    fn install(&mut self, replaced: Replaced) -> io::Result<()> {
        (**self).install(replaced)
    }
    fn size(&self) -> Size {
        (**self).size()
    }
    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        (**self).persistence()
    }
}
