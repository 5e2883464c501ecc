//! The receiver's commands in their order, scene by scene, kept beside this file as it was last agreed on.
//!
//! A line that begins with `>` is what the host gives it: a step of its upstream's link, or something that is done. The
//! lines below it are the commands that follow. After a change that is meant, run this test with
//! `INSTA_UPDATE=always` and read the difference.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use std::fmt::Write as _;

use towline_core::receiver::{Batch, Command, Receiver, Standing, Taking};
use towline_core::*;

const READY: bool = true;
const BUSY: bool = false;

/// A receiver, what its node is taken to be, and what was written down.
struct Scene {
    receiver: Receiver,
    node: Standing,
    snapshot: SnapshotId,
    text: String,
}

fn at(boundary: u64) -> Position {
    Position { boundary: Offset(boundary), ..Position::default() }
}

fn words(command: &Command) -> String {
    let run = |batch: &Batch| format!("{}..{}", batch.first, batch.position.boundary);
    match command {
        Command::Say(Input::Taken { upto, pieces }) => format!("say taken: up to {upto}, {pieces} pieces"),
        Command::Say(Input::Applied { upto }) => format!("say applied: up to {upto}"),
        Command::Say(Input::Persisted { upto }) => format!("say persisted: up to {upto}"),
        Command::Say(input) => format!("say {input:?}"),
        Command::Keep(batch) => format!("keep {}", run(batch)),
        Command::Apply(batch) => format!("apply {}", run(batch)),
        Command::ApplySpooled { first } => format!("apply the batch from {first} of the spool"),
        Command::LoadTail(batch) => format!("do {} on the loading snapshot", run(batch)),
        Command::LoadTailSpooled { first } => format!("do the batch from {first} of the spool on it"),
        Command::DropSpooled { upto: Some(upto) } => format!("drop the spool up to {upto}"),
        Command::DropSpooled { upto: None } => "drop the spool".to_owned(),
        Command::Forked { at } => format!("our records from {at} on left the history"),
        Command::Begin { at, snapshot, .. } => format!("begin snapshot {} at {at}", snapshot.0),
        Command::Load { piece, last, .. } => {
            format!("load piece {piece}{}", if *last { ", the last" } else { "" })
        }
        Command::Install { snapshot, at } => format!("install snapshot {} at {at}", snapshot.0),
        Command::Rewind { position } => format!("rewind to {}", position.boundary),
    }
}

impl Scene {
    fn new(about: &str, loads_tail: bool) -> Self {
        let node = Standing { base: true, end: Offset(5), ..Standing::default() };
        let text = format!("{about}\n\n");
        Self { receiver: Receiver::new(loads_tail), node, snapshot: SnapshotId(0), text }
    }

    fn given(&mut self, what: &str) {
        let _ = writeln!(self.text, "> {what}");
        while let Some(command) = self.receiver.poll() {
            let _ = writeln!(self.text, "    {}", words(&command));
        }
        self.receiver.check();
    }

    fn step(
        &mut self,
        what: &str,
        payload: Option<(PayloadKind, u64, u32)>,
        position: Option<Position>,
        ready: bool,
    ) {
        let snapshot = self.snapshot;
        let payload =
            payload.map(|(kind, first, count)| Payload { range: 0..0, first, count, kind, snapshot });
        let step = Step { position, payload, ..Step::default() };
        self.receiver.receive(&step, self.node, ready).unwrap();
        self.given(what);
    }

    fn batch(&mut self, first: u64, end: u64, ready: bool) {
        self.node.end = Offset(end);
        let kind = if self.node.base { PayloadKind::Batch } else { PayloadKind::Spool };
        let busy = if ready || !self.node.base { "" } else { ", and the store is busy" };
        let count = u32::try_from(end - first).unwrap();
        self.step(
            &format!("{kind:?} {first}..{end}{busy}"),
            Some((kind, first, count)),
            Some(at(end)),
            ready,
        );
    }

    fn named(&mut self, snapshot: u64, tail_from: u64) {
        self.snapshot = SnapshotId(snapshot);
        self.joins(tail_from);
        self.step(
            &format!("the node was named snapshot {snapshot}, a tail from {tail_from}"),
            None,
            None,
            READY,
        );
    }

    fn joins(&mut self, tail_from: u64) {
        let snapshot = Some(self.snapshot);
        self.node = Standing { base: false, end: Offset(tail_from), snapshot, pieces: 0 };
    }

    fn begin(&mut self, offset: u64) {
        self.step(
            &format!("BEGIN at {offset}"),
            Some((PayloadKind::Begin, offset, 0)),
            Some(at(offset)),
            READY,
        );
    }

    fn piece(&mut self, piece: u64, last: bool) {
        self.node.pieces = piece + 1;
        let kind = if last { PayloadKind::LastPiece } else { PayloadKind::Piece };
        self.step(&format!("{kind:?} {piece}"), Some((kind, piece, 0)), None, READY);
        self.receiver.loaded(piece + 1).unwrap();
        self.given("it is loaded");
    }

