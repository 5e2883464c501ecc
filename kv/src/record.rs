//! Reading records: effects found in place, in their canonical form and no other.
//!
//! This is on the way of every record through every replica, so it is a parser of exactly the seven forms
//! [`Effect::encode`] writes: one comparison per head, no argument list, no copy.
//!
//! Invariant: what is read, encoded again, gives the bytes that were read. A record any other implementation could
//! read differently is refused, because two replicas that disagree about a record can never be brought together.
//!
//! Bounds: nothing is allocated; no length is believed past the bytes at hand; a bulk string is at most
//! [`BULK_MAX`] bytes.

use crate::decimal::parse_i64;
use crate::effect::{Effect, head};
use crate::expiry::ExpiryMs;
use core::fmt;

#[cfg(test)]
mod tests;

/// The longest key or value that can be written. Records are shorter by far: the log's record head has 28 bits.
const BULK_MAX: u64 = u32::MAX as u64;

/// The effects of one record, in order.
///
/// A record is one or more effects back to back. The first bad byte ends the iteration with one error; what came
/// before it was already handed out.
#[must_use]
pub fn effects(record: &[u8]) -> Effects<'_> {
    Effects { len: record.len(), rest: record, empty: record.is_empty() }
}

/// The iterator behind [`effects`]. It ends after its first error.
#[derive(Clone, Debug)]
pub struct Effects<'a> {
    len: usize,
    rest: &'a [u8],
    empty: bool,
}

impl<'a> Iterator for Effects<'a> {
    type Item = Result<Effect<'a>, RecordError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            let empty = core::mem::take(&mut self.empty);
            return empty.then_some(Err(RecordError { at: 0, kind: RecordErrorKind::Empty }));
        }
        match parse_effect(self.rest) {
            Ok((effect, used)) => {
                self.rest = &self.rest[used..];
                Some(Ok(effect))
            }
            Err(stop) => {
                let begin = self.len - self.rest.len();
                self.rest = &[];
                Some(Err(match stop {
                    Stop::Need(_) => RecordError { at: self.len as u64, kind: RecordErrorKind::Truncated },
                    Stop::Bad { at, kind } => RecordError { at: (begin + at) as u64, kind },
                }))
            }
        }
    }
}

impl core::iter::FusedIterator for Effects<'_> {}

/// The reason why bytes are no record, or no snapshot, and the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// Bytes before the place: of the record, or of the whole snapshot.
    pub at: u64,
    /// The kind of the error.
    pub kind: RecordErrorKind,
}

/// The kinds of error in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordErrorKind {
    /// A record holds at least one effect.
    Empty,
    /// No effect begins like this.
    Verb,
    /// A length is not in shortest decimal, or more than the language or the limit allows.
    Length,
    /// A bulk string is longer or shorter than its length.
    End,
    /// `INCRBY` by something that is no signed 64-bit number in shortest decimal, or `PEXPIREAT` at something that
    /// is no number from 1 to `i64::MAX` in that form.
    Number,
    /// The bytes end inside an effect.
    Truncated,
}

impl fmt::Display for RecordError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            RecordErrorKind::Empty => "a record without an effect",
            RecordErrorKind::Verb => "not one of the seven effects",
            RecordErrorKind::Length => "a length over the limit or not in shortest decimal",
            RecordErrorKind::End => "a bulk string that does not end where its length says",
            RecordErrorKind::Number => "a number out of range or not in shortest decimal",
            RecordErrorKind::Truncated => "the end, inside an effect",
        };
        write!(out, "bad record: {what}, at byte {}", self.at)
    }
}

impl core::error::Error for RecordError {}

/// Why [`parse_effect`] has no effect to give.
#[derive(Debug)]
pub(crate) enum Stop {
    /// So far so good: look again when this many bytes, counted from the effect's first, are there. Always more
    /// than were given.
    Need(usize),
    /// No bytes that follow can mend it.
    Bad { at: usize, kind: RecordErrorKind },
}

/// The effect at the front of `bytes` and its length.
#[inline]
pub(crate) fn parse_effect(bytes: &[u8]) -> Result<(Effect<'_>, usize), Stop> {
    if bytes.starts_with(head::SET) {
        let (key, at) = bulk(bytes, head::SET.len(), b"\r\n$")?;
        let (value, at) = bulk(bytes, at, b"\r\n")?;
        return Ok((Effect::Set { key, value }, at));
    }
    parse_other(bytes)
}

