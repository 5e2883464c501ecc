//! A replica's store as JavaScript sees it: read it, list it, compare it. `replica` fills it.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::replica::Replica;
use crate::rows::Rows;

/// The default bound of the spool.
const SPOOL_BYTES: f64 = (64 << 20) as f64;

/// A key-value store in memory that a node fills.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawStore {
    pub(crate) replica: Replica,
    rows: Rows,
}

#[wasm_bindgen]
impl RawStore {
    /// Makes an empty store, which keeps so many bytes of stream beside a snapshot; 64 MiB by default.
    #[wasm_bindgen(constructor)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates")]
    pub fn new(spool_bytes: Option<f64>) -> Self {
        let spool_bytes = spool_bytes.unwrap_or(SPOOL_BYTES) as usize;
        Self { replica: Replica::new(spool_bytes), rows: Rows::default() }
    }

    /// Starts anew for a new node: a snapshot under way is dropped.
    pub fn restart(&mut self) {
        self.replica.restart();
    }

    /// Returns the cursor to boot a node with; nothing if no history was ever here.
    #[must_use]
    pub fn cursor(&self) -> Option<Vec<u8>> {
        self.replica.cursor().map(<[u8]>::to_vec)
    }

    /// Returns how many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replica.table().len()
    }

    /// Returns whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the content digest, 32 hex digits: equal on nodes that hold the same.
    #[must_use]
    pub fn digest(&self) -> String {
        self.replica.table().digest().to_string()
    }

    /// Returns a number that grows with everything that may have changed an entry.
    #[must_use]
    pub fn changes(&self) -> f64 {
        self.replica.changes() as f64
    }

    /// Returns the bytes of stream that wait for a snapshot's end.
    #[must_use]
    pub fn spool_bytes(&self) -> usize {
        self.replica.spool_bytes()
    }

    /// Keeps so many of the newest changes from now on.
    pub fn keep_recent(&mut self, max: usize) {
        self.replica.keep_recent(max);
    }

    /// Returns these changes, the newest first: see `recent.rs` for their bytes.
    #[must_use]
    pub fn recent(&self) -> Vec<u8> {
        self.replica.recent().bytes()
    }

    /// Returns a key's value.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.replica.table().get(key).map(|entry| entry.value.to_vec())
    }

    /// Returns a key's expiry, in milliseconds since 1970; nothing if it has none, or does not exist.
    #[must_use]
    pub fn expiry_ms(&self, key: &[u8]) -> Option<f64> {
        self.replica.table().get(key)?.expiry.map(|at| at.get() as f64)
    }

    /// Returns `count` entries in key order from about the `from`th: for each, key length and value length (u32),
    /// expiry in milliseconds or 0 (u64), then the key and the value's first `value_max` bytes. The number and the
    /// exact place of the entries are not returned: a list that is read while it changes does not need them.
    pub fn rows(&mut self, from: usize, count: usize, value_max: usize) -> Vec<u8> {
        let (table, changes) = (self.replica.table(), self.replica.changes());
        let mut bytes = Vec::new();
        self.rows.show(table, changes, from, count, &mut |key, entry| {
            let len = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes();
            bytes.extend(len(key));
            bytes.extend(len(entry.value));
            bytes.extend(entry.expiry.map_or(0, |at| at.get()).to_le_bytes());
            bytes.extend(key);
            bytes.extend(&entry.value[..entry.value.len().min(value_max)]);
        });
        bytes
    }
}
