//! What the workload writes: operation `n` sets key `n mod keys` to a value that begins with `n`.
//!
//! The same on every substrate: the fast tier hands these records to the core itself, the driver tiers say `SET` with
//! the same key and value to a real server, which makes the same record of it.

use towline_kv::Effect;

/// A value is at least this long: its operation's number.
pub const VALUE_BYTES_MIN: u64 = 16;

/// The key of an operation.
#[must_use]
pub fn key(op: u64, keys: u64) -> Vec<u8> {
    format!("key:{:06}", op % keys.max(1)).into_bytes()
}

/// The value of an operation: its number in 16 digits, then filling that differs from one operation to the next.
#[must_use]
pub fn value(op: u64, bytes: u64) -> Vec<u8> {
    let mut value = format!("{op:016}").into_bytes();
    let filling = b'a' + u8::try_from(op % 26).expect("a letter");
    value.resize(usize::try_from(bytes.max(VALUE_BYTES_MIN)).expect("a value fits in memory"), filling);
    value
}

/// How long the record of an operation with a value of so many bytes is.
#[must_use]
pub fn record_bytes(bytes: u64, keys: u64) -> u64 {
    let length = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let key_bytes = key(keys.saturating_sub(1), keys).len();
    Effect::set_len(key_bytes, length(bytes.max(VALUE_BYTES_MIN))) as u64
}

/// The record of an operation, as the reference server writes it.
pub fn record(op: u64, keys: u64, bytes: u64, out: &mut Vec<u8>) {
    out.clear();
    Effect::Set { key: &key(op, keys), value: &value(op, bytes) }.encode(out);
}
