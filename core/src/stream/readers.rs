//! The sender's half of the links: where each replica reads, what it was sent, what it acknowledged.
//!
//! A reader is *absent* until a replica joins on its link, then one of the states of [`Serving`]:
//!
//! ```text
//! Absent --JOIN--> Waiting <--> Streaming | Transferring
//!                  Forked --JOIN--> ...
//! Streaming    --the ring overtakes--> Overtaken --> Transferring | Waiting
//! Transferring --the ring overtakes--> Overtaken --> Stopped --installed, JOIN--> ...
//! ```
//!
//! Invariants: a reader is absent iff its link is not joined; no reader is below `floor`; a row is in the list
//! of idle ones at most once, and may be there though it is idle no more.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};
use core::ops::{Index, IndexMut};

use crate::config::Config;
use crate::id::{Offset, Position, SnapshotId};
use crate::stream::log::Log;
use crate::stream::slots::Acked;
use crate::stream::windows::Credit;
use crate::wire::join::Join;

/// A snapshot a replica holds a part of: on its way, or complete and not yet installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Assigned {
    pub(super) snapshot: SnapshotId,
    /// The next piece to stage.
    pub(super) next_piece: u64,
    /// The point where the logs part, if the snapshot follows a fork.
    pub(super) fork: Option<Offset>,
    /// The row of its transfer; none once all pieces are taken.
    pub(super) transfer: Option<usize>,
}

/// The service of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
// A tag of its own: it is asked at every turn, and one that hides in a field is slow to read.
#[repr(u32)]
pub(super) enum Serving {
    /// No replica has joined on this link.
    Absent,
    /// Neither stream nor snapshot is possible now. With `for_snapshot` the position of its JOIN does not count any
    /// more: only a snapshot helps.
    Waiting { for_snapshot: bool },
    /// It was sent where the logs part; JOIN is awaited again.
    Forked(Position),
    /// It reads the stream; the next frame to stage begins at this byte position.
    Streaming { at: u64 },
    /// It reads the stream beside a snapshot.
    Transferring { at: u64, assigned: Assigned },
    /// It reads no stream any more; a snapshot that is under way goes on.
    Stopped(Option<Assigned>),
    /// The ring is about to let go what it would read next. Only while the ring makes room.
    Overtaken(Option<Assigned>),
}

/// The sender's half of one link.
#[derive(Debug, Clone)]
pub(super) struct Reader {
    pub(super) serving: Serving,
    pub(super) join: Option<Join>,
    pub(super) slot: usize,
    /// The offset after the last frame staged.
    pub(super) sent: Offset,
    pub(super) credit: Credit,
    pub(super) piece_credit: Credit,
    /// Stream bytes staged since the last piece, for the pieces' share.
    pub(super) piece_debt: u64,
    /// The number of the last ADMIT sent.
    pub(super) admit: u32,
    pub(super) acked: Acked,
    /// Our end in the last beat: a replica that received it has caught up, however fast we write. Unreachable until a
    /// beat left under the present verdict.
    pub(super) beat_end: Offset,
    /// The newest beat that was echoed, as a count of beats.
    pub(super) echo: u64,
    /// Set if it is in the list of idle ones.
    listed: bool,
}

impl Serving {
    /// Returns whether a replica has joined.
    pub(super) fn joined(&self) -> bool {
        !matches!(self, Self::Absent)
    }

    /// Returns whether the replica was admitted: to stream, snapshot or both.
    pub(super) fn admitted(&self) -> bool {
        match self {
            Self::Absent | Self::Waiting { .. } | Self::Forked(_) => false,
            Self::Streaming { .. } | Self::Transferring { .. } | Self::Stopped(_) | Self::Overtaken(_) => {
                true
            }
        }
    }

