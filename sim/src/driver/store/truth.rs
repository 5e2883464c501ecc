//! What a disk truly holds and held, by the operations of the workload: nobody in the run is asked.
//!
//! Bounds: two maps of all keys for each time that something was taken from a disk.

use std::collections::BTreeMap;

use towline_kv::{Effect, effects};

use super::{Disk, Kept};
use crate::trace::Fact;
use crate::workload::number;

/// What a disk held until then: which operation wrote each key last, for readers and after a power cut.
pub(super) struct Past {
    until_us: u64,
    held: [BTreeMap<Vec<u8>, u64>; 2],
}

impl Disk {
    /// What happened on it since this was asked.
    pub(in crate::driver) fn facts(&self) -> Vec<(u64, Fact)> {
        std::mem::take(&mut self.kept().facts)
    }

    /// Whether at some moment since then readers saw a key as this operation or a later one wrote it; or would have,
    /// after a power cut.
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

    /// The operation that wrote each key last, as readers see them.
    pub(in crate::driver) fn numbers(&self) -> BTreeMap<Vec<u8>, u64> {
        numbers(self.kept().journal.shown())
    }
}

impl Kept {
    /// Something is about to be taken from it.
    pub(super) fn remember(&mut self, until_us: u64) {
        let held = [self.journal.shown(), self.journal.surviving()].map(numbers);
        self.past.push(Past { until_us, held });
    }
}

/// The operation that wrote each key last.
fn numbers(records: &[Box<[u8]>]) -> BTreeMap<Vec<u8>, u64> {
    let of = |record| written(record).map(|(key, number)| (key.to_vec(), number));
    records.iter().flat_map(|record| of(record)).collect()
}

/// The keys that a record writes, and by which operation.
fn written(record: &[u8]) -> impl Iterator<Item = (&[u8], u64)> {
    let of =
        |effect| if let Effect::Set { key, value } = effect { Some((key, number(value)?)) } else { None };
    effects(record).filter_map(Result::ok).filter_map(of)
}
