//! The hash over all facts of a run, and the facts themselves where a caller wants them.

use super::{Fact, ROW_BYTES, TraceRow};
use xxhash_rust::xxh3::Xxh3;

/// The bytes that are hashed at a time.
const RUN_BYTES: usize = 64 * ROW_BYTES;

/// Hashes every fact, and keeps the facts where a caller wants them.
#[derive(Clone)]
pub struct Tracer {
    hash: Xxh3,
    /// Rows that are not hashed yet.
    run: Vec<u8>,
    count: u64,
    kept: Option<Vec<(u64, usize, Fact)>>,
}

impl Tracer {
    /// Makes a tracer that only hashes, or also keeps.
    #[must_use]
    pub fn new(keeps: bool) -> Self {
        Self { hash: Xxh3::new(), run: Vec::with_capacity(RUN_BYTES), count: 0, kept: keeps.then(Vec::new) }
    }

    /// Takes a fact. Inlined, so that a caller that knows the kind pays for that kind alone.
    #[inline(always)]
    pub fn record(&mut self, t_us: u64, node: usize, fact: &Fact) {
        let (kind, fields) = fact.flat();
        let node_number = u32::try_from(node).expect("few nodes");
        self.hash_in(TraceRow { t_us, node: node_number, kind, fields });
        if self.kept.is_some() {
            self.keep(t_us, node, *fact);
        }
    }

    fn hash_in(&mut self, record: TraceRow) {
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

    /// Returns the hash over all rows so far.
    #[must_use]
    pub fn hash(&self) -> u128 {
        let mut hash = self.hash.clone();
        hash.update(&self.run);
        hash.digest128()
    }

    /// Returns how many facts there were.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the facts, if they were kept: time in microseconds, node, fact.
    #[must_use]
    pub fn into_facts(self) -> Vec<(u64, usize, Fact)> {
        self.kept.unwrap_or_default()
    }
}
