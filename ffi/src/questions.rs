//! Questions that change nothing.

use towline_core::{Epoch, EpochOffset, HistoryId, Level, Node, Offset, Role, Stats, Time};

use crate::border::{Out, Sized32, read, status_of, write_sized};
use crate::kinds::{
    TOW_APPLIED, TOW_PERSISTED, TOW_PRIMARY, TOW_RECEIVED, TOW_REPLICA, TOW_STATS_BASE, TOW_STATS_ORIGIN,
    TOW_STATS_RECEIVING, TOW_STATS_STREAMING, TOW_STATS_UPSTREAM,
};
use crate::node::{Content, shared, tow_node};
use crate::status::{Refusal, TOW_E_RECORD, TOW_END, tow_status};
use crate::types::{tow_error, tow_place, tow_stats, tow_time};

// SAFETY: `repr(C)`, integers only, and the first field is `struct_size`: what the trait asks for.
unsafe impl Sized32 for tow_stats {
    const BYTES_MIN: usize = 216;
}

/// Fills in the node's statistics. `size` is `sizeof(tow_stats)`. Ages are those of the last call that brought the
/// time: use `tow_stats_at` for exact ones.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_stats_get(
    node: *const tow_node,
    stats: *mut tow_stats,
    size: usize,
) -> tow_status {
    // SAFETY: `node` and `stats` are as this function's caller must give them, and are passed on unchanged.
    unsafe { write_stats(node, stats, size, Node::stats) }
}

/// Fills in the same, with ages that count to `now`: time also passes between two turns of your loop.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_stats_at(
    node: *const tow_node,
    now: tow_time,
    stats: *mut tow_stats,
    size: usize,
) -> tow_status {
    // SAFETY: `node` and `stats` are as this function's caller must give them, and are passed on unchanged.
    unsafe { write_stats(node, stats, size, |node| node.stats_at(Time(now))) }
}

unsafe fn write_stats(
    node: *const tow_node,
    stats: *mut tow_stats,
    size: usize,
    ask: impl FnOnce(&Node) -> Stats,
) -> tow_status {
    let work = |content: &Content| {
        let told = from_stats(&ask(&content.node));
        // SAFETY: the caller says that `stats` has room for `size` bytes, or is NULL.
        unsafe { write_sized(stats, size, &told) }
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed.
    status_of(unsafe { shared(node, false, work) })
}

/// Returns the offset that at least `n` connected replicas have reached at `level` (`TOW_RECEIVED`, `TOW_APPLIED`,
/// `TOW_PERSISTED`); with `n` 0 the log's end. A write waits for this offset, as long as `tow_holds` is true for the
/// write.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_acked(
    node: *const tow_node,
    level: u32,
    n: u32,
    offset: *mut u64,
) -> tow_status {
    let work = |content: &Content| {
        // SAFETY: `offset` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let offset = unsafe { Out::new(offset) }?;
        let level = match level {
            TOW_RECEIVED => Level::Received,
            TOW_APPLIED => Level::Applied,
            TOW_PERSISTED => Level::Persisted,
            _ => return Err(Refusal::Status(TOW_E_RECORD)),
        };
        offset.write(content.node.acked(level, n).0);
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    status_of(unsafe { shared(node, false, work) })
}

/// Returns the place of the record before `offset`: remember it for a write whose answer is pending. `TOW_END` beyond
/// the log's end, and for a record older than the epochs that the node remembers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_place_of(
    node: *const tow_node,
    offset: u64,
    place: *mut tow_place,
) -> tow_status {
    let work = |content: &Content| {
        // SAFETY: `place` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let out = unsafe { Out::new(place) }?;
        let found = content.node.place(Offset(offset)).ok_or(Refusal::Status(TOW_END))?;
        out.write(tow_place { epoch: found.epoch.0, offset: found.offset.0 });
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed.
    status_of(unsafe { shared(node, false, work) })
}

/// Sets `*held` to 1 if this node's history still holds a record, else to 0. Ask it before you count an
/// acknowledgement, a wait or a save for a record of an earlier turn: after a fork, or under another history, the same
/// offset is another record. For a record older than the epochs that the node remembers the answer is 0: it is not
/// known.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_holds(
    node: *const tow_node,
    place: *const tow_place,
    held: *mut u32,
) -> tow_status {
    let work = |content: &Content| {
        // SAFETY: `held` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let held = unsafe { Out::new(held) }?;
        // SAFETY: `place` is initialised, or NULL: the caller's obligation for each pointer to a value.
        let tow_place { epoch, offset } = unsafe { read(place) }?;
        let place = EpochOffset { epoch: Epoch(epoch), offset: Offset(offset) };
        held.write(u32::from(content.node.holds(place)));
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed.
    status_of(unsafe { shared(node, false, work) })
}

/// Returns the last refusal of a call on this node that was not `const`; or the panic that poisoned it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_node_error(node: *const tow_node, error: *mut tow_error) -> tow_status {
    let work = |content: &Content| {
        // SAFETY: `error` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        unsafe { Out::new(error) }?.write(content.refusal);
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    status_of(unsafe { shared(node, true, work) })
}

/// Checks every invariant of the node: for tests and bug reports. `TOW_E_PANIC` names in `error` the one that does not
/// hold, and the node is poisoned. `error` may be NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_node_check(node: *const tow_node, error: *mut tow_error) -> tow_status {
    let work = |content: &Content| {
        content.node.check();
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    let done = unsafe { shared(node, false, work) };
    if let (Err(refusal), false) = (&done, error.is_null()) {
        // SAFETY: `error` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        match unsafe { Out::new(error) } {
            Ok(out) => out.write(refusal.error()),
            Err(misplaced) => return misplaced.code(),
        }
    }
    status_of(done)
}

