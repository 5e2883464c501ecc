//! One rule each; what must hold in any order of steps and completions is in `model`.

use std::vec::Vec;

use super::*;
use crate::id::{Position, SnapshotId};
use crate::input::Input;

mod model;

const SNAPSHOT: SnapshotId = SnapshotId(7);

fn at(boundary: u64) -> Position {
    Position { boundary: Offset(boundary), ..Position::default() }
}

fn payload(kind: PayloadKind, first: u64, count: u32, snapshot: SnapshotId) -> Option<Payload> {
    Some(Payload { range: 10..20, first, count, kind, snapshot })
}

/// A replica's receiver, and the standing of the node it believes.
struct Desk {
    receiver: Receiver,
    node: Standing,
    ready: bool,
}

impl Desk {
    fn new(loads_tail: bool) -> Self {
        let node = Standing { base: true, end: Offset(0), pieces: None };
        Self { receiver: Receiver::new(loads_tail), node, ready: true }
    }

    /// A node that has named a snapshot, which begins at `from`.
    fn joining(loads_tail: bool, from: u64) -> Self {
        let mut desk = Self::new(loads_tail);
        desk.name(from);
        desk
    }

    fn name(&mut self, from: u64) -> Vec<Command> {
        self.node = Standing { base: false, end: Offset(from), pieces: Some(0) };
        self.step(Step::default())
    }

    fn step(&mut self, step: Step) -> Vec<Command> {
        self.receiver.receive(&step, self.node, self.ready).expect("in order");
        self.receiver.check();
        self.poll()
    }

    /// All commands up to the one that the store is to answer.
    fn poll(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(command) = self.receiver.poll() {
            self.receiver.check();
            commands.push(command);
        }
        commands
    }

    fn batch(&mut self, first: u64, end: u64) -> Vec<Command> {
        let kind = if self.node.base { PayloadKind::Batch } else { PayloadKind::Spool };
        self.node.end = Offset(end);
        let count = u32::try_from(end - first).unwrap();
        let payload = payload(kind, first, count, SnapshotId(0));
        self.step(Step { position: Some(at(end)), payload, ..Step::default() })
    }

    fn begin(&mut self, offset: u64) -> Vec<Command> {
        self.step(Step { payload: payload(PayloadKind::Begin, offset, 0, SNAPSHOT), ..Step::default() })
    }

    fn piece(&mut self, piece: u64, last: bool) -> Vec<Command> {
        self.node.pieces = Some(piece + 1);
        let kind = if last { PayloadKind::LastPiece } else { PayloadKind::Piece };
        self.step(Step { payload: payload(kind, piece, 0, SNAPSHOT), ..Step::default() })
    }

    /// The snapshot's only piece comes, and is loaded.
    fn load(&mut self) -> Vec<Command> {
        self.piece(0, true);
        self.receiver.loaded(1).expect("it came");
        self.poll()
    }

    fn install(&mut self, log_end: u64) -> Vec<Command> {
        assert!(matches!(self.receiver.work(), Some(Command::Install { snapshot: SNAPSHOT, .. })));
        self.receiver.installed().expect("it was asked for");
        assert_eq!(self.poll(), [say(Input::Installed { snapshot: SNAPSHOT })]);
        self.receiver.answered(Some(at(log_end))).expect("it fits");
        (self.node.base, self.node.pieces, self.node.end) = (true, None, Offset(log_end));
        self.poll()
    }
}

fn say(input: Input<'static>) -> Command {
    Command::Say(input)
}

fn taken(upto: u64, pieces: u64) -> Command {
    say(Input::Taken { upto: Offset(upto), pieces })
}

fn applied(upto: u64) -> Command {
    say(Input::Applied { upto: Offset(upto) })
}

fn batch(first: u64, end: u64) -> Batch {
    Batch { range: 10..20, first: Offset(first), position: at(end) }
}

#[test]
fn a_batch_is_applied_as_it_comes_and_said() {
    let mut desk = Desk::new(false);
    assert_eq!(desk.batch(5, 7), [Command::Apply(batch(5, 7))]);
    desk.receiver.applied(Offset(7)).unwrap();
    assert_eq!(desk.poll(), [applied(7)]);
    desk.receiver.persisted(Offset(7));
    assert_eq!(desk.poll(), [say(Input::Persisted { upto: Offset(7) })]);
    assert_eq!(desk.receiver.work(), None);
}

