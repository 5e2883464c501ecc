//! The store behind a node: what the driver asks of it, and the two that ship.
//!
//! Both keep their entries resident (`map`); [`DiskStore`] also writes them behind to an embedded database, so that
//! reads and views never wait for it. A store belongs to the one task that owns the node.

use std::sync::Arc;
use std::task::{Context, Poll};

use towline_core::{HistoryId, Offset};
use towline_kv::{ApplyError, Digest, ExpiryMs};

pub use disk::{DiskOptions, DiskStore};
pub use memory::MemoryStore;

mod disk;
mod loading;
mod map;
mod memory;
mod resident;
mod view;

/// An entry as a read finds it. Keys past their time are entries too, until a `DEL` takes them.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its value.
    pub value: Arc<[u8]>,
    /// When it ends, if it does.
    pub expiry: Option<ExpiryMs>,
}

/// What a snapshot that is to be installed does to the state it replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is an older state of the same history: let it go.
    Outdated,
    /// It is the data of another history, given up by an operator's word: keep it aside, under this name.
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
    /// Whether a store on disk keeps the replaced state aside.
    #[must_use]
    pub const fn is_kept(self) -> bool {
        match self {
            Self::Outdated => false,
            Self::Adopted { .. } | Self::Forked { .. } => true,
        }
    }
}

/// What a store can do with a batch that comes now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Apply it.
    Ready,
    /// Not yet: it waits in the spool.
    Busy,
    /// Not even keep it: the upstream is to send no more than is under way.
    Full,
}

/// A store that can be replicated.
pub trait Store: Send {
    /// The cursor of the state in memory; `None` for a store that never held a history.
    fn cursor(&self) -> Option<&[u8]>;

    /// Applies one record. The step ends with [`commit`](Self::commit); until then no view and no flush sees it.
    ///
    /// # Errors
    /// A record no correct primary sends; the state is then worthless and the caller must not commit.
    fn apply(&mut self, record: &[u8]) -> Result<(), ApplyError>;

    /// The state is now exactly at `cursor`, whose boundary is `upto`: one atomic step with everything applied since
    /// the last.
    fn commit(&mut self, cursor: &[u8], upto: Offset);

    /// Ready with the cursor of the state that survives a power cut, when that is another than at the last answer;
    /// never ready for a store that keeps nothing. It is a place in a history, not a number: whether it is one in the
    /// history of now is for the caller to ask.
    ///
    /// # Errors
    /// The disk refuses: the message names file and cause. The store keeps what it could not write and tries again by
    /// itself, about each second; the next answer that is no error says that it was written. Nothing new should be
    /// applied until then. What was applied already may still be committed and viewed.
    fn poll_persisted(&mut self, task: &mut Context<'_>) -> Poll<std::io::Result<Vec<u8>>>;

    /// Whether it takes a batch of the stream now. A store that said no wakes whoever asked
    /// [`poll_persisted`](Self::poll_persisted) last when it can.
    fn pace(&self) -> Pace {
        Pace::Ready
    }

    /// Whether more waits for the disk than it writes in the time promised: whoever writes should wait. Wakes as
    /// [`pace`](Self::pace) does.
    fn holds_writers(&self) -> bool {
        false
    }

    /// Asks for everything committed to be made durable soon, without waiting for the next flush to be due.
    fn hurry(&mut self);

    /// An entry.
    fn get(&self, key: &[u8]) -> Option<Found>;
    /// How many entries there are.
    fn len(&self) -> u64;
    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// The content digest.
    fn digest(&self) -> Digest;
    /// Bytes the entries take in memory, with their overhead: an estimate from above.
    fn memory_bytes(&self) -> u64;
    /// Calls `visit` for the entries of some part of the store; answers where to go on, 0 at the end. Begin with 0.
    /// An entry present from begin to end is visited at least once, whatever is written meanwhile.
    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64;
    /// Some key, chosen by `dice`.
    fn some_key(&self, dice: u64) -> Option<Arc<[u8]>>;
    /// Up to `count` keys whose time is at or before `now_ms`, earliest first.
    fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>>;
    /// When the next key ends.
    fn next_due(&self) -> Option<ExpiryMs>;
    /// How many keys have an end, and the sum of their ends in Unix milliseconds.
    fn expiring(&self) -> (u64, u128);

    /// A view of the state at the last commit. Writers go on.
    ///
    /// # Errors
    /// The state is not at a commit: something was applied since, or a record could not be.
    fn view(&mut self) -> std::io::Result<Box<dyn View>>;

    /// Begins to load a snapshot beside the state, dropping one begun before. `cursor` is to be installed with it.
    ///
    /// # Errors
    /// The place beside the state could not be made.
    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> std::io::Result<()>;
    /// Takes the next bytes of the snapshot.
    ///
    /// # Errors
    /// Not the bytes of a snapshot.
    fn load(&mut self, piece: &[u8]) -> std::io::Result<()>;
    /// Does a batch of records past the snapshot while that loads; what is installed then lies at this `cursor`.
    /// Answers false, with nothing done, if that takes too much room: the batch and those behind it must wait.
    ///
    /// # Errors
    /// A record no correct primary sends.
    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> std::io::Result<bool> {
        let _ = (records, cursor, upto);
        Ok(false)
    }
    /// Swaps the loaded snapshot in, atomically; reads see it at once. It is durable when
    /// [`poll_persisted`](Self::poll_persisted) answers its cursor; until then a restart finds the old state.
    ///
    /// # Errors
    /// The snapshot ended within an entry, or the old state could not be kept aside.
    fn install(&mut self, replaced: Replaced) -> std::io::Result<()>;
}

/// A consistent view of a store, cut into numbered pieces. Any piece may be asked for again, with the same answer.
pub trait View: Send {
    /// The cursor it lies at.
    fn cursor(&self) -> &[u8];
    /// Writes piece `number` into `piece` (cleared first), up to `bytes_max` bytes; answers whether it is the last.
    /// Asking in order is cheap; going back costs a walk from the beginning.
    fn piece(&mut self, number: u64, bytes_max: usize, piece: &mut Vec<u8>) -> bool;
}

/// What an entry takes in memory, its places in the tables included, from above.
pub(crate) fn entry_bytes(key: &[u8], found: &Found) -> u64 {
    map::entry_bytes(key, &found.value, found.expiry.is_some())
}
