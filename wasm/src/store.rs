//! A replica's store as JavaScript sees it: read it, list it, compare it. What fills it is `replica`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use wasm_bindgen::prelude::wasm_bindgen;

use crate::replica::Replica;
use crate::rows::Rows;

/// Bytes kept of what waits for a snapshot's end, unless told otherwise.
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
    /// An empty store, which keeps so many bytes of stream beside a snapshot; 64 MiB if nothing is said.
    #[wasm_bindgen(constructor)]
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates")]
    pub fn new(spool_bytes: Option<f64>) -> Self {
        let spool_bytes = spool_bytes.unwrap_or(SPOOL_BYTES) as usize;
        Self { replica: Replica::new(spool_bytes), rows: Rows::default() }
    }

    /// A new node begins with what is here: nothing is on its way any more.
    pub fn restart(&mut self) {
        self.replica.restart();
    }

    /// The bytes a node is booted with; nothing if no history was ever here.
    #[must_use]
    pub fn cursor(&self) -> Option<Vec<u8>> {
        self.replica.cursor().map(<[u8]>::to_vec)
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replica.table().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content digest, 32 hex digits: equal on nodes that hold the same.
    #[must_use]
    pub fn digest(&self) -> String {
        self.replica.table().digest().to_string()
    }

    /// A number that grows with everything that may have changed an entry.
    #[must_use]
    pub fn changes(&self) -> f64 {
        self.replica.changes() as f64
    }

    /// Bytes of stream that wait for a snapshot's end.
    #[must_use]
    pub fn spool_bytes(&self) -> usize {
        self.replica.spool_bytes()
    }

    /// Keeps so many of the newest changes from now on.
    pub fn keep_recent(&mut self, max: usize) {
        self.replica.keep_recent(max);
    }

    /// These, the newest first: see `recent.rs` for their bytes.
    #[must_use]
    pub fn recent(&self) -> Vec<u8> {
        self.replica.recent().bytes()
    }

    /// A key's value.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.replica.table().get(key).map(|entry| entry.value.to_vec())
    }

    /// When a key ends, in milliseconds since 1970; nothing if it does not, or is not there.
    #[must_use]
    pub fn expiry_ms(&self, key: &[u8]) -> Option<f64> {
        self.replica.table().get(key)?.expiry.map(|at| at.get() as f64)
    }

    /// `count` entries in key order from about the `from`th: for each, key length and value length (u32), expiry in
    /// milliseconds or 0 (u64), then the key and the value's first `value_max` bytes. How many and from which exact
    /// place is not said: a list that is looked at while it changes need not know.
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
