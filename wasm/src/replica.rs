//! What comes from the upstream, into a table: batches, snapshots, and the tail that rides along with one.
//!
//! States: *live* (a batch is applied as it comes), *joining* (a snapshot is loaded beside the table, and batches wait
//! in the spool for its end), *replaying* (the snapshot is installed; the spool, and behind it every new batch, is
//! applied). What may be long is done in parts, so that no turn is: a batch is one, a piece and the spool are many.
//!
//! Invariants: table and cursor change together; a spooled batch carries the cursor it had when it came; the spool is
//! one unbroken run of batches that ends at `spooled_to`; while a piece is half loaded no frame is received.
//!
//! Bounds: what comes over a full spool is no longer said to be taken, so the sender stops within its window; what was
//! under way is still kept. Beside it there is one piece.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use towline_core::{Input, Kind, Node, Offset, Payload, Position, Records, SnapshotId, Step, Time};
use towline_kv::{SnapshotReader, Table};

use crate::recent::Recent;

#[cfg(test)]
mod tests;

/// The longest effect a snapshot may have: the record head of the log has 28 bits.
const EFFECT_MAX: usize = 1 << 28;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Live,
    Joining,
    Replaying,
}

#[derive(Debug)]
struct Spooled {
    upto: Offset,
    cursor: Vec<u8>,
    records: Vec<u8>,
}

impl Spooled {
    fn bytes(&self) -> usize {
        self.cursor.len() + self.records.len()
    }
}

/// A snapshot on its way.
#[derive(Debug)]
struct Loading {
    at: Offset,
    cursor: Vec<u8>,
    table: Table,
    reader: SnapshotReader,
    piece: Option<Piece>,
}

/// A piece that came, of which `read` bytes are loaded.
#[derive(Debug)]
struct Piece {
    number: u64,
    bytes: Vec<u8>,
    read: usize,
    /// The snapshot to install after it, if it is the last.
    ends: Option<SnapshotId>,
}

/// A table, the cursor it lies at, and what is on its way into it.
#[derive(Debug)]
pub(crate) struct Replica {
    table: Table,
    cursor: Option<Vec<u8>>,
    changes: u64,
    /// The newest of them, for who asked.
    recent: Recent,
    phase: Phase,
    loading: Option<Loading>,
    /// Pieces of it taken.
    pieces: u64,
    spool: VecDeque<Spooled>,
    spool_bytes: usize,
    spool_bytes_max: usize,
    /// The offset after the last spooled batch, and what the node was told is taken.
    spooled_to: Offset,
    taken_to: Offset,
    /// The table is worthless, and why.
    broken: Option<String>,
}

impl Replica {
    pub(crate) fn new(spool_bytes_max: usize) -> Self {
        Self {
            table: Table::new(),
            cursor: None,
            changes: 0,
            recent: Recent::default(),
            phase: Phase::Live,
            loading: None,
            pieces: 0,
            spool: VecDeque::new(),
            spool_bytes: 0,
            spool_bytes_max,
            spooled_to: Offset(0),
            taken_to: Offset(0),
            broken: None,
        }
    }

    /// A new node begins where the table stands.
    pub(crate) fn restart(&mut self) {
        self.join_anew();
        (self.phase, self.loading, self.pieces) = (Phase::Live, None, 0);
        if self.broken.take().is_some() {
            (self.table, self.cursor) = (Table::new(), None);
        }
    }

    pub(crate) const fn table(&self) -> &Table {
        &self.table
    }

    pub(crate) fn cursor(&self) -> Option<&[u8]> {
        self.cursor.as_deref()
    }

    pub(crate) const fn changes(&self) -> u64 {
        self.changes
    }

    pub(crate) const fn recent(&self) -> &Recent {
        &self.recent
    }

    pub(crate) fn keep_recent(&mut self, max: usize) {
        self.recent.keep(max);
    }

    pub(crate) const fn spool_bytes(&self) -> usize {
        self.spool_bytes
    }