#[test]
fn a_busy_store_lets_batches_wait_and_order_is_kept() {
    let mut desk = Desk::new(false);
    desk.ready = false;
    assert_eq!(desk.batch(0, 2), [Command::Keep(batch(0, 2)), taken(2, 0)]);
    desk.ready = true;
    assert_eq!(desk.batch(2, 3), [Command::Keep(batch(2, 3)), taken(3, 0)], "behind one that waits");
    assert!(desk.receiver.is_replaying());
    assert_eq!(desk.receiver.work(), Some(Command::ApplySpooled { first: Offset(0) }));
    assert_eq!(desk.receiver.work(), None, "one at a time");
    desk.receiver.applied(Offset(2)).unwrap();
    assert_eq!(desk.poll(), [applied(2)]);
    assert_eq!(desk.receiver.work(), Some(Command::ApplySpooled { first: Offset(2) }));
    desk.receiver.applied(Offset(3)).unwrap();
    assert!(!desk.receiver.is_replaying());
}

#[test]
fn a_full_spool_takes_pieces_and_no_batches() {
    let mut desk = Desk::joining(false, 5);
    assert_eq!(desk.batch(5, 6), [Command::Keep(batch(5, 6)), taken(6, 0)]);
    desk.begin(5);
    desk.receiver.set_taking(Taking::Pieces);
    assert_eq!(desk.batch(6, 8), [Command::Keep(batch(6, 8))]);
    assert!(desk.receiver.withholds());
    desk.piece(0, false);
    desk.receiver.loaded(1).unwrap();
    assert_eq!(desk.poll(), [taken(6, 1)]);
    desk.receiver.set_taking(Taking::Nothing);
    desk.piece(1, false);
    desk.receiver.loaded(2).unwrap();
    assert_eq!(desk.poll(), []);
    desk.receiver.set_taking(Taking::All);
    assert_eq!(desk.poll(), [taken(8, 2)]);
}

#[test]
fn what_lies_past_the_snapshot_is_applied_after_it() {
    let mut desk = Desk::joining(false, 5);
    desk.batch(5, 6);
    desk.begin(6);
    desk.batch(6, 9);
    desk.load();
    assert_eq!(desk.install(9), [Command::DropSpooled { upto: Some(Offset(6)) }, applied(6)]);
    assert_eq!(desk.receiver.work(), Some(Command::ApplySpooled { first: Offset(6) }));
    desk.receiver.applied(Offset(9)).unwrap();
    assert_eq!(desk.poll(), [applied(9)]);
}

#[test]
fn a_spool_that_the_log_does_not_reach_is_dropped_with_the_snapshot_installed() {
    let mut desk = Desk::joining(false, 5);
    desk.begin(8);
    desk.batch(5, 7);
    desk.load();
    assert_eq!(desk.install(8), [Command::DropSpooled { upto: None }, applied(8)]);
    assert_eq!(desk.receiver.work(), None);
    assert_eq!(desk.batch(8, 9), [Command::Apply(batch(8, 9))]);
}

#[test]
fn a_stream_that_was_withheld_is_taken_with_the_snapshot_that_holds_it() {
    let mut desk = Desk::joining(false, 5);
    desk.receiver.set_taking(Taking::Pieces);
    desk.begin(8);
    desk.batch(5, 8);
    desk.load();
    // The log ends at the snapshot, and its window is full of what the spool had no room for.
    assert_eq!(desk.install(8), [Command::DropSpooled { upto: None }, applied(8)]);
}

#[test]
fn a_spool_that_begins_past_the_snapshot_is_a_gap_and_the_store_is_left_alone() {
    let mut desk = Desk::joining(false, 7);
    desk.begin(5);
    desk.batch(7, 9);
    desk.load();
    assert!(desk.receiver.work().is_some());
    desk.receiver.installed().unwrap();
    desk.poll();
    assert_eq!(desk.receiver.answered(Some(at(9))), Err(ReceiverError::Gap));
    assert_eq!((desk.receiver.poll(), desk.receiver.work()), (None, None));
    assert_eq!(desk.receiver.receive(&Step::default(), desk.node, true), Err(ReceiverError::Failed));
}

