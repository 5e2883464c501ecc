//! The store of a model host: records that know the record before them.
//!
//! A record is its own name, the name of the one it was written after (0 at the beginning), and filling: a ring holds
//! four. So the list itself shows whether it is a line that some primary wrote, and two lists agree as far as their
//! names do.

use std::rc::Rc;

use towline_core::Records;

/// A record: its name, and the name of the one before it.
pub(super) type Record = [u8; 2];

/// The length of a record on the wire: its frame is a quarter of the smallest ring.
pub(super) const RECORD_BYTES: usize = 52;

/// The length of its frame; one fills a window.
pub(super) const FRAME_BYTES: u64 = 128;

/// Returns a record as it is written.
pub(super) fn written(record: Record) -> [u8; RECORD_BYTES] {
    let mut bytes = [0; RECORD_BYTES];
    bytes[..2].copy_from_slice(&record);
    bytes
}

/// Records, and the cursor at their end.
#[derive(Default, PartialEq, Eq, Hash)]
pub(super) struct Store {
    pub(super) records: Vec<Record>,
    pub(super) cursor: Option<Rc<[u8]>>,
}

impl Clone for Store {
    fn clone(&self) -> Self {
        Self { records: self.records.clone(), cursor: self.cursor.clone() }
    }

    fn clone_from(&mut self, from: &Self) {
        self.records.clone_from(&from.records);
        self.cursor.clone_from(&from.cursor);
    }
}

/// A batch that waits: to be applied, or for a snapshot to be installed.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) records: Rc<[Record]>,
    pub(super) cursor: Rc<[u8]>,
    pub(super) frame_bytes: u64,
}

impl Batch {
    pub(super) fn end(&self) -> u64 {
        self.first + self.records.len() as u64
    }
}

/// A line of records, and the part of it that a ring holds.
#[derive(Hash)]
pub(super) struct Line {
    /// The names of the records.
    pub(super) names: Box<[u8]>,
    /// The beginning and the end of the ring.
    pub(super) ring: (u64, u64),
}

impl Line {
    pub(super) fn name_at(&self, offset: u64) -> Option<u8> {
        self.names.get(usize::try_from(offset).ok()?).copied()
    }

    pub(super) fn end(&self) -> u64 {
        self.names.len() as u64
    }
}

/// Returns the flaw in a list of records, if there is one: each must have been written after the one before it.
pub(super) fn flaw(records: &[Record]) -> Option<String> {
    let mut before = 0;
    for (offset, [name, parent]) in records.iter().enumerate() {
        if *parent != before {
            return Some(format!(
                "record {name} lies at {offset} after {before}, it was written after {parent}"
            ));
        }
        before = *name;
    }
    None
}

/// Returns the records of a payload; `None` if one is no record of this store.
pub(super) fn records_of(payload: &[u8]) -> Option<Rc<[Record]>> {
    Records::new(payload)
        .map(|bytes| bytes.first_chunk().copied().filter(|record| written(*record) == bytes))
        .collect()
}

/// Returns the records of a snapshot's bytes; a part of one at the end is dropped, which the caller's count shows.
pub(super) fn records_in(bytes: &[u8]) -> Vec<Record> {
    bytes.chunks_exact(2).map(|record| [record[0], record[1]]).collect()
}