    /// Does what a frame brought. `data` is what was said as [`Input::Bytes`].
    ///
    /// # Errors
    /// What no correct upstream sends. The table is worthless from then on, and nothing more is taken.
    pub(crate) fn receive(
        &mut self,
        node: &mut Node,
        now: Time,
        data: &[u8],
        step: &Step,
    ) -> Result<(), String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let Some(payload) = &step.payload else { return Ok(()) };
        let bytes = &data[payload.range.clone()];
        let mut say = Say { node, now };
        let done = match payload.kind {
            Kind::Batch if self.phase != Phase::Replaying => self.batch(&mut say, bytes, step.position),
            Kind::Batch | Kind::Spool => self.keep(&mut say, bytes, payload, step.position),
            // The old state stands until the snapshot that follows is installed.
            Kind::Fork => Ok(()),
            Kind::Begin => self.begin(&say, bytes, Offset(payload.first)),
            Kind::Piece => self.piece(bytes, payload.first, None),
            Kind::LastPiece => self.piece(bytes, payload.first, Some(payload.snapshot)),
        };
        done.inspect_err(|why| self.broken = Some(why.clone()))
    }

    /// Whether a piece is to be loaded before the next frame is received.
    pub(crate) fn holds_piece(&self) -> bool {
        self.loading.as_ref().is_some_and(|loading| loading.piece.is_some())
    }

    /// Loads some `bytes_max` of a piece, or applies as much of the spool; answers whether there is more.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub(crate) fn go_on(&mut self, node: &mut Node, now: Time, bytes_max: usize) -> Result<bool, String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let mut say = Say { node, now };
        let done = if self.holds_piece() {
            self.load(&mut say, bytes_max)
        } else {
            self.replay(&mut say, bytes_max)
        };
        done.inspect_err(|why| self.broken = Some(why.clone()))
    }

    // --- the stream ------------------------------------------------------------------------------------------------

    fn batch(&mut self, say: &mut Say<'_>, records: &[u8], position: Option<Position>) -> Result<(), String> {
        let position = position.ok_or("a batch without a position")?;
        let cursor = say.node.cursor(position).as_bytes().to_vec();
        self.apply(say, records, cursor, position.boundary)
    }

    /// Records and cursor, one step.
    fn apply(
        &mut self,
        say: &mut Say<'_>,
        records: &[u8],
        cursor: Vec<u8>,
        upto: Offset,
    ) -> Result<(), String> {
        for record in Records::new(records) {
            self.table.apply(record).map_err(|error| error.to_string())?;
        }
        self.recent.note(records, upto);
        self.cursor = Some(cursor);
        self.changes += 1;
        say.input(Input::Applied { upto })
    }

    /// A batch that must wait.
    fn keep(
        &mut self,
        say: &mut Say<'_>,
        records: &[u8],
        payload: &Payload,
        position: Option<Position>,
    ) -> Result<(), String> {
        let position = position.ok_or("a batch without a position")?;
        let rides_along = payload.kind == Kind::Spool;
        let runs_on = self.spooled_to.0 == payload.first;
        if rides_along && (self.phase != Phase::Joining || !runs_on) {
            self.join_anew();
        }
        let cursor = say.node.cursor(position).as_bytes().to_vec();
        let batch = Spooled { upto: position.boundary, cursor, records: records.to_vec() };
        self.spool_bytes += batch.bytes();
        self.spooled_to = batch.upto;
        self.spool.push_back(batch);
        self.take(say)
    }

    /// Forgets the run of batches, and begins to join.
    fn join_anew(&mut self) {
        self.phase = Phase::Joining;
        (self.spooled_to, self.taken_to) = (Offset(0), Offset(0));
        (self.spool, self.spool_bytes) = (VecDeque::new(), 0);
    }

    fn pop(&mut self) -> Option<Spooled> {
        let batch = self.spool.pop_front()?;
        self.spool_bytes -= batch.bytes();
        Some(batch)
    }

    /// Says what is taken: all of it, as long as the spool has room.
    fn take(&mut self, say: &mut Say<'_>) -> Result<(), String> {
        if self.spool_bytes < self.spool_bytes_max {
            self.taken_to = self.taken_to.max(self.spooled_to);
        }
        say.input(Input::Taken { upto: self.taken_to, pieces: self.pieces })
    }

    // --- snapshots -------------------------------------------------------------------------------------------------

    fn begin(&mut self, say: &Say<'_>, cursor: &[u8], at: Offset) -> Result<(), String> {
        // A spool that does not end where the log ends rode beside another snapshot, maybe on a branch that is gone.
        let ours = self.spooled_to == say.node.stats().end;
        if self.phase != Phase::Joining || !ours {
            self.join_anew();
        }
        let reader = SnapshotReader::new(EFFECT_MAX);
        self.loading =
            Some(Loading { at, cursor: cursor.to_vec(), table: Table::new(), reader, piece: None });
        self.pieces = 0;
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8], number: u64, ends: Option<SnapshotId>) -> Result<(), String> {
        let loading = self.loading.as_mut().ok_or("a piece of a snapshot that never began")?;
        loading.piece = Some(Piece { number, bytes: bytes.to_vec(), read: 0, ends });
        Ok(())
    }

    /// A part of the piece; behind its last one, of the last piece, the snapshot is installed.
    fn load(&mut self, say: &mut Say<'_>, bytes_max: usize) -> Result<bool, String> {
        let Some(Loading { table, reader, piece: held, .. }) = &mut self.loading else { return Ok(false) };
        let Some(piece) = held else { return Ok(false) };
        let end = piece.bytes.len().min(piece.read.saturating_add(bytes_max));
        let mut part = &piece.bytes[piece.read..end];
        while let Some(effect) = reader.next(&mut part).map_err(|error| error.to_string())? {
            table.apply_effect(&effect).map_err(|error| error.to_string())?;
        }
        piece.read = end;
        if end < piece.bytes.len() {
            return Ok(true);
        }
        self.pieces = piece.number + 1;
        let ends = piece.ends;
        *held = None;
        self.take(say)?;
        let Some(snapshot) = ends else { return Ok(false) };
        self.install(say, snapshot)?;
        Ok(true)
    }

    fn install(&mut self, say: &mut Say<'_>, snapshot: SnapshotId) -> Result<(), String> {
        let loading = self.loading.take().ok_or("the end of a snapshot that never began")?;
        loading.reader.finish().map_err(|error| error.to_string())?;
        (self.table, self.cursor) = (loading.table, Some(loading.cursor));
        self.changes += 1;
        say.input(Input::Installed { snapshot })?;
        self.phase = Phase::Replaying;
        // What the snapshot holds already is let go. If the tail does not reach it, that is everything.
        while self.spool.front().is_some_and(|batch| batch.upto <= loading.at) {
            self.pop();
        }
        Ok(())
    }

    /// A part of the spool.
    fn replay(&mut self, say: &mut Say<'_>, bytes_max: usize) -> Result<bool, String> {
        if self.phase != Phase::Replaying {
            return Ok(false);
        }
        if !say.node.stats().base {
            // Another snapshot is on its way, and what waits here belongs to the state it replaces.
            self.join_anew();
            return Ok(false);
        }
        let mut bytes = 0;
        while bytes < bytes_max {
            let Some(batch) = self.pop() else {
                self.phase = Phase::Live;
                return Ok(false);
            };
            bytes += batch.bytes();
            self.apply(say, &batch.records, batch.cursor, batch.upto)?;
        }
        Ok(true)
    }
}

/// A node, and when it is spoken to.
struct Say<'a> {
    node: &'a mut Node,
    now: Time,
}

impl Say<'_> {
    fn input(&mut self, input: Input<'_>) -> Result<(), String> {
        match self.node.handle(self.now, input) {
            Ok(_) => Ok(()),
            Err(misuse) => Err(misuse.to_string()),
        }
    }
}
