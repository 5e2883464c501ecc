//! The sums over all entries of the map: the content digest, counts, and the order in which keys expire.
//!
//! The digest of an entry with a large value is kept beside it: to delete the entry, or to overwrite its value, the old
//! value need not be hashed again. That costs a step in a tree at the write, which is nothing beside hashing so many
//! bytes, and saves as much as that on an overwrite. Bounds: an entry of the tree for each value of [`LARGE_BYTES`] or
//! more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use towline_kv::{Digest, ExpiryMs};

use super::{EXPIRY_BYTES, FREE_HERE, Held, free};

/// The size from which a value's digest is kept: such a value takes some 20 microseconds to hash.
pub(super) const LARGE_BYTES: usize = 256 << 10;
/// The memory of a kept digest, with a half-empty tree around it.
const KEPT_BYTES: u64 = 96;

/// The sums over all entries.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) digest: Digest,
    pub(super) len: u64,
    /// Bytes of keys and values.
    pub(super) bytes: u64,
    /// The expiries of exactly the entries that have one.
    expiries: Expiries,
    /// The sum of all expiries.
    ends_ms: u128,
    /// The digests of exactly the entries with a value of [`LARGE_BYTES`] or more.
    large: BTreeMap<Arc<[u8]>, Digest>,
}

/// Keys by expiry. A thread frees many, as it does with entries.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expiries(BTreeSet<(ExpiryMs, Arc<[u8]>)>);

impl Drop for Expiries {
    fn drop(&mut self) {
        if self.0.len() > FREE_HERE {
            free(std::mem::take(&mut self.0));
        }
    }
}

impl Sums {
    pub(super) fn add(&mut self, held: &Held) {
        let digest = held.digest();
        self.digest.add(digest);
        if held.value.len() >= LARGE_BYTES {
            self.large.insert(Arc::clone(&held.key), digest);
        }
        self.len += 1;
        self.bytes += held.bytes();
        if let Some(at) = held.expiry {
            self.expiries.0.insert((at, Arc::clone(&held.key)));
            self.ends_ms += u128::from(at.get());
        }
    }

    pub(super) fn remove(&mut self, held: &Held) {
        let kept = if held.value.len() >= LARGE_BYTES { self.large.remove(&held.key) } else { None };
        self.digest.remove(kept.unwrap_or_else(|| held.digest()));
        self.len -= 1;
        self.bytes -= held.bytes();
        if let Some(at) = held.expiry {
            self.expiries.0.remove(&(at, Arc::clone(&held.key)));
            self.ends_ms -= u128::from(at.get());
        }
    }

    /// Returns the keys with an expiry, earliest first.
    pub(super) fn expiries(&self) -> impl Iterator<Item = &(ExpiryMs, Arc<[u8]>)> {
        self.expiries.0.iter()
    }

    /// Returns how many keys have an expiry, and the sum of all expiries.
    pub(super) fn expiring(&self) -> (u64, u128) {
        (self.expiries.0.len() as u64, self.ends_ms)
    }

    /// Returns the memory of the expiry order and the kept digests, from above.
    pub(super) fn order_bytes(&self) -> u64 {
        self.expiries.0.len() as u64 * EXPIRY_BYTES + self.large.len() as u64 * KEPT_BYTES
    }

    /// Damages the kept digest of this key; returns false if there is none.
    #[cfg(test)]
    pub(super) fn forge(&mut self, key: &[u8], digest: Digest) -> bool {
        self.large.get_mut(key).is_some_and(|kept| {
            *kept = digest;
            true
        })
    }
}
