//! The tables of a sender: open views of the store, and the transfers of their pieces.
//!
//! A *view* is a snapshot the host holds open: wanted, then ready; two at most. A *transfer* sends one to one link from
//! two piece buffers of its own, so a replica that stops reading pins nobody else's pieces. A transfer's pieces are
//! chained to each other on its link, and numbered, so that a cut link resumes at the first it lacks.
//! Invariants: every transfer's view is open or wanted; a view has a transfer, or a slot that was cut off from it.

use alloc::boxed::Box;
use alloc::vec;
use core::hash::{Hash, Hasher};

use crate::config::Config;
use crate::cursor::Cursor;
use crate::events::Subject;
use crate::id::{LinkId, Offset, SnapshotId};
use crate::limits::{PIECES_BUFFERED, VIEWS_MAX};
use crate::wire::control::encode_piece;

/// A view the host holds open, or is asked to open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct View {
    pub(super) id: SnapshotId,
    /// The offset where tails begin: the view is there or later.
    pub(super) from: Offset,
    /// The cursor and the offset of the view, once it is open.
    pub(super) ready: Option<(Cursor, Offset)>,
    pub(super) bytes: u64,
    pub(super) wanted_pending: bool,
    /// Nobody needs it: the row is free once that was notified.
    pub(super) done: bool,
}

#[derive(Debug)]
struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
    last: bool,
}

clone_fields! { Buffer { bytes, len, last } }

/// The transfer of a snapshot to one link.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(super) link: Option<LinkId>,
    pub(super) snapshot: SnapshotId,
    /// The next piece to ask the host for.
    pub(super) next_read: u64,
    /// Set while the host is asked for it.
    pub(super) asked: bool,
    /// The last piece was read.
    pub(super) read_all: bool,
    /// The chain before the next piece to stage.
    pub(super) chain: u64,
    /// Every piece left.
    pub(super) sent_all: bool,
    buffers: [Buffer; PIECES_BUFFERED],
    first: usize,
    full: usize,
}

clone_fields! { Transfer { link, snapshot, next_read, asked, read_all, chain, sent_all, buffers, first, full } }

impl Transfer {
    fn new(config: &Config) -> Self {
        let buffer = || Buffer {
            bytes: vec![0; config.piece_frame_bytes_max() as usize].into_boxed_slice(),
            len: 0,
            last: false,
        };
        Self {
            link: None,
            snapshot: SnapshotId(0),
            next_read: 0,
            asked: false,
            read_all: false,
            chain: 0,
            sent_all: false,
            buffers: [buffer(), buffer()],
            first: 0,
            full: 0,
        }
    }

    /// Returns whether another piece should be asked for.
    pub(super) fn has_room(&self) -> bool {
        self.link.is_some() && !self.asked && !self.read_all && self.full < PIECES_BUFFERED
    }

    /// Takes a piece the host read.
    pub(super) fn load(&mut self, data: &[u8], last: bool) {
        assert!(self.asked && self.full < PIECES_BUFFERED, "a piece is asked for when there is room for it");
        let buffer = &mut self.buffers[(self.first + self.full) % PIECES_BUFFERED];
        buffer.len = encode_piece(&mut buffer.bytes, self.snapshot, self.next_read, data);
        buffer.last = last;
        self.full += 1;
        self.next_read += 1;
        (self.asked, self.read_all) = (false, last);
    }

    /// The staged or next piece frame and whether it is the last; `None` if none is loaded.
    pub(super) fn front_mut(&mut self) -> Option<(&mut [u8], bool)> {
        if self.full == 0 {
            return None;
        }
        let buffer = &mut self.buffers[self.first];
        Some((&mut buffer.bytes[..buffer.len], buffer.last))
    }

    pub(super) fn front_len(&self) -> Option<usize> {
        (self.full > 0).then(|| self.buffers[self.first].len)
    }

    /// The front piece left whole.
    pub(super) fn unload(&mut self) {
        assert!(self.full > 0, "a staged piece is loaded");
        self.sent_all |= self.buffers[self.first].last;
        self.first = (self.first + 1) % PIECES_BUFFERED;
        self.full -= 1;
    }

    fn assign(&mut self, link: LinkId, snapshot: SnapshotId, next_piece: u64, chain: u64) {
        assert!(self.link.is_none(), "a transfer serves one link");
        (self.link, self.snapshot, self.next_read, self.chain) = (Some(link), snapshot, next_piece, chain);
        (self.asked, self.read_all, self.sent_all) = (false, false, false);
        (self.first, self.full) = (0, 0);
    }
}

