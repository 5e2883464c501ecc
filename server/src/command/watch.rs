//! WATCH: keys that clients want to be unchanged when their transaction runs, marked by every change.
//!
//! A session holds a [`Mark`] for each key it watches; the engine's table ([`Watches`]) knows all marks that are still
//! held. Each record is shown to the table right before it is applied.
//!
//! As in redis, a key counts as changed when it was written, even with the same value; when it existed and FLUSHALL
//! deleted it; and when it expired after it was watched. A key that had expired before did not exist, and its later
//! deletion changes nothing.
//!
//! Invariants: a mark that is set stays set; a session that is gone holds nothing, so nothing has to be given back.
//!
//! Bounds: the table holds at most twice as many marks as sessions do, and `SPARE` more. Without watchers a record
//! costs one look at an empty table.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use towline_kv::{Effect, effects};

use crate::store::KeyValueStore;

/// Marks of sessions that are gone, kept before they are looked for.
const SPARE: usize = 64;

/// A mark of one session on one key, set when the key changes.
#[derive(Debug, Default)]
pub struct Mark {
    changed: AtomicBool,
    /// Set while the key had expired when it was watched, and was not deleted since.
    dead: AtomicBool,
}

impl Mark {
    /// Returns whether the key has changed.
    #[must_use]
    pub fn changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Returns whether the key had expired when it was watched, and nothing happened to it since.
    #[must_use]
    pub fn dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// Notes that the key, or all keys, are deleted.
    fn delete(&self) {
        if !self.dead.swap(false, Ordering::Relaxed) {
            self.change();
        }
    }

    fn change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }
}

/// All marks that are held.
#[derive(Debug, Default)]
pub struct Watches {
    keys: BTreeMap<Box<[u8]>, Vec<Weak<Mark>>>,
    marks: usize,
    /// The number of marks at which those that nobody holds are removed.
    marks_max: usize,
}

impl Watches {
    /// Adds a mark on a key; `dead` if it has expired already.
    pub fn watch(&mut self, key: &[u8], dead: bool) -> Arc<Mark> {
        if self.marks >= self.marks_max.max(SPARE) {
            self.prune();
        }
        let mark = Arc::new(Mark { changed: AtomicBool::new(false), dead: AtomicBool::new(dead) });
        self.keys.entry(key.into()).or_default().push(Arc::downgrade(&mark));
        self.marks += 1;
        mark
    }

    /// Sets the marks of every key that a record, which is about to be applied to `store`, changes.
    #[inline]
    pub fn note(&mut self, record: &[u8], store: &dyn KeyValueStore) {
        if !self.keys.is_empty() {
            self.set(record, store);
        }
    }

    /// Notes that everything may have changed: another state takes the place of this one.
    pub fn note_all(&mut self) {
        for mark in std::mem::take(&mut self.keys).into_values().flatten().filter_map(|mark| mark.upgrade()) {
            mark.change();
        }
        self.marks = 0;
    }

    #[cold]
    fn set(&mut self, record: &[u8], store: &dyn KeyValueStore) {
        for effect in effects(record).map_while(Result::ok) {
            let Some(key) = effect.key() else {
                self.clear(store);
                continue;
            };
            let Some(marks) = self.keys.remove(key) else { continue };
            self.marks -= marks.len();
            let deletes = matches!(effect, Effect::Del { .. });
            for held in marks {
                let Some(mark) = held.upgrade() else { continue };
                if deletes {
                    mark.delete()
                } else {
                    mark.change()
                }
                if !mark.changed() {
                    self.keys.entry(key.into()).or_default().push(held);
                    self.marks += 1;
                }
            }
        }
    }

    /// Notes that all keys are deleted: those that exist change.
    fn clear(&mut self, store: &dyn KeyValueStore) {
        for (key, marks) in &self.keys {
            if store.get(key).is_some() {
                marks.iter().filter_map(Weak::upgrade).for_each(|mark| mark.delete());
            }
        }
        self.prune();
    }

    /// Removes marks that nobody holds, and marks that are set already.
    fn prune(&mut self) {
        self.keys.retain(|_, marks| {
            marks.retain(|mark| mark.upgrade().is_some_and(|mark| !mark.changed()));
            !marks.is_empty()
        });
        self.marks = self.keys.values().map(Vec::len).sum();
        self.marks_max = 2 * self.marks;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::MemoryStore;

    #[test]
    fn the_table_keeps_what_is_held_and_little_more() {
        let mut watches = Watches::default();
        let held: Vec<_> = (0..100_u32).map(|n| watches.watch(&n.to_le_bytes(), false)).collect();
        for n in 0..100_000_u32 {
            drop(watches.watch(&n.to_le_bytes(), false));
            assert!(watches.marks <= 2 * held.len() + SPARE, "{}", watches.marks);
        }
        let mut record = Vec::new();
        Effect::Del { key: &7_u32.to_le_bytes() }.encode(&mut record);
        watches.note(&record, &MemoryStore::new(1));
        assert!(held.iter().enumerate().all(|(n, mark)| mark.changed() == (n == 7)));
    }
}
