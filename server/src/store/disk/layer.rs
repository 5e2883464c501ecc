//! The writes since the last flush: each key's newest state, or that it is deleted.
//!
//! Invariant: applied to the state of the last flush, `cleared` first and then every entry in any order, it gives the
//! state in memory. Keys and values are shared with the map.
//!
//! Bounds: one entry for each key touched, however often.

use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use towline_kv::ExpiryMs;

use super::budget::Amount;
use crate::store::map::{Touched, shared_bytes};

/// Writes that were not handed over yet.
#[derive(Debug, Default)]
pub(crate) struct Layer {
    /// Set if every key that the database had before is deleted.
    cleared: bool,
    entries: HashTable<Written>,
    bytes: u64,
}

/// The newest state of one key.
#[derive(Debug)]
pub(crate) struct Written {
    hash: u64,
    pub(crate) key: Arc<[u8]>,
    /// The value; `None` if the key is deleted.
    pub(crate) value: Option<Arc<[u8]>>,
    pub(crate) expiry: Option<ExpiryMs>,
}

impl Layer {
    /// Adds the change that one effect made to the map.
    pub(crate) fn note(&mut self, touched: Touched<'_>) {
        let written = match touched {
            Touched::Nothing => return,
            Touched::Cleared => {
                *self = Self { cleared: true, ..Self::default() };
                return;
            }
            Touched::Put { hash, held } => Written {
                hash,
                key: Arc::clone(&held.key),
                value: Some(Arc::clone(&held.value)),
                expiry: held.expiry,
            },
            Touched::Removed { hash, key } => Written { hash, key, value: None, expiry: None },
        };
        self.bytes += written.bytes();
        let slot = self.entries.entry(written.hash, |old| old.key == written.key, |old| old.hash);
        match slot {
            Slot::Occupied(mut slot) => {
                self.bytes -= slot.get().bytes();
                *slot.get_mut() = written;
            }
            Slot::Vacant(slot) => {
                slot.insert(written);
            }
        }
    }

    pub(crate) const fn cleared(&self) -> bool {
        self.cleared
    }

    /// Returns the amount to be written.
    pub(crate) fn amount(&self) -> Amount {
        Amount { entries: self.entries.len() as u64, bytes: self.bytes }
    }

    /// Returns the writes in key order, in which a tree is written at the least cost.
    pub(crate) fn sorted(&self) -> Vec<&Written> {
        let mut entries: Vec<_> = self.entries.iter().collect();
        entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        entries
    }

    /// Returns its memory, as if it shared nothing, and that of the sorted list with it.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes + (self.entries.allocation_size() + self.entries.len() * size_of::<&Written>()) as u64
    }
}

impl Written {
    fn bytes(&self) -> u64 {
        shared_bytes(&self.key) + self.value.as_deref().map_or(0, shared_bytes)
    }
}
