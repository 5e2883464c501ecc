//! DUMP and RESTORE: a value in redis's own bytes, so that either can read the other's.
//!
//! ```text
//! type (0: a string)  length and bytes, a number, or packed bytes  version (2 bytes)  CRC-64 of all before (8 bytes)
//! ```
//!
//! Strings look the same in every version; DUMP writes [`VERSION`], which every redis since 5.0 reads. Values of other
//! types are refused with a text.
//!
//! Bounds: the claim of a length is compared with the bytes present, and with the longest record, before it is
//! believed.

use crc::{CRC_64_REDIS, Crc, Table};
use towline_kv::{Decimal, Effect, ExpiryMs, parse_i64};

use super::call::{Answer, Call, CommandError};

#[cfg(test)]
mod tests;

/// The format's version that is written.
const VERSION: u16 = 9;
/// The length of version and check.
const FOOT: usize = 10;
/// The type of strings.
const STRING: u8 = 0;
/// The most bytes that one packed byte makes: three of them repeat 264.
const UNPACKED_MAX: usize = 264;

static CHECK: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// Runs DUMP.
pub(super) fn dump(call: &mut Call<'_>) -> Answer {
    let Some(found) = call.look(call.arg(1)) else { return call.null() };
    // The bytes are copied, and read once more for the check.
    call.cost.spend_bytes(2 * found.value.len());
    let dumped = write(&found.value);
    call.bulk(&dumped)
}

fn write(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() + 6 + FOOT);
    out.push(STRING);
    match u32::try_from(value.len()) {
        Ok(len @ 0..64) => out.extend_from_slice(&len.to_be_bytes()[3..]),
        Ok(len @ 64..16384) => out.extend_from_slice(&(len | 0x4000).to_be_bytes()[2..]),
        Ok(len) => {
            out.push(0x80);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(0x81);
            out.extend_from_slice(&(value.len() as u64).to_be_bytes());
        }
    }
    out.extend_from_slice(value);
    out.extend_from_slice(&VERSION.to_le_bytes());
    let check = CHECK.checksum(&out);
    out.extend_from_slice(&check.to_le_bytes());
    out
}

/// Runs RESTORE.
pub(super) fn restore(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let options = options(call)?;
    let lives = call.lives(key);
    if lives && !options.replace {
        return Err(CommandError::Static("BUSYKEY Target key name already exists."));
    }
    let ttl = u64::try_from(call.number(2)?)
        .map_err(|_| CommandError::Static("ERR Invalid TTL value, must be >= 0"))?;
    let body =
        checked(call.arg(3)).ok_or(CommandError::Static("ERR DUMP payload version or checksum are wrong"))?;
    let Some((&STRING, text)) = body.split_first() else {
        return Err(CommandError::Static("ERR Bad data format: only strings can be restored here"));
    };
    let value = read(text, call.backend.record_bytes_max()).map_err(CommandError::Static)?;
    call.fits(key, value.len())?;
    let base = if options.absolute { 0 } else { call.now_ms };
    match (ttl > 0).then(|| base.saturating_add(ttl)) {
        // The value has expired already: the old one is deleted, and nothing takes its place.
        Some(at) if at <= call.now_ms => {
            if lives {
                call.push(&Effect::Del { key });
            }
        }
        Some(at) => {
            let at = ExpiryMs::new(at).ok_or(CommandError::ExpireTime(call.command.name))?;
            call.push_entry(key, &value, Some(at));
        }
        None => call.push_entry(key, &value, None),
    }
    call.commit()?;
    call.ok()
}

#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
}

/// Reads the options. How often and how lately a key was used is not kept here: IDLETIME and FREQ are checked only.
fn options(call: &Call<'_>) -> Result<Options, CommandError> {
    let (mut options, mut usage, mut at) = (Options::default(), None, 4);
    while at < call.len() {
        let more = at + 1 < call.len();
        match call.arg(at).to_ascii_lowercase().as_slice() {
            b"replace" => options.replace = true,
            b"absttl" => options.absolute = true,
            b"idletime" if more && usage != Some("freq") => {
                at += 1;
                if call.number(at)? < 0 {
                    return Err(CommandError::Static("ERR Invalid IDLETIME value, must be >= 0"));
                }
                usage = Some("idletime");
            }
            b"freq" if more && usage != Some("idletime") => {
                at += 1;
                if !(0..=255).contains(&call.number(at)?) {
                    return Err(CommandError::Static("ERR Invalid FREQ value, must be >= 0 and <= 255"));
                }
                usage = Some("freq");
            }
            _ => return Err(CommandError::Syntax),
        }
        at += 1;
    }
    Ok(options)
}

