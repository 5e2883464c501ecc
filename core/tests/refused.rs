//! A replica that is refused takes nobody's place: neither a slot, nor a good link.
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::middle::node;
use common::puppet::Puppet;
use common::small;
use common::stage::Stage;
use towline_core::*;

/// A stranger of another history is refused before it takes anybody's place.
#[test]
fn a_refused_stranger_takes_no_slot() {
    let mut stage = Stage::new(node(1, Role::Primary, small(), None));
    let cursor = stage.cursor();
    for id in 0..4 {
        stage.open(0, Puppet::new(10 + id), Some(&cursor));
        stage.cut(0);
    }
    let before: Vec<NodeId> = stage.node.replicas().map(|replica| replica.node).collect();
    let foreign = Stage::new(node(8, Role::Primary, small(), None)).cursor();
    stage.open(1, Puppet::new(99), Some(&foreign));
    assert_eq!(stage.closed.first().map(|closed| closed.1), Some(Fault::HistoryDiffers));
    let after: Vec<NodeId> = stage.node.replicas().map(|replica| replica.node).collect();
    assert_eq!(before, after, "nobody gave way for a peer that was refused");
}

/// A stranger that uses a good replica's name is refused; the good one never notices.
#[test]
fn a_refused_stranger_replaces_nobody() {
    let mut stage = Stage::new(node(1, Role::Primary, small(), None));
    let cursor = stage.cursor();
    stage.open(0, Puppet::new(10), Some(&cursor));
    let foreign = Stage::new(node(8, Role::Primary, small(), None)).cursor();
    let mut stranger = Puppet::new(10);
    stranger.hello.incarnation = 77;
    stage.open(1, stranger, Some(&foreign));
    assert_eq!(stage.closed, [(LinkId(1), Fault::HistoryDiffers, Some(26))], "the stranger alone");
}
