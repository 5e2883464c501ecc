//! The receiver from C's side: its rows, and all that it refuses.

use super::*;
use crate::receiver::exclusive;

/// A receiver that is freed at the end, beside a replica's node.
struct Receiving {
    receiver: *mut tow_receiver,
    node: Held,
}

impl Receiving {
    fn new() -> Self {
        let mut receiver = null_mut();
        // SAFETY: `receiver` is a live local of the pointer's type.
        assert_eq!(unsafe { tow_receiver_new(0, &mut receiver) }, TOW_OK);
        Self { receiver, node: Held::new(2, TOW_REPLICA) }
    }

    fn receive(&self, step: &tow_step) -> tow_status {
        // SAFETY: receiver and node live until `self` is dropped, and `step` is a live local of the caller.
        unsafe { tow_receiver_receive(self.receiver, self.node.0, step, 1) }
    }

    fn next(
        &self,
        ask: unsafe extern "C" fn(*mut tow_receiver, *mut tow_command) -> tow_status,
    ) -> Result<tow_command, tow_status> {
        let mut command = MaybeUninit::uninit();
        // SAFETY: the receiver lives until `self` is dropped, and `command` has room for one command.
        let done = unsafe { ask(self.receiver, command.as_mut_ptr()) };
        // SAFETY: a call that succeeded has written every field.
        if done == TOW_OK { Ok(unsafe { command.assume_init() }) } else { Err(done) }
    }

    fn poll(&self) -> Result<tow_command, tow_status> {
        self.next(tow_receiver_poll)
    }

    fn done(&self, completion: tow_completion) -> tow_status {
        // SAFETY: the receiver lives until `self` is dropped, and `completion` is a live local.
        unsafe { tow_receiver_complete(self.receiver, &completion) }
    }
}

impl Drop for Receiving {
    fn drop(&mut self) {
        // SAFETY: the receiver came from `tow_receiver_new` and is freed here alone.
        unsafe { tow_receiver_free(self.receiver) }
    }
}

fn batch(first: u64, end: u64) -> tow_step {
    let count = u32::try_from(end - first).unwrap();
    let position = tow_position { epoch: 5, boundary: end, digest: 9 };
    let (kind, flags) = (TOW_PAYLOAD_BATCH, TOW_STEP_POSITION);
    tow_step { first, count, range_start: 76, range_len: 20, kind, position, flags, ..tow_step::default() }
}

fn row(kind: tow_kind, a: u64) -> tow_record {
    tow_record { kind, a, ..tow_record::default() }
}

/// Calls every function that takes a receiver, each with good arguments.
fn all_calls(receiver: *mut tow_receiver, node: &Held) -> [tow_status; 4] {
    let (step, taking) = (tow_step::default(), row(TOW_DONE_TAKING, TOW_TAKING_ALL));
    let mut command = MaybeUninit::uninit();
    // SAFETY: the receiver is NULL or lives, and so does the node; all others are live locals.
    unsafe {
        [
            tow_receiver_receive(receiver, node.0, &step, 0),
            tow_receiver_poll(receiver, command.as_mut_ptr()),
            tow_receiver_work(receiver, command.as_mut_ptr()),
            tow_receiver_complete(receiver, &taking),
        ]
    }
}

#[test]
fn a_batch_comes_as_rows_and_is_said_as_an_input() {
    let receiving = Receiving::new();
    assert_eq!(receiving.poll(), Err(TOW_END));
    assert_eq!(receiving.receive(&batch(3, 5)), TOW_OK);
    let apply = receiving.poll().unwrap();
    let position = tow_record { d: 5, e: 5, f: 9, ..tow_record::default() };
    assert_eq!(apply, tow_record { kind: TOW_COMMAND_APPLY, a: 76, b: 20, c: 3, ..position });
    assert_eq!(receiving.poll(), Err(TOW_END));
    assert_eq!(receiving.done(row(TOW_DONE_APPLIED, 5)), TOW_OK);
    let said = receiving.poll().unwrap();
    assert_eq!(said, row(TOW_INPUT_APPLIED, 5));
    receiving.node.say(said, &[]);
    assert_eq!(receiving.done(row(TOW_DONE_ANSWERED, 0)), TOW_OK);
    assert_eq!(receiving.next(tow_receiver_work), Err(TOW_END));
}

