//! Effects: the closed set of changes a record is made of, and their bytes.
//!
//! Each effect is a RESP array of bulk strings, so every peer that can read a redis replication stream can read it.
//! There is exactly one encoding of each effect: the verb in upper case, lengths and numbers in shortest decimal,
//! nothing optional. [`crate::effects`] reads that form and no other, so equal effects are equal bytes.
//!
//! The meaning of an effect is in [`crate::change`]; each variant has it in short here.
//!
//! Bounds: encoding grows the caller's buffer by [`Effect::encoded_len`] and allocates nothing else.

use crate::decimal::{Decimal, digits};
use crate::expiry::ExpiryMs;
use alloc::vec::Vec;

#[cfg(test)]
pub(crate) mod tests;

/// One change to one key, or to all of them. Keys and values are any bytes, of any length, empty ones too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect<'a> {
    /// The key has this value and no expiry, whatever was there. (`SET .. KEEPTTL` travels as this and
    /// [`Effect::PExpireAt`].)
    Set {
        /// The key.
        key: &'a [u8],
        /// Its whole new value.
        value: &'a [u8],
    },
    /// The key is gone. Nothing if it was not there.
    Del {
        /// The key.
        key: &'a [u8],
    },
    /// The key has this expiry instead of any other. Nothing if the key is not there. The moment may be past: a
    /// key stays until its `DEL` comes.
    PExpireAt {
        /// The key.
        key: &'a [u8],
        /// When the primary will delete it.
        at: ExpiryMs,
    },
    /// The key has no expiry. Nothing if it had none or is not there.
    Persist {
        /// The key.
        key: &'a [u8],
    },
    /// These bytes are added at the value's end; the expiry stays. A key that is not there begins empty, without
    /// an expiry.
    Append {
        /// The key.
        key: &'a [u8],
        /// The bytes to add.
        value: &'a [u8],
    },
    /// The value, a number in shortest decimal, grows by `by`; the expiry stays. A key that is not there begins at
    /// 0, without an expiry.
    IncrBy {
        /// The key.
        key: &'a [u8],
        /// The number to add, below zero too.
        by: i64,
    },
    /// Every key is gone.
    FlushAll,
}

/// The bytes of each effect up to its key's length (of `FLUSHALL`: all of them). No head is a prefix of another.
pub(crate) mod head {
    pub(crate) const SET: &[u8; 14] = b"*3\r\n$3\r\nSET\r\n$";
    pub(crate) const DEL: &[u8; 14] = b"*2\r\n$3\r\nDEL\r\n$";
    pub(crate) const PEXPIREAT: &[u8; 20] = b"*3\r\n$9\r\nPEXPIREAT\r\n$";
    pub(crate) const PERSIST: &[u8; 18] = b"*2\r\n$7\r\nPERSIST\r\n$";
    pub(crate) const APPEND: &[u8; 17] = b"*3\r\n$6\r\nAPPEND\r\n$";
    pub(crate) const INCRBY: &[u8; 17] = b"*3\r\n$6\r\nINCRBY\r\n$";
    pub(crate) const FLUSHALL: &[u8; 18] = b"*1\r\n$8\r\nFLUSHALL\r\n";
    /// All of them, for the question "could this still become one?".
    pub(crate) const ALL: [&[u8]; 7] = [SET, DEL, PEXPIREAT, PERSIST, APPEND, INCRBY, FLUSHALL];
}

impl<'a> Effect<'a> {
    /// Appends the effect's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.reserve(self.encoded_len());
        match *self {
            Self::Set { key, value } => put(out, head::SET, key, Some(value)),
            Self::Del { key } => put(out, head::DEL, key, None),
            Self::PExpireAt { key, at } => {
                put(out, head::PEXPIREAT, key, Some(Decimal::of_u64(at.get()).as_bytes()));
            }
            Self::Persist { key } => put(out, head::PERSIST, key, None),
            Self::Append { key, value } => put(out, head::APPEND, key, Some(value)),
            Self::IncrBy { key, by } => put(out, head::INCRBY, key, Some(Decimal::of_i64(by).as_bytes())),
            Self::FlushAll => out.extend_from_slice(head::FLUSHALL),
        }
    }

    /// Returns how many bytes [`Effect::encode`] appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        match *self {
            Self::Set { key, value } => Self::set_len(key.len(), value.len()),
            Self::Del { key } => head::DEL.len() + bulk_len(key.len()),
            Self::PExpireAt { key, at } => {
                head::PEXPIREAT.len() + bulk_len(key.len()) + 1 + bulk_len(digits(at.get()))
            }
            Self::Persist { key } => head::PERSIST.len() + bulk_len(key.len()),
            Self::Append { key, value } => {
                head::APPEND.len() + bulk_len(key.len()) + 1 + bulk_len(value.len())
            }
            Self::IncrBy { key, by } => {
                let sign = usize::from(by < 0);
                head::INCRBY.len() + bulk_len(key.len()) + 1 + bulk_len(sign + digits(by.unsigned_abs()))
            }
            Self::FlushAll => head::FLUSHALL.len(),
        }
    }

    /// Returns how many bytes a `SET` of this key and value takes. A primary refuses a write whose *result* would not
    /// fit a record this way: an entry grown by `APPEND` must still fit a snapshot's `SET`.
    #[must_use]
    pub const fn set_len(key_len: usize, value_len: usize) -> usize {
        head::SET.len() + bulk_len(key_len) + 1 + bulk_len(value_len)
    }

    /// Returns the key, if the effect is about one.
    #[must_use]
    pub const fn key(&self) -> Option<&'a [u8]> {
        match *self {
            Self::Set { key, .. }
            | Self::Del { key }
            | Self::PExpireAt { key, .. }
            | Self::Persist { key }
            | Self::Append { key, .. }
            | Self::IncrBy { key, .. } => Some(key),
            Self::FlushAll => None,
        }
    }
}

/// Writes a head, then the key, then the second argument if the effect has one.
fn put(out: &mut Vec<u8>, head: &[u8], key: &[u8], second: Option<&[u8]>) {
    out.extend_from_slice(head);
    put_bulk(out, key);
    if let Some(bytes) = second {
        out.push(b'$');
        put_bulk(out, bytes);
    }
}

/// Writes a bulk string without its `$`, which the heads already hold.
fn put_bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(Decimal::of_u64(bytes.len() as u64).as_bytes());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Returns the bytes of a bulk string of `len` bytes, without its `$`.
const fn bulk_len(len: usize) -> usize {
    digits(len as u64) + 2 + len + 2
}
