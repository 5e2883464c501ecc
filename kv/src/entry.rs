//! The change of an entry by an effect: the one place where the language has a meaning.
//!
//! Every store (in memory, on disk, in a browser, in the simulator) asks [`change`] and obeys, so that
//! they cannot differ. A store that keeps its entries elsewhere needs no more than that and a place to put them.
//!
//! Invariants: the change depends on the effect and the old entry alone, never on a clock, on randomness or on the
//! kind of store. It fails only where a correct primary never leads: an `INCRBY` of what is no number, or past the end
//! of the numbers. A node that meets one holds other entries than its primary and stops, as at a broken stream.
//!
//! Bounds: constant time and no allocation, whatever the value's length.

use crate::decimal::{Decimal, parse_i64};
use crate::effect::Effect;
use crate::expiry::ExpiryMs;
use crate::record::RecordError;
use core::fmt;

#[cfg(test)]
mod tests;

/// The value and expiry under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The value.
    pub value: &'a [u8],
    /// When the primary will delete it; `None` for never.
    pub expiry: Option<ExpiryMs>,
}

/// The change that a store makes for one effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Leave everything as it is.
    Keep,
    /// Put this entry in the place of the old one, if there is one.
    Put {
        /// The whole new value.
        value: Value<'a>,
        /// Its expiry.
        expiry: Option<ExpiryMs>,
    },
    /// Add these bytes at the old value's end and leave the rest. Only for a key that is there.
    Extend {
        /// The bytes to add.
        tail: &'a [u8],
    },
    /// Change the expiry and leave the value. Only for a key that is there.
    Expire {
        /// The new expiry.
        expiry: Option<ExpiryMs>,
    },
    /// Take the key away. Only for a key that is there.
    Remove,
    /// Take every key away.
    Clear,
}

/// A value an effect brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Bytes of the record.
    Bytes(&'a [u8]),
    /// A number that was counted.
    Number(Decimal),
}

impl Value<'_> {
    /// The value's bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(number) => number.as_bytes(),
        }
    }
}

/// Returns the change by `effect` where its key holds `old` (`None`: it is not there; of `FLUSHALL`: not looked at).
///
/// # Errors
///
/// [`IncrError`] for an `INCRBY` that no correct primary sends.
#[inline]
pub fn change<'e>(effect: &Effect<'e>, old: Option<Entry<'_>>) -> Result<Change<'e>, IncrError> {
    Ok(match (*effect, old) {
        (Effect::Set { value, .. }, _) => Change::Put { value: Value::Bytes(value), expiry: None },
        (Effect::Del { .. }, Some(_)) => Change::Remove,
        (Effect::PExpireAt { at, .. }, Some(_)) => Change::Expire { expiry: Some(at) },
        (Effect::Persist { .. }, Some(Entry { expiry: Some(_), .. })) => Change::Expire { expiry: None },
        (Effect::Del { .. } | Effect::PExpireAt { .. }, None) | (Effect::Persist { .. }, _) => Change::Keep,
        (Effect::Append { value, .. }, Some(_)) => Change::Extend { tail: value },
        (Effect::Append { value, .. }, None) => Change::Put { value: Value::Bytes(value), expiry: None },
        (Effect::IncrBy { by, .. }, old) => {
            let sum = incr(old.map(|entry| entry.value), by)?;
            let expiry = old.and_then(|entry| entry.expiry);
            Change::Put { value: Value::Number(Decimal::of_i64(sum)), expiry }
        }
        (Effect::FlushAll, _) => Change::Clear,
    })
}

/// Returns the sum that `INCRBY` makes of a value: it must be a number in shortest decimal (nothing counts as 0), and
/// the sum must fit 64 bits.
///
/// # Errors
///
/// [`IncrError`], whose text is the client's error. The primary asks this *before* it writes a record.
pub fn incr(old: Option<&[u8]>, by: i64) -> Result<i64, IncrError> {
    let old = match old {
        Some(text) => parse_i64(text).ok_or(IncrError::NotInteger)?,
        None => 0,
    };
    old.checked_add(by).ok_or(IncrError::Overflow)
}

/// Why a value cannot be counted up. The texts are redis's own, without their `ERR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IncrError {
    /// The value is no signed 64-bit number in shortest decimal.
    NotInteger,
    /// The sum is no signed 64-bit number.
    Overflow,
}

impl fmt::Display for IncrError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotInteger => "value is not an integer or out of range",
            Self::Overflow => "increment or decrement would overflow",
        })
    }
}

impl core::error::Error for IncrError {}

/// Why a record could not be applied: this node and its primary no longer agree, or the bytes are not a record.
/// The host stops the store there, as at a broken stream; it never skips the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApplyError {
    /// The bytes are not a record.
    Record(RecordError),
    /// An `INCRBY` of something this node cannot count.
    Incr(IncrError),
}

impl fmt::Display for ApplyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(error) => error.fmt(out),
            Self::Incr(error) => write!(out, "bad record: INCRBY: {error}"),
        }
    }
}

impl core::error::Error for ApplyError {}

impl From<RecordError> for ApplyError {
    fn from(error: RecordError) -> Self {
        Self::Record(error)
    }
}

impl From<IncrError> for ApplyError {
    fn from(error: IncrError) -> Self {
        Self::Incr(error)
    }
}
