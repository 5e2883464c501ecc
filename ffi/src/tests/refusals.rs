//! The arguments that each function refuses, and that a refusal changes nothing.

use super::*;

/// Calls every function that takes a node, each with good arguments, and returns their statuses.
fn all_calls(node: *mut tow_node) -> Vec<tow_status> {
    let mut step = MaybeUninit::<tow_step>::uninit();
    let mut events = [tow_event::default(); 1];
    let mut slices = [tow_slice { ptr: null(), len: 0 }; TOW_SLICES_MAX];
    let mut cursor = [0_u8; TOW_CURSOR_BYTES_MAX];
    let (mut count, mut more, mut offset) = (0, 0, 0);
    let mut stats = MaybeUninit::<tow_stats>::uninit();
    let (mut place, mut held) = (tow_place::default(), 9);
    let position = tow_position { epoch: 1 << 32, boundary: 0, digest: 0 };
    // SAFETY: every pointer is to a live local; the node is NULL or a handle that lives.
    unsafe {
        vec![
            tow_handle(node, 0, &kind(TOW_INPUT_TICK), null(), 0, step.as_mut_ptr()),
            tow_poll_events(node, events.as_mut_ptr(), 1, &mut count),
            tow_peek_transmit(node, 0, slices.as_mut_ptr(), &mut count),
            tow_consume(node, 0, 0, 0, &mut more),
            tow_cursor(node, &position, cursor.as_mut_ptr(), cursor.len(), &mut count),
            tow_stats_get(node, stats.as_mut_ptr(), size_of::<tow_stats>()),
            tow_stats_at(node, 0, stats.as_mut_ptr(), size_of::<tow_stats>()),
            tow_replicas(node, 0, null_mut(), size_of::<tow_replica>(), 0, &mut count),
            tow_acked(node, TOW_APPLIED, 0, &mut offset),
            tow_place_of(node, 0, &mut place),
            tow_holds(node, &place, &mut held),
            tow_node_check(node, null_mut()),
            tow_write_all(node, 0, null(), 0, &mut offset),
        ]
    }
}

#[test]
fn no_node_is_refused() {
    assert_eq!(all_calls(null_mut()), [TOW_E_NULL; 13]);
    let mut error = MaybeUninit::uninit();
    // SAFETY: every function must refuse a NULL node before it uses it.
    unsafe {
        assert_eq!(tow_node_error(null(), error.as_mut_ptr()), TOW_E_NULL);
        assert_eq!(tow_next_deadline(null()), TOW_NO_DEADLINE);
        tow_node_free(null_mut());
    }
}

#[test]
fn a_node_in_use_is_refused_and_stays_well() {
    let held = Held::new(1, TOW_PRIMARY);
    // SAFETY: the handle is freed on drop only, after this block.
    let done = unsafe {
        crate::node::exclusive(held.0, |_| {
            assert_eq!(all_calls(held.0), [TOW_E_REENTERED; 13]);
            assert_eq!(tow_next_deadline(held.0), TOW_NO_DEADLINE);
            assert_eq!(tow_node_error(held.0, MaybeUninit::uninit().as_mut_ptr()), TOW_E_REENTERED);
            tow_node_free(held.0);
            Ok(())
        })
    };
    assert_eq!(done, TOW_OK);
    let inside = |_: &crate::node::Content| {
        let calls = all_calls(held.0);
        assert_eq!(calls[2..3], [TOW_OK], "const calls run together");
        assert_eq!(calls[..2], [TOW_E_REENTERED; 2], "a change waits for none of them");
        Ok(())
    };
    // SAFETY: the handle is freed on drop only, after this block.
    unsafe { crate::node::shared(held.0, false, inside) }.unwrap();
    held.say(kind(TOW_INPUT_TICK), &[]);
}

