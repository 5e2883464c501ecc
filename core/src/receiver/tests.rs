//! One rule each; what must hold in any order of steps and completions is in `model`.

use super::*;
use crate::id::SnapshotId;
use crate::input::Input;

use host::{Host, applied, at, batch, named, payload, say, taken};

mod host;
mod model;

const SNAPSHOT: SnapshotId = SnapshotId(7);
const ANOTHER: SnapshotId = SnapshotId(8);

#[test]
fn a_batch_is_applied_as_it_comes_and_said() {
    let mut host = Host::new(false);
    assert_eq!(host.batch(5, 7), [Command::Apply(batch(5, 7))]);
    host.receiver.applied(Offset(7)).unwrap();
    assert_eq!(host.poll(), [applied(7)]);
    host.receiver.persisted(Offset(7));
    assert_eq!(host.poll(), [say(Input::Persisted { upto: Offset(7) })]);
    assert_eq!(host.receiver.work(), None);
}

#[test]
fn a_busy_store_lets_batches_wait_and_order_is_kept() {
    let mut host = Host::new(false);
    host.ready = false;
    assert_eq!(host.batch(0, 2), [Command::Keep(batch(0, 2)), taken(2, 0)]);
    host.ready = true;
    assert_eq!(host.batch(2, 3), [Command::Keep(batch(2, 3)), taken(3, 0)], "behind one that waits");
    assert!(host.receiver.is_replaying());
    assert_eq!(host.receiver.work(), Some(Command::ApplySpooled { first: Offset(0) }));
    assert_eq!(host.receiver.work(), None, "one at a time");
    host.receiver.applied(Offset(2)).unwrap();
    assert_eq!(host.poll(), [applied(2)]);
    assert_eq!(host.receiver.work(), Some(Command::ApplySpooled { first: Offset(2) }));
    host.receiver.applied(Offset(3)).unwrap();
    assert!(!host.receiver.is_replaying());
}

#[test]
fn a_full_spool_takes_pieces_and_no_batches() {
    let mut host = Host::joining(false, 5);
    assert_eq!(host.batch(5, 6), [Command::Keep(batch(5, 6)), taken(6, 0)]);
    host.begin(5);
    host.receiver.set_taking(Taking::Pieces);
    assert_eq!(host.batch(6, 8), [Command::Keep(batch(6, 8))]);
    assert!(host.receiver.withholds());
    host.piece(0, false);
    host.receiver.loaded(1).unwrap();
    assert_eq!(host.poll(), [taken(6, 1)]);
    host.receiver.set_taking(Taking::Nothing);
    host.piece(1, false);
    host.receiver.loaded(2).unwrap();
    assert_eq!(host.poll(), []);
    host.receiver.set_taking(Taking::All);
    assert_eq!(host.poll(), [taken(8, 2)]);
}

#[test]
fn what_lies_past_the_snapshot_is_applied_after_it() {
    let mut host = Host::joining(false, 5);
    host.batch(5, 6);
    host.begin(6);
    host.batch(6, 9);
    host.load();
    assert_eq!(host.install(9), [Command::DropSpooled { upto: Some(Offset(6)) }, applied(6)]);
    assert_eq!(host.receiver.work(), Some(Command::ApplySpooled { first: Offset(6) }));
    host.receiver.applied(Offset(9)).unwrap();
    assert_eq!(host.poll(), [applied(9)]);
}

#[test]
fn a_spool_that_the_log_does_not_reach_is_dropped_with_the_snapshot_installed() {
    let mut host = Host::joining(false, 5);
    host.begin(8);
    host.batch(5, 7);
    host.load();
    assert_eq!(host.install(8), [Command::DropSpooled { upto: None }, applied(8)]);
    assert_eq!(host.receiver.work(), None);
    assert_eq!(host.batch(8, 9), [Command::Apply(batch(8, 9))]);
}

#[test]
fn a_stream_that_was_withheld_is_taken_with_the_snapshot_that_holds_it() {
    let mut host = Host::joining(false, 5);
    host.receiver.set_taking(Taking::Pieces);
    host.begin(8);
    host.batch(5, 8);
    host.load();
    // The log ends at the snapshot, and its window is full of what the spool had no room for.
    assert_eq!(host.install(8), [Command::DropSpooled { upto: None }, applied(8)]);
}

#[test]
fn a_host_that_left_a_step_out_is_told_before_its_store_is_behind_its_node() {
    let mut host = Host::joining(false, 5);
    host.begin(5);
    host.load();
    assert!(host.receiver.work().is_some());
    host.receiver.installed().unwrap();
    host.poll();
    assert_eq!(host.receiver.answered(Some(at(9))), Err(ReceiverError::OutOfOrder));
    assert_eq!((host.receiver.poll(), host.receiver.work()), (None, None));
    assert_eq!(host.receiver.receive(&Step::default(), host.node, true), Err(ReceiverError::Failed));
}

