//! A snapshot that lies ahead of its own tail: found by the simulator's exhaustive search.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::frames;
use common::middle::node;
use common::small;
use towline_core::*;

const LINK: LinkId = LinkId(0);
const NOW: Time = Time::ZERO;
const HANDSHAKE: Span = Span::from_millis(300);

/// Everything a node has to say on its link, as frames; and the events that are not about that.
fn says(node: &mut Node) -> (Vec<Vec<u8>>, Vec<Event>) {
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    while let Some(event) = node.poll_event() {
        let Event::WantsWrite { link } = event else {
            events.push(event);
            continue;
        };
        loop {
            let shown = node.peek_transmit(link).slices().concat();
            bytes.extend_from_slice(&shown);
            if node.consume(NOW, link, shown.len()).unwrap() == More::Idle {
                break;
            }
        }
    }
    (frames::split(&bytes).0, events)
}

fn hears(node: &mut Node, said: &[Vec<u8>]) {
    for frame in said {
        let step = node.handle(NOW, Input::Bytes { link: LINK, data: frame }).unwrap();
        assert_ne!(step.next, Next::Closed, "kind {} ends the link", frame[4]);
    }
}

/// A primary, and a replica that installed a snapshot cut two records on, with only one of them received: it has joined
/// again, unread. And the other record's batch, which left before.
fn installed_ahead() -> (Node, Node, Vec<u8>) {
    let options = Options { handshake: HANDSHAKE, ..small() };
    let mut primary = node(1, Role::Primary, options, None);
    let mut replica = node(2, Role::Replica, options, None);
    assert!(says(&mut replica).1.contains(&Event::Dial { attempt: 0 }));
    replica.handle(NOW, Input::Opened { link: LINK, side: Side::Upstream }).unwrap();
    primary.handle(NOW, Input::Opened { link: LINK, side: Side::Downstream }).unwrap();
    hears(&mut primary, &says(&mut replica).0);
    hears(&mut replica, &says(&mut primary).0);
    hears(&mut primary, &says(&mut replica).0);
    let (mut said, events) = says(&mut primary);
    let wanted = events.iter().find_map(|event| {
        if let Event::SnapshotWanted { snapshot, .. } = event { Some(*snapshot) } else { None }
    });
    let snapshot = wanted.expect("a replica without a history gets a snapshot");
    let mut at = None;
    for record in [b"one", b"two"] {
        primary.handle(NOW, Input::Write { data: record }).unwrap();
        at = primary.handle(NOW, Input::Flush).unwrap().position;
    }
    said.extend(says(&mut primary).0);
    let cursor = primary.cursor(at.unwrap());
    let ready = Input::SnapshotReady { snapshot, cursor: cursor.as_bytes(), bytes: None };
    primary.handle(NOW, ready).unwrap();
    said.extend(says(&mut primary).0);
    let data = b"one, two";
    primary.handle(NOW, Input::SnapshotPiece { snapshot, piece: 0, data, last: true }).unwrap();
    said.extend(says(&mut primary).0);
    // Pieces have their share: the last batch may as well leave behind them.
    let late = said.remove(said.iter().rposition(|frame| frame[4] == frames::BATCH).unwrap());
    hears(&mut replica, &said);
    replica.handle(NOW, Input::Installed { snapshot }).unwrap();
    assert_eq!(replica.stats().end, Offset(2));
    (primary, replica, late)
}

#[test]
fn what_left_before_the_second_join_was_read_is_no_mistake() {
    let (mut primary, mut replica, late) = installed_ahead();
    hears(&mut replica, &[late]);
    hears(&mut primary, &says(&mut replica).0);
    hears(&mut replica, &says(&mut primary).0);
    assert!(replica.stats().streaming && replica.stats().upstream.is_some());
}

/// On a slow line the answer to the second JOIN stands behind what left before: while that comes, nobody gives up.
#[test]
fn the_answer_to_the_second_join_may_be_long_behind_bytes() {
    let (_, mut replica, late) = installed_ahead();
    says(&mut replica);
    let mut now = NOW;
    // Silence is counted beat by beat.
    let mut tick = |replica: &mut Node, times: u64| {
        for _ in 0..times {
            now = now + Span(HANDSHAKE.0 / 3);
            replica.handle(now, Input::Tick).unwrap();
        }
        now
    };
    for come in (late.len() - 4)..late.len() {
        let now = tick(&mut replica, 2);
        replica.handle(now, Input::Bytes { link: LINK, data: &late[..come] }).unwrap();
        assert!(replica.poll_event().is_none(), "the link stands");
    }
    tick(&mut replica, 3);
    assert_eq!(says(&mut replica).0.len(), 1, "a goodbye: nothing comes any more");
}