#[test]
fn a_panic_poisons_its_node_and_no_other() {
    let (held, other) = (Held::new(1, TOW_PRIMARY), Held::new(2, TOW_PRIMARY));
    // SAFETY: the handle is freed on drop only, after this block.
    let done = unsafe { crate::node::exclusive(held.0, |_| panic!("the planted {}", "panic")) };
    assert_eq!(done, TOW_E_PANIC);
    assert_eq!(all_calls(held.0), [TOW_E_POISONED; 13]);
    // SAFETY: the handle is freed on drop only, after this block.
    assert_eq!(unsafe { tow_next_deadline(held.0) }, TOW_NO_DEADLINE);
    assert_eq!(held.error(), (TOW_E_PANIC, 0, "the planted panic".to_owned()));
    other.say(kind(TOW_INPUT_TICK), &[]);

    // SAFETY: the handle is freed on drop only, after this block.
    let done = unsafe { crate::node::shared(other.0, false, |_| panic!("in a const call")) };
    assert_eq!(done.unwrap_err().code(), TOW_E_PANIC);
    assert_eq!(other.try_say(kind(TOW_INPUT_TICK), &[]), Err(TOW_E_POISONED));
}

#[test]
fn a_missing_place_is_refused_before_anything_happens() {
    let held = Held::new(1, TOW_PRIMARY);
    let (input, mut count, mut step) = (kind(TOW_INPUT_WRITE), 7, MaybeUninit::<tow_step>::uninit());
    let mut slices = [tow_slice { ptr: null(), len: 0 }; TOW_SLICES_MAX];
    let crooked = (&raw mut slices).wrapping_byte_add(1);
    // SAFETY: a pointer is to a live local, or is NULL or misaligned, which the call must refuse.
    unsafe {
        assert_eq!(tow_handle(held.0, 0, null(), null(), 0, step.as_mut_ptr()), TOW_E_NULL);
        assert_eq!(tow_handle(held.0, 0, &input, null(), 0, null_mut()), TOW_E_NULL);
        assert_eq!(tow_handle(held.0, 0, &input, null(), 1, step.as_mut_ptr()), TOW_E_NULL);
        assert_eq!(tow_handle(held.0, 0, &input, b"".as_ptr(), usize::MAX, step.as_mut_ptr()), TOW_E_SIZE);
        assert_eq!(tow_poll_events(held.0, null_mut(), 1, &mut count), TOW_E_NULL);
        assert_eq!(count, 0);
        assert_eq!(tow_poll_events(held.0, null_mut(), 0, &mut count), TOW_OK);
        assert_eq!(tow_poll_events(held.0, null_mut(), 0, null_mut()), TOW_E_NULL);
        assert_eq!(tow_peek_transmit(held.0, 0, null_mut(), &mut count), TOW_E_NULL);
        assert_eq!(tow_peek_transmit(held.0, 0, crooked.cast(), &mut count), TOW_E_NULL);
        assert_eq!(tow_peek_transmit(held.0, u32::MAX, slices.as_mut_ptr(), &mut count), TOW_OK);
        assert_eq!(count, 0);
        assert_eq!(tow_consume(held.0, 0, 0, 0, null_mut()), TOW_E_NULL);
        assert_eq!(tow_acked(held.0, TOW_APPLIED, 0, null_mut()), TOW_E_NULL);
        assert_eq!(tow_acked(held.0, 9, 0, &mut 0), TOW_E_RECORD);
        assert_eq!(tow_node_error(held.0, null_mut()), TOW_E_NULL);
        assert_eq!(tow_stats_get(held.0, null_mut(), size_of::<tow_stats>()), TOW_E_NULL);
        assert_eq!(tow_cursor(held.0, null(), null_mut(), 0, &mut count), TOW_E_NULL);
    }
    assert_eq!(held.say(kind(TOW_INPUT_WRITE), b"").offset, 1, "nothing was written before");
}