    /// The byte position of the next frame to stage; none while no stream flows.
    pub(super) fn reads_at(&self) -> Option<u64> {
        match self {
            Self::Streaming { at } | Self::Transferring { at, .. } => Some(*at),
            Self::Absent | Self::Waiting { .. } | Self::Forked(_) | Self::Stopped(_) | Self::Overtaken(_) => {
                None
            }
        }
    }

    /// Where it reads, and the row of its transfer: the two sources of bulk.
    pub(super) fn sources(&self) -> (Option<u64>, Option<usize>) {
        match self {
            Self::Streaming { at } => (Some(*at), None),
            Self::Transferring { at, assigned } => (Some(*at), assigned.transfer),
            Self::Stopped(Some(assigned)) | Self::Overtaken(Some(assigned)) => (None, assigned.transfer),
            Self::Absent
            | Self::Waiting { .. }
            | Self::Forked(_)
            | Self::Stopped(None)
            | Self::Overtaken(None) => (None, None),
        }
    }

    /// Moves the place where it reads.
    pub(super) fn read_at(&mut self, from: u64) {
        match self {
            Self::Streaming { at } | Self::Transferring { at, .. } => *at = from,
            Self::Absent | Self::Waiting { .. } | Self::Forked(_) | Self::Stopped(_) | Self::Overtaken(_) => {
                unreachable!("a run is staged for a reader of the stream")
            }
        }
    }

    /// The snapshot it holds a part of.
    pub(super) fn assigned(&self) -> Option<&Assigned> {
        match self {
            Self::Transferring { assigned, .. } => Some(assigned),
            Self::Stopped(assigned) | Self::Overtaken(assigned) => assigned.as_ref(),
            Self::Absent | Self::Waiting { .. } | Self::Forked(_) | Self::Streaming { .. } => None,
        }
    }

    /// The same, to be changed.
    pub(super) fn assigned_mut(&mut self) -> Option<&mut Assigned> {
        match self {
            Self::Transferring { assigned, .. } => Some(assigned),
            Self::Stopped(assigned) | Self::Overtaken(assigned) => assigned.as_mut(),
            Self::Absent | Self::Waiting { .. } | Self::Forked(_) | Self::Streaming { .. } => None,
        }
    }

    /// The row of the transfer it is assigned to.
    pub(super) fn transfer(&self) -> Option<usize> {
        self.assigned()?.transfer
    }

    /// A reader of the stream from a position, if there is one, beside a snapshot, if there is one.
    pub(super) fn reading(at: Option<u64>, assigned: Option<Assigned>) -> Self {
        match (at, assigned) {
            (Some(at), None) => Self::Streaming { at },
            (Some(at), Some(assigned)) => Self::Transferring { at, assigned },
            (None, assigned) => Self::Stopped(assigned),
        }
    }

    /// Returns whether only a snapshot helps a replica that is to wait now.
    pub(super) fn needs_snapshot(&self) -> bool {
        match self {
            Self::Waiting { for_snapshot } => *for_snapshot,
            Self::Overtaken(_) | Self::Transferring { .. } | Self::Stopped(Some(_)) => true,
            Self::Absent | Self::Forked(_) | Self::Streaming { .. } | Self::Stopped(None) => false,
        }
    }

    fn print(&self, log: &Log, print: &mut impl Hasher) {
        let at = self.reads_at().map(|at| at - log.oldest());
        let (kind, waits, fork) = match self {
            Self::Absent => (0_u8, false, None),
            Self::Waiting { for_snapshot } => (1, *for_snapshot, None),
            Self::Forked(position) => (2, false, Some(*position)),
            Self::Streaming { .. } => (3, false, None),
            Self::Transferring { .. } => (4, false, None),
            Self::Stopped(_) => (5, false, None),
            Self::Overtaken(_) => (6, false, None),
        };
        (kind, waits, fork, at, self.assigned()).hash(print);
    }
}

