//! The snapshot a replica is receiving: verified piece by piece, resumed after a cut, installed at last.
//!
//! States: *asked* (ADMIT named it), *begun* (its cursor is known), *complete* (the last piece came), gone (installed).
//! It outlives the link: JOIN names the next piece. Bounds: a cursor, and the sizes of the untaken pieces, of which
//! the oldest [`PIECES_TRACKED`] are known one by one; further ones are released together with the last of these.

use core::hash::{Hash, Hasher};

use crate::cursor::Decoded;
use crate::epochs::EpochTable;
use crate::error::Fault;
use crate::id::{Offset, Position, SnapshotId};
use crate::limits::PIECES_TRACKED;
use crate::stream::log::Log;
use crate::wire::batch::BatchHead;
use crate::wire::join::Admit;

/// A snapshot under way to this node.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Receiving {
    pub(super) id: SnapshotId,
    /// Where the stream beside it began.
    pub(super) from: Offset,
    /// Its cursor, once BEGIN came.
    pub(super) begun: Option<Decoded>,
    pub(super) next_piece: u64,
    pub(super) chain: u64,
    pub(super) complete: bool,
    /// Pieces the host has taken.
    pub(super) taken: u64,
    /// No stream rides along any more.
    pub(super) tail_stopped: bool,
    /// The state that the host shows until it is installed.
    pub(super) replaces: Option<Replaced>,
    untaken: Untaken,
}

/// The complete state that a snapshot will replace. The log has left it already, maybe for a branch that another
/// upstream does not hold: where the history parts from what the host has is asked of this.
#[derive(Debug, Clone, Hash)]
pub(crate) struct Replaced {
    pub(super) epochs: EpochTable,
    pub(super) end: Offset,
}

impl Replaced {
    /// Where a history of these epochs parts from it: at its end if it does not.
    pub(super) fn parting(&self, epochs: &EpochTable) -> Option<Offset> {
        self.epochs.parting(self.end, epochs, Offset(u64::MAX)).map(|parting| parting.at)
    }
}

/// Untaken pieces: each its number and the window bytes received up to its end.
#[derive(Debug, Clone, Copy, Default)]
struct Untaken {
    entries: [(u64, u64); PIECES_TRACKED],
    len: usize,
}

impl Hash for Untaken {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.entries[..self.len].hash(hasher);
    }
}

impl Receiving {
    pub(super) fn new(admit: &Admit, tail_stopped: bool, replaces: Option<Replaced>) -> Self {
        Self {
            id: admit.snapshot,
            from: admit.from.boundary,
            begun: None,
            next_piece: 0,
            chain: 0,
            complete: false,
            taken: 0,
            tail_stopped,
            replaces,
            untaken: Untaken::default(),
        }
    }

    /// Returns whether a snapshot at this position fits the stream that came beside it: that began no later, has a
    /// boundary there, and the same digest. A boundary that left the ring is taken on trust.
    pub(super) fn fits(&self, log: &Log, at: Position) -> bool {
        let past = at.boundary < log.start() || at.boundary > log.end();
        self.from <= at.boundary && log.find(at.boundary).map_or(past, |place| place.digest == at.digest)
    }

    /// Returns whether the next batch fits the snapshot: it does not reach past its offset, and proves the same there.
    pub(super) fn fits_batch(&self, batch: &BatchHead, digest: u64) -> bool {
        let Some(Decoded { position: at, .. }) = &self.begun else { return true };
        batch.first >= at.boundary
            || batch.end() < at.boundary
            || (batch.end(), digest) == (at.boundary, at.digest)
    }

    /// Begins the window anew, for a JOIN.
    pub(super) fn forget_window(&mut self) {
        self.untaken.len = 0;
    }

    /// Checks that this piece is the one that must come now.
    pub(super) fn expects(&self, snapshot: SnapshotId, piece: u64) -> Result<(), Fault> {
        let sound = self.begun.is_some() && !self.complete && snapshot == self.id && piece == self.next_piece;
        if sound { Ok(()) } else { Err(Fault::PieceOrder) }
    }

    /// Takes note that a verified piece came, with which `received` window bytes are here.
    pub(super) fn note(&mut self, chain: u64, last: bool, received: u64) {
        debug_assert!(!self.complete && self.begun.is_some(), "checked by expects");
        let untaken = &mut self.untaken;
        if untaken.len == PIECES_TRACKED {
            untaken.len -= 1;
        }
        untaken.entries[untaken.len] = (self.next_piece, received);
        untaken.len += 1;
        self.next_piece += 1;
        (self.chain, self.complete) = (chain, last);
    }

    /// Takes note that the host took the first `pieces` pieces: returns the window bytes that frees, if any.
    pub(super) fn take(&mut self, pieces: u64) -> Option<u64> {
        debug_assert!(pieces <= self.next_piece, "checked by may_take");
        self.taken = self.taken.max(pieces);
        let untaken = &mut self.untaken;
        let gone = untaken.entries[..untaken.len].iter().take_while(|(piece, _)| *piece < pieces).count();
        let released = gone.checked_sub(1).map(|last| untaken.entries[last].1);
        untaken.entries.copy_within(gone..untaken.len, 0);
        untaken.len -= gone;
        released
    }
}