/// [`parse_effect`] for all but `SET`.
fn parse_other(bytes: &[u8]) -> Result<(Effect<'_>, usize), Stop> {
    if bytes.starts_with(head::INCRBY) {
        let (key, from) = bulk(bytes, head::INCRBY.len(), b"\r\n$")?;
        let (number, at) = bulk(bytes, from, b"\r\n")?;
        let by = parse_i64(number).ok_or(Stop::Bad { at: from, kind: RecordErrorKind::Number })?;
        return Ok((Effect::IncrBy { key, by }, at));
    }
    if bytes.starts_with(head::PEXPIREAT) {
        let (key, from) = bulk(bytes, head::PEXPIREAT.len(), b"\r\n$")?;
        let (number, at) = bulk(bytes, from, b"\r\n")?;
        let ms = parse_i64(number).and_then(|ms| u64::try_from(ms).ok()).and_then(ExpiryMs::new);
        let expiry = ms.ok_or(Stop::Bad { at: from, kind: RecordErrorKind::Number })?;
        return Ok((Effect::PExpireAt { key, at: expiry }, at));
    }
    if bytes.starts_with(head::DEL) {
        let (key, at) = bulk(bytes, head::DEL.len(), b"\r\n")?;
        return Ok((Effect::Del { key }, at));
    }
    if bytes.starts_with(head::APPEND) {
        let (key, at) = bulk(bytes, head::APPEND.len(), b"\r\n$")?;
        let (value, at) = bulk(bytes, at, b"\r\n")?;
        return Ok((Effect::Append { key, value }, at));
    }
    if bytes.starts_with(head::PERSIST) {
        let (key, at) = bulk(bytes, head::PERSIST.len(), b"\r\n")?;
        return Ok((Effect::Persist { key }, at));
    }
    if bytes.starts_with(head::FLUSHALL) {
        return Ok((Effect::FlushAll, head::FLUSHALL.len()));
    }
    Err(unfinished_head(bytes))
}

/// Bytes that match no head: the beginning of one, or of none.
fn unfinished_head(bytes: &[u8]) -> Stop {
    if head::ALL.iter().any(|head| head.starts_with(bytes)) {
        return Stop::Need(bytes.len() + 1);
    }
    Stop::Bad { at: 0, kind: RecordErrorKind::Verb }
}

/// The bulk string whose length begins at `at` (its `$` is read already) and which ends with `end`; with the place
/// after that.
#[inline]
fn bulk<'a, const N: usize>(bytes: &'a [u8], at: usize, end: &[u8; N]) -> Result<(&'a [u8], usize), Stop> {
    let (len, body) = length(bytes, at)?;
    let over = Stop::Bad { at, kind: RecordErrorKind::Length };
    let Some(stop) = body.checked_add(len) else { return Err(over) };
    let Some(next) = stop.checked_add(N) else { return Err(over) };
    let Some(tail) = bytes.get(stop..next) else { return Err(Stop::Need(next)) };
    if tail != end {
        return Err(Stop::Bad { at: stop, kind: RecordErrorKind::End });
    }
    Ok((&bytes[body..stop], next))
}

/// A length in shortest decimal and its line end, from `at`; with the place after that.
#[inline]
fn length(bytes: &[u8], at: usize) -> Result<(usize, usize), Stop> {
    let bad = |at| Err(Stop::Bad { at, kind: RecordErrorKind::Length });
    let mut len = 0_u64;
    let mut pos = at;
    loop {
        match bytes.get(pos) {
            Some(&digit @ b'0'..=b'9') => {
                len = len * 10 + u64::from(digit - b'0');
                // Caught at the second digit, so that a flood of zeros ends here too.
                if len > BULK_MAX || (pos > at && bytes[at] == b'0') {
                    return bad(at);
                }
                pos += 1;
            }
            Some(b'\r') if pos > at => break,
            Some(_) => return bad(pos),
            None => return Err(Stop::Need(pos + 1)),
        }
    }
    match bytes.get(pos + 1) {
        Some(b'\n') => usize::try_from(len).map_or_else(|_| bad(at), |len| Ok((len, pos + 2))),
        Some(_) => bad(pos + 1),
        None => Err(Stop::Need(pos + 2)),
    }
}
