//! The resident map of both stores: entries, content digest and expiry order, in memory.
//!
//! A hash map cut into [`SHARDS`] shards. A *view* is a copy of the list of shards: opening one costs as many reference
//! counts, whatever the map holds. A writer copies a shard only when it first changes it while a view shares it, so
//! nobody ever waits for a view.
//!
//! Invariants (`check` recounts them): [`Sums`] are those of the entries. A key stays in its shard for as long as the
//! seed is the same, which makes a scan by shard number safe against any write.
//!
//! Bounds: a write costs one lookup, two digests and, under a view, at most one copy of a shard. The digest of a large
//! value is kept, so deleting the value hashes nothing. Deleting all keys costs O(shards); a thread of its own frees
//! many entries.
//!
//! It knows no cursor and no step: those are in [`super::resident`].

use std::hint::black_box;
use std::sync::Arc;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Slot;
use towline_kv::{Change, Digest, Effect, Entry, ExpiryMs, IncrError, change};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::sums::Sums;
use super::Found;

mod sums;
#[cfg(test)]
pub(crate) mod tests;

/// The number of shards. Few enough for their heads to stay in a core's cache, and for a view to open in some 0.1 ms;
/// many enough that the copy of one, for which the first write under a view waits, has 120 entries at a million keys.
pub(crate) const SHARDS: usize = 1 << 13;
/// Effects whose tables are fetched together: few enough for the nearest cache.
pub(crate) const AHEAD: usize = 32;
/// The most entries that are freed in place; a thread frees more: each costs two cache misses.
const FREE_HERE: usize = 20_000;
/// The memory of a place in a table at the worst, right after it grew: 16 / 7 of a slot and its tag.
const SLOT_BYTES: u64 = (size_of::<Held>() as u64 + 1) * 16 / 7 + 1;
/// The memory of an entry of the expiry order, with a half-empty tree around it.
const EXPIRY_BYTES: u64 = 64;

const _: () = assert!(SHARDS.is_power_of_two() && SHARDS <= u32::MAX as usize);

/// One entry.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) key: Arc<[u8]>,
    pub(crate) value: Arc<[u8]>,
    pub(crate) expiry: Option<ExpiryMs>,
    /// The key's hash: a table that grows or shrinks moves its entries without reading their keys, each a cache miss.
    hash: u64,
}

/// The change of an effect, for a caller that keeps a second copy.
#[derive(Debug)]
pub(crate) enum Touched<'a> {
    /// No change.
    Nothing,
    /// The key has this entry now.
    Put { hash: u64, held: &'a Held },
    /// The key is deleted.
    Removed { hash: u64, key: Arc<[u8]> },
    /// Every key is deleted.
    Cleared,
}

/// The map of all entries.
#[derive(Debug)]
pub(crate) struct Map {
    shards: Shards,
    seed: u64,
    sums: Sums,
}

impl Map {
    /// Makes an empty map. `seed` is random: a client that could guess it could choose keys that make lookups slow.
    pub(crate) fn new(seed: u64) -> Self {
        Self { shards: Shards::empty(), seed, sums: Sums::default() }
    }

    pub(crate) const fn seed(&self) -> u64 {
        self.seed
    }

    pub(crate) const fn len(&self) -> u64 {
        self.sums.len
    }

    pub(crate) const fn digest(&self) -> Digest {
        self.sums.digest
    }

    pub(crate) fn get(&self, key: &[u8]) -> Option<&Held> {
        let hash = hash_of(self.seed, key);
        self.shards.0[shard_of(hash)].find(hash, |held| *held.key == *key)
    }

