//! The hash over all facts of a run, and the facts themselves where someone wants to look.

use super::{Fact, RECORD_BYTES, Record};
use xxhash_rust::xxh3::Xxh3;

/// Records are hashed in runs of this many bytes.
const RUN_BYTES: usize = 64 * RECORD_BYTES;

/// Hashes every fact, and keeps them where someone wants to look.
#[derive(Clone)]
pub struct Tracer {
    hash: Xxh3,
    /// Records that are not hashed yet.
    run: Vec<u8>,
    count: u64,
    kept: Option<Vec<(u64, usize, Fact)>>,
}

impl Tracer {
    /// A tracer that only hashes, or also keeps.
    #[must_use]
    pub fn new(keeps: bool) -> Self {
        Self { hash: Xxh3::new(), run: Vec::with_capacity(RUN_BYTES), count: 0, kept: keeps.then(Vec::new) }
    }

    /// Takes a fact. Who tells it knows its kind, and pays for that kind alone.
    #[inline(always)]
    pub fn record(&mut self, t_us: u64, node: usize, fact: &Fact) {
        let (kind, fields) = fact.flat();
        let node_number = u32::try_from(node).expect("few nodes");
        self.hash_in(Record { t_us, node: node_number, kind, fields });
        if self.kept.is_some() {
            self.keep(t_us, node, *fact);
        }
    }

    fn hash_in(&mut self, record: Record) {
        if self.run.len() == RUN_BYTES {
            self.hash.update(&self.run);
            self.run.clear();
        }
        self.run.extend_from_slice(&record.to_bytes());
        self.count += 1;
    }

    fn keep(&mut self, t_us: u64, node: usize, fact: Fact) {
        if let Some(kept) = &mut self.kept {
            kept.push((t_us, node, fact));
        }
    }

    /// The hash over all records so far.
    #[must_use]
    pub fn hash(&self) -> u128 {
        let mut hash = self.hash.clone();
        hash.update(&self.run);
        hash.digest128()
    }

    /// How many there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The facts, if they were kept: time in microseconds, node, fact.
    #[must_use]
    pub fn into_facts(self) -> Vec<(u64, usize, Fact)> {
        self.kept.unwrap_or_default()
    }
}
