//! A machine's store: which operations it holds, in order, and the cursor that belongs to them.
//!
//! A record is its operation's number and length; its bytes live on in the chain over them. On disk, what is committed
//! and what survives a power cut are two things: a sync makes every commit before it durable. In memory nothing
//! outlives the process.
//!
//! Invariants: durable <= committed <= held; commits are those after `durable`, in order, each with its cursor.

use crate::trace::At;
use crate::workload;
use std::collections::VecDeque;
use towline_core::Cursor;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A cursor of a few epochs; longer ones live elsewhere.
const SHORT_BYTES: usize = 142;
/// Of a record that no operation of the workload made.
const NOBODY: u32 = u32::MAX;

/// A cursor as a store keeps it.
#[derive(Debug, Clone)]
pub(super) enum Saved {
    Short([u8; SHORT_BYTES], u8),
    Long(Box<[u8]>),
}

impl Saved {
    pub(super) fn new(cursor: &[u8]) -> Self {
        if cursor.len() > SHORT_BYTES {
            return Self::Long(cursor.into());
        }
        let mut bytes = [0; SHORT_BYTES];
        bytes[..cursor.len()].copy_from_slice(cursor);
        Self::Short(bytes, cursor.len() as u8)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(bytes, length) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

/// A record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// Which operation wrote it, and the length of its value.
    pub(super) op: u32,
    pub(super) bytes: u32,
    /// The chain after it.
    pub(super) chain: u64,
}

/// The records of the newest line of writes, so that the others need not be hashed or taken apart twice.
#[derive(Debug)]
pub(super) struct Memo {
    line: Vec<Held>,
    keys: u64,
    record: Vec<u8>,
}

impl Memo {
    pub(super) fn new(keys: u64) -> Self {
        Self { line: Vec::new(), keys, record: Vec::new() }
    }

    /// The bytes of an operation's record.
    pub(super) fn record(&mut self, op: u32, bytes: u32) -> &[u8] {
        workload::record(op.into(), self.keys, bytes.into(), &mut self.record);
        &self.record
    }

    /// A primary wrote the record made last, at this offset.
    pub(super) fn wrote(&mut self, offset: usize, chain: u64, op: u32, bytes: u32) -> Held {
        let held = Held { op, bytes, chain: xxh3_64_with_seed(&self.record, chain) };
        self.line.truncate(offset);
        if self.line.len() == offset {
            self.line.push(held);
        }
        held
    }

    /// The record with these bytes at this offset.
    pub(super) fn read(&self, offset: usize, chain: u64, record: &[u8]) -> Held {
        let chain = xxh3_64_with_seed(record, chain);
        match self.line.get(offset) {
            Some(known) if known.chain == chain => *known,
            Some(_) | None => taken_apart(record, chain),
        }
    }

    /// The record of an operation at this offset.
    pub(super) fn of_op(&mut self, offset: usize, chain: u64, op: u32, bytes: u32) -> Held {
        let before = if offset == 0 { Some(0) } else { self.line.get(offset - 1).map(|held| held.chain) };
        match self.line.get(offset) {
            Some(known) if before == Some(chain) && (known.op, known.bytes) == (op, bytes) => *known,
            Some(_) | None => {
                let chain = xxh3_64_with_seed(self.record(op, bytes), chain);
                Held { op, bytes, chain }
            }
        }
    }
}

/// Reads a record the long way: `*3 $3 SET $.. key $.. value`, whose value begins with the operation's number.
fn taken_apart(record: &[u8], chain: u64) -> Held {
    let value = record.split(|byte| *byte == b'\n').nth(6).and_then(|value| value.strip_suffix(b"\r"));
    let op = value.and_then(|value| value.get(..16)).and_then(|digits| {
        digits.iter().try_fold(0_u32, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u32::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?))
        })
    });
    let bytes = value.map_or(0, <[u8]>::len) as u32;
    Held { op: op.unwrap_or(NOBODY), bytes, chain }
}

/// The store.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) disk: bool,
    pub(super) records: Vec<Held>,
    pub(super) committed: usize,
    pub(super) cursor: Option<Saved>,
    pub(super) durable: usize,
    pub(super) durable_cursor: Option<Saved>,
    commits: VecDeque<(usize, Saved)>,
    /// Every boundary with its cursor, where a fault will want to go back.
    pub(super) past: Option<Vec<(usize, Saved)>>,
    /// What a snapshot replaced, where the folder's own entry is forgotten to be synced.
    pub(super) replaced: Option<Vec<Held>>,
}