    fn fork(&mut self, offset: u64, rewinds: bool) {
        let how = if rewinds { "rewind" } else { "a snapshot follows" };
        self.step(
            &format!("Fork at {offset}: {how}"),
            Some((PayloadKind::Fork, offset, rewinds.into())),
            None,
            READY,
        );
    }

    fn applied(&mut self, upto: u64) {
        self.receiver.applied(Offset(upto)).unwrap();
        self.given(&format!("applied up to {upto}"));
    }

    fn work(&mut self) {
        let _ = writeln!(self.text, "> there is time");
        let command = self.receiver.work().map_or("nothing".to_owned(), |command| words(&command));
        let _ = writeln!(self.text, "    {command}");
    }

    fn installed(&mut self, log_end: u64) {
        self.receiver.installed().unwrap();
        self.given("it is installed");
        self.answered(Some(log_end));
        self.node = Standing { base: true, end: Offset(log_end), ..Standing::default() };
    }

    fn answered(&mut self, log_end: Option<u64>) {
        self.receiver.answered(log_end.map(at)).unwrap();
        self.given(&log_end.map_or("the node refuses".to_owned(), |end| format!("the node stands at {end}")));
    }

    fn taking(&mut self, taking: Taking) {
        self.receiver.set_taking(taking);
        self.given(&format!("the host takes {taking:?}").to_lowercase());
    }
}

fn stream() -> Scene {
    let mut scene = Scene::new("A stream, and a store that is busy for a while.", false);
    scene.batch(5, 7, READY);
    scene.applied(7);
    scene.receiver.persisted(Offset(7));
    scene.given("persisted up to 7");
    scene.batch(7, 8, BUSY);
    scene.batch(8, 9, READY);
    scene.work();
    scene.applied(8);
    scene.work();
    scene.applied(9);
    scene.work();
    scene.batch(9, 10, READY);
    scene
}

fn snapshot() -> Scene {
    let mut scene = Scene::new("A snapshot with a tail beside it, and a cut in its middle.", false);
    scene.named(1, 5);
    scene.batch(5, 7, READY);
    scene.begin(7);
    scene.piece(0, false);
    scene.batch(7, 8, READY);
    scene.step("the link was lost, and the snapshot goes on", None, None, READY);
    scene.batch(8, 9, READY);
    scene.piece(1, true);
    scene.work();
    scene.installed(9);
    scene.work();
    scene.applied(8);
    scene.work();
    scene.applied(9);
    scene
}

fn another_snapshot() -> Scene {
    let mut scene = Scene::new("Another snapshot while one is installed, which ends late.", false);
    scene.named(1, 5);
    scene.begin(5);
    scene.batch(5, 8, READY);
    scene.piece(0, true);
    scene.work();
    scene.named(2, 8);
    scene.batch(8, 9, READY);
    scene.begin(9);
    scene.piece(0, true);
    scene.work();
    scene.receiver.installed().unwrap();
    scene.given("snapshot 1 is installed, too late");
    scene.work();
    scene.installed(9);
    scene
}

fn full_spool() -> Scene {
    let mut scene = Scene::new("A spool that is full, and has room again.", false);
    scene.named(1, 5);
    scene.begin(5);
    scene.batch(5, 6, READY);
    scene.taking(Taking::Pieces);
    scene.batch(6, 8, READY);
    scene.piece(0, false);
    scene.taking(Taking::Nothing);
    scene.piece(1, false);
    scene.taking(Taking::All);
    scene
}

fn forks() -> Scene {
    let mut scene =
        Scene::new("A fork to be rewound, one that nobody wants any more, one before a snapshot.", false);
    scene.batch(5, 7, BUSY);
    scene.batch(7, 9, BUSY);
    scene.fork(7, true);
    scene.applied(7);
    scene.answered(Some(7));
    scene.receiver.rewound().unwrap();
    scene.given("it is rewound");
    scene.batch(7, 8, READY);
    scene.applied(8);
    scene.fork(6, true);
    scene.answered(None);
    scene.batch(8, 9, BUSY);
    scene.joins(12);
    scene.fork(8, false);
    scene
}

fn tail() -> Scene {
    let mut scene =
        Scene::new("A store that does the tail on the snapshot while that loads, up to a point.", true);
    scene.named(1, 5);
    scene.batch(5, 7, READY);
    scene.begin(6);
    scene.piece(0, false);
    scene.work();
    scene.work();
    scene.receiver.tailed(Offset(7), true).unwrap();
    scene.given("done up to 7");
    scene.batch(7, 9, READY);
    scene.receiver.tailed(Offset(9), false).unwrap();
    scene.given("that cannot be done");
    scene.batch(9, 10, READY);
    scene.piece(1, true);
    scene.work();
    scene.installed(10);
    scene.work();
    scene
}

#[test]
fn the_receiver_says_what_was_agreed_on() {
    let scenes = [stream(), snapshot(), another_snapshot(), full_spool(), forks(), tail()];
    let text: Vec<String> = scenes.into_iter().map(|scene| scene.text).collect();
    insta::assert_snapshot!(text.join("\n"));
}
