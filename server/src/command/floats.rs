//! INCRBYFLOAT: numbers with a point, counted up as redis does it on x86.
//!
//! redis adds C's `long double` and prints 17 digits behind the point. Rust has no such type, and with 64-bit floats
//! 10.5 and 0.1 would be 10.59999999999999964; so a number here is the same as there: a mantissa of 64 bits and a power
//! of two, rounded to the nearest, halves to the even. The result becomes a `SET`.
//!
//! Unlike there, hexadecimal floats and `nan` are refused. Numbers too small for their first 17 digits to show are
//! accepted, where C would report that they are out of range.
//!
//! Bounds: a number's text is at most [`TEXT_MAX`] bytes, its power of two at most 16383.

use num_bigint::BigUint;

use super::call::{Answer, Call, CommandError};

#[cfg(test)]
mod tests;

/// The most bytes of a number's text, as in redis.
const TEXT_MAX: usize = 5 * 1024;
/// A power of ten that no number reaches.
const POWER_MAX: i64 = 5000;
/// The largest power of two, for the first bit.
const TWOS_MAX: i64 = 16_383;
/// Digits behind the point.
const SHOWN: usize = 17;
const SHOWN_POWER: u32 = 17;
/// Bits of a mantissa.
const BITS: u64 = 64;

const NOT_FLOAT: CommandError = CommandError::Static("ERR value is not a valid float");
const NO_END: CommandError = CommandError::Static("ERR increment would produce NaN or Infinity");

/// Runs INCRBYFLOAT.
pub(super) fn incr_by_float(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let old = call.look(key);
    let was = match &old {
        Some(old) => Number::read(&old.value).ok_or(NOT_FLOAT)?,
        None => Number::ZERO,
    };
    let by = Number::read(call.arg(2)).ok_or(NOT_FLOAT)?;
    let sum = was.plus(&by).ok_or(NO_END)?.to_string();
    call.fits(key, sum.len())?;
    call.push_entry(key, sum.as_bytes(), old.and_then(|old| old.expiry));
    call.commit()?;
    call.bulk(sum.as_bytes())
}

/// A number: mantissa times two to a power, or infinite.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Number {
    negative: bool,
    size: Size,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Size {
    /// Zero has mantissa and power 0; any other number has the mantissa's first bit set.
    Finite {
        mantissa: u64,
        twos: i64,
    },
    Infinite,
}

impl Number {
    const ZERO: Self = Self { negative: false, size: Size::Finite { mantissa: 0, twos: 0 } };

    /// Reads decimal digits with a sign, a point and a power of ten, or `inf`.
    fn read(text: &[u8]) -> Option<Self> {
        if text.len() >= TEXT_MAX {
            return None;
        }
        let (negative, text) = match text {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            _ => (false, text),
        };
        if text.eq_ignore_ascii_case(b"inf") || text.eq_ignore_ascii_case(b"infinity") {
            return Some(Self { negative, size: Size::Infinite });
        }
        let (digits, mut power) = match text.iter().position(|byte| byte.eq_ignore_ascii_case(&b'e')) {
            Some(at) => (&text[..at], read_power(&text[at + 1..])?),
            None => (text, 0),
        };
        let mut whole = Vec::with_capacity(digits.len());
        let mut point = false;
        for byte in digits {
            match byte {
                b'.' if !point => point = true,
                b'0'..=b'9' => {
                    whole.push(*byte);
                    power -= i64::from(point);
                }
                _ => return None,
            }
        }
        let whole = BigUint::parse_bytes(&whole, 10)?;
        let reach = power.unsigned_abs().min(2 * POWER_MAX.unsigned_abs());
        let ten = BigUint::from(10_u8).pow(u32::try_from(reach).ok()?);
        let one = BigUint::from(1_u8);
        let number =
            if power < 0 { rounded(negative, whole, ten, 0) } else { rounded(negative, whole * ten, one, 0) };
        // A number that does not fit is out of range; only `inf` itself is infinite.
        (number.size != Size::Infinite).then_some(number)
    }