/// Returns type and value, if the check is right.
fn checked(dumped: &[u8]) -> Option<&[u8]> {
    let (body, foot) = dumped.split_at_checked(dumped.len().checked_sub(FOOT)?)?;
    let check = foot.get(2..)?.try_into().map(u64::from_le_bytes).ok()?;
    (CHECK.checksum(&dumped[..dumped.len() - 8]) == check).then_some(body)
}

const BAD: &str = "ERR Bad data format";

/// Returns the string in these bytes, which hold nothing else; the error is the client's text, if it is no string or is
/// longer than `len_max`.
fn read(text: &[u8], len_max: usize) -> Result<Vec<u8>, &'static str> {
    let (length, rest) = length(text).ok_or(BAD)?;
    let little = |bytes: &[u8]| match *bytes {
        [a] => Some(i64::from(i8::from_le_bytes([a]))),
        [a, b] => Some(i64::from(i16::from_le_bytes([a, b]))),
        [a, b, c, d] => Some(i64::from(i32::from_le_bytes([a, b, c, d]))),
        _ => None,
    };
    match length {
        Length::Plain(len) if len == rest.len() as u64 => Ok(rest.to_vec()),
        Length::Special(0..=2) => {
            let number = little(rest).filter(|_| rest.len() == 1 << (text[0] & 3)).ok_or(BAD)?;
            Ok(Decimal::of_i64(number).as_bytes().to_vec())
        }
        Length::Special(3) => {
            let (packed, rest) = plain(rest).ok_or(BAD)?;
            let (len, rest) = plain(rest).ok_or(BAD)?;
            if packed != rest.len() {
                return Err(BAD);
            }
            if len > len_max {
                return Err("ERR Bad data format: the value would be longer than the longest record");
            }
            unpack(rest, len).ok_or(BAD)
        }
        Length::Plain(_) | Length::Special(_) => Err(BAD),
    }
}

enum Length {
    /// A length in bytes.
    Plain(u64),
    /// One of the other forms, without bytes.
    Special(u8),
}

fn length(text: &[u8]) -> Option<(Length, &[u8])> {
    let (&first, rest) = text.split_first()?;
    let low = first & 0x3f;
    match (first >> 6, low) {
        (0, _) => Some((Length::Plain(u64::from(low)), rest)),
        (1, _) => {
            let (second, rest) = rest.split_first()?;
            Some((Length::Plain(u64::from(u16::from_be_bytes([low, *second]))), rest))
        }
        (2, 0) => {
            let (len, rest) = rest.split_first_chunk()?;
            Some((Length::Plain(u64::from(u32::from_be_bytes(*len))), rest))
        }
        (2, 1) => {
            let (len, rest) = rest.split_first_chunk()?;
            Some((Length::Plain(u64::from_be_bytes(*len)), rest))
        }
        (3, special) => Some((Length::Special(special), rest)),
        _ => None,
    }
}

fn plain(text: &[u8]) -> Option<(usize, &[u8])> {
    match length(text)? {
        (Length::Plain(len), rest) => Some((usize::try_from(len).ok()?, rest)),
        (Length::Special(_), _) => None,
    }
}

/// Unpacks LZF: pieces of 1 to 32 bytes as they are, and references to earlier output.
fn unpack(packed: &[u8], len: usize) -> Option<Vec<u8>> {
    if len > packed.len().saturating_mul(UNPACKED_MAX) {
        return None;
    }
    let mut out = Vec::with_capacity(len);
    let mut rest = packed;
    while let Some((&head, behind)) = rest.split_first() {
        rest = behind;
        if head < 32 {
            let (piece, behind) = rest.split_at_checked(usize::from(head) + 1)?;
            out.extend_from_slice(piece);
            rest = behind;
        } else {
            let mut repeated = usize::from(head >> 5) + 2;
            if head >> 5 == 7 {
                let (&more, behind) = rest.split_first()?;
                repeated += usize::from(more);
                rest = behind;
            }
            let (&low, behind) = rest.split_first()?;
            rest = behind;
            let back = (usize::from(head & 0x1f) << 8 | usize::from(low)) + 1;
            let from = out.len().checked_sub(back)?;
            if out.len() + repeated > len {
                return None;
            }
            // A reference may reach into its own output.
            for at in from..from + repeated {
                out.push(out[at]);
            }
        }
        if out.len() > len {
            return None;
        }
    }
    (out.len() == len).then_some(out)
}

/// Returns redis's encoding of a value, for OBJECT ENCODING.
pub(super) fn encoding(value: &[u8]) -> &'static str {
    const EMBEDDED_MAX: usize = 44;
    if parse_i64(value).is_some() {
        "int"
    } else if value.len() <= EMBEDDED_MAX {
        "embstr"
    } else {
        "raw"
    }
}
