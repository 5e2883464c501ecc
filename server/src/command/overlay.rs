//! A transaction's own view of the store: the changes of its commands so far, over the stored entries.
//!
//! Between MULTI and EXEC nothing is applied. At EXEC each command's effects go in here, so that the commands behind it
//! see them, and into one record; the record is written when all are done, or not at all.
//!
//! Invariant: a read through the overlay finds what it would find if `record` were applied to the store. [`change`]
//! says what an effect does, as for every store.
//!
//! Bounds: it holds the values of its record; the caller bounds the record and the cost of the whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use towline_kv::{Change, Effect, Entry, IncrError, change, effects};

use crate::store::{Found, KeyValueStore};

/// The changes of a transaction so far.
#[derive(Debug)]
pub(super) struct Overlay {
    /// The keys it changed since all were cleared: their entries now, or that they are deleted.
    entries: BTreeMap<Box<[u8]>, Option<Found>>,
    /// Set if all keys of the store are deleted.
    cleared: bool,
    len: u64,
    /// The effects of all its commands.
    pub(super) record: Vec<u8>,
    /// How many keys the record deletes because they had expired.
    pub(super) expired: u64,
    /// How many commands the transaction has, and the bytes they take: for CLIENT LIST.
    pub(super) queued: (usize, usize),
}

impl Overlay {
    /// Makes an overlay that changes nothing yet, for so many commands that take so many bytes.
    pub(super) fn new(store: &dyn KeyValueStore, queued: (usize, usize)) -> Self {
        let len = store.len();
        Self { entries: BTreeMap::new(), cleared: false, len, record: Vec::new(), expired: 0, queued }
    }

    /// Returns the entry of a key.
    pub(super) fn get(&self, store: &dyn KeyValueStore, key: &[u8]) -> Option<Found> {
        match self.entries.get(key) {
            Some(found) => found.clone(),
            None if self.cleared => None,
            None => store.get(key),
        }
    }

    /// Returns how many keys there are.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Returns whether the store's own entry of this key is no longer valid.
    pub(super) fn hides(&self, key: &[u8]) -> bool {
        self.cleared || self.entries.contains_key(key)
    }

    /// Returns the entries that are not the store's.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], &Found)> {
        self.entries.iter().filter_map(|(key, found)| Some((&**key, found.as_ref()?)))
    }

    /// Adds one command's effects.
    ///
    /// # Errors
    /// An `INCRBY` of a value that is no counter: a command pushed it without checking first.
    pub(super) fn take(&mut self, store: &dyn KeyValueStore, record: &[u8]) -> Result<(), IncrError> {
        for effect in effects(record).map_while(Result::ok) {
            self.apply(store, &effect)?;
        }
        self.record.extend_from_slice(record);
        Ok(())
    }

    fn apply(&mut self, store: &dyn KeyValueStore, effect: &Effect<'_>) -> Result<(), IncrError> {
        let Some(key) = effect.key() else {
            self.entries.clear();
            (self.cleared, self.len) = (true, 0);
            return Ok(());
        };
        let old = self.get(store, key);
        let entry = old.as_ref().map(|old| Entry { value: &old.value, expiry: old.expiry });
        let new = match change(effect, entry)? {
            // `Clear` has no key.
            Change::Keep | Change::Clear => return Ok(()),
            Change::Put { value, expiry } => Some(Found { value: value.as_bytes().into(), expiry }),
            Change::Extend { tail } => old
                .as_ref()
                .map(|old| Found { value: [&*old.value, tail].concat().into(), expiry: old.expiry }),
            Change::Expire { expiry } => {
                old.as_ref().map(|old| Found { value: Arc::clone(&old.value), expiry })
            }
            Change::Remove => None,
        };
        self.len = self.len - u64::from(old.is_some()) + u64::from(new.is_some());
        self.entries.insert(key.into(), new);
        Ok(())
    }
}
