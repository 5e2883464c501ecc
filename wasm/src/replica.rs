//! What comes from the upstream, into a table: batches, snapshots, and the tail that rides along with one.
//!
//! States: *live* (a batch is applied as it comes), *joining* (a snapshot is loaded beside the table, and batches wait
//! in the spool for its end), *replaying* (the snapshot is installed; the spool, and behind it every new batch, is
//! applied part by part, so that no turn is long).
//!
//! Invariants: table and cursor change together; a spooled batch carries the cursor it had when it came; the spool is
//! one unbroken run of batches that ends at `spooled_to`.
//!
//! Bounds: what comes over a full spool is no longer said to be taken, so the sender stops within its window; what was
//! under way is still kept. [`REPLAY_BYTES`] of the spool are applied in a turn.

use std::collections::VecDeque;

use towline_core::{Input, Kind, Node, Offset, Payload, Position, Records, SnapshotId, Step, Time};
use towline_kv::{SnapshotReader, Table};

#[cfg(test)]
mod tests;

/// The part of the spool that is applied in one turn: some milliseconds of a tab's time.
const REPLAY_BYTES: usize = 256 << 10;
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
}

/// A table, the cursor it lies at, and what is on its way into it.
#[derive(Debug)]
pub(crate) struct Replica {
    table: Table,
    cursor: Option<Vec<u8>>,
    changes: u64,
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
            Kind::Piece => self.piece(&mut say, bytes, payload.first),
            Kind::LastPiece => self.last_piece(&mut say, bytes, payload.first, payload.snapshot),
        };
        done.inspect_err(|why| self.broken = Some(why.clone()))
    }

    /// Applies a part of the spool; answers whether there is more.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub(crate) fn replay(&mut self, node: &mut Node, now: Time) -> Result<bool, String> {
        if self.phase != Phase::Replaying {
            return Ok(false);
        }
        if !node.stats().base {
            // Another snapshot is on its way, and what waits here belongs to the state it replaces.
            self.join_anew();
            return Ok(false);
        }
        let (mut say, mut bytes) = (Say { node, now }, 0);
        while bytes < REPLAY_BYTES {
            let Some(batch) = self.pop() else {
                self.phase = Phase::Live;
                return Ok(false);
            };
            bytes += batch.bytes();
            let done = self.apply(&mut say, &batch.records, batch.cursor, batch.upto);
            done.inspect_err(|why| self.broken = Some(why.clone()))?;
        }
        Ok(true)
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
        self.loading = Some(Loading { at, cursor: cursor.to_vec(), table: Table::new(), reader });
        self.pieces = 0;
        Ok(())
    }

    fn piece(&mut self, say: &mut Say<'_>, mut bytes: &[u8], number: u64) -> Result<(), String> {
        let loading = self.loading.as_mut().ok_or("a piece of a snapshot that never began")?;
        while let Some(effect) = loading.reader.next(&mut bytes).map_err(|error| error.to_string())? {
            loading.table.apply_effect(&effect).map_err(|error| error.to_string())?;
        }
        self.pieces = number + 1;
        self.take(say)
    }

    fn last_piece(
        &mut self,
        say: &mut Say<'_>,
        bytes: &[u8],
        number: u64,
        snapshot: SnapshotId,
    ) -> Result<(), String> {
        self.piece(say, bytes, number)?;
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
