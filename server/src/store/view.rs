//! A view of a map, cut into numbered pieces of snapshot bytes.
//!
//! The beginning of each piece is remembered once it is known, so that readers at different pieces do not disturb each
//! other: a joiner at the beginning costs nothing to one near the end. An entry is cut only if it is longer than a
//! piece.
//!
//! Bounds: 24 bytes for each piece, and one encoded entry while a piece cuts it. Entries that writers have changed
//! since are held as long as the view lives.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use towline_kv::Effect;

use super::map::{Held, Shards};
use towline_driver::View;

#[cfg(test)]
mod tests;

/// The bytes of a line of memory.
const LINE: usize = 64;

/// A consistent view of a map.
#[derive(Debug)]
pub(crate) struct MapView {
    shards: Shards,
    cursor: Vec<u8>,
    bytes_max: usize,
    /// The beginnings of the pieces known so far.
    starts: Vec<Place>,
    /// The number of the last piece, once it is known.
    last: Option<usize>,
    long: Long,
    _held: Counted,
}

/// A place in the snapshot, to the byte.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Place {
    shard: usize,
    entry: usize,
    byte: usize,
}

/// The entry that is being cut: its place and its bytes.
#[derive(Debug, Default)]
struct Long {
    at: Option<(usize, usize)>,
    bytes: Vec<u8>,
}

impl MapView {
    pub(crate) const fn new(shards: Shards, cursor: Vec<u8>, held: Counted) -> Self {
        let long = Long { at: None, bytes: Vec::new() };
        Self { shards, cursor, bytes_max: 0, starts: Vec::new(), last: None, long, _held: held }
    }
}

impl View for MapView {
    fn cursor(&self) -> &[u8] {
        &self.cursor
    }

    fn piece(&mut self, number: u64, bytes_max: usize, piece: &mut Vec<u8>) -> bool {
        piece.clear();
        if bytes_max != self.bytes_max {
            (self.bytes_max, self.last) = (bytes_max, None);
            self.starts = vec![Place::default()];
        }
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        while self.starts.len() <= number {
            if self.last.is_some() {
                return true;
            }
            let known = self.starts.len() - 1;
            match cut(&self.shards, &mut self.long, self.starts[known], bytes_max, piece) {
                Some(next) => self.starts.push(next),
                None => self.last = Some(known),
            }
            piece.clear();
        }
        let next = cut(&self.shards, &mut self.long, self.starts[number], bytes_max, piece);
        match next {
            Some(next) if self.starts.len() == number + 1 => self.starts.push(next),
            Some(_) => {}
            None => self.last = Some(number),
        }
        next.is_none()
    }
}

/// Writes one piece; returns the beginning of the next, if there is one.
fn cut(
    shards: &Shards,
    long: &mut Long,
    from: Place,
    bytes_max: usize,
    piece: &mut Vec<u8>,
) -> Option<Place> {
    let bytes_max = bytes_max.max(1);
    let mut at = from;
    while let Some(entries) = shards.shard(at.shard) {
        fetch(shards.shard(at.shard).into_iter().flatten().skip(at.entry), bytes_max - piece.len());
        for held in entries.skip(at.entry) {
            let (rest, room) = (encoded_len(held) - at.byte, bytes_max - piece.len());
            if rest > room && !piece.is_empty() {
                return Some(at);
            }
            if at.byte == 0 && rest <= room {
                encode(held, piece);
            } else {
                let bytes = &long.of(at, held)[at.byte..];
                piece.extend_from_slice(&bytes[..rest.min(room)]);
                if rest > room {
                    return Some(Place { byte: at.byte + room, ..at });
                }
                *long = Long::default();
            }
            (at.entry, at.byte) = (at.entry + 1, 0);
        }
        (at.shard, at.entry) = (at.shard + 1, 0);
    }
    None
}

/// Touches the entries that are about to be copied. They lie all over the memory, mostly uncached: touched together,
/// their cache misses overlap; copied one by one, each would be waited for.
fn fetch<'h>(entries: impl Iterator<Item = &'h Held>, mut bytes: usize) {
    for held in entries {
        let key = held.key.first();
        let value =
            held.value.iter().step_by(LINE).take(bytes.div_ceil(LINE)).fold(0, |sum, byte| sum ^ byte);
        black_box((key, value));
        bytes = bytes.saturating_sub(held.value.len());
        if bytes == 0 {
            return;
        }
    }
}

impl Long {
    fn of(&mut self, at: Place, held: &Held) -> &[u8] {
        if self.at != Some((at.shard, at.entry)) {
            self.at = Some((at.shard, at.entry));
            self.bytes.clear();
            encode(held, &mut self.bytes);
        }
        &self.bytes
    }
}

fn encode(held: &Held, out: &mut Vec<u8>) {
    Effect::Set { key: &held.key, value: &held.value }.encode(out);
    if let Some(at) = held.expiry {
        Effect::PExpireAt { key: &held.key, at }.encode(out);
    }
}

fn encoded_len(held: &Held) -> usize {
    let ends = held.expiry.map(|at| Effect::PExpireAt { key: &held.key, at }.encoded_len());
    Effect::set_len(held.key.len(), held.value.len()) + ends.unwrap_or_default()
}

/// Bytes that count in a sum until this is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    sum: Arc<AtomicU64>,
    bytes: u64,
}

impl Counted {
    pub(crate) fn new(sum: &Arc<AtomicU64>, bytes: u64) -> Self {
        sum.fetch_add(bytes, Ordering::Relaxed);
        Self { sum: Arc::clone(sum), bytes }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
