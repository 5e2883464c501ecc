//! The cursor: a position, its history, and the epochs below it, as opaque bytes.
//!
//! The host stores it in the same atomic step as the data and gives it back at boot; JOIN and snapshots carry the
//! same facts. Layout, little-endian: version u16 (1), epochs u16, 4 bytes zero, history u128, position (epoch,
//! boundary, digest: 3 x u64), then per epoch (epoch u64, start u64), oldest first, then XXH3-64 of all before it.

use xxhash_rust::xxh3::xxh3_64;

use crate::epochs::{EpochTable, Opening};
use crate::id::{Epoch, EpochOffset, HistoryId, Offset, Position};
use crate::limits::{CURSOR_BYTES_MAX, EPOCHS_MAX};
use crate::wire::fields::{Reader, Writer};
use crate::wire::join::{decode_position, encode_position};

const VERSION: u16 = 1;
const FIXED_BYTES: usize = 8 + 16 + 24;
const CHECK_BYTES: usize = 8;

/// The bytes a host stores with its data. Opaque; compare and copy them, nothing else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    bytes: [u8; CURSOR_BYTES_MAX],
    len: usize,
}

impl Cursor {
    /// The bytes to store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn new(history: HistoryId, position: Position, epochs: &[Opening]) -> Self {
        let mut cursor = Self { bytes: [0; CURSOR_BYTES_MAX], len: 0 };
        let mut writer = Writer::bare(&mut cursor.bytes);
        let count = u16::try_from(epochs.len()).expect("EPOCHS_MAX fits");
        // The version, the count and four bytes of zero, as the one word that the check reads.
        writer.u64(u64::from(VERSION) | u64::from(count) << 16).u128(history.0);
        encode_position(&mut writer, position);
        for Opening { epoch, start } in epochs {
            writer.u64(epoch.0).u64(start.0);
        }
        let body = writer.written();
        let check = xxh3_64(&cursor.bytes[..body]);
        cursor.bytes[body..body + CHECK_BYTES].copy_from_slice(&check.to_le_bytes());
        cursor.len = body + CHECK_BYTES;
        cursor
    }

    /// The history and position in a cursor's bytes, for a host that wants to show them. `None` if damaged.
    #[must_use]
    pub fn describe(bytes: &[u8]) -> Option<(HistoryId, Position)> {
        Decoded::from_bytes(bytes).map(|decoded| (decoded.history, decoded.position))
    }

    /// The newest record before a cursor, for a host that must know later whether a state it kept is still part of its
    /// history ([`Node::holds`](crate::Node::holds)). `None` if damaged.
    #[must_use]
    pub fn newest(bytes: &[u8]) -> Option<EpochOffset> {
        let Decoded { position, epochs, .. } = Decoded::from_bytes(bytes)?;
        // A table that begins at the boundary has forgotten the epoch before it: the one opened there names the place.
        let epoch = epochs.of_record(position.boundary).unwrap_or(position.epoch);
        Some(EpochOffset { epoch, offset: position.boundary })
    }
}

impl core::hash::Hash for Cursor {
    fn hash<H: core::hash::Hasher>(&self, hasher: &mut H) {
        self.as_bytes().hash(hasher);
    }
}

impl core::fmt::Debug for Cursor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match Self::describe(self.as_bytes()) {
            Some((history, position)) => write!(f, "Cursor({history} {position:?})"),
            None => f.write_str("Cursor(damaged)"),
        }
    }
}

/// A cursor taken apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Decoded {
    pub(crate) history: HistoryId,
    pub(crate) position: Position,
    pub(crate) epochs: EpochTable,
}

impl Decoded {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let body = bytes.len().checked_sub(CHECK_BYTES)?;
        if bytes.len() > CURSOR_BYTES_MAX || xxh3_64(&bytes[..body]).to_le_bytes() != bytes[body..] {
            return None;
        }
        let mut reader = Reader::new(&bytes[..body]);
        let version = reader.u16().ok()?;
        let count = usize::from(reader.u16().ok()?);
        if version != VERSION || count == 0 || count > EPOCHS_MAX || reader.u32().ok()? != 0 {
            return None;
        }
        let history = HistoryId(reader.u128().ok()?);
        let position = decode_position(&mut reader).ok()?;
        let mut epochs = EpochTable::EMPTY;
        for _ in 0..count {
            let opened = epochs.open(Epoch(reader.u64().ok()?), Offset(reader.u64().ok()?));
            opened.then_some(())?;
        }
        let sound = !history.is_none() && epochs.last().is_some_and(|last| last.start <= position.boundary);
        (sound && reader.rest().is_empty()).then_some(Self { history, position, epochs })
    }
}

const _: () = assert!(FIXED_BYTES + EPOCHS_MAX * 16 + CHECK_BYTES == CURSOR_BYTES_MAX);
