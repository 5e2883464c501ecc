//! The promises to a host, whatever it does: when to call next, how bytes may be cut, how much may be written at once.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::middle::{Middle, UP, node};
use common::puppet::Puppet;
use common::small;
use common::stage::Stage;
use proptest::prelude::*;
use towline_core::*;

// --- when to call next -------------------------------------------------------------------------------------------

#[derive(Debug, Clone)]
enum Move {
    Write { bytes: usize },
    Flush,
    Poll { events: usize },
    Consume { link: u32, bytes: usize },
    Later { millis: u64 },
    Open { link: u32, holds: bool },
    Cut { link: u32 },
    Nonsense { link: u32 },
    Promote,
    Shutdown,
}

fn a_move() -> impl Strategy<Value = Move> {
    let link = || 0u32..8;
    prop_oneof![
        6 => (0usize..500).prop_map(|bytes| Move::Write { bytes }),
        2 => Just(Move::Flush),
        6 => (1usize..20).prop_map(|events| Move::Poll { events }),
        6 => (link(), 0usize..2000).prop_map(|(link, bytes)| Move::Consume { link, bytes }),
        4 => (0u64..400).prop_map(|millis| Move::Later { millis }),
        4 => (link(), any::<bool>()).prop_map(|(link, holds)| Move::Open { link, holds }),
        1 => link().prop_map(|link| Move::Cut { link }),
        1 => link().prop_map(|link| Move::Nonsense { link }),
        1 => Just(Move::Promote),
        1 => prop_oneof![20 => Just(Move::Flush), 1 => Just(Move::Shutdown)],
    ]
}

/// The contract, and the node's own invariant.
fn keeps_the_contract(node: &Node, now: Time) {
    node.check();
    let mut twin = node.clone();
    let untold = twin.poll_event().is_some();
    match node.next_deadline() {
        Some(at) if at == now => {}
        Some(at) => assert!(at > now && !untold, "an untold event is due now"),
        None => assert!(!untold, "an untold event is due now"),
    }
    while twin.poll_event().is_some() {}
    assert!(
        twin.next_deadline().is_none_or(|at| at > now),
        "with everything told, the next call lies in the future, whatever is blocked"
    );
}

/// Says it whether it is misuse now or not.
fn say(node: &mut Node, now: Time, input: Input<'_>) {
    let _ = node.handle(now, input);
}

fn make(node: &mut Node, now: &mut Time, step: &Move) {
    match *step {
        Move::Write { bytes } => say(node, *now, Input::Write { data: &vec![7; bytes] }),
        Move::Flush => say(node, *now, Input::Flush),
        Move::Poll { events } => {
            for _ in 0..events {
                match node.poll_event() {
                    Some(Event::SnapshotWanted { snapshot, .. }) => answer(node, *now, snapshot),
                    Some(Event::SnapshotRead { snapshot, piece }) => {
                        let last = piece == 5;
                        say(node, *now, Input::SnapshotPiece { snapshot, piece, data: &[1; 100], last });
                    }
                    Some(_) => {}
                    None => break,
                }
            }
        }
        Move::Consume { link, bytes } => {
            let shown = node.peek_transmit(LinkId(link)).len();
            let _ = node.consume(*now, LinkId(link), bytes.min(shown));
        }
        Move::Later { millis } => {
            *now = *now + Span::from_millis(millis);
            node.handle(*now, Input::Tick).unwrap();
        }
        Move::Open { link, holds } => open(node, *now, link, holds),
        Move::Cut { link } => say(node, *now, Input::Lost { link: LinkId(link) }),
        Move::Nonsense { link } => say(node, *now, Input::Bytes { link: LinkId(link), data: &[0x55; 50] }),
        Move::Promote => say(node, *now, Input::Promote),
        Move::Shutdown => {
            node.handle(*now, Input::Shutdown).unwrap();
        }
    }
}

