//! Walking over keys: KEYS, SCAN, RANDOMKEY.
//!
//! Keys past their time are passed over and left for the expiry index: a walk writes nothing, RANDOMKEY excepted,
//! which would otherwise draw the same dead key again.
//!
//! Bounds: SCAN looks at [`COUNT_MAX`] keys at most whatever it is asked; KEYS looks at all, in one turn, as in redis.

use towline_kv::parse_i64;

use super::call::{Answer, Call, Fault};
use super::{glob, reply};
use crate::store::Store;

/// Keys SCAN looks at when not told.
const COUNT_DEFAULT: usize = 10;
/// Keys SCAN looks at most.
const COUNT_MAX: usize = 1 << 16;
/// Dead keys RANDOMKEY draws before it says there is none, as redis does.
const DRAWS_MAX: u32 = 100;

/// Which keys a walk shows.
struct Wanted<'a> {
    pattern: Option<&'a [u8]>,
    now_ms: u64,
}

impl Wanted<'_> {
    /// Appends the wanted keys of one part of the store; answers where to go on.
    fn walk(&self, store: &dyn Store, from: u64, count: usize, keys: &mut Vec<u8>, found: &mut usize) -> u64 {
        store.scan(from, count, &mut |key, entry| {
            let dead = entry.expiry.is_some_and(|at| at.get() <= self.now_ms);
            if !dead && self.pattern.is_none_or(|pattern| glob::matches(pattern, key, false)) {
                reply::bulk(keys, key);
                *found += 1;
            }
        })
    }
}

/// KEYS.
pub(super) fn keys(call: &mut Call<'_>) -> Answer {
    let wanted = Wanted { pattern: pattern(call.arg(1)), now_ms: call.now_ms };
    let mut found = 0;
    call.scratch.clear();
    let mut from = 0;
    loop {
        from = wanted.walk(call.backend.store(), from, COUNT_MAX, call.scratch, &mut found);
        if from == 0 {
            break;
        }
    }
    reply::array(call.out, found);
    call.out.extend_from_slice(call.scratch);
    Call::done()
}

/// What fits everything need not be asked.
fn pattern(pattern: &[u8]) -> Option<&[u8]> {
    (pattern != b"*").then_some(pattern)
}

/// SCAN.
pub(super) fn scan(call: &mut Call<'_>) -> Answer {
    let cursor = std::str::from_utf8(call.arg(1)).ok().and_then(|cursor| cursor.parse::<u64>().ok());
    let from = cursor.ok_or(Fault::Static("ERR invalid cursor"))?;
    let mut wanted = Wanted { pattern: None, now_ms: call.now_ms };
    let mut count = COUNT_DEFAULT;
    let mut strings = true;
    for at in (2..call.len()).step_by(2) {
        let Some(value) = call.args.get(at + 1) else { return Err(Fault::Syntax) };
        let option = call.arg(at);
        if option.eq_ignore_ascii_case(b"match") {
            wanted.pattern = pattern(value);
        } else if option.eq_ignore_ascii_case(b"type") {
            strings = value.eq_ignore_ascii_case(b"string");
        } else if option.eq_ignore_ascii_case(b"count") {
            let asked = parse_i64(value).ok_or(Fault::NotInteger)?;
            if asked < 1 {
                return Err(Fault::Syntax);
            }
            count = usize::try_from(asked).unwrap_or(COUNT_MAX).min(COUNT_MAX);
        } else {
            return Err(Fault::Syntax);
        }
    }
    call.scratch.clear();
    let mut found = 0;
    let next = wanted.walk(call.backend.store(), from, count, call.scratch, &mut found);
    if !strings {
        call.scratch.clear();
        found = 0;
    }
    reply::array(call.out, 2);
    reply::bulk(call.out, towline_kv::Decimal::of_u64(next).as_bytes());
    reply::array(call.out, found);
    call.out.extend_from_slice(call.scratch);
    Call::done()
}

/// RANDOMKEY.
pub(super) fn randomkey(call: &mut Call<'_>) -> Answer {
    for _ in 0..DRAWS_MAX {
        let dice = call.backend.dice();
        let Some(key) = call.backend.store().some_key(dice) else { break };
        if call.lives(&key) {
            return call.bulk(&key);
        }
        call.bury();
    }
    call.null()
}