/// The pieces that are loaded, and who waits for more. A transfer without a link is any other.
impl Hash for Transfer {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.link.hash(hasher);
        if self.link.is_none() {
            return;
        }
        (self.snapshot, self.next_read, self.asked, self.read_all, self.chain, self.sent_all).hash(hasher);
        for place in 0..self.full {
            let buffer = &self.buffers[(self.first + place) % PIECES_BUFFERED];
            (buffer.last, &buffer.bytes[..buffer.len]).hash(hasher);
        }
    }
}

/// Views and transfers of one log.
#[derive(Debug, Hash)]
pub(crate) struct Transfers {
    pub(super) rows: Box<[Transfer]>,
    pub(super) views: [Option<View>; VIEWS_MAX],
    /// Random at each start, in the high half of every id.
    nonce: u32,
    /// Ids given out.
    count: u32,
}

clone_fields! { Transfers { rows, views, nonce, count } }

impl Transfers {
    pub(super) fn new(config: &Config, nonce: u32) -> Self {
        Self {
            rows: (0..config.options().ships_max).map(|_| Transfer::new(config)).collect(),
            views: [None; VIEWS_MAX],
            nonce,
            count: 0,
        }
    }

    /// The staged piece of a transfer.
    pub(super) fn front(&self, row: usize) -> &[u8] {
        let transfer = &self.rows[row];
        let buffer = &transfer.buffers[transfer.first];
        &buffer.bytes[..buffer.len]
    }

    /// Returns whether this id was ever given out in this boot.
    pub(super) fn issued(&self, id: SnapshotId) -> bool {
        id.0 >> 32 == u64::from(self.nonce)
            && (1..=u64::from(self.count)).contains(&(id.0 & u64::from(u32::MAX)))
    }

    /// The row of the view of an id, unless nobody needs it any more.
    pub(super) fn find(&self, id: SnapshotId) -> Option<usize> {
        self.views.iter().position(|view| view.is_some_and(|view| view.id == id && !view.done))
    }

    /// The view of an id, unless nobody needs it any more.
    pub(super) fn view(&self, id: SnapshotId) -> Option<View> {
        self.find(id).and_then(|row| self.views[row])
    }

    /// Returns whether the host holds this view open.
    pub(super) fn is_open(&self, id: SnapshotId) -> bool {
        self.view(id).is_some_and(|view| view.ready.is_some())
    }

    /// Wants a new view, if a row is free.
    pub(super) fn add_view(&mut self, from: Offset) -> Option<usize> {
        let row = self.views.iter().position(Option::is_none)?;
        self.count += 1;
        let id = SnapshotId(u64::from(self.nonce) << 32 | u64::from(self.count));
        self.views[row] =
            Some(View { id, from, ready: None, bytes: u64::MAX, wanted_pending: true, done: false });
        Some(row)
    }

    /// Assigns a free transfer to a link.
    pub(super) fn assign(
        &mut self,
        link: LinkId,
        snapshot: SnapshotId,
        next_piece: u64,
        chain: u64,
    ) -> Option<usize> {
        let row = self.rows.iter().position(|transfer| transfer.link.is_none())?;
        self.rows[row].assign(link, snapshot, next_piece, chain);
        Some(row)
    }

    pub(super) fn has_free(&self) -> bool {
        self.rows.iter().any(|transfer| transfer.link.is_none())
    }

    /// Returns whether a transfer of this snapshot is assigned.
    pub(super) fn is_assigned(&self, id: SnapshotId) -> bool {
        self.rows.iter().any(|transfer| transfer.link.is_some() && transfer.snapshot == id)
    }

    /// The bytes it allocates.
    pub(super) fn memory_bytes(config: &Config) -> u64 {
        let pieces = PIECES_BUFFERED * config.piece_frame_bytes_max() as usize;
        u64::from(config.options().ships_max) * (size_of::<Transfer>() + pieces) as u64
    }

    /// Returns whether the host is to be asked for a piece of this transfer, or for a view or its end.
    pub(super) fn pending(&self) -> impl Iterator<Item = (bool, Subject)> + '_ {
        let wants = |transfer: &Transfer| transfer.has_room() && self.is_open(transfer.snapshot);
        let has = |view: &Option<View>| view.is_some_and(|view| view.wanted_pending || view.done);
        let transfers = self.rows.iter().enumerate();
        let views = self.views.iter().enumerate();
        transfers
            .map(move |(row, transfer)| (wants(transfer), Subject::Transfer(row)))
            .chain(views.map(move |(row, view)| (has(view), Subject::View(row))))
    }

    pub(super) fn check(&self) {
        for transfer in self.rows.iter().filter(|transfer| transfer.link.is_some()) {
            assert!(self.find(transfer.snapshot).is_some(), "every transfer's view is open or wanted");
            assert!(transfer.full <= PIECES_BUFFERED);
        }
    }
}

const _: () = assert!(PIECES_BUFFERED == 2, "Transfer::new names two buffers");
