//! BITFIELD and BITFIELD_RO: numbers of any width at any bit of a value.
//!
//! A command is parsed whole before anything is done; then its steps go over one copy of the value, which becomes one
//! effect at the end.

use towline_kv::parse_i64;

use super::bits::{offset, row};
use super::call::{Answer, Call, CommandError};
use super::reply;

#[cfg(test)]
mod tests;

const BAD_TYPE: CommandError = CommandError::Static(
    "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
);

/// The treatment of a number that does not fit its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overflow {
    /// Its lowest bits are kept.
    Wrap,
    /// It becomes the nearest that fits.
    Saturate,
    /// Nothing is written, and the step has no answer.
    Fail,
}

/// The action of a step.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Get,
    Set(i64),
    IncrBy(i64),
}

/// The place of one number in a row of bits.
#[derive(Debug, Clone, Copy)]
struct Field {
    signed: bool,
    /// Its width, 1 to 64.
    bits: u32,
    /// Its first bit.
    offset: usize,
}

struct Step {
    verb: Verb,
    field: Field,
    overflow: Overflow,
}

/// Runs BITFIELD.
pub(super) fn bitfield(call: &mut Call<'_>) -> Answer {
    let steps = steps(call)?;
    let key = call.arg(1);
    let written = steps.iter().filter(|step| !matches!(step.verb, Verb::Get));
    let end = written.map(|step| step.field.offset + step.field.bits as usize).max();
    let old = call.look(key);
    let Some(end) = end else {
        call.commit()?;
        return tell(call, &read(&steps, row(old.as_ref())));
    };
    let len = row(old.as_ref()).len().max(end.div_ceil(8));
    call.may_grow(key, len)?;
    let mut value = row(old.as_ref()).to_vec();
    value.resize(len, 0);
    let answers: Vec<Option<i64>> = steps.iter().map(|step| step.run(&mut value)).collect();
    // In redis a step that failed has lengthened the row already; here it has done nothing.
    let wrote =
        steps.iter().zip(&answers).any(|(step, answer)| answer.is_some() && !matches!(step.verb, Verb::Get));
    if wrote && value != row(old.as_ref()) {
        call.push_entry(key, &value, old.as_ref().and_then(|old| old.expiry));
    }
    call.commit()?;
    tell(call, &answers)
}

/// Runs BITFIELD_RO.
pub(super) fn bitfield_ro(call: &mut Call<'_>) -> Answer {
    let steps = steps(call)?;
    if steps.iter().any(|step| !matches!(step.verb, Verb::Get)) {
        return Err(CommandError::Static("ERR BITFIELD_RO only supports the GET subcommand"));
    }
    let found = call.look(call.arg(1));
    tell(call, &read(&steps, row(found.as_ref())))
}

/// Returns the answers of steps that only read.
fn read(steps: &[Step], row: &[u8]) -> Vec<Option<i64>> {
    steps.iter().map(|step| Some(step.field.read(row))).collect()
}

fn tell(call: &mut Call<'_>, answers: &[Option<i64>]) -> Answer {
    reply::array(call.out, answers.len());
    for answer in answers {
        match answer {
            Some(number) => reply::integer(call.out, *number),
            None => reply::null(call.out, call.client.resp),
        }
    }
    Call::done()
}

fn steps(call: &Call<'_>) -> Result<Vec<Step>, CommandError> {
    let (mut steps, mut overflow, mut at) = (Vec::new(), Overflow::Wrap, 2);
    while at < call.len() {
        let left = call.len() - at - 1;
        let word = call.arg(at).to_ascii_lowercase();
        match word.as_slice() {
            b"overflow" if left >= 1 => {
                overflow = match call.arg(at + 1).to_ascii_lowercase().as_slice() {
                    b"wrap" => Overflow::Wrap,
                    b"sat" => Overflow::Saturate,
                    b"fail" => Overflow::Fail,
                    _ => return Err(CommandError::Static("ERR Invalid OVERFLOW type specified")),
                };
                at += 2;
                continue;
            }
            b"get" if left >= 2 => {}
            b"set" | b"incrby" if left >= 3 => {}
            _ => return Err(CommandError::Syntax),
        }
        let field = Field::named(call.arg(at + 1), call.arg(at + 2))?;
        let verb = match word.as_slice() {
            b"get" => Verb::Get,
            b"set" => Verb::Set(call.number(at + 3)?),
            _ => Verb::IncrBy(call.number(at + 3)?),
        };
        at += if matches!(verb, Verb::Get) { 3 } else { 4 };
        steps.push(Step { verb, field, overflow });
    }
    Ok(steps)
}

