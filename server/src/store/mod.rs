//! Key-value stores: the interface that commands use, and its two implementations.
//!
//! Both keep their entries resident (`map`); [`DiskStore`] also writes them behind to an embedded database, so that
//! reads and views never wait for it. A store belongs to the one task that owns the node.

use std::sync::Arc;

use towline_driver::Store;
use towline_kv::{Digest, ExpiryMs};

pub use disk::{DiskOptions, DiskStore};
pub use memory::MemoryStore;

mod disk;
mod loading;
mod map;
mod memory;
mod resident;
mod view;

/// An entry as a read finds it. Expired keys are entries too, until a `DEL` deletes them.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its value.
    pub value: Arc<[u8]>,
    /// Its expiry, if it has one.
    pub expiry: Option<ExpiryMs>,
}

/// A store of keys and values, for commands to read. Records change it, which is the driver's part of a store
/// ([`Store`]).
pub trait KeyValueStore: Store {
    /// Returns an entry.
    fn get(&self, key: &[u8]) -> Option<Found>;
    /// Returns the number of entries.
    fn len(&self) -> u64;
    /// Returns whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Returns the content digest.
    fn digest(&self) -> Digest;
    /// Returns the bytes the entries take in memory, with their overhead: an estimate from above.
    fn memory_bytes(&self) -> u64;
    /// Calls `visit` for the entries of some part of the store; returns where to go on, 0 at the end. Begin with 0.
    /// An entry present from begin to end is visited at least once, whatever is written meanwhile.
    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64;
    /// Returns some key, chosen by `random`.
    fn some_key(&self, random: u64) -> Option<Arc<[u8]>>;
    /// Returns up to `count` keys that expire at or before `now_ms`, earliest first.
    fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>>;
    /// Returns when the next key expires.
    fn next_due(&self) -> Option<ExpiryMs>;
    /// Returns how many keys have an expiry, and the sum of all expiries in Unix milliseconds.
    fn expiring(&self) -> (u64, u128);
}

/// Returns the memory that an entry takes, its places in the tables included, from above.
pub(crate) fn entry_bytes(key: &[u8], found: &Found) -> u64 {
    map::entry_bytes(key, &found.value, found.expiry.is_some())
}
