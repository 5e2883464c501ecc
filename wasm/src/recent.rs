//! The last changes that came, for a list of them: the newest few, in the order they were applied.
//!
//! It begins when a caller asks for it, and costs nothing before. A snapshot adds no change: it replaces everything.
//!
//! Bounds: as many changes as were asked for, of each at most [`KEY_BYTES`] and [`VALUE_BYTES`]; of a batch only the
//! records that can still be among the newest are decoded.

use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;

use towline_core::{Offset, Records};
use towline_kv::{Effect, effects};

#[cfg(test)]
mod tests;

/// The most bytes of a key that are kept.
const KEY_BYTES: usize = 256;
/// The most bytes of a value that are kept.
const VALUE_BYTES: usize = 256;

/// One change, in bytes as JavaScript reads it.
type Row = Vec<u8>;

#[derive(Debug, Default)]
pub(crate) struct Recent {
    rows: VecDeque<Row>,
    max: usize,
    /// Changes since the beginning: the number of the next one.
    noted: u64,
}

impl Recent {
    /// Keeps so many changes from now on.
    pub(crate) fn keep(&mut self, max: usize) {
        self.max = max;
        self.rows.truncate(max);
    }

    /// Adds a batch's records, the last of which ends at `upto`.
    pub(crate) fn note(&mut self, records: &[u8], upto: Offset) {
        if self.max == 0 {
            return;
        }
        let count = Records::new(records).count();
        let skip = count.saturating_sub(self.max);
        let first = upto.0.saturating_sub(count as u64);
        for (offset, record) in (first + 1..).zip(Records::new(records)).skip(skip) {
            for effect in effects(record).map_while(Result::ok) {
                self.rows.truncate(self.max - 1);
                self.rows.push_front(row(self.noted, offset, &effect));
                self.noted += 1;
            }
        }
    }

    /// Returns all of them, the newest first: for each its number and the offset after its record (u64), key length,
    /// value length, and kind (u32: 1 set, 2 append, 3 incrby, 4 pexpireat, 5 persist, 6 del, 7 flushall), the length
    /// of the key's and of the value's beginning (u32), and these.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.rows.iter().flatten().copied().collect()
    }
}

fn row(number: u64, offset: u64, effect: &Effect<'_>) -> Row {
    let by;
    let (kind, key, value): (u32, &[u8], &[u8]) = match effect {
        Effect::Set { key, value } => (1, key, value),
        Effect::Append { key, value } => (2, key, value),
        Effect::IncrBy { key, by: step } => {
            by = step.to_string();
            (3, key, by.as_bytes())
        }
        Effect::PExpireAt { key, at } => {
            by = at.get().to_string();
            (4, key, by.as_bytes())
        }
        Effect::Persist { key } => (5, key, &[]),
        Effect::Del { key } => (6, key, &[]),
        Effect::FlushAll => (7, &[], &[]),
    };
    let (key_part, value_part) = (&key[..key.len().min(KEY_BYTES)], &value[..value.len().min(VALUE_BYTES)]);
    let mut row = Vec::new();
    row.extend(number.to_le_bytes());
    row.extend(offset.to_le_bytes());
    for word in [key.len(), value.len()] {
        row.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
    }
    row.extend(kind.to_le_bytes());
    for word in [key_part.len(), value_part.len()] {
        row.extend(u32::try_from(word).unwrap_or(u32::MAX).to_le_bytes());
    }
    row.extend(key_part);
    row.extend(value_part);
    row
}
