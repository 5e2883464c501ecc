//! How many bytes of the log a replica's host has not taken: exact at every moment, on a link and across links.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::middle::{Middle, UP};
use common::small;
use towline_core::*;

/// A batch of one record of 200 bytes, with its heads.
const FRAME: u64 = 276;

/// A primary and a replica that streams, both quiet.
fn streaming() -> Middle {
    let mut middle = Middle::new(true, small());
    middle.connect();
    middle.settle();
    assert_eq!(row(&middle).untaken_bytes, Some(0), "the scene plays as written");
    middle
}

/// The replica as the primary sees it.
fn row(middle: &Middle) -> Replica {
    middle.primary.node.replicas().next().expect("one replica")
}

/// The replica's host takes everything before an offset, and the primary is notified.
fn take(middle: &mut Middle, upto: u64) {
    let taken = Input::Taken { upto: Offset(upto), pieces: 0 };
    middle.replica.node.handle(Time::ZERO, taken).expect("handed out");
    middle.settle();
}

#[test]
fn bytes_that_are_unsent_and_bytes_under_way_are_both_untaken() {
    let mut middle = streaming();
    middle.replica.applies = false;
    let before = row(&middle).taken_bytes.unwrap();
    let frames = middle.batches(10, 200);
    assert_eq!(row(&middle).untaken_bytes, Some(10 * FRAME), "sent is not taken");
    middle.replica.feed(UP, &frames.concat());
    middle.settle();
    let seen = row(&middle);
    assert_eq!(seen.untaken_bytes, Some(10 * FRAME), "received is not taken");
    assert_eq!(seen.unsent_bytes, Some(6 * FRAME), "the window of 1024 bytes lets four frames begin");
    take(&mut middle, 5 + 3);
    assert_eq!(row(&middle).untaken_bytes, Some(7 * FRAME));
    assert_eq!(row(&middle).taken_bytes, Some(before + 3 * FRAME));
    take(&mut middle, 5 + 7);
    take(&mut middle, 5 + 10);
    assert_eq!(row(&middle).untaken_bytes, Some(0));
    assert_eq!(row(&middle).taken_bytes, Some(before + 10 * FRAME));
}

#[test]
fn staging_and_writing_change_nothing_of_the_sum() {
    let mut middle = streaming();
    let node = &mut middle.primary.node;
    let untaken = |node: &Node| node.replicas().next().unwrap().untaken_bytes;
    node.handle(Time::ZERO, Input::Write { data: &[1; 200] }).unwrap();
    let open = untaken(node).unwrap();
    assert!((200..=FRAME).contains(&open), "an open batch counts: {open}");
    node.handle(Time::ZERO, Input::Flush).unwrap();
    node.handle(Time::ZERO, Input::Write { data: &[2; 200] }).unwrap();
    node.handle(Time::ZERO, Input::Flush).unwrap();
    assert_eq!(untaken(node), Some(2 * FRAME));
    while node.poll_event().is_some() {}
    let link = LinkId(UP);
    assert!(!node.peek_transmit(link).is_empty(), "the run is staged");
    assert_eq!(untaken(node), Some(2 * FRAME), "staged");
    node.consume(Time::ZERO, link, 100).unwrap();
    assert_eq!(untaken(node), Some(2 * FRAME), "within a frame");
    // A beat falls due within the frame: the part of the run that has not begun is taken back, and staged again.
    let late = Time::ZERO + Span::from_millis(150);
    node.handle(late, Input::Tick).unwrap();
    while node.poll_event().is_some() {}
    assert_eq!(untaken(node), Some(2 * FRAME), "a run that was cut");
    while node.consume(late, link, node.peek_transmit(link).len()).unwrap() == More::More {}
    assert_eq!(untaken(node), Some(2 * FRAME), "written");
}

#[test]
fn a_link_after_a_cut_counts_what_the_one_before_left_untaken() {
    let mut middle = streaming();
    middle.replica.applies = false;
    let frames = middle.batches(3, 200);
    middle.replica.feed(UP, &frames.concat());
    middle.settle();
    middle.primary.cut(UP);
    middle.replica.cut(UP);
    let away = row(&middle);
    assert_eq!((away.state, away.untaken_bytes, away.taken_bytes), (ReplicaState::Away, None, None));
    let again = Time::ZERO + Span::from_secs(1);
    middle.replica.now = again;
    middle.replica.node.handle(again, Input::Tick).unwrap();
    middle.connect();
    middle.settle();
    assert_eq!(row(&middle).state, ReplicaState::Streaming);
    assert_eq!(row(&middle).untaken_bytes, Some(3 * FRAME));
    assert_eq!(row(&middle).taken_bytes, Some(0), "counted from this link's JOIN");
}

#[test]
fn beside_a_snapshot_the_stream_is_counted_and_without_a_stream_nothing_is() {
    let mut middle = Middle::new(false, small());
    middle.connect();
    middle.shake();
    let pieces = middle.primary_says();
    middle.batches(2, 200);
    assert_eq!(row(&middle).state, ReplicaState::Snapshot);
    assert_eq!(row(&middle).untaken_bytes, Some(2 * FRAME), "pieces are not counted");
    middle.batches(20, 200);
    assert_eq!(row(&middle).untaken_bytes, None, "the ring overtook it");
    drop(pieces);
}
