//! The writes of the workload: operation `n` sets key `n mod keys` to a value that begins with `n`.
//!
//! They are the same on every substrate: the fast tier hands these records to the core itself, the driver tiers send
//! `SET` with the same key and value to a real server, which makes the same record of it.

use towline_kv::Effect;

/// The least length of a value, which holds its operation's number.
pub const VALUE_BYTES_MIN: u64 = 16;

/// Returns the key of an operation.
#[must_use]
pub fn key(op: u64, keys: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(16);
    push_key(&mut key, op, keys);
    key
}

fn push_key(out: &mut Vec<u8>, op: u64, keys: u64) {
    out.extend_from_slice(b"key:");
    push_digits(out, op % keys.max(1), 6);
}

/// Returns the value of an operation: its number in 16 digits, then filling that differs from one operation to the
/// next.
#[must_use]
pub fn value(op: u64, bytes: u64) -> Vec<u8> {
    let mut value = Vec::new();
    push_value(&mut value, op, bytes);
    value
}

fn push_value(out: &mut Vec<u8>, op: u64, bytes: u64) {
    let length = usize::try_from(bytes.max(VALUE_BYTES_MIN)).expect("a value fits in memory");
    let end = out.len() + length;
    out.reserve(length);
    push_digits(out, op, 16);
    let filling = b'a' + u8::try_from(op % 26).expect("a letter");
    out.resize(end, filling);
}

/// Returns the operation that wrote a value.
#[must_use]
pub fn number(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value.get(..16)?).ok()?.parse().ok()
}

/// Writes a number in at least so many digits. Simulators write millions of records: formatting would cost more than
/// the log does.
fn push_digits(out: &mut Vec<u8>, number: u64, least: usize) {
    let mut digits = [b'0'; 20];
    let (mut rest, mut from) = (number, digits.len());
    while rest > 0 {
        from -= 1;
        digits[from] += u8::try_from(rest % 10).expect("a digit");
        rest /= 10;
    }
    out.extend_from_slice(&digits[from.min(digits.len() - least)..]);
}

/// Returns the length of an operation's record with a value of so many bytes.
#[must_use]
pub fn record_bytes(bytes: u64, keys: u64) -> u64 {
    let length = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    let key_bytes = key(keys.saturating_sub(1), keys).len();
    Effect::set_len(key_bytes, length(bytes.max(VALUE_BYTES_MIN))) as u64
}

/// Returns the record of an operation, as the reference server writes it.
pub fn record(op: u64, keys: u64, bytes: u64, out: &mut Vec<u8>) {
    // One allocation for both: this is called for every operation of every run.
    let mut parts = Vec::with_capacity(256);
    push_key(&mut parts, op, keys);
    let key_bytes = parts.len();
    push_value(&mut parts, op, bytes);
    let (key, value) = parts.split_at(key_bytes);
    out.clear();
    Effect::Set { key, value }.encode(out);
}
