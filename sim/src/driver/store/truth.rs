//! The true contents of a disk, now and before, by the operations of the workload, read past every process.
//!
//! Bounds: two maps of all keys for each time that something was removed from a disk.

use std::collections::BTreeMap;

use towline_kv::{Effect, effects};

use super::{Disk, Kept};
use crate::trace::Fact;
use crate::workload::number;

/// The contents of a disk until then: the last operation on each key, for readers and after a power cut.
pub(super) struct Past {
    until_us: u64,
    held: [BTreeMap<Vec<u8>, u64>; 2],
}

impl Disk {
    /// Takes the facts since the last call.
    pub(in crate::driver) fn facts(&self) -> Vec<(u64, Fact)> {
        std::mem::take(&mut self.kept().facts)
    }

    /// Returns true if at some moment since then readers saw a key as this operation or a later one wrote it; with
    /// `durable`: if they would have seen it after a power cut.
    pub(in crate::driver) fn held(&self, key: &[u8], op: u64, durable: bool, since_us: u64) -> bool {
        let kept = self.kept();
        let then = kept.past.iter().rev().take_while(|past| past.until_us >= since_us);
        let newest = |past: &Past| past.held[usize::from(durable)].get(key).copied();
        if then.filter_map(newest).any(|number| number >= op) {
            return true;
        }
        let records = if durable { kept.journal.surviving() } else { kept.journal.shown() };
        let by =
            |record: &[u8]| written(record).filter(|(of, _)| *of == key).map(|(_, number)| number).last();
        records.iter().rev().find_map(|record| by(record)).is_some_and(|number| number >= op)
    }

    /// Returns the operation that wrote each key last, as readers see it.
    pub(in crate::driver) fn numbers(&self) -> BTreeMap<Vec<u8>, u64> {
        numbers(self.kept().journal.shown())
    }
}

impl Kept {
    /// Keeps the contents, before something is removed from them.
    pub(super) fn remember(&mut self, until_us: u64) {
        let held = [self.journal.shown(), self.journal.surviving()].map(numbers);
        self.past.push(Past { until_us, held });
    }
}

/// Returns the operation that wrote each key last.
fn numbers(records: &[Box<[u8]>]) -> BTreeMap<Vec<u8>, u64> {
    let of = |record| written(record).map(|(key, number)| (key.to_vec(), number));
    records.iter().flat_map(|record| of(record)).collect()
}

/// Iterates over the keys that a record writes, each with its operation.
fn written(record: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    let of =
        |effect| if let Effect::Set { key, value } = effect { Some((key, number(value)?)) } else { None };
    effects(record).filter_map(Result::ok).filter_map(of)
}
