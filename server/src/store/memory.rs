//! The store in memory: the resident map and its cursor, gone with the process.
//!
//! It has no [`persistence`](Store::persistence), so `persisted` of it is unknown, never 0. A fork, or the data of
//! another history, is not kept aside, because there is no place to keep it: the driver, which installs over one, logs
//! what is lost.

use std::io;
use std::sync::Arc;

use towline_core::Offset;
use towline_driver::{Replaced, Size, Store, View};
use towline_kv::{Digest, ExpiryMs};

use super::map::{Held, Map};
use super::resident::Resident;
use super::{Found, KeyValueStore};

#[cfg(test)]
mod tests;

/// A store in memory.
#[derive(Debug)]
pub struct MemoryStore {
    resident: Resident,
}

impl MemoryStore {
    /// Makes an empty store. `random` is random, so that clients cannot choose keys that collide.
    #[must_use]
    pub fn new(random: u64) -> Self {
        Self { resident: Resident::new(Map::new(random), None, Offset::default()) }
    }

    /// Sets another bound on the bytes kept of a tail while a snapshot loads: a simulation's state is small, and would
    /// never come near the usual bound.
    #[must_use]
    pub fn keeping(mut self, bytes: usize) -> Self {
        self.resident.keep(bytes);
        self
    }
}

impl Store for MemoryStore {
    fn cursor(&self) -> Option<&[u8]> {
        self.resident.cursor()
    }

    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        self.resident.apply(record, |_| ()).map_err(io::Error::other)
    }

    fn commit(&mut self, cursor: &[u8], upto: Offset) {
        self.resident.commit(cursor, upto);
    }

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        Ok(Box::new(self.resident.view()?))
    }

    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()> {
        self.resident.load_begin(cursor, upto);
        Ok(())
    }

    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.resident.load(piece)
    }

    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        self.resident.load_tail(records, cursor, upto)
    }

    fn install(&mut self, _: Replaced) -> io::Result<()> {
        self.resident.install()
    }

    fn size(&self) -> Size {
        Size { entries: Some(self.len()), memory_bytes: self.memory_bytes() }
    }
}

impl KeyValueStore for MemoryStore {
    fn get(&self, key: &[u8]) -> Option<Found> {
        self.resident.map.get(key).map(Held::found)
    }

    fn len(&self) -> u64 {
        self.resident.map.len()
    }

    fn digest(&self) -> Digest {
        self.resident.map.digest()
    }

    fn memory_bytes(&self) -> u64 {
        self.resident.memory_bytes()
    }

    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64 {
        self.resident.map.scan(from, count, visit)
    }

    fn some_key(&self, random: u64) -> Option<Arc<[u8]>> {
        self.resident.map.some_key(random)
    }

    fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>> {
        self.resident.map.due(now_ms, count)
    }

    fn next_due(&self) -> Option<ExpiryMs> {
        self.resident.map.next_due()
    }

    fn expiring(&self) -> (u64, u128) {
        self.resident.map.expiring()
    }
}