#[test]
fn another_snapshot_forgets_what_waited_and_says_no_pieces_of_the_one_before() {
    let mut host = Host::joining(false, 5);
    host.begin(5);
    host.batch(5, 9);
    host.piece(0, false);
    host.receiver.loaded(1).unwrap();
    host.poll();
    // The link is lost; its upstream started again, and its log ends where our tail does.
    assert_eq!(host.name(ANOTHER, 9), [Command::DropSpooled { upto: None }]);
    assert_eq!(host.batch(9, 12), [Command::Keep(batch(9, 12)), taken(12, 0)]);
    let begin = Command::Begin { range: 10..20, snapshot: ANOTHER, at: Offset(9) };
    assert_eq!(host.begin(9), [begin], "its own tail stays");
}

#[test]
fn another_snapshot_forgets_the_tail_of_one_of_which_no_piece_came() {
    let mut host = Host::joining(false, 5);
    host.batch(5, 9);
    // Nothing tells the two apart but their names, and the tail of the second goes on where the first's ended.
    assert_eq!(host.name(ANOTHER, 9), [Command::DropSpooled { upto: None }]);
    assert_eq!(host.receiver.waiting(), 0);
    assert_eq!(host.batch(9, 10), [Command::Keep(batch(9, 10)), taken(10, 0)]);
}

#[test]
fn a_snapshot_that_begins_again_under_its_name_forgets_what_came_of_it() {
    let mut host = Host::joining(false, 5);
    host.begin(5);
    host.batch(5, 9);
    host.piece(0, false);
    host.receiver.loaded(1).unwrap();
    host.poll();
    assert_eq!(host.name(SNAPSHOT, 9), [Command::DropSpooled { upto: None }]);
    assert!(!host.receiver.is_loading());
}

#[test]
fn a_host_that_shows_no_step_without_a_payload_finds_another_snapshot_at_its_tail() {
    let mut host = Host::joining(false, 5);
    host.batch(5, 9);
    host.node = named(ANOTHER, 7);
    let drop = Command::DropSpooled { upto: None };
    assert_eq!(host.batch(7, 8), [drop, Command::Keep(batch(7, 8)), taken(8, 0)]);
}

#[test]
fn a_snapshot_that_goes_on_after_a_cut_goes_on() {
    let mut host = Host::joining(false, 5);
    host.begin(5);
    host.batch(5, 6);
    host.piece(0, false);
    host.receiver.loaded(1).unwrap();
    host.poll();
    assert_eq!(host.step(Step::default()), [], "the node still counts one piece");
    assert_eq!(host.batch(6, 7), [Command::Keep(batch(6, 7)), taken(7, 1)]);
    let load = Command::Load { range: 10..20, piece: 1, last: true };
    assert_eq!(host.piece(1, true), [load]);
}

#[test]
fn an_install_that_ends_late_is_not_said() {
    let mut host = Host::joining(false, 5);
    host.begin(5);
    host.load();
    assert!(matches!(host.receiver.work(), Some(Command::Install { .. })));
    host.name(ANOTHER, 20);
    host.begin(20);
    host.load();
    assert_eq!(host.receiver.work(), None, "the store is still at the first");
    host.receiver.installed().unwrap();
    assert_eq!(host.poll(), [], "and that was of the first");
    assert_eq!(host.install(20), [applied(20)]);
}

#[test]
fn an_install_that_the_node_refuses_joins_anew() {
    let mut host = Host::joining(false, 5);
    host.begin(5);
    host.load();
    assert!(host.receiver.work().is_some());
    host.receiver.installed().unwrap();
    host.poll();
    host.receiver.answered(None).unwrap();
    assert!(host.receiver.is_joining() && !host.receiver.is_loading());
}

#[test]
fn to_rewind_what_lies_before_is_applied_and_the_node_agrees_first() {
    let mut host = Host::new(false);
    host.ready = false;
    host.batch(0, 2);
    host.batch(2, 5);
    let fork = Step { payload: payload(PayloadKind::Fork, 2, 1, SnapshotId(0)), ..Step::default() };
    assert_eq!(host.step(fork), [Command::ApplySpooled { first: Offset(0) }]);
    host.receiver.applied(Offset(2)).unwrap();
    assert_eq!(host.poll(), [applied(2), say(Input::Rewound)]);
    host.receiver.answered(Some(at(2))).unwrap();
    assert_eq!(host.poll(), [Command::DropSpooled { upto: None }, Command::Rewind { position: at(2) }]);
    host.ready = true;
    assert_eq!(host.batch(2, 3), [Command::Keep(batch(2, 3)), taken(3, 0)], "the store is on its way back");
    host.receiver.rewound().unwrap();
    assert_eq!(host.receiver.work(), Some(Command::ApplySpooled { first: Offset(2) }));
}

