//! The store that a [`Receiver`] commands: a table that takes the upstream's stream.
//!
//! A batch is applied as it comes. A snapshot is loaded beside the table, and batches wait in the spool for its end.
//! Long work is done in parts, so that every turn is short: a batch is one part, a piece and the spool are many.
//!
//! Invariants: table and cursor change together; a spooled batch carries the cursor it had when it came; while a piece
//! is half loaded no frame is received.
//!
//! Bounds: over a full spool the replica stops to report batches as taken, so the sender stops within its window, which
//! is still kept. Beside the spool there is one piece.

use alloc::collections::VecDeque;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use towline_core::receiver::{Batch, Command, Receiver, Standing, Taking};
use towline_core::{Node, Offset, Records, Step, Time};
use towline_kv::{SnapshotReader, Table};

use crate::recent::Recent;

#[cfg(test)]
mod tests;

/// The longest effect of a snapshot: the record head of the log has 28 bits.
const EFFECT_MAX: usize = 1 << 28;

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

/// A snapshot under way.
#[derive(Debug)]
struct Loading {
    cursor: Vec<u8>,
    table: Table,
    reader: SnapshotReader,
    piece: Option<Piece>,
}

/// A received piece, of which `read` bytes are loaded.
#[derive(Debug)]
struct Piece {
    number: u64,
    bytes: Vec<u8>,
    read: usize,
}

/// A table, its cursor, and the snapshot and spool that are on their way into it.
#[derive(Debug)]
pub(crate) struct Replica {
    table: Table,
    cursor: Option<Vec<u8>>,
    changes: u64,
    /// The newest changes, if a caller asked for them.
    recent: Recent,
    receiver: Receiver,
    loading: Option<Loading>,
    spool: VecDeque<Spooled>,
    spool_bytes: usize,
    spool_bytes_max: usize,
    /// Set, with the reason, when the table is worthless.
    broken: Option<String>,
}

impl Replica {
    pub(crate) fn new(spool_bytes_max: usize) -> Self {
        Self {
            table: Table::new(),
            cursor: None,
            changes: 0,
            recent: Recent::default(),
            receiver: Receiver::new(false),
            loading: None,
            spool: VecDeque::new(),
            spool_bytes: 0,
            spool_bytes_max,
            broken: None,
        }
    }

    /// Starts anew for a new node, which begins at the table's cursor.
    pub(crate) fn restart(&mut self) {
        (self.receiver, self.loading) = (Receiver::new(false), None);
        (self.spool, self.spool_bytes) = (VecDeque::new(), 0);
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

    /// Handles a frame's payload. `data` is the input's [`Input::Bytes`].
    ///
    /// # Errors
    /// An error is something that no correct upstream sends. The table is worthless from then on, and nothing more is
    /// taken.
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
        let received =
            self.receiver.receive(step, Standing::of(node), true).map_err(|error| error.to_string());
        let done = received.and_then(|()| self.execute_due(&mut Call { node, now }, data));
        done.inspect_err(|why| self.broken = Some(why.clone()))
    }

    /// Returns whether a piece is to be loaded before the next frame is received.
    pub(crate) fn holds_piece(&self) -> bool {
        self.loading.as_ref().is_some_and(|loading| loading.piece.is_some())
    }

    /// Loads some `bytes_max` of a piece, or applies as much of the spool; returns whether there is more.
    ///
    /// # Errors
    /// As [`receive`](Self::receive).
    pub(crate) fn go_on(&mut self, node: &mut Node, now: Time, bytes_max: usize) -> Result<bool, String> {
        if let Some(why) = &self.broken {
            return Err(why.clone());
        }
        let mut call = Call { node, now };
        let done = if self.holds_piece() {
            self.load_part(&mut call, bytes_max)
        } else {
            self.replay(&mut call, bytes_max)
        };
        done.inspect_err(|why| self.broken = Some(why.clone()))
    }

    // --- commands --------------------------------------------------------------------------------------------------

    /// Executes all commands that are due before the next frame.
    fn execute_due(&mut self, call: &mut Call<'_>, data: &[u8]) -> Result<(), String> {
        while let Some(command) = self.receiver.poll() {
            self.execute(call, command, data)?;
        }
        Ok(())
    }