#[test]
fn each_mistake_has_its_number_and_changes_nothing() {
    let receiving = Receiving::new();
    assert_eq!(receiving.done(row(TOW_DONE_APPLIED, 5)), TOW_E_NOT_ASKED);
    assert_eq!(receiving.done(row(TOW_DONE_INSTALLED, 0)), TOW_E_NOT_ASKED);
    let piece = tow_step { kind: TOW_PAYLOAD_PIECE, ..tow_step::default() };
    assert_eq!(receiving.receive(&piece), TOW_E_ORDER);
    assert_eq!(
        receiving.receive(&tow_step { flags: 0, ..batch(3, 5) }),
        TOW_E_ORDER,
        "a batch has a position"
    );
    assert_eq!(receiving.receive(&batch(3, 5)), TOW_OK);
    assert_eq!(receiving.receive(&batch(5, 6)), TOW_E_UNPOLLED);
    assert_eq!(receiving.poll().unwrap().kind, TOW_COMMAND_APPLY);
    assert_eq!(receiving.done(row(TOW_DONE_FAILED, 0)), TOW_OK);
    assert_eq!((receiving.poll(), receiving.next(tow_receiver_work)), (Err(TOW_END), Err(TOW_END)));
    assert_eq!(receiving.receive(&batch(5, 6)), TOW_E_FAILED);
}

#[test]
fn a_row_that_is_no_completion_and_a_step_that_is_none_are_refused() {
    let receiving = Receiving::new();
    let link = tow_record { link: 1, ..row(TOW_DONE_PERSISTED, 1) };
    let seventh = tow_record { g: 1, ..row(TOW_DONE_ANSWERED, 1) };
    for bad in [
        row(0, 0),
        row(TOW_INPUT_TICK, 0),
        row(TOW_COMMAND_APPLY, 0),
        row(TOW_DONE_ANSWERED - 1, 0),
        row(TOW_DONE_TAKING + 1, 0),
        row(TOW_DONE_TAKING, 3),
        row(TOW_DONE_INSTALLED, 1),
        tow_record { b: 2, ..row(TOW_DONE_TAILED, 1) },
        row(TOW_DONE_ANSWERED, 2),
        link,
        seventh,
    ] {
        assert_eq!(receiving.done(bad), TOW_E_RECORD, "{bad:?}");
    }
    for bad in [
        tow_step { kind: 7, ..tow_step::default() },
        tow_step { next: 3, ..tow_step::default() },
        tow_step { flags: 4, ..tow_step::default() },
        tow_step { range_start: u64::MAX, ..batch(0, 1) },
    ] {
        assert_eq!(receiving.receive(&bad), TOW_E_RECORD, "{bad:?}");
    }
    // SAFETY: receiver and node live until `receiving` is dropped, and the step is a live temporary.
    let unsure = unsafe { tow_receiver_receive(receiving.receiver, receiving.node.0, &batch(0, 1), 2) };
    assert_eq!(unsure, TOW_E_RECORD);
    assert_eq!(receiving.poll(), Err(TOW_END));
}

#[test]
fn null_and_crooked_pointers_are_refused() {
    let receiving = Receiving::new();
    assert_eq!(all_calls(null_mut(), &receiving.node), [TOW_E_NULL; 4]);
    let mut places = [tow_record::default(); 2];
    let crooked = (&raw mut places).wrapping_byte_add(1);
    // SAFETY: each pointer that is not NULL or crooked is of something that lives; those are refused unread.
    unsafe {
        tow_receiver_free(null_mut());
        assert_eq!(tow_receiver_new(0, null_mut()), TOW_E_NULL);
        let mut none = receiving.receiver;
        assert_eq!(tow_receiver_new(2, &mut none), TOW_E_RECORD);
        assert!(none.is_null(), "nothing was made");
        let (receiver, node) = (receiving.receiver, receiving.node.0);
        assert_eq!(tow_receiver_receive(receiver, null(), &batch(0, 1), 1), TOW_E_NULL);
        assert_eq!(tow_receiver_receive(receiver, node, null(), 1), TOW_E_NULL);
        assert_eq!(tow_receiver_receive(receiver, node, crooked.cast(), 1), TOW_E_NULL);
        assert_eq!(tow_receiver_complete(receiver, null()), TOW_E_NULL);
        assert_eq!(tow_receiver_complete(receiver, crooked.cast()), TOW_E_NULL);
        assert_eq!(receiving.receive(&batch(0, 1)), TOW_OK);
        assert_eq!(tow_receiver_poll(receiver, null_mut()), TOW_E_NULL);
        assert_eq!(tow_receiver_work(receiver, crooked.cast()), TOW_E_NULL);
    }
    assert_eq!(receiving.poll().unwrap().kind, TOW_COMMAND_APPLY, "it is still there");
}

