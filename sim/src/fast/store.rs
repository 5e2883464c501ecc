//! The records of the fast tier's stores ([`Journal`]): operations.
//!
//! A record is its operation's number and length; its bytes live on in the chain over them.

pub(super) use crate::journal::Saved;

use crate::journal::Journal;
use crate::trace::At;
use crate::workload;
use towline_core::Cursor;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The operation of a record that the workload did not make.
const NOBODY: u32 = u32::MAX;

/// A record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Held {
    /// The operation that wrote it, and the length of its value.
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

    /// Returns the bytes of an operation's record.
    pub(super) fn record(&mut self, op: u32, bytes: u32) -> &[u8] {
        workload::record(op.into(), self.keys, bytes.into(), &mut self.record);
        &self.record
    }

    /// Notes that a primary wrote the record made last, at this offset.
    pub(super) fn wrote(&mut self, offset: usize, chain: u64, op: u32, bytes: u32) -> Held {
        let held = Held { op, bytes, chain: xxh3_64_with_seed(&self.record, chain) };
        self.line.truncate(offset);
        if self.line.len() == offset {
            self.line.push(held);
        }
        held
    }

    /// Returns the record with these bytes at this offset.
    pub(super) fn read(&self, offset: usize, chain: u64, record: &[u8]) -> Held {
        let chain = xxh3_64_with_seed(record, chain);
        match self.line.get(offset) {
            Some(known) if known.chain == chain => *known,
            Some(_) | None => taken_apart(record, chain),
        }
    }

    /// Returns the record of an operation at this offset.
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

/// Parses a record in full: `*3 $3 SET $.. key $.. value`, whose value begins with the operation's number.
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

/// A machine's store.
pub(super) type Store = Journal<Held>;

impl Store {
    /// Returns the state after so many records.
    pub(super) fn at(&self, offset: usize) -> At {
        let chain = offset.checked_sub(1).map_or(0, |last| self.records[last].chain);
        At { offset: offset as u64, chain }
    }

    pub(super) fn visible(&self) -> At {
        self.at(self.committed)
    }

    /// Returns the chain at the end.
    pub(super) fn chain(&self) -> u64 {
        self.records.last().map_or(0, |last| last.chain)
    }

    /// Returns the state that a starting process claims: its cursor's offset, over the records held. Where the two
    /// differ, nobody wrote that state.
    pub(super) fn claims(&self) -> At {
        let stands = self.cursor.as_ref().and_then(|cursor| Cursor::describe(cursor.as_bytes()));
        At { offset: stands.map_or(0, |(_, position)| position.boundary.0), ..self.visible() }
    }
}