impl Step {
    /// Runs the step, and returns its answer; none if it would overflow and must not.
    fn run(&self, row: &mut [u8]) -> Option<i64> {
        let field = self.field;
        let old = field.read(row);
        match self.verb {
            Verb::Get => Some(old),
            Verb::Set(new) => {
                // As in redis, a number for an unsigned field is taken as unsigned.
                let new = if field.signed { i128::from(new) } else { i128::from(new.cast_unsigned()) };
                field.write(row, field.fitted(new, self.overflow)?);
                Some(old)
            }
            Verb::IncrBy(by) => {
                let new = field.fitted(i128::from(old) + i128::from(by), self.overflow)?;
                field.write(row, new);
                Some(new)
            }
        }
    }
}

impl Field {
    fn named(kind: &[u8], place: &[u8]) -> Result<Self, CommandError> {
        let (signed, bits_max) = match kind.first() {
            Some(b'i') => (true, 64),
            Some(b'u') => (false, 63),
            Some(_) | None => return Err(BAD_TYPE),
        };
        let bits = parse_i64(&kind[1..]).filter(|bits| (1..=bits_max).contains(bits)).ok_or(BAD_TYPE)?;
        let bits = u32::try_from(bits).map_err(|_| BAD_TYPE)?;
        let offset = match place.strip_prefix(b"#") {
            Some(number) => {
                let product = parse_i64(number).and_then(|number| number.checked_mul(i64::from(bits)));
                offset(towline_kv::Decimal::of_i64(product.unwrap_or(-1)).as_bytes())?
            }
            None => offset(place)?,
        };
        Ok(Self { signed, bits, offset })
    }

    /// Reads its number; bits beyond the row's end are zeros.
    fn read(self, row: &[u8]) -> i64 {
        let mut number = 0_u64;
        for bit in self.offset..self.offset + self.bits as usize {
            let byte = row.get(bit / 8).copied().unwrap_or(0);
            number = number << 1 | u64::from(byte >> (7 - bit % 8) & 1);
        }
        let number = number.cast_signed();
        let unused = 64 - self.bits;
        if self.signed { number << unused >> unused } else { number }
    }

    /// Writes the lowest bits of a number.
    fn write(self, row: &mut [u8], number: i64) {
        for (from_end, bit) in (self.offset..self.offset + self.bits as usize).rev().enumerate() {
            let mask = 0x80 >> (bit % 8);
            if number >> from_end & 1 == 1 {
                row[bit / 8] |= mask;
            } else {
                row[bit / 8] &= !mask;
            }
        }
    }

    /// Returns the number as it fits this width.
    fn fitted(self, number: i128, overflow: Overflow) -> Option<i64> {
        let (least, most) = if self.signed {
            (-(1_i128 << (self.bits - 1)), (1_i128 << (self.bits - 1)) - 1)
        } else {
            (0, (1_i128 << self.bits) - 1)
        };
        let fitted = if (least..=most).contains(&number) {
            number
        } else {
            match overflow {
                Overflow::Fail => return None,
                Overflow::Saturate => number.clamp(least, most),
                Overflow::Wrap => {
                    let low = number & ((1 << self.bits) - 1);
                    if low > most { low - (1 << self.bits) } else { low }
                }
            }
        };
        i64::try_from(fitted).ok()
    }
}