impl Store {
    pub(super) fn new(disk: bool, keeps_past: bool) -> Self {
        Self {
            disk,
            records: Vec::new(),
            committed: 0,
            cursor: None,
            durable: 0,
            durable_cursor: None,
            commits: VecDeque::new(),
            past: keeps_past.then(Vec::new),
            replaced: None,
        }
    }

    pub(super) fn end(&self) -> usize {
        self.records.len()
    }

    /// Where so many records end.
    pub(super) fn at(&self, offset: usize) -> At {
        let chain = offset.checked_sub(1).map_or(0, |last| self.records[last].chain);
        At { offset: offset as u64, chain }
    }

    pub(super) fn visible(&self) -> At {
        self.at(self.committed)
    }

    /// The chain at the end.
    pub(super) fn chain(&self) -> u64 {
        self.records.last().map_or(0, |last| last.chain)
    }

    /// Where a process that starts on it stands: where its cursor says, on what it holds. Where the two differ, nobody
    /// wrote that.
    pub(super) fn claims(&self) -> At {
        let stands = self.cursor.as_ref().and_then(|cursor| Cursor::describe(cursor.as_bytes()));
        At { offset: stands.map_or(0, |(_, position)| position.boundary.0), ..self.visible() }
    }

    /// Everything held is committed with this cursor, in one step.
    pub(super) fn commit(&mut self, cursor: Saved) {
        self.committed = self.records.len();
        if self.disk {
            self.commits.push_back((self.committed, cursor.clone()));
        }
        if let Some(past) = &mut self.past {
            past.push((self.committed, cursor.clone()));
        }
        self.cursor = Some(cursor);
    }

    /// Whether a sync would make something durable.
    pub(super) fn is_unsynced(&self) -> bool {
        !self.commits.is_empty()
    }

    /// How many commits a sync that begins now covers.
    pub(super) fn unsynced(&self) -> usize {
        self.commits.len()
    }

    /// The first so many commits are durable.
    pub(super) fn synced(&mut self, commits: usize) {
        if let Some((end, cursor)) = self.commits.drain(..commits.min(self.commits.len())).next_back() {
            (self.durable, self.durable_cursor) = (end, Some(cursor));
        }
    }

    /// Everything committed is durable.
    pub(super) fn settle(&mut self) {
        self.commits.clear();
        (self.durable, self.durable_cursor) = (self.committed, self.cursor.clone());
    }

    /// Goes back to an earlier boundary, at once and for good.
    pub(super) fn rewind(&mut self, offset: usize, cursor: Saved) {
        self.records.truncate(offset);
        self.commits.clear();
        if let Some(past) = &mut self.past {
            past.retain(|row| row.0 < offset);
            past.push((offset, cursor.clone()));
        }
        (self.committed, self.cursor) = (offset, Some(cursor));
        (self.durable, self.durable_cursor) = (offset, self.cursor.clone());
    }

    /// Other records take the place of what is held, at once and for good.
    pub(super) fn replace(&mut self, records: Vec<Held>, cursor: Saved) {
        self.records = records;
        if let Some(past) = &mut self.past {
            past.clear();
        }
        let end = self.records.len();
        self.rewind(end, cursor);
    }

    /// The cursor of the boundary before the newest, where the past is kept.
    pub(super) fn cursor_before(&self) -> Option<Saved> {
        self.past.as_ref()?.iter().rev().nth(1).map(|row| row.1.clone())
    }

    // --- ends of processes -----------------------------------------------------------------------------------------

    /// The process is gone: what was not committed never was; memory is empty.
    pub(super) fn killed(&mut self) {
        self.records.truncate(self.committed);
        if !self.disk {
            *self = Self::new(false, self.past.is_some());
        }
    }

    /// The machine lost power: of the commits that were not synced, so many of a hundred parts are there.
    pub(super) fn power_lost(&mut self, kept: u64) {
        if self.disk {
            let whole = self.commits.len() as u64 * kept.min(100) / 100;
            self.synced(whole as usize);
            self.commits.clear();
            (self.committed, self.cursor) = (self.durable, self.durable_cursor.clone());
            if let Some(past) = &mut self.past {
                past.retain(|row| row.0 <= self.durable);
            }
        }
        self.killed();
    }

    /// The disk is put back to a boundary at least so many records older.
    pub(super) fn roll_back(&mut self, records: u64) {
        let upto = self.committed.saturating_sub(records as usize);
        let past = self.past.take().unwrap_or_default();
        let found = past.iter().rev().find(|row| row.0 <= upto).cloned();
        let disk = self.disk;
        let held = std::mem::take(&mut self.records);
        *self = Self::new(disk, true);
        if let Some((end, cursor)) = found {
            self.records = held;
            self.rewind(end, cursor);
            self.past = Some(past.into_iter().filter(|row| row.0 <= end).collect());
        }
    }
}
