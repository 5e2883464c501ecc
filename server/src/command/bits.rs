//! Values as rows of bits: SETBIT, GETBIT, BITCOUNT, BITPOS, BITOP. BITFIELD has a file of its own.
//!
//! Bit 0 is the highest of the first byte. A row that changes is written as its whole new value.
//!
//! Bounds: a row is as long as a record may be; BITOP reads at most [`BITOP_BYTES_MAX`] bytes of sources.

use towline_kv::{Effect, parse_i64};

use super::call::{Answer, Call, CommandError};
use super::ranges::range;
use crate::store::Found;

/// The most bytes that BITOP reads: some 50 milliseconds of them.
const BITOP_BYTES_MAX: usize = 128 << 20;
/// The longest row in redis, in bytes.
const ROW_BYTES_MAX: i64 = 512 << 20;

const BAD_OFFSET: CommandError = CommandError::Static("ERR bit offset is not an integer or out of range");
const BAD_BIT: CommandError = CommandError::Static("ERR bit is not an integer or out of range");

/// Reads the number of a bit, from 0.
pub(super) fn offset(text: &[u8]) -> Result<usize, CommandError> {
    let offset =
        parse_i64(text).filter(|offset| (0..ROW_BYTES_MAX * 8).contains(offset)).ok_or(BAD_OFFSET)?;
    usize::try_from(offset).map_err(|_| BAD_OFFSET)
}

/// Returns the bytes of a value, none if there is no value.
pub(super) fn row(found: Option<&Found>) -> &[u8] {
    found.map_or(b"", |found| &found.value)
}

/// Runs SETBIT.
pub(super) fn setbit(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let offset = offset(call.arg(2))?;
    let on = match parse_i64(call.arg(3)) {
        Some(0) => false,
        Some(1) => true,
        Some(_) | None => return Err(BAD_BIT),
    };
    let old = call.look(key);
    let (value, at, mask) = (row(old.as_ref()), offset / 8, 0x80 >> (offset % 8));
    let len = value.len().max(at + 1);
    call.may_grow(key, len)?;
    let was = value.get(at).is_some_and(|byte| byte & mask != 0);
    if value.len() < len {
        let mut tail = vec![0; len - value.len()];
        tail[at - value.len()] = if on { mask } else { 0 };
        call.push(&Effect::Append { key, value: &tail });
    } else if was != on {
        let mut value = value.to_vec();
        value[at] ^= mask;
        call.push_entry(key, &value, old.as_ref().and_then(|old| old.expiry));
    }
    call.commit()?;
    call.integer(i64::from(was))
}

/// Runs GETBIT.
pub(super) fn getbit(call: &mut Call<'_>) -> Answer {
    let offset = offset(call.arg(2))?;
    let found = call.look(call.arg(1));
    let on = row(found.as_ref()).get(offset / 8).is_some_and(|byte| byte & (0x80 >> (offset % 8)) != 0);
    call.integer(i64::from(on))
}

/// Returns whether an argument counts in bits, not bytes.
fn in_bits(unit: &[u8]) -> Result<bool, CommandError> {
    if unit.eq_ignore_ascii_case(b"bit") {
        Ok(true)
    } else if unit.eq_ignore_ascii_case(b"byte") {
        Ok(false)
    } else {
        Err(CommandError::Syntax)
    }
}

/// Returns the first and the last bit of a row that a command names; `None` if that is no bit.
fn named(start: i64, end: i64, bits: bool, row: &[u8]) -> Option<(usize, usize)> {
    if bits {
        return range(start, end, row.len() * 8);
    }
    range(start, end, row.len()).map(|(from, to)| (from * 8, to * 8 + 7))
}

/// Returns a byte in which only the bits from `from` to `to` of the row are left.
fn masked(row: &[u8], at: usize, from: usize, to: usize) -> u8 {
    let mut byte = row[at];
    if at == from / 8 {
        byte &= 0xff >> (from % 8);
    }
    if at == to / 8 {
        byte &= !(0x7f >> (to % 8));
    }
    byte
}

/// Runs BITCOUNT.
pub(super) fn bitcount(call: &mut Call<'_>) -> Answer {
    let Some(found) = call.look(call.arg(1)) else { return call.integer(0) };
    let row = &*found.value;
    let bits = match call.len() {
        2 => named(0, -1, false, row),
        4 => named(call.number(2)?, call.number(3)?, false, row),
        5 => {
            let (start, end) = (call.number(2)?, call.number(3)?);
            named(start, end, in_bits(call.arg(4))?, row)
        }
        _ => return Err(CommandError::Syntax),
    };
    let Some((from, to)) = bits else { return call.integer(0) };
    call.cost.spend_bytes(row.len());
    let (first, last) = (from / 8, to / 8);
    let mut ones = u64::from(masked(row, first, from, to).count_ones());
    if last > first {
        ones += row[first + 1..last].iter().map(|byte| u64::from(byte.count_ones())).sum::<u64>();
        ones += u64::from(masked(row, last, from, to).count_ones());
    }
    call.integer(ones)
}

