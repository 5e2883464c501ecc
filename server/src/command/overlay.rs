//! A transaction's own view of the store: what its commands have changed so far, over what is stored.
//!
//! Between MULTI and EXEC nothing is applied. At EXEC each command's effects go in here, so that the commands behind it
//! see them, and into one record; the record is written when all are done, or nothing is.
//!
//! Invariant: a read through the overlay finds what it would find if `record` were applied to the store. What an effect
//! does is asked of [`change`], as every store does.
//!
//! Bounds: it holds the values its record makes; the record and the cost of the whole are bounded where it is used.

use std::collections::BTreeMap;
use std::sync::Arc;

use towline_kv::{Change, Effect, Entry, IncrError, change, effects};

use crate::store::{Found, Store};

/// The changes of a transaction so far.
#[derive(Debug)]
pub(super) struct Overlay {
    /// The keys it touched since all were cleared: what they hold now, or that they are gone.
    entries: BTreeMap<Box<[u8]>, Option<Found>>,
    /// All keys of the store are gone.
    cleared: bool,
    len: u64,
    /// The effects of all its commands.
    pub(super) record: Vec<u8>,
    /// Keys among them that were deleted because their time had come.
    pub(super) expired: u64,
    /// How many commands the transaction has, and the bytes they take: for CLIENT LIST.
    pub(super) queued: (usize, usize),
}

impl Overlay {
    /// An overlay that changes nothing yet, for so many commands that take so many bytes.
    pub(super) fn new(store: &dyn Store, queued: (usize, usize)) -> Self {
        let len = store.len();
        Self { entries: BTreeMap::new(), cleared: false, len, record: Vec::new(), expired: 0, queued }
    }

    /// Returns the entry of a key.
    pub(super) fn get(&self, store: &dyn Store, key: &[u8]) -> Option<Found> {
        match self.entries.get(key) {
            Some(found) => found.clone(),
            None if self.cleared => None,
            None => store.get(key),
        }
    }

    /// How many keys there are.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the store's own entry of this key is no longer the key's.
    pub(super) fn hides(&self, key: &[u8]) -> bool {
        self.cleared || self.entries.contains_key(key)
    }

    /// The entries that are not the store's.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&[u8], &Found)> {
        self.entries.iter().filter_map(|(key, found)| Some((&**key, found.as_ref()?)))
    }

    /// Takes one command's effects.
    ///
    /// # Errors
    /// An `INCRBY` of something that cannot be counted: a command that pushed it without asking first.
    pub(super) fn take(&mut self, store: &dyn Store, record: &[u8]) -> Result<(), IncrError> {
        for effect in effects(record).map_while(Result::ok) {
            self.apply(store, &effect)?;
        }
        self.record.extend_from_slice(record);
        Ok(())
    }

    fn apply(&mut self, store: &dyn Store, effect: &Effect<'_>) -> Result<(), IncrError> {
        let Some(key) = effect.key() else {
            self.entries.clear();
            (self.cleared, self.len) = (true, 0);
            return Ok(());
        };
        let old = self.get(store, key);
        let entry = old.as_ref().map(|old| Entry { value: &old.value, expiry: old.expiry });
        let new = match change(effect, entry)? {
            // `Clear` is said of no key.
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
