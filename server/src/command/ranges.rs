//! Parts of values: GETRANGE and SETRANGE.
//!
//! SETRANGE writes the whole new value, or, where it only adds at the end, the added bytes.

use towline_kv::Effect;

use super::call::{Answer, Call, CommandError};

/// Runs GETRANGE and SUBSTR.
pub(super) fn getrange(call: &mut Call<'_>) -> Answer {
    let (start, end) = (call.number(2)?, call.number(3)?);
    let Some(found) = call.look(call.arg(1)) else { return call.bulk(b"") };
    let part = range(start, end, found.value.len()).and_then(|(from, to)| found.value.get(from..=to));
    call.bulk(part.unwrap_or_default())
}

/// Returns the first and the last of `len` places that `start` and `end` name, counted from the end where they are
/// below zero; `None` if that is no place.
pub(super) fn range(start: i64, end: i64, len: usize) -> Option<(usize, usize)> {
    if start < 0 && end < 0 && start > end {
        return None;
    }
    let signed = i64::try_from(len).unwrap_or(i64::MAX);
    let place = |at: i64| if at < 0 { at.saturating_add(signed).max(0) } else { at };
    let (start, end) = (place(start), place(end).min(signed - 1));
    if start > end {
        return None;
    }
    Some((usize::try_from(start).ok()?, usize::try_from(end).ok()?))
}

/// Runs SETRANGE.
pub(super) fn setrange(call: &mut Call<'_>) -> Answer {
    let key = call.arg(1);
    let offset =
        usize::try_from(call.number(2)?).map_err(|_| CommandError::Static("ERR offset is out of range"))?;
    let piece = call.arg(3);
    let old = call.look(key);
    let value = old.as_ref().map_or(&b""[..], |old| &*old.value);
    if piece.is_empty() {
        call.commit()?;
        return call.integer(value.len());
    }
    let end = offset.saturating_add(piece.len());
    let len = end.max(value.len());
    call.may_grow(key, len)?;
    if offset >= value.len() {
        let mut tail = vec![0; end - value.len()];
        tail[offset - value.len()..].copy_from_slice(piece);
        call.push(&Effect::Append { key, value: &tail });
    } else if value.get(offset..end) != Some(piece) {
        let mut value = value.to_vec();
        value.resize(len, 0);
        value[offset..end].copy_from_slice(piece);
        call.push_entry(key, &value, old.as_ref().and_then(|old| old.expiry));
    }
    call.commit()?;
    call.integer(len)
}
