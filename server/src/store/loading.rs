//! A snapshot that is being loaded, and the tail beside it.
//!
//! The tail need not wait for the snapshot's end. An effect that sets a key in full (`SET`, `DEL`), or changes a key
//! that is loaded already, is done at once, and the snapshot's later entry of that key is older and skipped. An effect
//! that builds on an entry that is not loaded yet waits for it (`late`). So a tail needs hardly any room of its own,
//! however long the snapshot takes.
//!
//! Invariants: an entry is in the map because of the snapshot, or because of the tail; `gone` are keys that the tail
//! deleted; a key that is late is in neither, unless it is `last`. A snapshot has each key once, in effects that follow
//! each other, so an effect that is no `SET` is treated like the `SET` before it (`passing`).
//!
//! Bounds: gone and late together take `kept_max` ([`KEPT_MAX`], except in a simulation) and a batch; then the tail is
//! refused.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use towline_core::{Offset, Records};
use towline_kv::{Effect, SnapshotReader, effects};

use super::map::{AHEAD, Map, block};

#[cfg(test)]
mod tests;

/// The longest effect of a snapshot: the record head of the log has 28 bits.
const EFFECT_MAX: usize = 1 << 28;
/// The most bytes kept of the tail while the snapshot loads: a tail that deletes more, or builds more on missing
/// entries, must wait.
pub(crate) const KEPT_MAX: usize = 16 << 20;

/// A snapshot under way.
#[derive(Debug)]
pub(crate) struct Loading {
    map: Map,
    reader: SnapshotReader,
    cursor: Vec<u8>,
    upto: Offset,
    /// Set if the tail has done anything here; and set if that deleted every key.
    tailed: bool,
    flushed: bool,
    gone: BTreeSet<Box<[u8]>>,
    /// Effects of the tail, encoded, by the key they wait for.
    late: BTreeMap<Box<[u8]>, Vec<u8>>,
    /// The bytes that these two take, and may take.
    kept_bytes: usize,
    kept_max: usize,
    /// The key of the snapshot's last `SET`: more of its entry may follow.
    last: Option<Vec<u8>>,
    /// Set while the effects of an entry are skipped, because the tail's are newer.
    passing: bool,
}

impl Loading {
    pub(crate) fn new(map: Map, cursor: &[u8], upto: Offset) -> Self {
        Self {
            map,
            reader: SnapshotReader::new(EFFECT_MAX),
            cursor: cursor.to_vec(),
            upto,
            tailed: false,
            flushed: false,
            gone: BTreeSet::new(),
            late: BTreeMap::new(),
            kept_bytes: 0,
            kept_max: KEPT_MAX,
            last: None,
            passing: false,
        }
    }

    /// Sets another bound on the bytes kept of the tail.
    pub(crate) const fn keeping(mut self, bytes: usize) -> Self {
        self.kept_max = bytes;
        self
    }

    /// Takes the next bytes of the snapshot.
    pub(crate) fn load(&mut self, mut piece: &[u8]) -> io::Result<()> {
        loop {
            self.map.fetch(effects(piece).map_while(Result::ok));
            for _ in 0..AHEAD {
                let Some(effect) = self.reader.next(&mut piece).map_err(bad_snapshot)? else {
                    return Ok(());
                };
                if let Effect::Set { key, .. } = effect {
                    if let Some(last) = &self.last {
                        settle(&mut self.map, &mut self.late, &mut self.kept_bytes, last)?;
                    }
                    let last = self.last.get_or_insert_default();
                    last.clear();
                    last.extend_from_slice(key);
                    self.passing = self.tailed
                        && (self.flushed || self.gone.contains(key) || self.map.get(key).is_some());
                }
                if !self.passing {
                    self.map.apply(&effect).map_err(bad_snapshot)?;
                }
            }
        }
    }

    /// Applies a batch of the tail, after which the state is at `cursor`. Returns false, and does nothing, if too much
    /// of the tail is kept already.
    pub(crate) fn tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        if self.kept_bytes > self.kept_max {
            return Ok(false);
        }
        self.tailed = true;
        let mut ahead = 0;
        for (number, record) in Records::new(records).enumerate() {
            if number == ahead {
                let next = Records::new(records).skip(number).flat_map(effects);
                self.map.fetch(next.map_while(Result::ok));
                ahead += AHEAD;
            }
            for effect in effects(record) {
                self.follow(&effect.map_err(bad_tail)?)?;
            }
        }
        (self.upto, self.cursor) = (upto, cursor.to_vec());
        Ok(true)
    }

    fn follow(&mut self, effect: &Effect<'_>) -> io::Result<()> {
        let Some(key) = effect.key() else {
            (self.flushed, self.passing, self.kept_bytes) = (true, true, 0);
            (self.gone, self.late) = (BTreeSet::new(), BTreeMap::new());
            return self.map.apply(effect).map(drop).map_err(bad_tail);
        };
        let in_full = matches!(effect, Effect::Set { .. } | Effect::Del { .. });
        if !in_full && !self.knows(key) {
            let waits = self.late.entry(key.into()).or_insert_with(|| {
                self.kept_bytes += kept_bytes(key);
                Vec::new()
            });
            effect.encode(waits);
            self.kept_bytes += effect.encoded_len();
            return Ok(());
        }
        self.map.apply(effect).map_err(bad_tail)?;
        if !in_full {
            return Ok(());
        }
        self.passing |= self.last.as_deref() == Some(key);
        if let Some(waits) = self.late.remove(key) {
            self.kept_bytes -= kept_bytes(key) + waits.len();
        }
        let deleted = matches!(effect, Effect::Del { .. });
        if deleted && !self.flushed && self.gone.insert(key.into()) {
            self.kept_bytes += kept_bytes(key);
        } else if !deleted && self.gone.remove(key) {
            self.kept_bytes -= kept_bytes(key);
        }
        Ok(())
    }

    /// Returns whether all of an entry is loaded, or it is known that there is none.
    fn knows(&self, key: &[u8]) -> bool {
        if self.last.as_deref() == Some(key) {
            return self.passing;
        }
        self.flushed || self.map.get(key).is_some() || self.gone.contains(key)
    }

    /// Checks that the snapshot is whole.
    pub(crate) fn finish(&self) -> io::Result<()> {
        self.reader.finish().map_err(bad_snapshot)
    }

    /// Returns the state, its cursor and its offset. Effects that still wait were for keys that do not exist.
    pub(crate) fn into_parts(mut self) -> io::Result<(Map, Vec<u8>, Offset)> {
        while let Some(key) = self.late.keys().next().cloned() {
            settle(&mut self.map, &mut self.late, &mut self.kept_bytes, &key)?;
        }
        Ok((self.map, self.cursor, self.upto))
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        self.map.memory_bytes() + 2 * self.kept_bytes as u64
    }
}

/// Applies the effects that waited for an entry, all of which is loaded now.
fn settle(
    map: &mut Map,
    late: &mut BTreeMap<Box<[u8]>, Vec<u8>>,
    kept: &mut usize,
    key: &[u8],
) -> io::Result<()> {
    let Some(waits) = late.remove(key) else { return Ok(()) };
    *kept -= kept_bytes(key) + waits.len();
    for effect in effects(&waits) {
        map.apply(&effect.map_err(bad_tail)?).map_err(bad_tail)?;
    }
    Ok(())
}

/// Returns the memory of a key that is kept, with a half-empty tree around it.
const fn kept_bytes(key: &[u8]) -> usize {
    block(key.len()) + 96
}

fn bad_snapshot(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("bad snapshot: {error}"))
}

fn bad_tail(error: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("bad record beside a snapshot: {error}"))
}