    /// Returns the sum, if it is finite.
    fn plus(&self, other: &Self) -> Option<Self> {
        let (Size::Finite { mantissa: a, twos: a_twos }, Size::Finite { mantissa: b, twos: b_twos }) =
            (&self.size, &other.size)
        else {
            return None;
        };
        let low = match (a, b) {
            (0, _) => *b_twos,
            (_, 0) => *a_twos,
            _ => *a_twos.min(b_twos),
        };
        let lifted =
            |mantissa: u64, twos: i64| BigUint::from(mantissa) << u64::try_from(twos - low).unwrap_or(0);
        let (a, b) = (lifted(*a, *a_twos), lifted(*b, *b_twos));
        let (negative, sum) = if self.negative == other.negative {
            (self.negative, a + b)
        } else if a >= b {
            (self.negative, a - b)
        } else {
            (other.negative, b - a)
        };
        let sum = rounded(negative, sum, BigUint::from(1_u8), low);
        (sum.size != Size::Infinite).then_some(sum)
    }
}

/// Reads the number behind an `e`, held within the powers that any number can have.
fn read_power(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let far = 2 * POWER_MAX;
    let power = std::str::from_utf8(digits).ok()?.parse::<i64>().unwrap_or(far).min(far);
    Some(if text.starts_with(b"-") { -power } else { power })
}

/// Returns the nearest number to `over / under` times two to `twos`.
fn rounded(negative: bool, over: BigUint, under: BigUint, twos: i64) -> Number {
    if over.bits() == 0 {
        return Number { negative, ..Number::ZERO };
    }
    // Two bits more than a mantissa has, or three, and a bit for the rest below them.
    let lift = i64::try_from(BITS + 2 + under.bits()).unwrap_or(0) - i64::try_from(over.bits()).unwrap_or(0);
    let by = lift.unsigned_abs();
    let (over, under) = if lift < 0 { (over, under << by) } else { (over << by, under) };
    let quotient = &over / &under;
    let more = &quotient * &under != over;
    let extra = quotient.bits().saturating_sub(BITS);
    let quotient = u128::try_from(&quotient).unwrap_or(u128::MAX);
    let (below, half) = (quotient & ((1 << extra) - 1), 1_u128 << (extra - 1));
    let mut mantissa = quotient >> extra;
    if below > half || (below == half && (more || mantissa & 1 == 1)) {
        mantissa += 1;
    }
    let carried = mantissa >> BITS != 0;
    let twos = twos - lift + i64::try_from(extra).unwrap_or(0) + i64::from(carried);
    let mantissa = u64::try_from(if carried { mantissa >> 1 } else { mantissa }).unwrap_or(u64::MAX);
    let size = if twos + 63 > TWOS_MAX { Size::Infinite } else { Size::Finite { mantissa, twos } };
    Number { negative, size }
}

impl std::fmt::Display for Number {
    /// Formats like `%.17Lf`, without the zeros at its end.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Size::Finite { mantissa, twos } = self.size else { return out.write_str("inf") };
        let mut shown = BigUint::from(mantissa) * BigUint::from(10_u8).pow(SHOWN_POWER);
        let by = twos.unsigned_abs();
        if twos >= 0 {
            shown <<= by;
        } else {
            let whole = &shown >> by;
            let below = shown - (&whole << by);
            let half = BigUint::from(1_u8) << (by - 1);
            let up = below > half || (below == half && whole.bit(0));
            shown = whole + u8::from(up);
        }
        let digits = format!("{shown:0>width$}", width = SHOWN + 1, shown = shown.to_string());
        let (whole, behind) = digits.split_at(digits.len() - SHOWN);
        let behind = behind.trim_end_matches('0');
        let sign = if self.negative && shown.bits() > 0 { "-" } else { "" };
        let point = if behind.is_empty() { "" } else { "." };
        write!(out, "{sign}{whole}{point}{behind}")
    }
}
