//! Keys as such: testing whether they exist, and deleting them.

use std::collections::HashSet;

use towline_kv::Effect;

use super::call::{Answer, Call, CommandError};
use super::reply;

/// The most keys that are compared with each other to find a repeated one.
const COMPARED_MAX: usize = 8;

/// Runs DEL and UNLINK: all keys in one record. A key named twice counts once.
pub(super) fn del(call: &mut Call<'_>) -> Answer {
    let mut deleted = 0_u64;
    let mut seen = HashSet::new();
    let many = call.len() > COMPARED_MAX;
    for (before, key) in call.args.iter().skip(1).enumerate() {
        let repeated = if many {
            !seen.insert(key)
        } else {
            call.args.iter().skip(1).take(before).any(|other| other == key)
        };
        if !repeated && call.lives(key) {
            call.push(&Effect::Del { key });
            deleted += 1;
        }
    }
    call.commit()?;
    call.integer(deleted)
}

/// Runs EXISTS: a key named twice counts twice.
pub(super) fn exists(call: &mut Call<'_>) -> Answer {
    let mut found = 0_u64;
    for key in call.args.iter().skip(1) {
        found += u64::from(call.lives(key));
    }
    call.integer(found)
}

/// Runs TYPE: every value is a string.
pub(super) fn kind(call: &mut Call<'_>) -> Answer {
    let kind = if call.lives(call.arg(1)) { "string" } else { "none" };
    reply::simple(call.out, kind);
    Call::done()
}

/// Runs DBSIZE. Expired keys count until they are deleted, as in redis.
pub(super) fn dbsize(call: &mut Call<'_>) -> Answer {
    call.integer(call.key_count())
}

/// Runs FLUSHALL and FLUSHDB, which are the same: there is one database.
pub(super) fn flush(call: &mut Call<'_>) -> Answer {
    let how = call.arg(1);
    let known = how.eq_ignore_ascii_case(b"async") || how.eq_ignore_ascii_case(b"sync");
    if call.len() > 2 || (call.len() == 2 && !known) {
        return Err(CommandError::Syntax);
    }
    if call.key_count() > 0 {
        call.push(&Effect::FlushAll);
        call.commit()?;
    }
    call.ok()
}
