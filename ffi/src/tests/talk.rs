//! Two nodes over the border: a handshake, a record, its acknowledgement, a goodbye.

use super::*;

impl Held {
    fn events(&self) -> Vec<tow_event> {
        let mut all = Vec::new();
        let mut room = [MaybeUninit::<tow_event>::uninit(); 2];
        loop {
            let mut count = 0;
            // SAFETY: the handle is freed on drop only; `room` is as long as is passed.
            let done = unsafe { tow_poll_events(self.0, room.as_mut_ptr().cast(), room.len(), &mut count) };
            assert_eq!(done, TOW_OK);
            // SAFETY: the call succeeded, and then it has written every field.
            all.extend(room[..count].iter().map(|event| unsafe { event.assume_init() }));
            if count < room.len() {
                return all;
            }
        }
    }

    /// Writes everything on offer on link 0 into a wire.
    fn write(&self, wire: &mut Vec<u8>) {
        loop {
            let mut slices = [MaybeUninit::<tow_slice>::uninit(); TOW_SLICES_MAX];
            let (mut count, mut more, before) = (0, 0, wire.len());
            // SAFETY: the handle is freed on drop only; `slices` has room for three.
            let done = unsafe { tow_peek_transmit(self.0, 0, slices.as_mut_ptr().cast(), &mut count) };
            assert_eq!(done, TOW_OK);
            for slice in &slices[..count] {
                // SAFETY: the call wrote so many slices, and they are lent until the next call on the node.
                wire.extend_from_slice(unsafe {
                    let slice = slice.assume_init();
                    std::slice::from_raw_parts(slice.ptr, slice.len)
                });
            }
            // SAFETY: the handle is freed on drop only; `more` is a live local.
            let done = unsafe { tow_consume(self.0, 0, 0, wire.len() - before, &mut more) };
            assert_eq!(done, TOW_OK);
            if more == 0 {
                return;
            }
        }
    }

    /// Reads a wire to its end; returns the payloads' kinds and the records in them.
    fn read(&self, wire: &mut Vec<u8>) -> Vec<(u32, Vec<Vec<u8>>)> {
        let mut found = Vec::new();
        let mut at = 0;
        while at < wire.len() {
            let data = &wire[at..];
            let step = self.say(kind(TOW_INPUT_BYTES), data);
            at += usize::try_from(step.used).unwrap();
            if step.kind != TOW_PAYLOAD_NONE {
                let from = usize::try_from(step.range_start).unwrap();
                let payload = &data[from..from + usize::try_from(step.range_len).unwrap()];
                found.push((step.kind, towline_core::Records::new(payload).map(<[u8]>::to_vec).collect()));
            }
            if step.next != TOW_NEXT_AGAIN {
                break;
            }
        }
        wire.drain(..at);
        found
    }

    pub(super) fn stats(&self) -> tow_stats {
        let mut stats = MaybeUninit::uninit();
        // SAFETY: the handle is freed on drop only; `stats` is a local with room for one.
        let done = unsafe { tow_stats_get(self.0, stats.as_mut_ptr(), size_of::<tow_stats>()) };
        assert_eq!(done, TOW_OK);
        // SAFETY: the call succeeded, and then it has written every field.
        unsafe { stats.assume_init() }
    }
}

/// A primary, a replica at its end, and the two wires between them.
pub(super) struct Pair {
    pub(super) primary: Held,
    pub(super) replica: Held,
    down: Vec<u8>,
    up: Vec<u8>,
    payloads: Vec<(u32, Vec<Vec<u8>>)>,
}

impl Pair {
    pub(super) fn new() -> Self {
        let primary = Held::new(1, TOW_PRIMARY);
        let step = primary.say(kind(TOW_INPUT_FLUSH), &[]);
        let (mut cursor, mut len) = ([0_u8; TOW_CURSOR_BYTES_MAX], 0);
        // SAFETY: the handle is freed on drop only; every other pointer is to a live local.
        let done =
            unsafe { tow_cursor(primary.0, &step.position, cursor.as_mut_ptr(), cursor.len(), &mut len) };
        assert_eq!(done, TOW_OK);
        let boot = tow_boot { cursor: cursor.as_ptr(), cursor_len: len, ..boot(2, TOW_REPLICA) };
        let mut replica = null_mut();
        // SAFETY: every pointer is to a live local, or NULL where that is allowed.
        let done = unsafe { tow_node_new(&config(), &boot, &mut replica, null_mut()) };
        assert_eq!(done, TOW_OK);
        let (down, up, payloads) = (Vec::new(), Vec::new(), Vec::new());
        Self { primary, replica: Held(replica), down, up, payloads }
    }

    /// Lets both turn until neither has anything to write; returns the kinds of their events.
    pub(super) fn turn(&mut self) -> Vec<tow_kind> {
        let mut told = Vec::new();
        loop {
            let before = told.len();
            for event in self.replica.events() {
                told.push(event.kind);
                if event.kind == TOW_EVENT_DIAL {
                    self.replica.say(tow_record { a: TOW_UPSTREAM, ..kind(TOW_INPUT_OPENED) }, &[]);
                    self.primary.say(tow_record { a: TOW_DOWNSTREAM, ..kind(TOW_INPUT_OPENED) }, &[]);
                } else if event.kind == TOW_EVENT_WANTS_WRITE {
                    self.replica.write(&mut self.up);
                }
            }
            self.primary.read(&mut self.up);
            for event in self.primary.events() {
                told.push(event.kind);
                if event.kind == TOW_EVENT_WANTS_WRITE {
                    self.primary.write(&mut self.down);
                }
            }
            self.payloads.extend(self.replica.read(&mut self.down));
            if told.len() == before {
                return told;
            }
        }
    }
}