#[test]
fn a_record_that_is_no_input_is_refused() {
    let held = Held::new(1, TOW_PRIMARY);
    let tick = kind(TOW_INPUT_TICK);
    assert_eq!(held.try_say(kind(0), &[]), Err(TOW_E_RECORD));
    assert_eq!(held.try_say(kind(TOW_EVENT_DIAL), &[]), Err(TOW_E_RECORD));
    assert_eq!(held.try_say(tow_record { g: 1, ..tick }, &[]), Err(TOW_E_RECORD));
    assert_eq!(held.error().0, TOW_E_RECORD);
    let misuse = tow_record { link: 9, ..kind(TOW_INPUT_LOST) };
    assert_eq!(held.try_say(misuse, &[]), Err(TOW_E_MISUSE));
    assert_eq!(held.error(), (TOW_E_MISUSE, 1, "no such link is open".to_owned()));
}

/// A config of a later version, with one field more.
#[repr(C)]
struct Later {
    config: tow_config,
    more: u64,
}

#[test]
fn sized_structs_may_be_longer_with_nothing_in_it() {
    let size = u32::try_from(size_of::<Later>()).unwrap();
    let mut later = Later { config: tow_config { struct_size: size, ..config() }, more: 0 };
    // SAFETY: the struct is as long as its first field says.
    let check =
        |later: &Later| unsafe { tow_config_check((&raw const *later).cast(), null_mut(), null_mut()) };
    assert_eq!(check(&later), TOW_OK);
    later.more = 1;
    assert_eq!(check(&later), TOW_E_SIZE);
    later.config.struct_size = 119;
    assert_eq!(check(&later), TOW_E_SIZE);
    later.config.struct_size = u32::MAX;
    assert_eq!(check(&later), TOW_E_SIZE);

    let mut room = MaybeUninit::<Later>::uninit();
    // SAFETY: `room` has the size that is passed, and the call has filled it.
    let filled = unsafe {
        assert_eq!(tow_config_init(room.as_mut_ptr().cast(), size_of::<Later>()), TOW_OK);
        assert_eq!(tow_config_init(room.as_mut_ptr().cast(), 8), TOW_E_SIZE);
        assert_eq!(tow_config_init(null_mut(), size_of::<Later>()), TOW_E_NULL);
        room.assume_init()
    };
    assert_eq!((filled.config.struct_size, filled.more), (size, 0));
}

#[test]
fn what_cannot_work_is_named() {
    let (mut memory, mut error, mut held) = (0, MaybeUninit::uninit(), null_mut());
    let bad = tow_config { beat_ns: 0, ..config() };
    let stranger = boot(1, 3);
    let damaged = tow_boot { cursor: b"x".as_ptr(), cursor_len: 1, ..boot(1, TOW_REPLICA) };
    // SAFETY: every pointer is to a live local, or NULL where that is allowed.
    unsafe {
        assert_eq!(tow_config_check(&config(), &mut memory, null_mut()), TOW_OK);
        assert!(memory > 4096);
        assert_eq!(tow_config_check(&bad, &mut memory, error.as_mut_ptr()), TOW_E_CONFIG);
        let text = "beat is 0, must be at least 1000000";
        assert_eq!(told(error.assume_init()), (TOW_E_CONFIG, 1_000_000, text.to_owned()));
        let odd = tow_config { persists: 2, ..config() };
        assert_eq!(tow_config_check(&odd, null_mut(), null_mut()), TOW_E_CONFIG);
        assert_eq!(tow_node_new(&config(), &stranger, &mut held, null_mut()), TOW_E_RECORD);
        assert_eq!(tow_node_new(&config(), &damaged, &mut held, error.as_mut_ptr()), TOW_E_CURSOR);
        let text = "the cursor of 1 bytes is damaged, or of another version";
        assert_eq!(told(error.assume_init()), (TOW_E_CURSOR, 1, text.to_owned()));
        assert_eq!(tow_node_new(&config(), null(), &mut held, null_mut()), TOW_E_NULL);
        assert_eq!(tow_node_new(null(), &stranger, &mut held, null_mut()), TOW_E_NULL);
        assert_eq!(tow_node_new(&config(), &stranger, null_mut(), null_mut()), TOW_E_NULL);
    }
    assert!(held.is_null());
}

