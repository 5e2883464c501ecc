//! Walking over keys: KEYS, SCAN, RANDOMKEY.
//!
//! Walks skip expired keys and leave them for the expiry index: they write nothing. Only RANDOMKEY deletes them,
//! because it would otherwise draw the same one again.
//!
//! Bounds: SCAN visits [`COUNT_MAX`] keys at most, whatever its COUNT, and ends early where its reply reaches
//! [`REPLY_BYTES`]; KEYS visits all. Both are cut into slices, and refused where the reply would be too long.

use towline_kv::parse_i64;

use super::call::{Answer, Call, CommandError};
use super::reply;
use super::walk::{Walk, Wanted};

/// The number of keys that SCAN visits by default.
const COUNT_DEFAULT: u64 = 10;
/// The most keys that SCAN visits.
const COUNT_MAX: u64 = 1 << 16;
/// Bytes of a reply of SCAN beyond which it visits no further part of the store.
const REPLY_BYTES: usize = 1 << 20;
/// The most bytes of a reply that are always copied.
const COPIED_MAX: usize = 64 << 10;
/// The most expired keys that RANDOMKEY draws before it replies that there is none, as redis does.
const DRAWS_MAX: u32 = 100;

/// Runs KEYS.
pub(super) fn keys(call: &mut Call<'_>) -> Answer {
    let wanted = Wanted { pattern: any(call.pattern(1)?), now_ms: call.now_ms };
    let mut walk = call.walk.take().unwrap_or_default();
    while !walk.is_done() {
        if call.cost.left() == 0 {
            return call.go_on_later(walk);
        }
        part(call, &mut walk, wanted)?;
    }
    answer(call, &mut walk, &[]);
    Call::done()
}

/// Visits one more part of the store, within the bound of a reply.
fn part(call: &mut Call<'_>, walk: &mut Walk, wanted: Wanted<'_>) -> Result<(), CommandError> {
    call.walk_part(walk, wanted, &mut |text, key| reply::bulk(text, key));
    call.reply_fits(walk.text.len())
}

/// Replies with the keys a walk found, as an array behind `head`.
fn answer(call: &mut Call<'_>, walk: &mut Walk, head: &[u8]) {
    call.out.extend_from_slice(head);
    reply::array(call.out, walk.found);
    append(call.out, std::mem::take(&mut walk.text));
}

/// Appends a reply that was built beside the others. The shorter part is copied to the longer one: a reply of many
/// megabytes is never in memory twice, because nothing counts the second copy.
fn append(out: &mut Vec<u8>, mut text: Vec<u8>) {
    if text.len() <= out.len().max(COPIED_MAX) {
        out.extend_from_slice(&text);
        return;
    }
    let (before, len) = (out.len(), text.len());
    text.reserve_exact(before);
    text.resize(len + before, 0);
    text.copy_within(..len, before);
    text[..before].copy_from_slice(out);
    *out = text;
}

/// Returns the pattern; none for one that fits every key.
fn any(pattern: &[u8]) -> Option<&[u8]> {
    (pattern != b"*").then_some(pattern)
}

/// Runs SCAN.
pub(super) fn scan(call: &mut Call<'_>) -> Answer {
    let cursor = std::str::from_utf8(call.arg(1)).ok().and_then(|cursor| cursor.parse::<u64>().ok());
    let from = cursor.ok_or(CommandError::Static("ERR invalid cursor"))?;
    let mut wanted = Wanted { pattern: None, now_ms: call.now_ms };
    let mut count = COUNT_DEFAULT;
    let mut strings = true;
    for at in (2..call.len()).step_by(2) {
        let Some(value) = call.args.get(at + 1) else { return Err(CommandError::Syntax) };
        let option = call.arg(at);
        if option.eq_ignore_ascii_case(b"match") {
            wanted.pattern = any(call.pattern(at + 1)?);
        } else if option.eq_ignore_ascii_case(b"type") {
            strings = value.eq_ignore_ascii_case(b"string");
        } else if option.eq_ignore_ascii_case(b"count") {
            let asked = parse_i64(value).ok_or(CommandError::NotInteger)?;
            count = u64::try_from(asked)
                .ok()
                .filter(|asked| *asked > 0)
                .ok_or(CommandError::Syntax)?
                .min(COUNT_MAX);
        } else {
            return Err(CommandError::Syntax);
        }
    }
    let mut walk = call.walk.take().unwrap_or_else(|| Box::new(Walk::from(from)));
    loop {
        let enough = walk.seen >= count || walk.text.len() >= REPLY_BYTES;
        if walk.is_done() || (enough && walk.is_between()) {
            break;
        }
        if call.cost.left() == 0 {
            return call.go_on_later(walk);
        }
        part(call, &mut walk, wanted)?;
    }
    let mut head = Vec::new();
    reply::array(&mut head, 2);
    reply::bulk(&mut head, towline_kv::Decimal::of_u64(walk.cursor()).as_bytes());
    if !strings {
        *walk = Walk::default();
    }
    answer(call, &mut walk, &head);
    Call::done()
}

/// Runs RANDOMKEY.
pub(super) fn randomkey(call: &mut Call<'_>) -> Answer {
    for _ in 0..DRAWS_MAX {
        let Some(key) = call.some_key() else { break };
        if call.lives(&key) {
            return call.bulk(&key);
        }
        call.delete_expired();
    }
    call.null()
}

#[cfg(test)]
mod tests {
    use super::{COPIED_MAX, append};

    #[test]
    fn a_long_reply_is_handed_over_and_not_copied() {
        for (before, len) in [(0, 10), (7, COPIED_MAX), (7, COPIED_MAX + 1), (0, 1 << 20), (2 << 20, 1 << 20)]
        {
            let (mut out, text) = (vec![b'a'; before], vec![b'b'; len]);
            let (out_at, text_at) = (out.as_ptr(), text.as_ptr());
            let both = [&out[..], &text].concat();
            let grown = text.capacity() < before + len;
            append(&mut out, text);
            assert!(out == both, "{before} {len}");
            assert!(out.capacity() <= 2 * both.len().max(64), "no room for twice as much");
            let longer = if len > before.max(COPIED_MAX) { text_at } else { out_at };
            assert!(grown || before == 0 || out.as_ptr() == longer, "{before} {len}: the longer part stays");
        }
    }
}
