//! The encoding of a value in redis, and its memory: OBJECT and MEMORY.
//!
//! When and how often a key was used is not kept: OBJECT IDLETIME is 0, OBJECT FREQ is refused with redis's text for
//! that case.

use super::call::{Answer, Call, CommandError};
use super::dump::encoding;
use super::reply;
use crate::store::{Found, entry_bytes};

/// Returns the value under the key of a subcommand, or replies that there is none.
fn named(call: &mut Call<'_>) -> Option<Found> {
    let found = call.look(call.arg(2));
    if found.is_none() {
        reply::null(call.out, call.client.resp);
    }
    found
}

/// Runs OBJECT ENCODING.
pub(super) fn object_encoding(call: &mut Call<'_>) -> Answer {
    let Some(found) = named(call) else { return Call::done() };
    call.bulk(encoding(&found.value).as_bytes())
}

/// Runs OBJECT REFCOUNT: no two keys share a value.
pub(super) fn object_refcount(call: &mut Call<'_>) -> Answer {
    let Some(_) = named(call) else { return Call::done() };
    call.integer(1)
}

/// Runs OBJECT IDLETIME.
pub(super) fn object_idletime(call: &mut Call<'_>) -> Answer {
    let Some(_) = named(call) else { return Call::done() };
    call.integer(0)
}

/// Refuses OBJECT FREQ.
pub(super) fn object_freq(call: &mut Call<'_>) -> Answer {
    let Some(_) = named(call) else { return Call::done() };
    Err(CommandError::Static(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching \
         between policies at runtime LRU and LFU data will take some time to adjust.",
    ))
}

/// Runs MEMORY USAGE: the entry with its places in the tables. There is nothing to sample.
pub(super) fn memory_usage(call: &mut Call<'_>) -> Answer {
    let mut at = 3;
    while at < call.len() {
        if !call.arg(at).eq_ignore_ascii_case(b"samples") || at + 1 >= call.len() || call.number(at + 1)? < 0
        {
            return Err(CommandError::Syntax);
        }
        at += 2;
    }
    let key = call.arg(2);
    let Some(found) = named(call) else { return Call::done() };
    call.integer(entry_bytes(key, &found))
}

/// Runs MEMORY DOCTOR.
pub(super) fn memory_doctor(call: &mut Call<'_>) -> Answer {
    let status = call.backend.status();
    let (used, bound) = (call.backend.store().memory_bytes(), status.driver.memory_bound_bytes);
    let text = format!(
        "The keys take {used} bytes; with everything that has a bound this process takes at most {bound} bytes as \
         things stand. Fragmentation is not measured.\n"
    );
    reply::text(call.out, call.client.resp, &text);
    Call::done()
}

/// Runs MEMORY PURGE: nothing is kept that could be given back.
pub(super) fn memory_purge(call: &mut Call<'_>) -> Answer {
    call.ok()
}

/// Runs MEMORY MALLOC-STATS.
pub(super) fn memory_malloc_stats(call: &mut Call<'_>) -> Answer {
    call.bulk(b"Stats not supported for the current allocator")
}

/// Runs MEMORY STATS: redis's names; a value that is not measured is 0.
pub(super) fn memory_stats(call: &mut Call<'_>) -> Answer {
    let status = call.backend.status();
    let store = call.backend.store();
    let (used, keys) = (store.memory_bytes(), store.len());
    let peak = status.driver.store_peak_bytes.max(used);
    let numbers: [(&str, u64); 15] = [
        ("peak.allocated", peak),
        ("total.allocated", used),
        ("startup.allocated", 0),
        ("replication.backlog", status.driver.backlog_bytes),
        ("clients.slaves", 0),
        ("clients.normal", 0),
        ("cluster.links", 0),
        ("aof.buffer", 0),
        ("lua.caches", 0),
        ("functions.caches", 0),
        ("overhead.total", 0),
        ("keys.count", keys),
        ("keys.bytes-per-key", used.checked_div(keys).unwrap_or(0)),
        ("dataset.bytes", used),
        ("allocator.allocated", used),
    ];
    let shares: [(&str, u64); 2] =
        [("dataset.percentage", 100), ("peak.percentage", (used * 100).checked_div(peak).unwrap_or(100))];
    let out = &mut *call.out;
    reply::map(out, call.client.resp, numbers.len() + shares.len());
    for (name, number) in numbers {
        reply::bulk(out, name.as_bytes());
        reply::integer(out, number);
    }
    for (name, share) in shares {
        reply::bulk(out, name.as_bytes());
        reply::bulk(out, share.to_string().as_bytes());
    }
    Call::done()
}