#[test]
fn a_payload_is_walked_to_its_end_and_not_beyond() {
    let payload = b"\x02\0\0\0ab\0\0\0\0\x05\0\0\0c";
    let (mut at, mut record) = (0, MaybeUninit::uninit());
    let mut found = Vec::new();
    // SAFETY: every pointer is to a live local; the slices lie in the payload.
    unsafe {
        while tow_next_record(payload.as_ptr(), payload.len(), &mut at, record.as_mut_ptr()) == TOW_OK {
            let record: tow_slice = record.assume_init();
            found.push(std::slice::from_raw_parts(record.ptr, record.len).to_vec());
        }
        assert_eq!((found, at), (vec![b"ab".to_vec(), vec![]], 10), "the last one is cut short");
        assert_eq!(tow_next_record(null(), 0, &mut 0, record.as_mut_ptr()), TOW_END);
        assert_eq!(tow_next_record(null(), 0, &mut 1, record.as_mut_ptr()), TOW_E_SIZE);
        assert_eq!(tow_next_record(null(), 9, &mut 0, record.as_mut_ptr()), TOW_E_NULL);
        assert_eq!(tow_next_record(null(), 0, null_mut(), record.as_mut_ptr()), TOW_E_NULL);
        assert_eq!(tow_next_record(null(), 0, &mut 0, null_mut()), TOW_E_NULL);
    }
}

#[test]
fn a_cursor_says_how_much_room_it_takes() {
    let held = Held::new(1, TOW_PRIMARY);
    let step = held.say(kind(TOW_INPUT_FLUSH), &[]);
    assert_eq!(step.flags, TOW_STEP_POSITION);
    let (mut buf, mut len) = ([0_u8; TOW_CURSOR_BYTES_MAX], 0);
    // SAFETY: the handle is freed on drop only; every other pointer is to a live local.
    unsafe {
        assert_eq!(tow_cursor(held.0, &step.position, buf.as_mut_ptr(), 1, &mut len), TOW_E_SIZE);
        let needed = std::mem::take(&mut len);
        assert_eq!(tow_cursor(held.0, &step.position, null_mut(), needed, &mut len), TOW_E_NULL);
        assert_eq!(tow_cursor(held.0, &step.position, buf.as_mut_ptr(), needed, &mut len), TOW_OK);
        assert_eq!(len, needed);
    }
    let (_, position) = towline_core::Cursor::describe(&buf[..len]).unwrap();
    assert_eq!(position.epoch.0, step.position.epoch);
}

#[test]
fn many_records_are_written_whole_or_not_at_all() {
    let held = Held::new(1, TOW_PRIMARY);
    let slice = |bytes: &[u8]| tow_slice { ptr: bytes.as_ptr(), len: bytes.len() };
    let write = |records: &[tow_slice]| {
        let mut offset = 99;
        // SAFETY: the handle is freed on drop only; every other pointer is to a live local.
        let done = unsafe { tow_write_all(held.0, 0, records.as_ptr(), records.len(), &mut offset) };
        (done, offset)
    };
    let long = [0; 4096];
    let nowhere = tow_slice { ptr: null(), len: 1 };
    assert_eq!(write(&[slice(b"one"), slice(b""), slice(b"three")]), (TOW_OK, 3));
    assert_eq!(write(&[slice(b"four"), slice(&long)]), (TOW_E_MISUSE, 99));
    assert_eq!(write(&[slice(b"four"), nowhere]), (TOW_E_NULL, 99));
    assert_eq!(write(&[]), (TOW_OK, 3));
    let replica = Held::new(2, TOW_REPLICA);
    let mut offset = 99;
    // SAFETY: pointers are to live locals, or NULL, which the call must refuse.
    let (no_records, no_place, no_primary) = unsafe {
        (
            tow_write_all(held.0, 0, null(), 1, &mut offset),
            tow_write_all(held.0, 0, &slice(b"four"), 1, null_mut()),
            tow_write_all(replica.0, 0, &slice(b"one"), 1, &mut offset),
        )
    };
    assert_eq!((no_records, no_place, no_primary, offset), (TOW_E_NULL, TOW_E_NULL, TOW_E_MISUSE, 99));
    assert_eq!(write(&[slice(b"four")]), (TOW_OK, 4));
}