fn answer(node: &mut Node, now: Time, snapshot: SnapshotId) {
    if let Ok(Step { position: Some(position), .. }) = node.handle(now, Input::Flush) {
        let cursor = node.cursor(position);
        let _ = node.handle(now, Input::SnapshotReady { snapshot, cursor: cursor.as_bytes(), bytes: None });
    }
}

fn open(node: &mut Node, now: Time, link: u32, holds: bool) {
    let id = LinkId(link);
    let Ok(Step { position: Some(position), .. }) = node.handle(now, Input::Flush) else { return };
    if node.handle(now, Input::Opened { link: id, side: Side::Downstream }).is_err() {
        return;
    }
    let cursor = node.cursor(position);
    let mut puppet = Puppet::new(10 + u64::from(link % 3));
    puppet.hello.incarnation = now.0;
    let opening = puppet.opening(holds.then_some(cursor.as_bytes()));
    let mut rest = &opening[..];
    while let Ok(Step { used, next: Next::Again, .. }) =
        node.handle(now, Input::Bytes { link: id, data: rest })
    {
        rest = &rest[used..];
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn an_untold_event_is_due_now_and_nothing_else_is(moves in proptest::collection::vec(a_move(), 1..80)) {
        let mut node = node(1, Role::Primary, small(), None);
        let mut now = Time::ZERO;
        keeps_the_contract(&node, now);
        for step in &moves {
            make(&mut node, &mut now, step);
            keeps_the_contract(&node, now);
        }
    }
}

/// The log grew while one link was idle, and before that was notified, another joined at the new end and became idle.
#[test]
fn a_link_that_joins_idle_after_a_write_does_not_delay_the_notice() {
    let mut node = node(1, Role::Primary, small(), None);
    let becomes_idle = |node: &mut Node, link| {
        open(node, Time::ZERO, link, true);
        while let Ok(More::More) = {
            let shown = node.peek_transmit(LinkId(link)).len();
            node.consume(Time::ZERO, LinkId(link), shown)
        } {}
    };
    becomes_idle(&mut node, 0);
    while node.poll_event().is_some() {}
    becomes_idle(&mut node, 0);
    node.handle(Time::ZERO, Input::Write { data: b"grown" }).unwrap();
    becomes_idle(&mut node, 1);
    let mut told = 0;
    while node.poll_event().is_some() {
        told += 1;
        assert!(told < 100, "the same again and again");
    }
    keeps_the_contract(&node, Time::ZERO);
}

/// One ship, two replicas without a base: the view breaks before it is open, and the second must not board it.
#[test]
fn a_view_that_breaks_is_boarded_by_nobody_who_waited() {
    let mut node = node(1, Role::Primary, Options { ships_max: 1, ..small() }, None);
    open(&mut node, Time::ZERO, 0, false);
    open(&mut node, Time::ZERO, 1, false);
    let wanted = |node: &mut Node| {
        std::iter::from_fn(|| node.poll_event()).find_map(|event| {
            if let Event::SnapshotWanted { snapshot, .. } = event { Some(snapshot) } else { None }
        })
    };
    let first = wanted(&mut node).unwrap();
    node.handle(Time::ZERO, Input::SnapshotFailed { snapshot: first, retry: true }).unwrap();
    node.check();
    let second = wanted(&mut node).unwrap();
    assert_ne!(first, second, "the one who waited is given a view of its own");
    keeps_the_contract(&node, Time::ZERO);
}

/// Blocked for a minute, its replica alive: the node is called for its beats and for nothing else.
#[test]
fn a_blocked_socket_does_not_wake_its_host() {
    let patient = Options { idle: Span::from_secs(600), reconnect_window: Span::from_secs(600), ..small() };
    let mut stage = Stage::new(node(1, Role::Primary, patient, None));
    let cursor = stage.cursor();
    stage.open(0, Puppet::new(2), Some(&cursor));
    stage.node.handle(Time::ZERO, Input::Write { data: b"never taken" }).unwrap();
    while stage.node.poll_event().is_some() {}
    let mut now = Time::ZERO;
    let mut wakes = 0;
    while now < Time::ZERO + Span::from_secs(60) {
        let at = stage.node.next_deadline().unwrap();
        assert!(at > now);
        now = at;
        stage.node.handle(now, Input::Tick).unwrap();
        while stage.node.poll_event().is_some() {}
        wakes += 1;
    }
    assert!(wakes <= 602, "{wakes} wakes in 600 beats");
}

// --- how bytes may be cut ----------------------------------------------------------------------------------------

/// A payload: its kind, first and count, its bytes, the position after it.
type Brought = (PayloadKind, u64, u32, Vec<u8>, Option<Position>);

/// The effects of a conversation on a replica: payloads with their bytes, events, and itself.
#[derive(PartialEq)]
struct Outcome {
    payloads: Vec<Brought>,
    events: Vec<Event>,
    node: String,
}

/// A replica that said JOIN, and what it is sent: a snapshot, a stream beside and after it, beats, and a goodbye.
fn conversation() -> (Node, Vec<u8>) {
    let mut middle = Middle::new(false, small());
    middle.connect();
    middle.shake();
    let replica = middle.replica.node.clone();
    let mut said = middle.primary_says().concat();
    middle.replica.feed(UP, &said);
    for round in 1..4u64 {
        let answer = middle.replica_says().concat();
        middle.primary.feed(UP, &answer);
        middle.primary.now = Time::ZERO + Span::from_millis(round * 100);
        middle.primary.node.handle(middle.primary.now, Input::Tick).unwrap();
        let bytes = middle.batches(3, 30).concat();
        middle.replica.feed(UP, &bytes);
        said.extend(bytes);
    }
    middle.primary.node.handle(middle.primary.now, Input::Shutdown).unwrap();
    said.extend(middle.primary_says().concat());
    (replica, said)
}

/// Feeds a conversation in parts, and drives a host that does all it is asked at once.
fn receive(mut node: Node, parts: &[&[u8]]) -> Outcome {
    let link = LinkId(UP);
    let (mut unread, mut payloads, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for part in parts {
        unread.extend_from_slice(part);
        while let Ok(step) = node.handle(Time::ZERO, Input::Bytes { link, data: &unread }) {
            node.check();
            assert!(step.used <= unread.len() && (step.next != Next::Again || step.used > 0));
            if let Some(payload) = &step.payload {
                let data = unread[payload.range.clone()].to_vec();
                payloads.push((payload.kind, payload.first, payload.count, data, step.position));
                let input = match payload.kind {
                    PayloadKind::LastPiece => {
                        Input::Installed { snapshot: SnapshotId(common::frames::u64_at(&unread, 24)) }
                    }
                    PayloadKind::Batch => {
                        Input::Applied { upto: Offset(payload.first + u64::from(payload.count)) }
                    }
                    PayloadKind::Piece => Input::Taken { upto: Offset(0), pieces: payload.first + 1 },
                    PayloadKind::Spool | PayloadKind::Begin | PayloadKind::Fork => Input::Tick,
                };
                node.handle(Time::ZERO, input).unwrap();
            }
            if step.next == Next::NeedBytes {
                assert!(step.need > unread.len() - step.used, "more is needed than is there");
            }
            unread.drain(..step.used);
            if step.next != Next::Again {
                break;
            }
        }
    }
    while let Some(event) = node.poll_event() {
        events.push(event);
    }
    let shown = node.peek_transmit(link).len();
    let _ = node.consume(Time::ZERO, link, shown);
    Outcome { payloads, events, node: format!("{node:?}") }
}

fn parts<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

#[test]
fn byte_by_byte_is_the_same_as_at_once() {
    let (replica, said) = conversation();
    let whole = receive(replica.clone(), &[&said]);
    assert!(whole.payloads.len() > 9, "the scene plays as written");
    let bytes: Vec<&[u8]> = said.chunks(1).collect();
    assert!(whole == receive(replica, &bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_the_bytes_gives_the_same(cuts in proptest::collection::vec(any::<usize>(), 0..60)) {
        let (replica, said) = conversation();
        let whole = receive(replica.clone(), &[&said]);
        let split = receive(replica, &parts(&said, &cuts));
        prop_assert!(whole.payloads == split.payloads);
        prop_assert_eq!(&whole.events, &split.events);
        prop_assert_eq!(whole.node, split.node);
    }
}

// --- how much may be written at once -----------------------------------------------------------------------------

/// A primary with a snapshot and a stream to send to a replica that takes everything.
fn sender() -> (Node, SnapshotId) {
    let options = Options { piece_window_bytes: 1 << 16, ..small() };
    let mut node = node(1, Role::Primary, options, None);
    let link = LinkId(0);
    node.handle(Time::ZERO, Input::Opened { link, side: Side::Downstream }).unwrap();
    let opening = Puppet::new(2).opening(None);
    let used = node.handle(Time::ZERO, Input::Bytes { link, data: &opening }).unwrap().used;
    node.handle(Time::ZERO, Input::Bytes { link, data: &opening[used..] }).unwrap();
    let wanted = std::iter::from_fn(|| node.poll_event()).find_map(|event| {
        if let Event::SnapshotWanted { snapshot, .. } = event { Some(snapshot) } else { None }
    });
    let snapshot = wanted.unwrap();
    answer(&mut node, Time::ZERO, snapshot);
    for index in 0..8u8 {
        node.handle(Time::ZERO, Input::Write { data: &[index; 200] }).unwrap();
    }
    (node, snapshot)
}

/// Everything a sender writes, so many bytes at a time.
fn written(mut node: Node, takes: &[usize]) -> Vec<u8> {
    let link = LinkId(0);
    let mut wire = Vec::new();
    let mut takes = takes.iter().copied().cycle();
    for _ in 0..100_000 {
        let mut idle = true;
        while let Some(event) = node.poll_event() {
            idle = false;
            if let Event::SnapshotRead { snapshot, piece } = event {
                let data = [u8::try_from(piece).unwrap(); 90];
                let piece = Input::SnapshotPiece { snapshot, piece, data: &data, last: piece == 6 };
                node.handle(Time::ZERO, piece).unwrap();
            }
        }
        let shown = node.peek_transmit(link).slices().concat();
        if idle && shown.is_empty() {
            return wire;
        }
        let take = takes.next().unwrap().min(shown.len());
        wire.extend_from_slice(&shown[..take]);
        node.consume(Time::ZERO, link, take).unwrap();
        node.check();
    }
    panic!("it writes for ever");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Control may enter at other places between frames; the frames, and their order by kind, are the same.
    #[test]
    fn any_partial_consume_gives_the_same_frames(takes in proptest::collection::vec(1usize..400, 1..20)) {
        let (node, _) = sender();
        let sort = |wire: &[u8]| {
            let (frames, used) = common::frames::split(wire);
            assert_eq!(used, wire.len(), "whole frames");
            let stream: Vec<Vec<u8>> = frames.iter().filter(|frame| frame[4] == 8).cloned().collect();
            let others: Vec<Vec<u8>> = frames.into_iter().filter(|frame| frame[4] != 8).collect();
            (stream, others)
        };
        let whole = written(node.clone(), &[usize::MAX]);
        let parted = written(node, &takes);
        prop_assert_eq!(whole.len(), parted.len());
        prop_assert_eq!(sort(&whole), sort(&parted));
    }

    /// A stream alone has no choice: byte for byte the same.
    #[test]
    fn any_partial_consume_of_a_stream_gives_the_same_bytes(takes in proptest::collection::vec(1usize..400, 1..20)) {
        let mut stage = Stage::new(node(1, Role::Primary, small(), None));
        let cursor = stage.cursor();
        stage.open(0, Puppet::tap(2), Some(&cursor));
        for index in 0..8u8 {
            stage.node.handle(Time::ZERO, Input::Write { data: &[index; 200] }).unwrap();
            stage.node.handle(Time::ZERO, Input::Flush).unwrap();
        }
        let whole = written(stage.node.clone(), &[usize::MAX]);
        prop_assert!(whole.len() > 1000);
        prop_assert!(whole == written(stage.node, &takes));
    }
}
