//! The log: a ring of finished batch frames, and one open batch at its end.
//!
//! States of the end: *sealed* (no open batch) or *open* (records appended behind a head still to be written).
//! Invariants: the ring holds whole frames from `start` to `end` (offsets), chained from the digest at `start` to
//! `digest` at `end`; the open batch, if any, is from `sealed` to the ring's end; only boundaries leave this room.
//! Bounds: one ring, one sparse index, a table of epochs; appending costs O(1) and evicts at most the frames it
//! overwrites. It knows no readers: its caller looks first which of
//! them read the frame that goes ([`Log::oldest_frame_end`]).

use core::hash::{Hash, Hasher};

use crate::config::Config;
use crate::epochs::EpochTable;
use crate::error::Fault;
use crate::id::{Epoch, EpochOffset, HistoryId, Offset, Position};
use crate::limits::{BATCH_HEAD_BYTES, RECORD_HEAD_BYTES};
use crate::stream::index::{Entry, Index};
use crate::stream::place::{Cost, FrameEnd, Place};
use crate::stream::ring::Ring;
use crate::wire::batch::BatchHead;
use crate::wire::fields::u32_at;

/// The log of one node.
#[derive(Debug)]
pub(crate) struct Log {
    pub(super) history: HistoryId,
    epochs: EpochTable,
    ring: Ring,
    index: Index,
    batch_bytes: u64,
    /// Offset of the oldest frame.
    start: Offset,
    /// Offset after the newest sealed frame.
    end: Offset,
    /// The digest at `end`.
    digest: u64,
    /// The epoch of the newest sealed record, or the newest epoch on a primary.
    epoch: Epoch,
    /// Byte position after the newest sealed frame.
    sealed: u64,
    /// Records in the open batch.
    open_count: u32,
    /// Frame bytes of this epoch before the open batch; `None` until the first frame after a boot.
    byte_position: Option<u64>,
}

clone_fields! {
    Log {
        history, epochs, ring, index, batch_bytes, start, end, digest, epoch, sealed, open_count,
        byte_position
    }
}