fn from_stats(stats: &Stats) -> tow_stats {
    let flag = |holds: bool, bit: u32| if holds { bit } else { 0 };
    let or_zero = |offset: Option<Offset>| offset.map_or(0, |offset| offset.0);
    let (history_high, history_low) = halves(stats.history);
    let (upstream_history_high, upstream_history_low) = halves(stats.upstream_history);
    let counters = &stats.counters;
    tow_stats {
        struct_size: 216,
        role: match stats.role {
            Role::Primary => TOW_PRIMARY,
            Role::Replica => TOW_REPLICA,
        },
        flags: flag(stats.base, TOW_STATS_BASE)
            | flag(stats.streaming, TOW_STATS_STREAMING)
            | flag(stats.upstream.is_some(), TOW_STATS_UPSTREAM)
            | flag(stats.receiving_pieces.is_some(), TOW_STATS_RECEIVING)
            | flag(stats.origin_end.is_some(), TOW_STATS_ORIGIN),
        reserved: 0,
        node: stats.node.0,
        history_high,
        history_low,
        epoch: stats.epoch.0,
        start: stats.start.0,
        end: stats.end.0,
        backlog_used_bytes: stats.backlog_used_bytes,
        applied: stats.applied.0,
        persisted: stats.persisted.0,
        upstream: stats.upstream.map_or(0, |node| node.0),
        upstream_history_high,
        upstream_history_low,
        pieces_received: stats.receiving_pieces.unwrap_or(0),
        origin_end: or_zero(stats.origin_end),
        origin_age_ns: stats.origin_age.map_or(0, |age| age.0),
        clamped: stats.clamped,
        bytes_received: counters.bytes_received,
        bytes_sent: counters.bytes_sent,
        records_received: counters.records_received,
        full_syncs: counters.full_syncs,
        partial_syncs: counters.partial_syncs,
        snapshots_restarted: counters.snapshots_restarted,
        snapshots_resumed: counters.snapshots_resumed,
        overruns: counters.overruns,
        faults: counters.faults,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is the low half")]
fn halves(history: HistoryId) -> (u64, u64) {
    ((history.0 >> 64) as u64, history.0 as u64)
}

const _: () = assert!(size_of::<tow_stats>() == 216);
