//! Statistics and replicas: ages count to the time of asking, whatever happened last.

use super::talk::Pair;
use super::*;

const MS: u64 = 1_000_000;

impl Held {
    fn tick(&self, now: tow_time) {
        let mut step = MaybeUninit::<tow_step>::uninit();
        // SAFETY: the handle is freed on drop only; every other pointer is to a live local.
        let done = unsafe { tow_handle(self.0, now, &kind(TOW_INPUT_TICK), null(), 0, step.as_mut_ptr()) };
        assert_eq!(done, TOW_OK);
    }

    fn stats_at(&self, now: tow_time) -> tow_stats {
        let mut stats = MaybeUninit::uninit();
        // SAFETY: the handle is freed on drop only; `stats` is a local with room for one.
        let done = unsafe { tow_stats_at(self.0, now, stats.as_mut_ptr(), size_of::<tow_stats>()) };
        assert_eq!(done, TOW_OK);
        // SAFETY: the call succeeded, and then it has written every field.
        unsafe { stats.assume_init() }
    }

    /// Returns up to two of them, and how many there are.
    fn replicas(&self, now: tow_time, cap: usize) -> (Vec<tow_replica>, usize) {
        let (mut room, mut count) = ([MaybeUninit::<tow_replica>::uninit(); 2], 0);
        let size = size_of::<tow_replica>();
        // SAFETY: the handle is freed on drop only; `room` is a local with room for two.
        let done = unsafe { tow_replicas(self.0, now, room.as_mut_ptr().cast(), size, cap, &mut count) };
        assert_eq!(done, TOW_OK);
        // SAFETY: the call succeeded, and then it has written every field.
        (room[..count.min(cap)].iter().map(|row| unsafe { row.assume_init() }).collect(), count)
    }
}

#[test]
fn an_age_counts_to_the_time_of_asking() {
    let mut pair = Pair::new();
    pair.turn();
    assert_eq!(pair.replica.stats_at(MS).flags & TOW_STATS_ORIGIN, 0, "no beat was heard yet");
    pair.primary.tick(600 * MS);
    pair.turn();
    let ages = [0, MS, 7000 * MS].map(|now| pair.replica.stats_at(now).origin_age_ns);
    assert_eq!(ages, [0, MS, 7000 * MS], "nothing was said to the node in between");
    assert_eq!(pair.replica.stats().origin_age_ns, 0, "as of the last call that brought the time");
    pair.replica.tick(MS);
    assert_eq!(pair.replica.stats_at(0).origin_age_ns, MS, "no time before the last one");
}

#[test]
fn a_root_is_unknown_to_a_node_that_was_sent_elsewhere() {
    for input in [TOW_INPUT_FOLLOW, TOW_INPUT_PROMOTE] {
        let mut pair = Pair::new();
        pair.turn();
        pair.primary.tick(600 * MS);
        pair.turn();
        assert_ne!(pair.replica.stats().flags & TOW_STATS_ORIGIN, 0);
        pair.replica.say(kind(input), &[]);
        let stats = pair.replica.stats();
        assert_eq!((stats.flags & TOW_STATS_ORIGIN, stats.origin_end, stats.origin_age_ns), (0, 0, 0));
        assert_eq!((stats.upstream_history_high, stats.upstream_history_low), (0, 0));
    }
}

#[test]
fn the_replicas_are_told_with_their_lag() {
    let mut pair = Pair::new();
    assert_eq!(pair.primary.replicas(0, 2), (vec![], 0));
    pair.turn();
    pair.primary.tick(600 * MS);
    pair.primary.say(kind(TOW_INPUT_WRITE), b"hello");
    pair.primary.say(kind(TOW_INPUT_FLUSH), &[]);
    let (rows, count) = pair.primary.replicas(1000 * MS, 2);
    assert_eq!((rows.len(), count), (1, 1));
    let row = rows[0];
    assert_eq!(
        (row.struct_size as usize, row.node, row.state),
        (size_of::<tow_replica>(), 2, TOW_REPLICA_STREAMING)
    );
    assert_eq!((row.flags, row.link), (TOW_REPLICA_CONNECTED | TOW_REPLICA_UNSENT, 0));
    let behind = tow_reached {
        lag_records: 1,
        lag_bytes: row.unsent_bytes,
        lag_ns: 400 * MS,
        flags: TOW_REACHED_OFFSET | TOW_REACHED_BYTES | TOW_REACHED_AGE,
        ..tow_reached::default()
    };
    assert!(row.unsent_bytes > 5, "{row:?}");
    assert_eq!([row.received, row.applied, row.persisted], [behind; 3]);

    pair.turn();
    pair.replica.say(tow_record { a: 1, ..kind(TOW_INPUT_APPLIED) }, &[]);
    pair.turn();
    let row = pair.primary.replicas(1000 * MS, 2).0[0];
    assert_eq!((row.applied.offset, row.applied.lag_records, row.applied.lag_ns), (1, 0, 0));
    assert_eq!((row.persisted.offset, row.persisted.lag_ns, row.unsent_bytes), (0, 400 * MS, 0));
    assert!(row.untaken_bytes == 0 && row.taken_bytes > 5, "{row:?}");
    assert_eq!(pair.primary.replicas(0, 0), (vec![], 1), "counted, whatever room there is");

    pair.primary.say(kind(TOW_INPUT_LOST), &[]);
    let row = pair.primary.replicas(1000 * MS, 1).0[0];
    assert_eq!((row.flags, row.state), (0, TOW_REPLICA_AWAY));
}

#[test]
fn room_for_replicas_of_another_size_is_filled_or_refused() {
    let mut pair = Pair::new();
    pair.turn();
    let size = size_of::<tow_replica>();
    let (mut room, mut count) = ([u64::MAX; 64], 0);
    // In a struct that is longer than ours, the unknown part becomes zero.
    // SAFETY: the handle is freed on drop only; `room` has more bytes than are passed.
    let done = unsafe { tow_replicas(pair.primary.0, 0, room.as_mut_ptr().cast(), size + 16, 2, &mut count) };
    assert_eq!((done, count), (TOW_OK, 1));
    assert_eq!(room[size / 8..][..3], [0, 0, u64::MAX]);
    for (size, cap) in
        [(size - 8, 1), (size + 4, 1), (0, 1), (8192, 1), (size, usize::MAX), (usize::MAX - 7, 1)]
    {
        // SAFETY: the handle is freed on drop only; the call refuses before it writes.
        let done =
            unsafe { tow_replicas(pair.primary.0, 0, room.as_mut_ptr().cast(), size, cap, &mut count) };
        assert_eq!(done, TOW_E_SIZE, "{size} {cap}");
    }
    // SAFETY: the call must refuse the NULL before it writes anything.
    let done = unsafe { tow_replicas(pair.primary.0, 0, null_mut(), size, 1, &mut count) };
    assert_eq!(done, TOW_E_NULL);
    // SAFETY: the call must refuse the NULL before it writes anything.
    let done = unsafe { tow_replicas(pair.primary.0, 0, room.as_mut_ptr().cast(), size, 1, null_mut()) };
    assert_eq!(done, TOW_E_NULL);
}