    /// Executes a command, whose ranges are of `data`; returns how many bytes of the spool it took.
    fn execute(&mut self, call: &mut Call<'_>, command: Command, data: &[u8]) -> Result<usize, String> {
        let mut spooled = 0;
        let done = match command {
            Command::Say(input) => {
                let position =
                    call.node.handle(call.now, input).map_err(|misuse| misuse.to_string())?.position;
                self.receiver.answered(position)
            }
            Command::Keep(batch) => {
                self.keep(call, batch, data);
                Ok(())
            }
            Command::Apply(Batch { range, position, .. }) => {
                let cursor = call.node.cursor(position).as_bytes().to_vec();
                self.apply(&data[range], cursor, position.boundary)?;
                self.receiver.applied(position.boundary)
            }
            Command::ApplySpooled { .. } => {
                let batch = self.pop().ok_or("the spool ran empty")?;
                spooled = batch.bytes();
                self.apply(&batch.records, batch.cursor, batch.upto)?;
                self.receiver.applied(batch.upto)
            }
            Command::DropSpooled { upto } => {
                let goes = |batch: &Spooled| upto.is_none_or(|upto| batch.upto <= upto);
                while self.spool.front().is_some_and(goes) {
                    self.pop();
                }
                Ok(())
            }
            // The old state stays until the snapshot that follows is installed.
            Command::Forked { .. } => Ok(()),
            Command::Begin { range, .. } => {
                let (cursor, reader) = (data[range].to_vec(), SnapshotReader::new(EFFECT_MAX));
                self.loading = Some(Loading { cursor, table: Table::new(), reader, piece: None });
                Ok(())
            }
            Command::Load { range, piece, .. } => {
                let loading = self.loading.as_mut().ok_or("a piece of a snapshot that never began")?;
                loading.piece = Some(Piece { number: piece, bytes: data[range].to_vec(), read: 0 });
                Ok(())
            }
            Command::Install { .. } => self.install().map(|()| self.receiver.installed())?,
            Command::Rewind { .. } | Command::LoadTail(_) | Command::LoadTailSpooled { .. } => {
                return Err("a table goes back nowhere, and takes no tail before the snapshot".to_string());
            }
        };
        done.map(|()| spooled).map_err(|error| error.to_string())
    }

    /// Applies records and stores their cursor, in one step.
    fn apply(&mut self, records: &[u8], cursor: Vec<u8>, upto: Offset) -> Result<(), String> {
        for record in Records::new(records) {
            self.table.apply(record).map_err(|error| error.to_string())?;
        }
        self.recent.note(records, upto);
        self.cursor = Some(cursor);
        self.changes += 1;
        Ok(())
    }

    fn keep(&mut self, call: &Call<'_>, batch: Batch, data: &[u8]) {
        let cursor = call.node.cursor(batch.position).as_bytes().to_vec();
        let records = data[batch.range].to_vec();
        let batch = Spooled { upto: batch.position.boundary, cursor, records };
        self.spool_bytes += batch.bytes();
        self.spool.push_back(batch);
        self.look_at_room();
    }

    fn pop(&mut self) -> Option<Spooled> {
        let batch = self.spool.pop_front()?;
        self.spool_bytes -= batch.bytes();
        Some(batch)
    }

    fn look_at_room(&mut self) {
        let room = self.spool_bytes < self.spool_bytes_max;
        self.receiver.set_taking(if room { Taking::All } else { Taking::Pieces });
    }

    // --- long work ---------------------------------------------------------------------------------------

    /// Loads a part of the piece; after the end of the last piece the snapshot is installed.
    fn load_part(&mut self, call: &mut Call<'_>, bytes_max: usize) -> Result<bool, String> {
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
        let pieces = piece.number + 1;
        *held = None;
        self.receiver.loaded(pieces).map_err(|error| error.to_string())?;
        self.look_at_room();
        self.execute_due(call, &[])?;
        let Some(install) = self.receiver.work() else { return Ok(false) };
        self.execute(call, install, &[])?;
        self.execute_due(call, &[])?;
        Ok(true)
    }

    fn install(&mut self) -> Result<(), String> {
        let loading = self.loading.take().ok_or("the end of a snapshot that never began")?;
        loading.reader.finish().map_err(|error| error.to_string())?;
        (self.table, self.cursor) = (loading.table, Some(loading.cursor));
        self.changes += 1;
        Ok(())
    }

    /// Applies a part of the spool.
    fn replay(&mut self, call: &mut Call<'_>, bytes_max: usize) -> Result<bool, String> {
        let mut bytes = 0;
        while bytes < bytes_max {
            let Some(command) = self.receiver.work() else { return Ok(false) };
            bytes += self.execute(call, command, &[])?;
            self.execute_due(call, &[])?;
        }
        Ok(true)
    }
}

/// A node and the time of the call.
struct Call<'a> {
    node: &'a mut Node,
    now: Time,
}
