//! Bad input: a peer's mistake closes that link alone, with a numbered GOODBYE, and moves nothing else.
//!
//! The tables hold every mistake the protocol names. Bad frames are good ones of a real node, changed and sealed
//! again, so that exactly one thing is wrong with each.
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

#[path = "../common/mod.rs"]
mod common;

mod by_a_replica;
mod by_an_upstream;
mod ends;
mod in_a_snapshot;

use common::frames::{self, Hello, frame};
use common::middle::{DOWN, Middle, UP, node};
use common::puppet::Puppet;
use common::small;
use common::stage::Stage;
use towline_core::*;

const GOOD: u32 = 0;
const BAD: u32 = 1;

/// A primary with a record or two, and a good replica that is up to date.
fn primary() -> (Stage<Node>, Vec<u8>) {
    let mut stage = Stage::new(node(1, Role::Primary, small(), None));
    stage.view_shape = (3, 50);
    for _ in 0..5 {
        stage.node.handle(Time::ZERO, Input::Write { data: b"a record" }).unwrap();
    }
    let cursor = stage.cursor();
    stage.open(GOOD, Puppet::new(2), Some(&cursor));
    (stage, cursor)
}

/// The good link is as it was, and goes on.
fn others_never_notice(stage: &mut Stage<Node>, link: u32) {
    let batches = |stage: &Stage<Node>| {
        stage.puppets[link as usize].as_ref().expect("the good link is open").seen[usize::from(frames::BATCH)]
    };
    let before = batches(stage);
    stage.node.handle(stage.now, Input::Write { data: b"on it goes" }).unwrap();
    stage.turn();
    assert_eq!(batches(stage), before + 1, "the good link goes on");
}

fn closed(stage: &Stage<Node>, link: u32, fault: Fault, about: &str) {
    let expected = vec![(LinkId(link), fault, Some(fault.number()))];
    assert_eq!(
        stage.closed, expected,
        "{about}: one link closed, for this fault, with a GOODBYE that says so"
    );
}

/// HELLO and JOIN as they should be, then this.
fn joined(cursor: &[u8], then: &[u8]) -> Vec<u8> {
    [&Puppet::new(9).opening(Some(cursor)), then].concat()
}

fn changed(mut frame: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut frame);
    frame
}

/// The state that a replica must still hold after its upstream's mistake.
fn holds(stage: &Stage<Node>) -> impl PartialEq + use<> {
    let stats = stage.node.stats();
    (stats.history, stats.epoch, stats.start, stats.end, stats.applied, stats.persisted, stats.base)
}

fn refuses(middle: &mut Middle, bad: &[u8], fault: Fault, about: &str) {
    let before = holds(&middle.replica);
    let payloads = middle.replica.feed(UP, bad);
    middle.replica.turn();
    closed(&middle.replica, UP, fault, about);
    assert_eq!(payloads, 0, "{about}: nothing is handed to the host");
    assert!(before == holds(&middle.replica), "{about}: the cursor did not move");
    middle.replica.node.check();
    let down = middle.replica.puppets[DOWN as usize].as_ref();
    assert!(down.is_none_or(|down| down.goodbye.is_none()), "{about}: its own replica never notices");
}

/// The next frames of an upstream: good ones, and the bad one after them.
type Twist = (&'static str, Fault, fn(&[Vec<u8>]) -> (Vec<u8>, Vec<u8>));

#[test]
fn every_fault_is_provoked_here() {
    let tables = [by_an_upstream::TABLE, in_a_snapshot::TABLE].concat();
    let mut provoked: Vec<Fault> = by_a_replica::TABLE.iter().map(|(_, fault, _)| *fault).collect();
    provoked.extend(tables.iter().map(|(_, fault, _)| *fault));
    provoked.extend([
        Fault::HandshakeTimeout,
        Fault::Idle,
        Fault::Stalled,
        Fault::Full,
        Fault::Replaced,
        Fault::IdentityClash,
        Fault::Shutdown,
        Fault::Left,
        Fault::SnapshotFailed,
        Fault::Rebased,
        Fault::Overrun,
    ]);
    for fault in Fault::ALL {
        let known = provoked.contains(fault) || *fault == Fault::Other;
        assert!(known, "{fault:?} is in no table of this file");
    }
}