impl Reader {
    fn new() -> Self {
        Self {
            serving: Serving::Absent,
            join: None,
            slot: usize::MAX,
            sent: Offset(0),
            credit: Credit::default(),
            piece_credit: Credit::default(),
            piece_debt: 0,
            admit: 0,
            acked: Acked::default(),
            beat_end: Offset(u64::MAX),
            echo: 0,
            listed: false,
        }
    }

    fn print(&self, log: &Log, print: &mut impl Hasher) {
        self.serving.print(log, print);
        (&self.join, self.slot, self.sent, self.credit, self.piece_credit, self.piece_debt).hash(print);
        (self.admit, self.acked, self.beat_end, self.echo, self.listed).hash(print);
    }
}

/// The readers of one log, a row for each link.
#[derive(Debug)]
pub(super) struct Readers {
    rows: Box<[Reader]>,
    /// Readers that wait for the log to grow.
    idle: Vec<u32>,
    /// No reader is before this byte position.
    pub(super) floor: u64,
}

clone_fields! { Readers { rows, idle, floor } }

impl Index<usize> for Readers {
    type Output = Reader;
    fn index(&self, row: usize) -> &Reader {
        &self.rows[row]
    }
}

impl IndexMut<usize> for Readers {
    fn index_mut(&mut self, row: usize) -> &mut Reader {
        &mut self.rows[row]
    }
}

impl Readers {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            rows: (0..config.link_ids()).map(|_| Reader::new()).collect(),
            idle: Vec::with_capacity(config.link_ids() as usize),
            floor: u64::MAX,
        }
    }

    /// The bytes it allocates.
    pub(super) fn memory_bytes(config: &Config) -> u64 {
        u64::from(config.link_ids()) * (size_of::<Reader>() + size_of::<u32>()) as u64
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Reader> {
        self.rows.iter_mut()
    }

    /// Forgets the replica of a link that is free now. It may be in the list of idle ones still.
    pub(super) fn forget(&mut self, row: usize) {
        let listed = self.rows[row].listed;
        self.rows[row] = Reader { listed, ..Reader::new() };
    }

    /// Lists a reader that has sent all there is up to `sealed`, so that growth of the log finds it. One that is held
    /// by its window is found by the acknowledgement that opens it.
    pub(super) fn list_idle(&mut self, row: usize, sealed: u64) {
        let reader = &mut self.rows[row];
        if reader.serving.reads_at() == Some(sealed) && !reader.listed {
            reader.listed = true;
            self.idle.push(u32::try_from(row).expect("link ids are u32"));
            debug_assert!(self.idle.len() <= self.rows.len(), "each row at most once");
        }
    }

    pub(super) fn has_idle(&self) -> bool {
        !self.idle.is_empty()
    }

    pub(super) fn idle_len(&self) -> usize {
        self.idle.len()
    }

    /// Takes a reader out of the list of idle ones.
    pub(super) fn take_idle(&mut self, place: usize) -> usize {
        let row = self.idle.swap_remove(place) as usize;
        debug_assert!(self.rows[row].listed, "a row in the list is marked");
        self.rows[row].listed = false;
        row
    }

    /// Feeds a fingerprint. Byte positions count from the ring's begin.
    pub(super) fn print(&self, log: &Log, print: &mut impl Hasher) {
        for row in &self.rows {
            row.print(log, print);
        }
        self.idle.hash(print);
        let floor = self.floor.max(log.oldest());
        if floor == u64::MAX { floor } else { floor - log.oldest() }.hash(print);
    }

    pub(super) fn check(&self, log: &Log) {
        for reader in &self.rows {
            if let Some(at) = reader.serving.reads_at() {
                assert!(log.oldest() <= at && at <= log.sealed(), "a reader is inside the ring");
                assert!(self.floor <= at, "the floor lies under every reader");
            }
            assert!(!matches!(reader.serving, Serving::Overtaken(_)), "only while the ring makes room");
            assert!(reader.credit.released <= reader.credit.sent, "released what was never sent");
        }
    }
}