    /// Applies one effect of a record or of a snapshot.
    ///
    /// # Errors
    /// An `INCRBY` of a value that is no counter; nothing changed.
    pub(crate) fn apply(&mut self, effect: &Effect<'_>) -> Result<Touched<'_>, IncrError> {
        let Some(key) = effect.key() else {
            *self = Self::new(self.seed);
            return Ok(Touched::Cleared);
        };
        let hash = hash_of(self.seed, key);
        match slot(&mut self.shards, hash, key) {
            Slot::Vacant(slot) => {
                let Change::Put { value, expiry } = change(effect, None)? else {
                    return Ok(Touched::Nothing);
                };
                let held = Held { key: key.into(), value: value.as_bytes().into(), expiry, hash };
                self.sums.add(&held);
                Ok(Touched::Put { hash, held: slot.insert(held).into_mut() })
            }
            Slot::Occupied(mut slot) => {
                let held = slot.get_mut();
                let change = change(effect, Some(held.entry()))?;
                // `Clear` has no key.
                if matches!(change, Change::Keep | Change::Clear) {
                    return Ok(Touched::Nothing);
                }
                self.sums.remove(held);
                if !held.revise(&change) {
                    let (held, slot) = slot.remove();
                    trim(slot.into_table());
                    return Ok(Touched::Removed { hash, key: held.key });
                }
                self.sums.add(held);
                Ok(Touched::Put { hash, held: slot.into_mut() })
            }
        }
    }

    /// Prefetches the tables that the first of these effects need: [`AHEAD`] at most. Each needs two waits, for its
    /// head and its place; prefetched together, they share the wait.
    pub(crate) fn fetch<'e>(&self, effects: impl Iterator<Item = Effect<'e>>) {
        let mut hashes = [0; AHEAD];
        let keys = effects.filter_map(|effect| effect.key());
        let hashed = hashes.iter_mut().zip(keys).map(|(hash, key)| *hash = hash_of(self.seed, key)).count();
        let near = || hashes[..hashed].iter().map(|hash| (*hash, &self.shards.0[shard_of(*hash)]));
        black_box(near().fold(0, |sum, (_, shard)| sum ^ shard.len()));
        black_box(
            near().filter(|(hash, shard)| shard.find(*hash, |held| held.hash == *hash).is_some()).count(),
        );
    }

    /// Adds an entry of a database that is being loaded; returns false if its key exists already.
    pub(crate) fn load(&mut self, key: &[u8], value: &[u8], expiry: Option<ExpiryMs>) -> bool {
        let hash = hash_of(self.seed, key);
        let Slot::Vacant(slot) = slot(&mut self.shards, hash, key) else { return false };
        let held = Held { key: key.into(), value: value.into(), expiry, hash };
        self.sums.add(&held);
        slot.insert(held);
        true
    }

    /// Returns the entries as they are now; later writes do not show in them.
    pub(crate) fn freeze(&self) -> Shards {
        Shards(self.shards.0.clone())
    }

    /// Scans some entries: see [`Store::scan`](super::Store::scan). A cursor is the number of the shard to go on with.
    pub(crate) fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64 {
        let mut seen = 0;
        let begin = usize::try_from(from).unwrap_or(SHARDS).min(SHARDS);
        for (number, shard) in self.shards.0.iter().enumerate().skip(begin) {
            if seen >= count.max(1) {
                return number as u64;
            }
            for held in &**shard {
                visit(&held.key, &held.found());
                seen += 1;
            }
        }
        0
    }

    /// Returns some key. Any key may be returned; keys of sparse shards more often than others.
    pub(crate) fn some_key(&self, random: u64) -> Option<Arc<[u8]>> {
        let begin = shard_of(random);
        let (before, behind) = self.shards.0.split_at(begin);
        let shard = behind.iter().chain(before).find(|shard| !shard.is_empty())?;
        let below = u64::from(u32::MAX) + 1;
        let chosen = usize::try_from(random % below).unwrap_or_default() % shard.len();
        shard.iter().nth(chosen).map(|held| Arc::clone(&held.key))
    }

    /// Returns up to `count` keys that expire at or before `now_ms`, earliest first.
    pub(crate) fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>> {
        let due = self.sums.expiries().take_while(|(at, _)| at.get() <= now_ms);
        due.take(count).map(|(_, key)| Arc::clone(key)).collect()
    }

    pub(crate) fn next_due(&self) -> Option<ExpiryMs> {
        self.sums.expiries().next().map(|(at, _)| *at)
    }

    /// Returns how many keys have an expiry, and the sum of all expiries.
    pub(crate) fn expiring(&self) -> (u64, u128) {
        self.sums.expiring()
    }

    /// Returns its memory, from above; O(shards).
    pub(crate) fn memory_bytes(&self) -> u64 {
        let tables: usize = self.shards.0.iter().map(|shard| block(shard.allocation_size() + 64)).sum();
        self.sums.bytes + tables as u64 + self.sums.order_bytes()
    }

    /// Returns the memory of a view, from above, once every entry was written anew; O(1).
    pub(crate) const fn view_bytes(&self) -> u64 {
        self.sums.bytes + self.sums.len * SLOT_BYTES + (SHARDS * 128) as u64
    }