#[test]
fn another_snapshot_forgets_what_waited_and_says_no_pieces_of_the_one_before() {
    let mut desk = Desk::joining(false, 5);
    desk.begin(5);
    desk.batch(5, 9);
    desk.piece(0, false);
    desk.receiver.loaded(1).unwrap();
    desk.poll();
    // The link is lost; its upstream started again, and its log ends where our tail does.
    assert_eq!(desk.name(9), [Command::DropSpooled { upto: None }]);
    assert_eq!(desk.batch(9, 12), [Command::Keep(batch(9, 12)), taken(12, 0)]);
    let begin = Command::Begin { range: 10..20, snapshot: SNAPSHOT, at: Offset(9) };
    assert_eq!(desk.begin(9), [begin], "its own tail stays");
}

#[test]
fn a_second_begin_forgets_a_run_that_does_not_end_with_the_log() {
    let mut desk = Desk::joining(false, 5);
    desk.batch(5, 9);
    desk.begin(5);
    // Another snapshot, of which no more is known than of the last: no piece came.
    desk.node.end = Offset(8);
    let begin = Command::Begin { range: 10..20, snapshot: SNAPSHOT, at: Offset(8) };
    assert_eq!(desk.begin(8), [Command::DropSpooled { upto: None }, begin]);
}

#[test]
fn a_snapshot_that_goes_on_after_a_cut_goes_on() {
    let mut desk = Desk::joining(false, 5);
    desk.begin(5);
    desk.batch(5, 6);
    desk.piece(0, false);
    desk.receiver.loaded(1).unwrap();
    desk.poll();
    assert_eq!(desk.step(Step::default()), [], "the node still counts one piece");
    assert_eq!(desk.batch(6, 7), [Command::Keep(batch(6, 7)), taken(7, 1)]);
    let load = Command::Load { range: 10..20, piece: 1, last: true };
    assert_eq!(desk.piece(1, true), [load]);
}

#[test]
fn an_install_that_ends_late_is_not_said() {
    let mut desk = Desk::joining(false, 5);
    desk.begin(5);
    desk.load();
    assert!(matches!(desk.receiver.work(), Some(Command::Install { .. })));
    desk.name(20);
    desk.begin(20);
    desk.load();
    assert_eq!(desk.receiver.work(), None, "the store is still at the first");
    desk.receiver.installed().unwrap();
    assert_eq!(desk.poll(), [], "and that was of the first");
    assert_eq!(desk.install(20), [applied(20)]);
}

#[test]
fn an_install_that_the_node_refuses_joins_anew() {
    let mut desk = Desk::joining(false, 5);
    desk.begin(5);
    desk.load();
    assert!(desk.receiver.work().is_some());
    desk.receiver.installed().unwrap();
    desk.poll();
    desk.receiver.answered(None).unwrap();
    assert!(desk.receiver.is_joining() && !desk.receiver.is_loading());
}

#[test]
fn to_rewind_what_lies_before_is_applied_and_the_node_agrees_first() {
    let mut desk = Desk::new(false);
    desk.ready = false;
    desk.batch(0, 2);
    desk.batch(2, 5);
    let fork = Step { payload: payload(PayloadKind::Fork, 2, 1, SnapshotId(0)), ..Step::default() };
    assert_eq!(desk.step(fork), [Command::ApplySpooled { first: Offset(0) }]);
    desk.receiver.applied(Offset(2)).unwrap();
    assert_eq!(desk.poll(), [applied(2), say(Input::Rewound)]);
    desk.receiver.answered(Some(at(2))).unwrap();
    assert_eq!(desk.poll(), [Command::DropSpooled { upto: None }, Command::Rewind { position: at(2) }]);
    desk.ready = true;
    assert_eq!(desk.batch(2, 3), [Command::Keep(batch(2, 3)), taken(3, 0)], "the store is on its way back");
    desk.receiver.rewound().unwrap();
    assert_eq!(desk.receiver.work(), Some(Command::ApplySpooled { first: Offset(2) }));
}

#[test]
fn a_rewind_that_nobody_wants_any_more_changes_nothing() {
    let mut desk = Desk::new(false);
    desk.batch(0, 5);
    desk.receiver.applied(Offset(5)).unwrap();
    desk.poll();
    let fork = Step { payload: payload(PayloadKind::Fork, 2, 1, SnapshotId(0)), ..Step::default() };
    assert_eq!(desk.step(fork), [say(Input::Rewound)]);
    desk.receiver.answered(None).unwrap();
    assert_eq!(desk.poll(), []);
    assert_eq!(desk.batch(5, 6), [Command::Apply(batch(5, 6))]);
}