impl Log {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            history: HistoryId::NONE,
            epochs: EpochTable::EMPTY,
            ring: Ring::new(config.options().backlog_bytes),
            index: Index::new(config.options().backlog_bytes),
            batch_bytes: config.options().batch_bytes.into(),
            start: Offset(0),
            end: Offset(0),
            digest: 0,
            epoch: Epoch(0),
            sealed: 0,
            open_count: 0,
            byte_position: None,
        }
    }

    /// The sealed end, as a position.
    pub(super) fn position(&self) -> Position {
        Position { epoch: self.epoch, boundary: self.end, digest: self.digest }
    }

    pub(super) fn epochs(&self) -> &EpochTable {
        &self.epochs
    }

    /// The bytes it allocates.
    pub(super) fn memory_bytes(config: &Config) -> u64 {
        config.options().backlog_bytes
            + (Index::bound(config.options().backlog_bytes) * size_of::<Entry>()) as u64
    }

    pub(super) fn start(&self) -> Offset {
        self.start
    }

    pub(super) fn end(&self) -> Offset {
        self.end
    }

    /// The offset after the last record, sealed or not.
    pub(super) fn next(&self) -> Offset {
        Offset(self.end.0 + u64::from(self.open_count))
    }

    /// The record before an offset, sealed or not, if the table of epochs reaches back to it.
    pub(super) fn place(&self, offset: Offset) -> Option<EpochOffset> {
        if offset == Offset(0) {
            return Some(EpochOffset::default());
        }
        let epoch = self.epochs.of_record(offset).filter(|_| offset <= self.next())?;
        Some(EpochOffset { epoch, offset })
    }

    pub(super) fn has_open(&self) -> bool {
        self.open_count > 0
    }

    /// Byte position after the newest sealed frame.
    pub(super) fn sealed(&self) -> u64 {
        self.sealed
    }

    /// Byte position of the oldest frame.
    pub(super) fn oldest(&self) -> u64 {
        self.ring.start()
    }

    /// Opens an epoch at the end; the open batch must be sealed.
    pub(super) fn open_epoch(&mut self, epoch: Epoch) {
        assert!(!self.has_open(), "an epoch opens between batches");
        // Of an upstream's table we may know epochs that begin beyond what we received: they are not ours.
        self.epochs = self.epochs.cut(self.end, epoch);
        assert!(self.epochs.open(epoch, self.end), "a new epoch is numbered above all seen");
        self.epoch = epoch;
        self.byte_position = Some(0);
    }

    /// Takes over a table of epochs that agrees with this log up to its end. An epoch of our own that holds no record
    /// may be gone from it.
    pub(super) fn take_epochs(&mut self, epochs: &EpochTable) {
        debug_assert!(!epochs.is_empty(), "an ADMIT that goes on has a table");
        self.epochs = epochs.clone();
        let epoch = epochs.at(self.end).unwrap_or(self.epoch);
        if epoch != self.epoch {
            (self.epoch, self.byte_position) = (epoch, None);
        }
    }

    /// Forgets all frames and moves to a position.
    pub(super) fn reset(&mut self, history: HistoryId, position: Position, epochs: &EpochTable) {
        assert!(!history.is_none() && !epochs.is_empty(), "a position is of a history, and of an epoch");
        let at = self.ring.end();
        self.ring.drop_before(at);
        self.index.drop_before(at);
        self.index.truncate(0);
        self.history = history;
        self.epochs = epochs.clone();
        (self.start, self.end, self.digest) = (position.boundary, position.boundary, position.digest);
        (self.epoch, self.sealed, self.open_count) = (position.epoch, at, 0);
        self.byte_position = None;
    }

    /// Goes back to a boundary: keeps the frames before it where the ring has them, else none.
    pub(super) fn rewind(&mut self, to: Position) {
        assert!(!self.has_open(), "a replica has no open batch");
        match self.find(to.boundary).filter(|place| place.digest == to.digest) {
            Some(place) => {
                self.ring.truncate(place.position);
                self.index.truncate(place.position);
                self.epochs = self.epochs.cut(to.boundary, to.epoch);
                (self.end, self.digest, self.epoch) = (to.boundary, to.digest, to.epoch);
                self.sealed = place.position;
                self.byte_position = None;
            }
            None => {
                let epochs = self.epochs.cut(to.boundary, to.epoch);
                self.reset(self.history, to, &epochs);
            }
        }
    }

    // --- appending -------------------------------------------------------------------------------------------------

    /// Returns the room that a record of `length` bytes needs now.
    pub(super) fn cost(&self, length: usize) -> Cost {
        let record = (RECORD_HEAD_BYTES + length) as u64;
        let body = (self.ring.end() - self.sealed).saturating_sub(BATCH_HEAD_BYTES as u64);
        if self.has_open() && body + record <= self.batch_bytes {
            Cost { bytes: record, seal_first: false }
        } else {
            Cost { bytes: record + BATCH_HEAD_BYTES as u64, seal_first: self.has_open() }
        }
    }

    /// Free bytes of the ring.
    pub(super) fn free(&self) -> u64 {
        self.ring.free()
    }

    /// Returns the byte position after the oldest frame, which goes next; `None` when only the open batch is left.
    pub(super) fn oldest_frame_end(&self) -> Option<u64> {
        let at = self.ring.start();
        (at < self.sealed).then(|| self.frame_end(at))
    }

    /// Forgets the oldest frame.
    pub(super) fn evict(&mut self) {
        let at = self.ring.start();
        assert!(at < self.sealed, "there is a sealed frame to evict");
        let after = self.frame_ends(at);
        assert!(
            self.start < after.boundary && after.position <= self.sealed,
            "frames hold records, and are whole"
        );
        self.start = after.boundary;
        self.ring.drop_before(after.position);
        self.index.drop_before(after.position);
    }

    /// Appends a record to the open batch, for which there must be room. Returns whether the batch is full.
    pub(super) fn append(&mut self, record: &[u8]) -> bool {
        debug_assert!(!self.cost(record.len()).seal_first, "a full batch is sealed before");
        if self.open_count == 0 {
            self.ring.reserve(BATCH_HEAD_BYTES as u64);
        }
        let length = u32::try_from(record.len()).expect("checked against record_bytes_max");
        self.ring.push(&length.to_le_bytes());
        self.ring.push(record);
        self.open_count += 1;
        self.ring.end() - self.sealed >= self.batch_bytes + BATCH_HEAD_BYTES as u64
    }

    /// Seals the open batch, if any.
    pub(super) fn seal(&mut self, unix_ns: u64) {
        if self.open_count == 0 {
            return;
        }
        let body = self.ring.slices(self.sealed + BATCH_HEAD_BYTES as u64, self.ring.end());
        let byte_position = self.byte_position.expect("a primary opened its epoch");
        let head = BatchHead {
            first: self.end,
            count: self.open_count,
            epoch: self.epoch,
            byte_position,
            unix_ns,
            parent: self.digest,
            raw_length: u32::try_from(body.0.len() + body.1.len()).expect("batches are bounded"),
        };
        let mut bytes = [0; BATCH_HEAD_BYTES];
        let digest = head.seal(&mut bytes, body);
        self.ring.overwrite(self.sealed, &bytes);
        self.open_count = 0;
        self.advance(&head, digest);
        debug_assert!(self.next() == self.end && self.sealed == self.ring.end(), "no open batch is left");
    }

    /// Checks that a verified frame goes on where this log ends.
    pub(super) fn admits(&self, head: &BatchHead) -> Result<(), Fault> {
        if head.first != self.end || head.end().0 == u64::MAX {
            return Err(Fault::Gap);
        }
        if head.parent != self.digest {
            return Err(Fault::Parent);
        }
        let same = head.epoch == self.epoch;
        let known = self.epochs.entries().iter().find(|entry| entry.epoch == head.epoch);
        let in_order = match known {
            Some(_) | None if same => self.byte_position.is_none_or(|bytes| bytes == head.byte_position),
            Some(opening) => head.epoch.number() > self.epoch.number() && opening.start == head.first,
            None => head.epoch.number() > self.epochs.number(),
        };
        // A new epoch begins its own count of bytes.
        if in_order && (same || head.byte_position == 0) { Ok(()) } else { Err(Fault::EpochOrder) }
    }

    /// Appends a frame that was verified and admitted, for which there must be room.
    pub(super) fn accept(&mut self, frame: &[u8], head: &BatchHead, digest: u64) {
        assert!(self.open_count == 0, "only a primary has an open batch");
        if head.epoch.number() > self.epochs.number() {
            assert!(self.epochs.open(head.epoch, head.first), "checked by admits");
        }
        self.epoch = head.epoch;
        self.byte_position = Some(head.byte_position);
        self.ring.push(frame);
        self.advance(head, digest);
    }

    fn advance(&mut self, head: &BatchHead, digest: u64) {
        debug_assert!(head.first == self.end && head.end() > self.end, "a frame goes on where the log ends");
        self.index.note(self.sealed, head.first);
        let after = self.ring.end();
        self.byte_position = self.byte_position.map(|bytes| bytes + (after - self.sealed));
        (self.end, self.digest, self.sealed) = (head.end(), digest, after);
    }

    // --- reading ---------------------------------------------------------------------------------------------------

    pub(super) fn slices(&self, from: u64, to: u64) -> (&[u8], &[u8]) {
        self.ring.slices(from, to)
    }

    /// Frame bytes from a position to the end, the open batch included.
    pub(super) fn bytes_from(&self, position: u64) -> u64 {
        self.ring.end() - position
    }

    /// Where the frame that begins at a position ends.
    #[inline]
    pub(super) fn frame_end(&self, position: u64) -> u64 {
        position + u64::from(u32_at(&self.ring.read::<4>(position), 0))
    }

    /// Returns where the frame ends that begins at a position.
    #[inline]
    pub(super) fn frame_ends(&self, position: u64) -> FrameEnd {
        let head = self.ring.read::<BATCH_HEAD_BYTES>(position);
        FrameEnd {
            position: position + u64::from(u32_at(&head, 0)),
            boundary: BatchHead::decode(&head).end(),
        }
    }

    /// The head of the frame that begins at a position.
    pub(super) fn head_at(&self, position: u64) -> BatchHead {
        BatchHead::decode(&self.ring.read::<BATCH_HEAD_BYTES>(position))
    }

    /// The place of a boundary between the sealed frames in the ring.
    pub(super) fn find(&self, boundary: Offset) -> Option<Place> {
        let place = self.floor(boundary)?;
        (place.boundary == boundary).then_some(place)
    }

    /// The place of the last boundary at or before an offset, if the ring reaches that far back.
    pub(super) fn floor(&self, offset: Offset) -> Option<Place> {
        if offset < self.start {
            return None;
        }
        if offset >= self.end {
            return Some(Place { position: self.sealed, boundary: self.end, digest: self.digest });
        }
        let entry = self.index.floor(offset);
        let mut at = entry.map_or(self.ring.start(), |entry| entry.position);
        loop {
            let after = self.frame_ends(at);
            if offset < after.boundary {
                let head = self.head_at(at);
                return Some(Place { position: at, boundary: head.first, digest: head.parent });
            }
            at = after.position;
        }
    }

    /// Returns the position at a boundary in the ring, for a cursor or an ADMIT.
    pub(super) fn position_at(&self, boundary: Offset) -> Option<Position> {
        let place = self.find(boundary)?;
        let epoch = if boundary == self.end { self.epoch } else { self.epochs.at(boundary)? };
        Some(Position { epoch, boundary, digest: place.digest })
    }

    /// Feeds a fingerprint: the frames, and what is known of them. The head of the open batch is not yet written.
    pub(super) fn print(&self, print: &mut impl Hasher) {
        let begin = self.ring.start();
        (self.history, &self.epochs, self.start, self.end, self.digest, self.epoch).hash(print);
        (self.open_count, self.byte_position, self.sealed - begin).hash(print);
        let unwritten = if self.has_open() { BATCH_HEAD_BYTES as u64 } else { 0 };
        for (from, to) in [(begin, self.sealed), (self.sealed + unwritten, self.ring.end())] {
            let (front, back) = self.ring.slices(from, to);
            (front.len() + back.len()).hash(print);
            print.write(front);
            print.write(back);
        }
    }

    /// The whole invariant that can be seen in O(1).
    pub(super) fn check(&self) {
        assert!(self.start <= self.end);
        assert!(self.ring.start() <= self.sealed && self.sealed <= self.ring.end());
        assert_eq!(
            self.open_count > 0,
            self.ring.end() > self.sealed,
            "bytes past the seal are an open batch"
        );
        assert_eq!(self.start == self.end, self.ring.start() == self.sealed, "frames and records agree");
        assert!(self.history.is_none() || !self.epochs.is_empty(), "a history has an epoch");
        if self.oldest_frame_end().is_some() {
            assert_eq!(self.head_at(self.ring.start()).first, self.start, "the oldest frame begins the log");
        }
    }
}
