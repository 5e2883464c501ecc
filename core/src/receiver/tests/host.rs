//! A host of the tests: it gives a receiver steps, and writes down the commands.

use std::vec::Vec;

use super::super::*;
use super::SNAPSHOT;
use crate::id::{Position, SnapshotId};
use crate::input::Input;

/// A replica's receiver, and the standing of the node it believes.
pub(super) struct Host {
    pub(super) receiver: Receiver,
    pub(super) node: Standing,
    pub(super) ready: bool,
}

impl Host {
    pub(super) fn new(loads_tail: bool) -> Self {
        let node = Standing { base: true, ..Standing::default() };
        Self { receiver: Receiver::new(loads_tail), node, ready: true }
    }

    /// A node that has named a snapshot, which begins at `from`.
    pub(super) fn joining(loads_tail: bool, from: u64) -> Self {
        let mut host = Self::new(loads_tail);
        host.name(SNAPSHOT, from);
        host
    }

    pub(super) fn name(&mut self, snapshot: SnapshotId, from: u64) -> Vec<Command> {
        self.node = named(snapshot, from);
        self.step(Step::default())
    }

    pub(super) fn step(&mut self, step: Step) -> Vec<Command> {
        self.receiver.receive(&step, self.node, self.ready).expect("in order");
        self.receiver.check();
        self.poll()
    }

    /// All commands up to the one that the store is to answer.
    pub(super) fn poll(&mut self) -> Vec<Command> {
        let mut commands = Vec::new();
        while let Some(command) = self.receiver.poll() {
            self.receiver.check();
            commands.push(command);
        }
        commands
    }

    pub(super) fn batch(&mut self, first: u64, end: u64) -> Vec<Command> {
        let kind = if self.node.base { PayloadKind::Batch } else { PayloadKind::Spool };
        self.node.end = Offset(end);
        let count = u32::try_from(end - first).unwrap();
        let payload = payload(kind, first, count, SnapshotId(0));
        self.step(Step { position: Some(at(end)), payload, ..Step::default() })
    }

    pub(super) fn begin(&mut self, offset: u64) -> Vec<Command> {
        let snapshot = self.node.snapshot.expect("one is named");
        self.step(Step { payload: payload(PayloadKind::Begin, offset, 0, snapshot), ..Step::default() })
    }

    pub(super) fn piece(&mut self, piece: u64, last: bool) -> Vec<Command> {
        self.node.pieces = piece + 1;
        let snapshot = self.node.snapshot.expect("one is named");
        let kind = if last { PayloadKind::LastPiece } else { PayloadKind::Piece };
        self.step(Step { payload: payload(kind, piece, 0, snapshot), ..Step::default() })
    }

    /// The snapshot's only piece comes, and is loaded.
    pub(super) fn load(&mut self) -> Vec<Command> {
        self.piece(0, true);
        self.receiver.loaded(1).expect("it came");
        self.poll()
    }

    pub(super) fn install(&mut self, log_end: u64) -> Vec<Command> {
        let named = self.node.snapshot.expect("one is named");
        assert!(matches!(self.receiver.work(), Some(Command::Install { snapshot, .. }) if snapshot == named));
        self.receiver.installed().expect("it was asked for");
        assert_eq!(self.poll(), [say(Input::Installed { snapshot: named })]);
        self.receiver.answered(Some(at(log_end))).expect("it fits");
        self.node = Standing { base: true, end: Offset(log_end), ..Standing::default() };
        self.poll()
    }
}

pub(super) fn named(snapshot: SnapshotId, from: u64) -> Standing {
    Standing { base: false, end: Offset(from), snapshot: Some(snapshot), pieces: 0 }
}

pub(super) fn say(input: Input<'static>) -> Command {
    Command::Say(input)
}

pub(super) fn taken(upto: u64, pieces: u64) -> Command {
    say(Input::Taken { upto: Offset(upto), pieces })
}

pub(super) fn applied(upto: u64) -> Command {
    say(Input::Applied { upto: Offset(upto) })
}

pub(super) fn batch(first: u64, end: u64) -> Batch {
    Batch { range: 10..20, first: Offset(first), position: at(end) }
}

pub(super) fn at(boundary: u64) -> Position {
    Position { boundary: Offset(boundary), ..Position::default() }
}

pub(super) fn payload(kind: PayloadKind, first: u64, count: u32, snapshot: SnapshotId) -> Option<Payload> {
    Some(Payload { range: 10..20, first, count, kind, snapshot })
}