#[test]
fn a_record_crosses_two_nodes() {
    let mut pair = Pair::new();
    // SAFETY: both handles are freed on drop only, after this.
    assert_eq!(unsafe { tow_next_deadline(pair.replica.0) }, 0, "an event waits");
    pair.replica.say(kind(TOW_INPUT_TICK), &[]);
    let told = pair.turn();
    assert!(told.contains(&TOW_EVENT_DIAL) && told.contains(&TOW_EVENT_JOINED), "{told:x?}");
    // SAFETY: both handles are freed on drop only, after this.
    let due = unsafe { tow_next_deadline(pair.replica.0) };
    assert!(due > 0 && due != TOW_NO_DEADLINE, "a beat is due");

    let step = pair.primary.say(kind(TOW_INPUT_WRITE), b"hello");
    assert_eq!((step.offset, step.flags), (1, TOW_STEP_OFFSET));
    pair.turn();
    assert_eq!(pair.payloads, [(TOW_PAYLOAD_BATCH, vec![b"hello".to_vec()])]);
    pair.replica.say(tow_record { a: 1, ..kind(TOW_INPUT_APPLIED) }, &[]);
    let told = pair.turn();
    assert!(told.contains(&TOW_EVENT_ACKED), "{told:x?}");
    let mut offset = 0;
    // SAFETY: both handles are freed on drop only; every other pointer is to a live local.
    unsafe {
        assert_eq!(tow_acked(pair.primary.0, TOW_APPLIED, 1, &mut offset), TOW_OK);
        assert_eq!(tow_node_check(pair.primary.0, null_mut()), TOW_OK);
        assert_eq!(tow_node_check(pair.replica.0, null_mut()), TOW_OK);
    }
    assert_eq!(offset, 1);
    let stats = pair.replica.stats();
    assert_eq!((stats.role, stats.end, stats.applied, stats.upstream), (TOW_REPLICA, 1, 1, 1));
    assert_eq!(stats.flags & (TOW_STATS_BASE | TOW_STATS_STREAMING), TOW_STATS_BASE | TOW_STATS_STREAMING);
    assert_eq!(stats.struct_size as usize, size_of::<tow_stats>());

    pair.primary.say(kind(TOW_INPUT_SHUTDOWN), &[]);
    let told = pair.turn();
    assert_eq!(told.iter().filter(|kind| **kind == TOW_EVENT_CLOSE).count(), 2, "{told:x?}");
}

#[test]
fn a_time_at_the_end_of_all_numbers_is_survived() {
    let mut pair = Pair::new();
    pair.turn();
    let mut step = MaybeUninit::<tow_step>::uninit();
    for node in [pair.primary.0, pair.replica.0] {
        // SAFETY: both handles are freed on drop only; every other pointer is to a live local.
        unsafe {
            let tick = kind(TOW_INPUT_TICK);
            assert_eq!(tow_handle(node, TOW_NO_DEADLINE, &tick, null(), 0, step.as_mut_ptr()), TOW_OK);
            assert_eq!(tow_handle(node, TOW_NO_DEADLINE, &tick, null(), 0, step.as_mut_ptr()), TOW_OK);
            assert_eq!(tow_node_check(node, null_mut()), TOW_OK);
        }
    }
}

#[test]
fn a_write_that_left_the_history_is_owed_nothing() {
    let (old, young) = (Held::new(1, TOW_PRIMARY), Held::new(2, TOW_PRIMARY));
    assert_eq!(old.say(kind(TOW_INPUT_WRITE), b"owed").offset, 1);
    let (mut place, mut held) = (tow_place::default(), 9);
    // SAFETY: both handles are freed on drop only; every other pointer is to a live local.
    unsafe {
        assert_eq!(tow_place_of(old.0, 2, &mut place), TOW_END, "beyond the end");
        assert_eq!(tow_place_of(old.0, 1, &mut place), TOW_OK);
        assert_eq!(place, tow_place { epoch: old.stats().epoch, offset: 1 });
        assert_eq!((tow_holds(old.0, &place, &mut held), held), (TOW_OK, 1));
    }
    // Another history passes the same number, with another record.
    young.say(kind(TOW_INPUT_WRITE), b"other");
    // SAFETY: both handles are freed on drop only; every other pointer is to a live local.
    unsafe {
        assert_eq!((tow_holds(young.0, &place, &mut held), held), (TOW_OK, 0));
        assert_eq!((tow_holds(young.0, &tow_place::default(), &mut held), held), (TOW_OK, 1));
        assert_eq!(tow_holds(young.0, null(), &mut held), TOW_E_NULL);
        assert_eq!(tow_holds(young.0, &place, null_mut()), TOW_E_NULL);
        assert_eq!(tow_place_of(young.0, 1, null_mut()), TOW_E_NULL);
    }
}