    /// Asserts the whole invariant: O(entries).
    #[cfg(test)]
    pub(crate) fn check(&self) {
        let mut sums = Sums::default();
        for (number, shard) in self.shards.0.iter().enumerate() {
            for held in &**shard {
                assert_eq!(hash_of(self.seed, &held.key), held.hash, "an entry knows its hash");
                assert_eq!(shard_of(held.hash), number, "a key is in its shard");
                sums.add(held);
            }
        }
        assert_eq!(sums, self.sums, "the sums are those of the entries");
    }
}

/// Frees many entries in a thread of their own.
fn free<T: Send + 'static>(many: T) {
    // Without a thread the closure is dropped here, which frees them.
    drop(std::thread::Builder::new().name("free".to_owned()).spawn(move || drop(many)));
}

impl Held {
    pub(crate) fn entry(&self) -> Entry<'_> {
        Entry { value: &self.value, expiry: self.expiry }
    }

    pub(crate) fn found(&self) -> Found {
        Found { value: Arc::clone(&self.value), expiry: self.expiry }
    }

    fn digest(&self) -> Digest {
        Digest::of_entry(&self.key, self.expiry, &self.value)
    }

    /// Returns the memory of key and value; the table's is counted elsewhere.
    pub(crate) fn bytes(&self) -> u64 {
        shared_bytes(&self.key) + shared_bytes(&self.value)
    }

    /// Writes the change into the entry; returns false if it must be deleted.
    fn revise(&mut self, change: &Change<'_>) -> bool {
        match change {
            Change::Put { value, expiry } => {
                let value = value.as_bytes();
                match Arc::get_mut(&mut self.value) {
                    Some(room) if room.len() == value.len() => room.copy_from_slice(value),
                    Some(_) | None => self.value = value.into(),
                }
                self.expiry = *expiry;
            }
            Change::Extend { tail } => self.value = [&*self.value, tail].concat().into(),
            Change::Expire { expiry } => self.expiry = *expiry,
            Change::Remove => return false,
            Change::Keep | Change::Clear => {}
        }
        true
    }
}

/// The entries of a map or of a view of one. A thread frees many that are not shared.
#[derive(Debug)]
pub(crate) struct Shards(Vec<Arc<HashTable<Held>>>);

impl Shards {
    fn empty() -> Self {
        let empty = Arc::default();
        Self((0..SHARDS).map(|_| Arc::clone(&empty)).collect())
    }

    /// Returns all entries, shard by shard; the order within a shard never changes while this lives.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.0.iter().flat_map(|shard| shard.iter())
    }

    /// Returns the entries of one shard; `None` after the last.
    pub(crate) fn shard(&self, number: usize) -> Option<impl Iterator<Item = &Held>> {
        self.0.get(number).map(|shard| shard.iter())
    }
}

impl Drop for Shards {
    fn drop(&mut self) {
        let alone = self.0.iter().filter(|shard| Arc::strong_count(shard) == 1);
        if alone.map(|shard| shard.len()).sum::<usize>() > FREE_HERE {
            free(std::mem::take(&mut self.0));
        }
    }
}

/// Returns the bytes that the allocator takes for so many.
pub(crate) const fn block(bytes: usize) -> usize {
    let whole = (bytes + 8).next_multiple_of(16);
    if whole < 32 { 32 } else { whole }
}

/// Returns the memory of an entry, from above.
pub(crate) const fn entry_bytes(key: &[u8], value: &[u8], ends: bool) -> u64 {
    shared_bytes(key) + shared_bytes(value) + SLOT_BYTES + if ends { EXPIRY_BYTES } else { 0 }
}

/// Returns the memory of a shared byte string, with its two counts.
pub(crate) const fn shared_bytes(bytes: &[u8]) -> u64 {
    block(bytes.len() + 16) as u64
}

fn hash_of(seed: u64, key: &[u8]) -> u64 {
    xxh3_64_with_seed(key, seed)
}

/// Returns the shard of a hash, from its middle bits: the table inside uses the lowest and the highest.
fn shard_of(hash: u64) -> usize {
    usize::try_from((hash >> 32) & (SHARDS as u64 - 1)).unwrap_or_default()
}

/// Returns the place of a key, in a shard that no view shares.
fn slot<'a>(shards: &'a mut Shards, hash: u64, key: &[u8]) -> Slot<'a, Held> {
    let shard = Arc::make_mut(&mut shards.0[shard_of(hash)]);
    shard.entry(hash, |held| *held.key == *key, |held| held.hash)
}

/// Shrinks a shard when most of it is empty.
fn trim(shard: &mut HashTable<Held>) {
    if shard.capacity() > 16 && shard.len() < shard.capacity() / 8 {
        shard.shrink_to(shard.len() * 2, |held| held.hash);
    }
}