#[test]
fn a_rewind_that_nobody_wants_any_more_changes_nothing() {
    let mut host = Host::new(false);
    host.batch(0, 5);
    host.receiver.applied(Offset(5)).unwrap();
    host.poll();
    let fork = Step { payload: payload(PayloadKind::Fork, 2, 1, SnapshotId(0)), ..Step::default() };
    assert_eq!(host.step(fork), [say(Input::Rewound)]);
    host.receiver.answered(None).unwrap();
    assert_eq!(host.poll(), []);
    assert_eq!(host.batch(5, 6), [Command::Apply(batch(5, 6))]);
}

#[test]
fn a_rewind_that_the_store_cannot_do_fails_it() {
    let mut host = Host::new(false);
    let fork = Step { payload: payload(PayloadKind::Fork, 2, 1, SnapshotId(0)), ..Step::default() };
    host.step(fork);
    host.receiver.answered(Some(at(2))).unwrap();
    assert_eq!(host.poll(), [Command::Rewind { position: at(2) }]);
    host.receiver.failed();
    assert_eq!((host.receiver.poll(), host.receiver.work()), (None, None));
    assert_eq!(host.receiver.rewound(), Err(ReceiverError::NotAsked));
}

#[test]
fn a_fork_before_a_snapshot_is_told_before_the_spool_is_dropped() {
    let mut host = Host::new(false);
    host.ready = false;
    host.batch(0, 5);
    host.node = named(SNAPSHOT, 9);
    let fork = Step { payload: payload(PayloadKind::Fork, 3, 0, SnapshotId(0)), ..Step::default() };
    let drop = Command::DropSpooled { upto: None };
    assert_eq!(host.step(fork), [drop, Command::Forked { at: Offset(3) }]);
    assert!(host.receiver.is_joining());
}

#[test]
fn a_tail_is_done_on_the_loading_snapshot_as_far_as_the_store_can() {
    let mut host = Host::joining(true, 5);
    host.batch(5, 8);
    host.begin(7);
    assert_eq!(host.batch(8, 9), [Command::Keep(batch(8, 9)), taken(9, 0)], "nothing is loaded yet");
    host.piece(0, false);
    host.receiver.loaded(1).unwrap();
    host.poll();
    assert_eq!(host.receiver.work(), Some(Command::DropSpooled { upto: Some(Offset(7)) }));
    assert_eq!(host.receiver.work(), Some(Command::LoadTailSpooled { first: Offset(7) }));
    host.receiver.tailed(Offset(8), true).unwrap();
    assert_eq!(host.receiver.work(), Some(Command::LoadTailSpooled { first: Offset(8) }));
    host.receiver.tailed(Offset(9), true).unwrap();
    assert_eq!(host.batch(9, 11), [Command::LoadTail(batch(9, 11))]);
    host.receiver.tailed(Offset(11), false).unwrap();
    assert_eq!(host.poll(), [Command::Keep(batch(9, 11)), taken(11, 1)]);
    assert_eq!(host.batch(11, 12), [Command::Keep(batch(11, 12)), taken(12, 1)], "the rest waits too");
    host.piece(1, true);
    host.receiver.loaded(2).unwrap();
    host.poll();
    assert_eq!(host.install(12), [applied(9)]);
    assert_eq!(host.receiver.work(), Some(Command::ApplySpooled { first: Offset(9) }));
}

#[test]
fn what_a_snapshot_holds_already_need_not_wait_for_it() {
    let mut host = Host::joining(true, 5);
    host.begin(9);
    host.piece(0, false);
    host.receiver.loaded(1).unwrap();
    host.poll();
    assert_eq!(host.batch(5, 9), [taken(9, 1)]);
    assert_eq!(host.batch(9, 10), [Command::LoadTail(batch(9, 10))]);
}

#[test]
fn a_host_that_leaves_something_out_is_told() {
    let mut host = Host::new(false);
    host.batch(0, 2);
    assert_eq!(host.receiver.applied(Offset(3)), Err(ReceiverError::NotAsked));
    assert_eq!(host.receiver.installed(), Err(ReceiverError::NotAsked));
    assert_eq!(host.receiver.loaded(1), Err(ReceiverError::NotAsked));
    assert_eq!(host.receiver.tailed(Offset(2), true), Err(ReceiverError::NotAsked));
    host.receiver.applied(Offset(2)).unwrap();
    host.poll();
    let piece = Step { payload: payload(PayloadKind::Piece, 0, 0, SNAPSHOT), ..Step::default() };
    assert_eq!(host.receiver.receive(&piece, host.node, true), Err(ReceiverError::OutOfOrder));
    let whole = payload(PayloadKind::Batch, 2, 1, SnapshotId(0));
    let step = Step { position: Some(at(3)), payload: whole, ..Step::default() };
    host.receiver.receive(&step, host.node, true).unwrap();
    assert_eq!(host.receiver.receive(&step, host.node, true), Err(ReceiverError::Unpolled));
}
