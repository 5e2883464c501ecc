//! The events of a view: first to open it, then for its pieces, and none after the one that frees it.
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::middle::node;
use common::puppet::Puppet;
use common::small;
use towline_core::*;

fn joins(node: &mut Node, link: u32, id: u64) {
    let link = LinkId(link);
    node.handle(Time::ZERO, Input::Opened { link, side: Side::Downstream }).unwrap();
    let opening = Puppet::new(id).opening(None);
    let used = node.handle(Time::ZERO, Input::Bytes { link, data: &opening }).unwrap().used;
    node.handle(Time::ZERO, Input::Bytes { link, data: &opening[used..] }).unwrap();
}

fn asked(node: &mut Node) -> Vec<Event> {
    let about = |event: &Event| {
        matches!(
            event,
            Event::SnapshotWanted { .. } | Event::SnapshotRead { .. } | Event::SnapshotDone { .. }
        )
    };
    std::iter::from_fn(|| node.poll_event()).filter(about).collect()
}

fn open(node: &mut Node, snapshot: SnapshotId) {
    let position = node.handle(Time::ZERO, Input::Flush).unwrap().position.unwrap();
    let at = node.cursor(position);
    node.handle(Time::ZERO, Input::SnapshotReady { snapshot, cursor: at.as_bytes(), bytes: None }).unwrap();
}

/// A primary with a view open, for the replica on its first link.
fn with_a_view() -> (Node, SnapshotId) {
    let mut node = node(1, Role::Primary, small(), None);
    joins(&mut node, 0, 8);
    let [Event::SnapshotWanted { snapshot, .. }] = asked(&mut node)[..] else { panic!("a view is wanted") };
    open(&mut node, snapshot);
    (node, snapshot)
}

/// Writes until no view of before can be followed any more.
fn ring_moves_on(node: &mut Node) {
    for _ in 0..20 {
        node.handle(Time::ZERO, Input::Write { data: &[7; 500] }).unwrap();
    }
}

/// Found by fuzzing: node_script's input `boards-where-a-read-was-pending`.
#[test]
fn no_piece_is_asked_for_of_a_view_that_is_not_open() {
    let (mut node, snapshot) = with_a_view();
    // A piece of it is to be asked for; the replica is lost before, the ring moves on, and another takes its place.
    node.handle(Time::ZERO, Input::Lost { link: LinkId(0) }).unwrap();
    ring_moves_on(&mut node);
    joins(&mut node, 1, 9);
    let [Event::SnapshotWanted { snapshot: second, .. }] = asked(&mut node)[..] else {
        panic!("another view is wanted, and nothing of it before it is open")
    };
    assert_ne!(snapshot, second);
    open(&mut node, second);
    assert_eq!(asked(&mut node)[0], Event::SnapshotRead { snapshot: second, piece: 0 });
    node.check();
}

/// Found by fuzzing: node_script's input `wants-a-view-where-one-was-given-up`.
#[test]
fn a_view_is_asked_for_where_one_was_given_up_untold() {
    let (mut node, _) = with_a_view();
    ring_moves_on(&mut node);
    // A second view is wanted; who wanted it is lost before the host polls, and the ring moves on.
    joins(&mut node, 1, 9);
    node.handle(Time::ZERO, Input::Lost { link: LinkId(1) }).unwrap();
    ring_moves_on(&mut node);
    // Two views are all there can be: for a third replica the second gives way, which the host never heard of.
    joins(&mut node, 2, 10);
    let wanted = |event: &Event| matches!(event, Event::SnapshotWanted { .. });
    let asked = asked(&mut node);
    assert_eq!(asked.iter().filter(|event| wanted(event)).count(), 1, "asked for one view: {asked:?}");
    node.check();
}
