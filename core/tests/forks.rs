//! Where a history parts from what a replica's host has, told while the replica moves between upstreams: found by the
//! simulator.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::middle::node;
use common::small;
use towline_core::*;

const LINK: LinkId = LinkId(0);
const NOW: Time = Time::ZERO;

/// Everything a node has to say on its link.
fn says(node: &mut Node) -> Vec<u8> {
    let mut bytes = Vec::new();
    while let Some(event) = node.poll_event() {
        let Event::WantsWrite { link } = event else { continue };
        loop {
            let shown = node.peek_transmit(link).slices().concat();
            bytes.extend_from_slice(&shown);
            if node.consume(NOW, link, shown.len()).unwrap() == More::Idle {
                break;
            }
        }
    }
    bytes
}

/// Passes it. Returns where the history parts, if a frame said so.
fn hears(node: &mut Node, mut said: &[u8]) -> Option<Payload> {
    let mut fork = None;
    while !said.is_empty() {
        let step = node.handle(NOW, Input::Bytes { link: LINK, data: said }).unwrap();
        assert_ne!(step.next, Next::Closed);
        said = &said[step.used..];
        fork = step.payload.filter(|payload| payload.kind == PayloadKind::Fork).or(fork);
    }
    fork
}

/// A primary that holds one record more for each of `writes`. Returns the cursor after each.
fn writes(primary: &mut Node, records: usize) -> Vec<Cursor> {
    let write = |_| {
        primary.handle(NOW, Input::Write { data: b"a record" }).unwrap();
        let position = primary.handle(NOW, Input::Flush).unwrap().position.unwrap();
        primary.cursor(position)
    };
    (0..records).map(write).collect()
}

/// The replica follows another primary, and is told to take a snapshot: answers the offset of the fork.
fn joins(replica: &mut Node, primary: &mut Node) -> Option<u64> {
    says(replica);
    replica.handle(NOW, Input::Opened { link: LINK, side: Side::Upstream }).unwrap();
    primary.handle(NOW, Input::Opened { link: LINK, side: Side::Downstream }).unwrap();
    hears(primary, &says(replica));
    hears(replica, &says(primary));
    hears(primary, &says(replica));
    let fork = hears(replica, &says(primary));
    assert!(!replica.stats().base, "a snapshot is coming");
    replica.handle(NOW, Input::Lost { link: LINK }).unwrap();
    replica.handle(NOW, Input::Follow { adopt: false }).unwrap();
    fork.map(|fork| fork.first)
}

/// The log of a replica that takes a snapshot has left what its host still shows. Sent elsewhere before the snapshot
/// is whole, it tells the host where the new history parts from that, not from the ground it gives up.
#[test]
fn a_fork_is_told_from_what_the_host_has() {
    let cursors = writes(&mut node(1, Role::Primary, small(), None), 10);
    let started_at = |id: u64, records: usize| {
        let mut primary = node(id, Role::Primary, small(), Some(cursors[records - 1].as_bytes()));
        writes(&mut primary, 3);
        primary
    };
    let mut replica = node(2, Role::Replica, small(), Some(cursors[9].as_bytes()));
    assert_eq!(joins(&mut replica, &mut started_at(3, 5)), Some(5));
    assert_eq!(joins(&mut replica, &mut started_at(4, 7)), Some(7), "further than the ground given up");
    assert_eq!(joins(&mut replica, &mut started_at(5, 10)), Some(10), "nowhere: all it has is there");
    assert_eq!(joins(&mut replica, &mut started_at(6, 4)), Some(4));
}

/// An offset names a record of every history that came so far; with its epoch it names one. A record of a
/// branch that is left is not in the history any more, though that passes the same offset again.
#[test]
fn a_record_is_known_by_its_epoch() {
    let cursors = writes(&mut node(1, Role::Primary, small(), None), 10);
    let mut left = node(2, Role::Primary, small(), Some(cursors[9].as_bytes()));
    let mine = writes(&mut left, 3).pop().unwrap();
    let place = left.place(Offset(13)).unwrap();
    assert_eq!((Cursor::newest(mine.as_bytes()), left.holds(place)), (Some(place), true));
    left.handle(NOW, Input::Persisted { upto: Offset(13) }).unwrap();

    let mut other = node(3, Role::Primary, small(), Some(cursors[4].as_bytes()));
    let theirs = writes(&mut other, 10).pop().unwrap();
    left.handle(NOW, Input::Follow { adopt: false }).unwrap();
    assert!(left.holds(place), "nothing was thrown away yet");
    assert_eq!(joins(&mut left, &mut other), Some(5));
    assert_eq!(left.stats().end, Offset(15));
    assert!(!left.holds(place) && !other.holds(place), "its offset is passed, by other records");
    assert_eq!(left.place(Offset(13)), other.place(Offset(13)));
    for shared in [0, 1, 5] {
        let place = other.place(Offset(shared)).unwrap();
        assert!(left.holds(place) && Offset(shared) == place.offset);
    }
    assert_eq!(Cursor::newest(theirs.as_bytes()), other.place(Offset(15)));
    assert_eq!((other.place(Offset(16)), other.holds(EpochOffset::default())), (None, true));

    // The disk speaks of the state before, and the snapshot is not installed: nothing of this history is kept.
    left.handle(NOW, Input::Persisted { upto: Offset(13) }).unwrap();
    assert_eq!(left.stats().persisted, Offset(0));
}

/// An epoch without records that another follows at the same offset is forgotten: what was written before it is not.
#[test]
fn epochs_without_records_do_not_hide_the_record_before_them() {
    let mut primary = node(1, Role::Primary, small(), None);
    let cursor = writes(&mut primary, 2).pop().unwrap();
    let place = primary.place(Offset(2)).unwrap();
    for _ in 0..3 {
        let position = primary.handle(NOW, Input::Promote).unwrap().position.unwrap();
        assert_ne!(position.epoch, place.epoch);
        assert_eq!(Cursor::newest(primary.cursor(position).as_bytes()), Some(place));
        assert!(primary.holds(place) && Cursor::newest(cursor.as_bytes()) == Some(place));
    }
    let step = primary.handle(NOW, Input::Write { data: b"not sealed yet" }).unwrap();
    let open = primary.place(step.offset.unwrap()).unwrap();
    assert!(primary.holds(open) && open.epoch == primary.stats().epoch);
}
