//! The tables of a sender: live views of the store, and the ships that carry their pieces.
//!
//! A *live* snapshot is a view the host holds open: wanted, then ready; two at most. A *ship* carries one to one link
//! from two piece buffers of its own, so a replica that stops reading pins nobody else's pieces. A ship's pieces are
//! chained to each other on its link, and numbered, so that a cut link resumes at the first it lacks.
//! Invariants: every ship's snapshot is live; a live snapshot has a ship, or a slot that was cut off from it.

use alloc::boxed::Box;
use alloc::vec;
use core::hash::{Hash, Hasher};

use crate::config::Config;
use crate::cursor::Cursor;
use crate::id::{LinkId, Offset, SnapshotId};
use crate::limits::{PIECES_BUFFERED, SNAPSHOTS_LIVE};
use crate::wire::control::encode_piece;

/// A view the host holds open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Live {
    pub(crate) id: SnapshotId,
    /// Where tails begin: the view lies here or later.
    pub(crate) from: Offset,
    /// Where the view lies, once it is open.
    pub(crate) ready: Option<(Cursor, Offset)>,
    pub(crate) bytes: u64,
    pub(crate) wanted_untold: bool,
    /// Nobody needs it: the row is free once that was told.
    pub(crate) done: bool,
}

#[derive(Debug)]
struct Buffer {
    bytes: Box<[u8]>,
    len: usize,
    last: bool,
}

clone_fields! { Buffer { bytes, len, last } }

/// A link's share of the shipping.
#[derive(Debug)]
pub(crate) struct Ship {
    pub(crate) link: Option<LinkId>,
    pub(crate) snapshot: SnapshotId,
    /// The next piece to ask the host for.
    pub(crate) next_read: u64,
    /// It was asked for, and the answer is awaited.
    pub(crate) asked: bool,
    /// The last piece was read.
    pub(crate) read_all: bool,
    /// The chain before the next piece to stage.
    pub(crate) chain: u64,
    /// Every piece left.
    pub(crate) sent_all: bool,
    buffers: [Buffer; PIECES_BUFFERED],
    first: usize,
    full: usize,
}

clone_fields! { Ship { link, snapshot, next_read, asked, read_all, chain, sent_all, buffers, first, full } }

impl Ship {
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

    /// Whether another piece should be asked for.
    pub(crate) fn has_room(&self) -> bool {
        self.link.is_some() && !self.asked && !self.read_all && self.full < PIECES_BUFFERED
    }

    /// Takes a piece the host read.
    pub(crate) fn load(&mut self, data: &[u8], last: bool) {
        let buffer = &mut self.buffers[(self.first + self.full) % PIECES_BUFFERED];
        buffer.len = encode_piece(&mut buffer.bytes, self.snapshot, self.next_read, data);
        buffer.last = last;
        self.full += 1;
        self.next_read += 1;
        (self.asked, self.read_all) = (false, last);
    }

    /// The staged or next piece frame and whether it is the last; `None` if none is loaded.
    pub(crate) fn front_mut(&mut self) -> Option<(&mut [u8], bool)> {
        if self.full == 0 {
            return None;
        }
        let buffer = &mut self.buffers[self.first];
        Some((&mut buffer.bytes[..buffer.len], buffer.last))
    }

    pub(crate) fn front_len(&self) -> Option<usize> {
        (self.full > 0).then(|| self.buffers[self.first].len)
    }

    /// The front piece left whole.
    pub(crate) fn unload(&mut self) {
        assert!(self.full > 0, "a staged piece is loaded");
        self.sent_all |= self.buffers[self.first].last;
        self.first = (self.first + 1) % PIECES_BUFFERED;
        self.full -= 1;
    }

    fn board(&mut self, link: LinkId, snapshot: SnapshotId, next_piece: u64, chain: u64) {
        (self.link, self.snapshot, self.next_read, self.chain) = (Some(link), snapshot, next_piece, chain);
        (self.asked, self.read_all, self.sent_all) = (false, false, false);
        (self.first, self.full) = (0, 0);
    }
}

/// The pieces that are loaded, and who waits for more. A ship without a link is any other.
impl Hash for Ship {
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

/// Views and ships of one node.
#[derive(Debug, Hash)]
pub(crate) struct Ships {
    pub(crate) rows: Box<[Ship]>,
    pub(crate) live: [Option<Live>; SNAPSHOTS_LIVE],
    /// Dice of this boot, in the high half of every id.
    dice: u32,
    /// Ids given out.
    count: u32,
}

clone_fields! { Ships { rows, live, dice, count } }

impl Ships {
    pub(crate) fn new(config: &Config, dice: u32) -> Self {
        Self {
            rows: (0..config.ships_max).map(|_| Ship::new(config)).collect(),
            live: [None; SNAPSHOTS_LIVE],
            dice,
            count: 0,
        }
    }

    /// The staged piece of a ship.
    pub(crate) fn front(&self, ship: usize) -> &[u8] {
        let ship = &self.rows[ship];
        let buffer = &ship.buffers[ship.first];
        &buffer.bytes[..buffer.len]
    }

    /// Whether this id was ever given out in this boot.
    pub(crate) fn issued(&self, id: SnapshotId) -> bool {
        id.0 >> 32 == u64::from(self.dice)
            && (1..=u64::from(self.count)).contains(&(id.0 & u64::from(u32::MAX)))
    }

    /// The live snapshot of an id.
    pub(crate) fn find(&self, id: SnapshotId) -> Option<usize> {
        self.live.iter().position(|live| live.is_some_and(|live| live.id == id && !live.done))
    }

    /// Wants a new view, if a row is free.
    pub(crate) fn want(&mut self, from: Offset) -> Option<usize> {
        let row = self.live.iter().position(Option::is_none)?;
        self.count += 1;
        let id = SnapshotId(u64::from(self.dice) << 32 | u64::from(self.count));
        self.live[row] =
            Some(Live { id, from, ready: None, bytes: u64::MAX, wanted_untold: true, done: false });
        Some(row)
    }

    /// Puts a link aboard a free ship.
    pub(crate) fn board(
        &mut self,
        link: LinkId,
        snapshot: SnapshotId,
        next_piece: u64,
        chain: u64,
    ) -> Option<usize> {
        let row = self.rows.iter().position(|ship| ship.link.is_none())?;
        self.rows[row].board(link, snapshot, next_piece, chain);
        Some(row)
    }

    pub(crate) fn has_free_ship(&self) -> bool {
        self.rows.iter().any(|ship| ship.link.is_none())
    }

    /// Whether a ship carries this snapshot.
    pub(crate) fn carried(&self, id: SnapshotId) -> bool {
        self.rows.iter().any(|ship| ship.link.is_some() && ship.snapshot == id)
    }

    pub(crate) fn check(&self) {
        for ship in self.rows.iter().filter(|ship| ship.link.is_some()) {
            assert!(self.find(ship.snapshot).is_some(), "every ship's snapshot is live");
            assert!(ship.full <= PIECES_BUFFERED);
        }
    }
}

const _: () = assert!(PIECES_BUFFERED == 2, "Ship::new names two buffers");
