//! Numbers as text: the one spelling each integer has in records, values and lengths.
//!
//! *Shortest decimal*: `0`, or an optional `-` and digits of which the first is not `0`. No `+`, no spaces, no `-0`,
//! no leading zeros. [`Decimal`] writes it, [`parse_i64`] reads it and nothing else, so text that was read and
//! written again is the same text.
//!
//! Bounds: 20 bytes, the length of both `i64::MIN` and `u64::MAX`. Nothing is allocated.

#[cfg(test)]
mod tests;

/// Bytes of the longest number: `-9223372036854775808` or `18446744073709551615`.
const DIGITS_MAX: usize = 20;

/// An integer in its shortest decimal spelling, held in place.
///
/// Invariant: `text[start..]` is the spelling and is never empty.
#[derive(Clone, Copy)]
pub struct Decimal {
    text: [u8; DIGITS_MAX],
    start: usize,
}

impl Decimal {
    /// The spelling of a signed number.
    #[must_use]
    pub const fn of_i64(number: i64) -> Self {
        let mut decimal = Self::of_u64(number.unsigned_abs());
        if number < 0 {
            decimal.start -= 1;
            decimal.text[decimal.start] = b'-';
        }
        decimal
    }

    /// The spelling of an unsigned number.
    #[must_use]
    pub const fn of_u64(number: u64) -> Self {
        let mut text = [0; DIGITS_MAX];
        let mut start = DIGITS_MAX;
        let mut rest = number;
        loop {
            start -= 1;
            text[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                return Self { text, start };
            }
        }
    }

    /// The spelling itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[self.start..]
    }
}

impl core::fmt::Debug for Decimal {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "Decimal({})", self.as_bytes().escape_ascii())
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Decimal {}

/// How many digits `number` has.
pub(crate) const fn digits(number: u64) -> usize {
    match number.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    }
}

/// Reads a signed number in its shortest spelling; anything else, or one that does not fit, is `None`.
///
/// These are also the values `INCRBY` counts up from, as in redis.
#[must_use]
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', b'1'..=b'9', ..] => 0_i64.checked_sub_unsigned(parse_u64(&text[1..])?),
        [..] => i64::try_from(parse_u64(text)?).ok(),
    }
}

/// Reads an unsigned number in its shortest spelling.
fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] if text.len() <= DIGITS_MAX => text.iter().try_fold(0_u64, |number, &byte| {
            if !byte.is_ascii_digit() {
                return None;
            }
            number.checked_mul(10)?.checked_add(u64::from(byte - b'0'))
        }),
        [..] => None,
    }
}