#[test]
fn a_rewind_that_the_store_cannot_do_fails_it() {
    let mut desk = Desk::new(false);
    let fork = Step { payload: payload(PayloadKind::Fork, 2, 1, SnapshotId(0)), ..Step::default() };
    desk.step(fork);
    desk.receiver.answered(Some(at(2))).unwrap();
    assert_eq!(desk.poll(), [Command::Rewind { position: at(2) }]);
    desk.receiver.failed();
    assert_eq!((desk.receiver.poll(), desk.receiver.work()), (None, None));
    assert_eq!(desk.receiver.rewound(), Err(ReceiverError::NotAsked));
}

#[test]
fn a_fork_before_a_snapshot_is_told_before_the_spool_is_dropped() {
    let mut desk = Desk::new(false);
    desk.ready = false;
    desk.batch(0, 5);
    desk.node = Standing { base: false, end: Offset(9), pieces: Some(0) };
    let fork = Step { payload: payload(PayloadKind::Fork, 3, 0, SnapshotId(0)), ..Step::default() };
    let drop = Command::DropSpooled { upto: None };
    assert_eq!(desk.step(fork), [drop, Command::Forked { at: Offset(3) }]);
    assert!(desk.receiver.is_joining());
}

#[test]
fn a_tail_is_done_on_the_loading_snapshot_as_far_as_the_store_can() {
    let mut desk = Desk::joining(true, 5);
    desk.batch(5, 8);
    desk.begin(7);
    assert_eq!(desk.batch(8, 9), [Command::Keep(batch(8, 9)), taken(9, 0)], "nothing is loaded yet");
    desk.piece(0, false);
    desk.receiver.loaded(1).unwrap();
    desk.poll();
    assert_eq!(desk.receiver.work(), Some(Command::DropSpooled { upto: Some(Offset(7)) }));
    assert_eq!(desk.receiver.work(), Some(Command::LoadTailSpooled { first: Offset(7) }));
    desk.receiver.tailed(Offset(8), true).unwrap();
    assert_eq!(desk.receiver.work(), Some(Command::LoadTailSpooled { first: Offset(8) }));
    desk.receiver.tailed(Offset(9), true).unwrap();
    assert_eq!(desk.batch(9, 11), [Command::LoadTail(batch(9, 11))]);
    desk.receiver.tailed(Offset(11), false).unwrap();
    assert_eq!(desk.poll(), [Command::Keep(batch(9, 11)), taken(11, 1)]);
    assert_eq!(desk.batch(11, 12), [Command::Keep(batch(11, 12)), taken(12, 1)], "the rest waits too");
    desk.piece(1, true);
    desk.receiver.loaded(2).unwrap();
    desk.poll();
    assert_eq!(desk.install(12), [applied(9)]);
    assert_eq!(desk.receiver.work(), Some(Command::ApplySpooled { first: Offset(9) }));
}

#[test]
fn what_a_snapshot_holds_already_need_not_wait_for_it() {
    let mut desk = Desk::joining(true, 5);
    desk.begin(9);
    desk.piece(0, false);
    desk.receiver.loaded(1).unwrap();
    desk.poll();
    assert_eq!(desk.batch(5, 9), [taken(9, 1)]);
    assert_eq!(desk.batch(9, 10), [Command::LoadTail(batch(9, 10))]);
}

#[test]
fn a_host_that_leaves_something_out_is_told() {
    let mut desk = Desk::new(false);
    desk.batch(0, 2);
    assert_eq!(desk.receiver.applied(Offset(3)), Err(ReceiverError::NotAsked));
    assert_eq!(desk.receiver.installed(), Err(ReceiverError::NotAsked));
    assert_eq!(desk.receiver.loaded(1), Err(ReceiverError::NotAsked));
    assert_eq!(desk.receiver.tailed(Offset(2), true), Err(ReceiverError::NotAsked));
    desk.receiver.applied(Offset(2)).unwrap();
    desk.poll();
    let piece = Step { payload: payload(PayloadKind::Piece, 0, 0, SNAPSHOT), ..Step::default() };
    assert_eq!(desk.receiver.receive(&piece, desk.node, true), Err(ReceiverError::OutOfOrder));
    let whole = payload(PayloadKind::Batch, 2, 1, SnapshotId(0));
    let step = Step { position: Some(at(3)), payload: whole, ..Step::default() };
    desk.receiver.receive(&step, desk.node, true).unwrap();
    assert_eq!(desk.receiver.receive(&step, desk.node, true), Err(ReceiverError::Unpolled));
}