/// Runs BITPOS.
pub(super) fn bitpos(call: &mut Call<'_>) -> Answer {
    let one = match call.number(2)? {
        0 => false,
        1 => true,
        _ => return Err(CommandError::Static("ERR The bit argument must be 1 or 0.")),
    };
    let found = call.look(call.arg(1));
    // A missing row counts as zeros without an end.
    let Some(found) = found else { return call.integer(if one { -1 } else { 0 }) };
    let row = &*found.value;
    let bits = match call.len() {
        3 => named(0, -1, false, row),
        4 => named(call.number(3)?, -1, false, row),
        5 => named(call.number(3)?, call.number(4)?, false, row),
        6 => {
            let start = call.number(3)?;
            let bits = in_bits(call.arg(5))?;
            named(start, call.number(4)?, bits, row)
        }
        _ => return Err(CommandError::Syntax),
    };
    let Some((from, to)) = bits else { return call.integer(-1) };
    call.cost.spend_bytes(row.len());
    if let Some(place) = first(row, from, to, one) {
        return call.integer(place);
    }
    // A row whose end was not named goes on with zeros.
    let place = if one || call.len() > 4 { -1 } else { i64::try_from(row.len() * 8).unwrap_or(i64::MAX) };
    call.integer(place)
}

/// Returns the first bit from `from` to `to` that is a one, or a zero.
fn first(row: &[u8], from: usize, to: usize, one: bool) -> Option<usize> {
    let same = if one { 0 } else { 0xff };
    let begin = from / 8;
    let skipped = row.get(begin + 1..=to / 8)?.iter().position(|byte| *byte != same);
    // The first byte is tested by itself, because only a part of it may count.
    for at in [Some(begin), skipped.map(|skipped| begin + 1 + skipped)].into_iter().flatten() {
        let byte = row[at] ^ same;
        let byte = if at == begin { byte & (0xff >> (from % 8)) } else { byte };
        if byte != 0 {
            let place = at * 8 + byte.leading_zeros() as usize;
            return (place <= to).then_some(place);
        }
    }
    None
}

/// The operation of BITOP on its sources.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Op {
    And,
    Or,
    Xor,
    Not,
}

/// Runs BITOP. Shorter rows count as if zeros followed them.
pub(super) fn bitop(call: &mut Call<'_>) -> Answer {
    let op = match call.arg(1).to_ascii_lowercase().as_slice() {
        b"and" => Op::And,
        b"or" => Op::Or,
        b"xor" => Op::Xor,
        b"not" => Op::Not,
        _ => return Err(CommandError::Syntax),
    };
    if op == Op::Not && call.len() != 4 {
        return Err(CommandError::Static("ERR BITOP NOT must be called with a single source key."));
    }
    let key = call.arg(2);
    let (mut rows, mut bytes) = (Vec::new(), 0_usize);
    for source in call.args.iter().skip(3) {
        let found = call.look(source);
        bytes = bytes.saturating_add(row(found.as_ref()).len());
        if bytes > BITOP_BYTES_MAX {
            let text =
                format!("ERR BITOP would read {bytes} bytes and more, the limit is {BITOP_BYTES_MAX} bytes");
            return Err(CommandError::Text(text));
        }
        rows.push(found);
    }
    let len = rows.iter().map(|found| row(found.as_ref()).len()).max().unwrap_or(0);
    call.may_grow(key, len)?;
    let mut result = row(rows.first().and_then(Option::as_ref)).to_vec();
    result.resize(len, 0);
    for source in rows.iter().skip(1) {
        combine(op, &mut result, row(source.as_ref()));
    }
    if op == Op::Not {
        result.iter_mut().for_each(|byte| *byte = !*byte);
    }
    if len > 0 {
        call.push_entry(key, &result, None);
    } else if call.lives(key) {
        call.push(&Effect::Del { key });
    }
    call.commit()?;
    call.integer(len)
}

fn combine(op: Op, result: &mut [u8], source: &[u8]) {
    let (both, rest) = result.split_at_mut(source.len());
    let pairs = both.iter_mut().zip(source);
    match op {
        Op::And => {
            pairs.for_each(|(byte, other)| *byte &= other);
            rest.fill(0);
        }
        Op::Or => pairs.for_each(|(byte, other)| *byte |= other),
        Op::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
        Op::Not => {}
    }
}
