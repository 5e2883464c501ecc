//! The smallest store that speaks the language: a sorted map that keeps its digest.
//!
//! It is the reference the other stores are tested against, and the store of the simulator and the browser page.
//!
//! Invariant: `digest` is the sum over all entries (`check` recounts it). Keys past their time are entries like any
//! other until a `DEL` takes them: the table has no clock.
//!
//! Bounds: memory is what the entries take. It sets no limit of its own; records are limited where they enter.

use crate::digest::Digest;
use crate::effect::Effect;
use crate::entry::{ApplyError, Change, Entry, change};
use crate::expiry::ExpiryMs;
use crate::key::{Key, Lent};
use crate::record::effects;
use crate::snapshot::{SnapshotReader, SnapshotWriter};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

#[cfg(test)]
mod tests;

/// An in-memory store in key order.
#[derive(Clone, Debug, Default)]
pub struct Table {
    entries: BTreeMap<Key, Held>,
    digest: Digest,
}

#[derive(Clone, Debug, Default)]
struct Held {
    value: Vec<u8>,
    expiry: Option<ExpiryMs>,
}

impl Held {
    fn entry(&self) -> Entry<'_> {
        Entry { value: &self.value, expiry: self.expiry }
    }

    fn digest(&self, key: &[u8]) -> Digest {
        Digest::of_entry(key, self.expiry, &self.value)
    }
}

impl Table {
    /// Makes an empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), digest: Digest::EMPTY }
    }

    /// Applies one record.
    ///
    /// # Errors
    ///
    /// A record that no correct primary sends. The effects before the bad one are applied: the table no longer is what
    /// any other node has, and is to be thrown away.
    pub fn apply(&mut self, record: &[u8]) -> Result<(), ApplyError> {
        for effect in effects(record) {
            self.apply_effect(&effect?)?;
        }
        Ok(())
    }

    /// Applies one effect, of a record or of a snapshot.
    ///
    /// # Errors
    ///
    /// An `INCRBY` of something that is no number; nothing changed.
    pub fn apply_effect(&mut self, effect: &Effect<'_>) -> Result<(), ApplyError> {
        let Some(key) = effect.key() else {
            *self = Self::new();
            return Ok(());
        };
        let Some(held) = self.entries.get_mut(&key as &dyn Lent) else {
            let mut held = Held::default();
            if revise(&mut held, &change(effect, None)?) {
                self.digest.add(held.digest(key));
                self.entries.insert(Key(key.into()), held);
            }
            return Ok(());
        };
        let change = change(effect, Some(held.entry()))?;
        let before = held.digest(key);
        if revise(held, &change) {
            self.digest.add(held.digest(key));
            self.digest.remove(before);
        } else if change == Change::Remove {
            self.digest.remove(before);
            self.entries.remove(&key as &dyn Lent);
        }
        Ok(())
    }

    /// Returns the entry of a key, past its time or not.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Entry<'_>> {
        self.entries.get(&key as &dyn Lent).map(Held::entry)
    }

    /// Returns how many keys there are, past their time or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether there is no key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the content digest.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns all entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Entry<'_>)> {
        self.entries.iter().map(|(key, held)| (key.bytes(), held.entry()))
    }

    /// Returns the entries behind `key` in key order, whether it is there or not: how to go on with an iteration that
    /// was put down.
    pub fn after(&self, key: &[u8]) -> impl Iterator<Item = (&[u8], Entry<'_>)> {
        let behind = (Bound::Excluded(&key as &dyn Lent), Bound::Unbounded);
        self.entries.range::<dyn Lent, _>(behind).map(|(key, held)| (key.bytes(), held.entry()))
    }

    /// Returns the table as the bytes of a whole snapshot.
    #[must_use]
    pub fn written(&self) -> Vec<u8> {
        let mut writer = SnapshotWriter::new(usize::MAX);
        for (key, entry) in self.iter() {
            writer.push(key, entry.expiry, entry.value);
        }
        writer.next_piece().data.to_vec()
    }

    /// Makes a table from the bytes of a whole snapshot.
    ///
    /// # Errors
    ///
    /// Bytes that are none, or end within an effect.
    pub fn read(snapshot: &[u8]) -> Result<Self, ApplyError> {
        let (mut table, mut reader, mut rest) = (Self::new(), SnapshotReader::new(usize::MAX), snapshot);
        while let Some(effect) = reader.next(&mut rest)? {
            table.apply_effect(&effect)?;
        }
        reader.finish()?;
        Ok(table)
    }

    /// Asserts the whole invariant: O(entries), for tests and the simulator.
    ///
    /// # Panics
    ///
    /// If the digest is not the sum over the entries: a bug of this crate.
    pub fn check(&self) {
        let mut sum = Digest::EMPTY;
        for (key, held) in &self.entries {
            sum.add(held.digest(key.bytes()));
        }
        assert_eq!(sum, self.digest, "the digest is the sum over the entries");
    }
}

/// Writes the change into an entry. Returns false if there was nothing to write.
fn revise(held: &mut Held, change: &Change<'_>) -> bool {
    match *change {
        Change::Put { ref value, expiry } => {
            held.value.clear();
            held.value.extend_from_slice(value.as_bytes());
            held.expiry = expiry;
        }
        Change::Extend { tail } => held.value.extend_from_slice(tail),
        Change::Expire { expiry } => held.expiry = expiry,
        Change::Keep | Change::Remove | Change::Clear => return false,
    }
    true
}