#[test]
fn a_receiver_in_use_is_refused_and_a_panic_poisons_it_alone() {
    let receiving = Receiving::new();
    let inside = |_: &mut towline_core::receiver::Receiver| {
        assert_eq!(all_calls(receiving.receiver, &receiving.node), [TOW_E_REENTERED; 4]);
        // SAFETY: the receiver lives; this call leaves it alone, because another uses it.
        unsafe { tow_receiver_free(receiving.receiver) };
        Ok(())
    };
    // SAFETY: the receiver came from `tow_receiver_new` and lives until `receiving` is dropped.
    assert_eq!(unsafe { exclusive(receiving.receiver, inside) }, TOW_OK);
    // SAFETY: the node came from `tow_node_new` and lives until `receiving` is dropped.
    let done = unsafe {
        crate::node::exclusive(receiving.node.0, |_| {
            assert_eq!(receiving.receive(&batch(0, 1)), TOW_E_REENTERED, "its node is in use");
            Ok(())
        })
    };
    assert_eq!((done, receiving.poll()), (TOW_OK, Err(TOW_END)));
    // SAFETY: the receiver came from `tow_receiver_new` and lives until `receiving` is dropped.
    assert_eq!(unsafe { exclusive(receiving.receiver, |_| panic!("the planted panic")) }, TOW_E_PANIC);
    assert_eq!(all_calls(receiving.receiver, &receiving.node), [TOW_E_POISONED; 4]);
    receiving.node.say(kind(TOW_INPUT_TICK), &[]);
}

#[test]
fn the_numbers_of_commands_are_the_cores() {
    use towline_core::receiver::{Batch, Command};
    use towline_core::{FlatCommand, Position};
    let (at, snapshot, range) = (Offset(7), SnapshotId(9), 3..10);
    let position = Position { epoch: towline_core::Epoch(4), boundary: Offset(8), digest: 6 };
    let batch = Batch { range: range.clone(), first: at, position };
    let commands = [
        (Command::Keep(batch.clone()), TOW_COMMAND_KEEP, [3, 7, 7, 4, 8, 6, 0]),
        (Command::Apply(batch.clone()), TOW_COMMAND_APPLY, [3, 7, 7, 4, 8, 6, 0]),
        (Command::ApplySpooled { first: at }, TOW_COMMAND_APPLY_SPOOLED, [0, 0, 7, 0, 0, 0, 0]),
        (Command::LoadTail(batch), TOW_COMMAND_LOAD_TAIL, [3, 7, 7, 4, 8, 6, 0]),
        (Command::LoadTailSpooled { first: at }, TOW_COMMAND_LOAD_TAIL_SPOOLED, [0, 0, 7, 0, 0, 0, 0]),
        (Command::DropSpooled { upto: Some(at) }, TOW_COMMAND_DROP_SPOOLED, [0, 0, 7, 0, 0, 0, 0]),
        (Command::DropSpooled { upto: None }, TOW_COMMAND_DROP_SPOOLED, [0, 0, u64::MAX, 0, 0, 0, 0]),
        (Command::Forked { at }, TOW_COMMAND_FORKED, [0, 0, 7, 0, 0, 0, 0]),
        (Command::Begin { range: range.clone(), snapshot, at }, TOW_COMMAND_BEGIN, [3, 7, 7, 9, 0, 0, 0]),
        (Command::Load { range, piece: 2, last: true }, TOW_COMMAND_LOAD, [3, 7, 2, 1, 0, 0, 0]),
        (Command::Install { snapshot, at }, TOW_COMMAND_INSTALL, [0, 0, 7, 9, 0, 0, 0]),
        (Command::Rewind { position }, TOW_COMMAND_REWIND, [0, 0, 0, 4, 8, 6, 0]),
        (Command::Say(Input::Installed { snapshot }), TOW_INPUT_INSTALLED, [9, 0, 0, 0, 0, 0, 0]),
    ];
    for (command, kind, fields) in commands {
        assert_eq!(FlatCommand::from(&command), FlatCommand { kind, link: 0, fields }, "{command:?}");
    }
}
