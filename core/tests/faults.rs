//! What bad input gets: a peer's mistake closes that link alone, with a numbered GOODBYE, and moves nothing else.
//!
//! The tables hold every mistake the protocol names. Bad frames are good ones of a real node, changed and sealed
//! again, so that exactly one thing is wrong with each.
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::frames::{self, Ack, Hello, frame};
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

type Mistake = (&'static str, Fault, fn(&[u8]) -> Vec<u8>);

/// HELLO and JOIN as they should be, then this.
fn joined(cursor: &[u8], then: &[u8]) -> Vec<u8> {
    [&Puppet::new(9).opening(Some(cursor)), then].concat()
}

fn good_ack(cursor: &[u8]) -> Ack {
    let received = frames::u64_at(cursor, 32);
    Ack { admit: 1, base: true, received, applied: received, persisted: received, ..Ack::default() }
}

fn changed(mut frame: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    change(&mut frame);
    frame
}

/// A good ACK, changed and sealed again.
fn ack_with(cursor: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let ack = changed(good_ack(cursor).frame(), |ack| {
        change(ack);
        frames::seal(ack, 0);
    });
    joined(cursor, &ack)
}

const BY_A_REPLICA: &[Mistake] = &[
    ("wrong magic", Fault::BadMagic, |_| {
        Hello { magic: *b"TOWLINE\x02", ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("another protocol", Fault::BadMagic, |_| b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec()),
    ("a version of the future", Fault::Version, |_| {
        Hello { version_min: 2, version_max: 9, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("a version of the past", Fault::Version, |_| {
        Hello { version_min: 0, version_max: 0, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("a feature we lack", Fault::Feature, |_| Hello { required: 4, ..Hello::of(9) }.frame(frames::HELLO)),
    ("takes only short frames", Fault::FrameLimit, |_| {
        Hello { frame_bytes_max: 100, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("a window of nothing", Fault::FrameLimit, |_| {
        Hello { window_bytes: 0, ..Hello::of(9) }.frame(frames::HELLO)
    }),
    ("follows itself", Fault::SameNode, |_| Hello::of(1).frame(frames::HELLO)),
    ("a short HELLO", Fault::Malformed, |_| {
        changed(Hello::of(9).frame(frames::HELLO), |hello| {
            hello.truncate(60);
            hello[0] = 60;
            frames::seal(hello, 0);
        })
    }),
    ("an ACK before the handshake", Fault::NotShaken, |_| Ack::default().frame()),
    ("a JOIN before the handshake", Fault::NotShaken, |cursor| frames::join(Some(cursor), 0, 0)),
    ("a skippable frame before the handshake", Fault::NotShaken, |_| frame(0x80, 0, 0, 0, b"hi")),
    ("a second HELLO", Fault::SecondHello, |cursor| joined(cursor, &Hello::of(9).frame(frames::HELLO))),
    ("a HELLO instead of a JOIN", Fault::SecondHello, |_| {
        [Hello::of(9).frame(frames::HELLO), Hello::of(9).frame(frames::HELLO)].concat()
    }),
    ("an unknown kind", Fault::UnknownKind, |cursor| joined(cursor, &frame(0x7f, 0, 0, 0, b"?"))),
    ("an unknown flag", Fault::UnknownFlag, |cursor| ack_with(cursor, |ack| ack[5] = 1)),
    ("an unknown stream", Fault::UnknownFlag, |cursor| ack_with(cursor, |ack| ack[6] = 1)),
    ("an unknown JOIN flag", Fault::UnknownFlag, |cursor| {
        [Hello::of(9).frame(frames::HELLO), frames::join(Some(cursor), 0x20, 0)].concat()
    }),
    ("a damaged head", Fault::HeadCheck, |cursor| {
        joined(cursor, &changed(good_ack(cursor).frame(), |ack| ack[9] ^= 4))
    }),
    ("a damaged length", Fault::HeadCheck, |cursor| {
        joined(cursor, &changed(good_ack(cursor).frame(), |ack| ack[3] ^= 64))
    }),
    ("longer than the limit", Fault::FrameLength, |cursor| {
        joined(
            cursor,
            &changed(good_ack(cursor).frame(), |ack| {
                ack[2] = 1;
                frames::seal_head(ack);
            }),
        )
    }),
    ("shorter than a head", Fault::FrameLength, |cursor| {
        joined(
            cursor,
            &changed(good_ack(cursor).frame(), |ack| {
                ack[0] = 23;
                frames::seal_head(ack);
            }),
        )
    }),
    ("a damaged body", Fault::BodyCheck, |cursor| {
        joined(cursor, &changed(good_ack(cursor).frame(), |ack| ack[76] ^= 1))
    }),
    ("a short ACK", Fault::Malformed, |cursor| joined(cursor, &frame(frames::ACK, 0, 0, 0, &[1; 20]))),
    ("applied more than it received", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { applied: 6, ..good_ack(cursor) }.frame())
    }),
    ("received what was not sent", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { received: 6, ..good_ack(cursor) }.frame())
    }),
    ("released what was not sent", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { stream_released: 1, ..good_ack(cursor) }.frame())
    }),
    ("released pieces that were not sent", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { pieces_released: 1, ..good_ack(cursor) }.frame())
    }),
    ("echoes a beat that did not beat", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { echo: 1, ..good_ack(cursor) }.frame())
    }),
    ("under a verdict that was not given", Fault::AckAhead, |cursor| {
        joined(cursor, &Ack { admit: 2, ..good_ack(cursor) }.frame())
    }),
    ("received less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { received: 4, applied: 4, persisted: 4, ..good_ack(cursor) }.frame())
    }),
    ("applied less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { applied: 4, persisted: 4, ..good_ack(cursor) }.frame())
    }),
    ("persisted less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { persisted: 4, ..good_ack(cursor) }.frame())
    }),
    ("lost its base", Fault::AckBackwards, |cursor| {
        joined(cursor, &Ack { base: false, ..good_ack(cursor) }.frame())
    }),
    ("an ADMIT from a replica", Fault::Unexpected, |cursor| {
        joined(cursor, &frame(frames::ADMIT, 0, 0, 0, &[0; 80]))
    }),
    ("a BATCH from a replica", Fault::Unexpected, |cursor| {
        joined(cursor, &frame(frames::BATCH, 0, 0, 0, &[0; 60]))
    }),
    ("an ACK before the JOIN", Fault::Unexpected, |cursor| {
        [Hello::of(9).frame(frames::HELLO), good_ack(cursor).frame()].concat()
    }),
    ("holds more untaken than any window", Fault::Window, |cursor| {
        [Hello::of(9).frame(frames::HELLO), frames::join(Some(cursor), 0, 1 << 30)].concat()
    }),
    ("another history", Fault::HistoryDiffers, |_| {
        let mut other = Stage::new(node(8, Role::Primary, small(), None));
        Puppet::new(9).opening(Some(&other.cursor()))
    }),
    ("records of a newer epoch", Fault::Stale, |cursor| {
        let mut newer = Stage::new(node(8, Role::Primary, small(), Some(cursor)));
        newer.node.handle(Time::ZERO, Input::Write { data: b"newer" }).unwrap();
        Puppet::new(9).opening(Some(&newer.cursor()))
    }),
];

#[test]
fn a_replicas_mistake_closes_its_link_alone() {
    for (about, fault, bytes) in BY_A_REPLICA {
        let (mut stage, cursor) = primary();
        let before = stage.node.stats();
        stage.attach(BAD, Side::Downstream, Puppet::tap(9));
        stage.feed(BAD, &bytes(&cursor));
        stage.turn();
        closed(&stage, BAD, *fault, about);
        let after = stage.node.stats();
        assert_eq!(
            (before.end, before.epoch, before.history),
            (after.end, after.epoch, after.history),
            "{about}: the log is as it was"
        );
        stage.node.check();
        others_never_notice(&mut stage, GOOD);
    }
}

#[test]
fn what_may_be_skipped_is_skipped() {
    let (mut stage, cursor) = primary();
    stage.attach(BAD, Side::Downstream, Puppet::tap(9));
    stage.feed(BAD, &joined(&cursor, &frame(0x80, 0xff, 0, 0, b"from the future")));
    stage.feed(BAD, &good_ack(&cursor).frame());
    stage.turn();
    assert_eq!(stage.closed, [], "a kind from 0x80 on is no mistake");
}

// --- mistakes of an upstream ---------------------------------------------------------------------------------------

/// What a replica must still hold after its upstream's mistake.
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

/// What an upstream's next frames become: good ones, and the bad one after them.
type Twist = (&'static str, Fault, fn(&[Vec<u8>]) -> (Vec<u8>, Vec<u8>));

/// The first batch, changed and sealed again.
fn batch_with(batches: &[Vec<u8>], change: impl FnOnce(&mut Vec<u8>)) -> (Vec<u8>, Vec<u8>) {
    let bad = changed(batches[0].clone(), |batch| {
        change(batch);
        let parent = frames::parent_of(batch);
        frames::seal(batch, parent);
    });
    (Vec::new(), bad)
}

fn uninvited(bad: Vec<u8>) -> (Vec<u8>, Vec<u8>) {
    (Vec::new(), bad)
}

const BY_AN_UPSTREAM: &[Twist] = &[
    ("a gap", Fault::Gap, |batches| (Vec::new(), batches[1].clone())),
    ("the same again", Fault::Gap, |batches| (batches[0].clone(), batches[0].clone())),
    ("an overlap", Fault::Gap, |batches| batch_with(batches, |batch| batch[24] -= 1)),
    ("another parent", Fault::Parent, |batches| batch_with(batches, |batch| batch[60] ^= 1)),
    ("a damaged record", Fault::BodyCheck, |batches| {
        uninvited(changed(batches[0].clone(), |batch| batch[80] ^= 1))
    }),
    ("a damaged time", Fault::BodyCheck, |batches| {
        uninvited(changed(batches[0].clone(), |batch| batch[52] ^= 1))
    }),
    ("a wrong count", Fault::Malformed, |batches| batch_with(batches, |batch| batch[32] = 2)),
    ("a record that ends outside", Fault::Malformed, |batches| batch_with(batches, |batch| batch[72] += 1)),
    ("a wrong raw length", Fault::Malformed, |batches| batch_with(batches, |batch| batch[68] += 1)),
    ("an older epoch", Fault::EpochOrder, |batches| batch_with(batches, |batch| batch[40] = 0)),
    ("other dice of the same number", Fault::EpochOrder, |batches| {
        batch_with(batches, |batch| batch[36] ^= 1)
    }),
    ("a wrong byte position", Fault::EpochOrder, |batches| {
        let (_, bad) = batch_with(&batches[1..], |batch| batch[44] ^= 1);
        (batches[0].clone(), bad)
    }),
    ("a longer batch than ours may be", Fault::FrameLength, |batches| {
        uninvited(changed(batches[0].clone(), |batch| {
            batch[2] = 1;
            frames::seal_head(batch);
        }))
    }),
    ("a batch without its head", Fault::FrameLength, |_| uninvited(frame(frames::BATCH, 0, 1, 0, &[0; 40]))),
    ("an unknown flag", Fault::UnknownFlag, |batches| batch_with(batches, |batch| batch[5] = 2)),
    ("an unknown kind", Fault::UnknownKind, |_| uninvited(frame(11, 0, 0, 0, b""))),
    ("a damaged head", Fault::HeadCheck, |batches| {
        uninvited(changed(batches[0].clone(), |batch| batch[0] ^= 1))
    }),
    ("a BEGIN nobody asked for", Fault::PieceOrder, |batches| {
        let mut other = Stage::new(node(1, Role::Primary, small(), None));
        let body = [&[1; 16], &other.cursor()[..]].concat();
        (batches[0].clone(), frame(frames::BEGIN, 0, 0, 0, &body))
    }),
    ("a PIECE nobody asked for", Fault::PieceOrder, |_| uninvited(frame(frames::PIECE, 0, 0, 0, &[1; 40]))),
    ("an ACK from an upstream", Fault::Unexpected, |_| uninvited(Ack::default().frame())),
    ("a JOIN from an upstream", Fault::Unexpected, |_| uninvited(frames::join(None, 0, 0))),
    ("a second WELCOME", Fault::Unexpected, |_| uninvited(Hello::of(1).frame(frames::WELCOME))),
    ("a HELLO from an upstream", Fault::SecondHello, |_| uninvited(Hello::of(1).frame(frames::HELLO))),
    ("a short BEAT", Fault::Malformed, |_| uninvited(frame(frames::BEAT, 0, 0, 0, &[0; 8]))),
];

#[test]
fn an_upstreams_mistake_closes_its_link_and_moves_no_cursor() {
    for (about, fault, twist) in BY_AN_UPSTREAM {
        let mut middle = Middle::streaming();
        let (good, bad) = twist(&middle.batches(2, 10));
        middle.replica.feed(UP, &good);
        middle.replica.turn();
        refuses(&mut middle, &bad, *fault, about);
    }
}

/// The ADMIT of a replica that stands where its upstream stands, changed.
#[test]
fn an_admit_for_another_place_is_refused() {
    let twists: [(&str, Fault, usize); 4] = [
        ("another history", Fault::HistoryDiffers, 30),
        ("another offset", Fault::Gap, 54),
        ("another digest", Fault::Parent, 62),
        ("a verdict nobody knows", Fault::Malformed, 28),
    ];
    for (about, fault, at) in twists {
        let mut middle = Middle::new(true, small());
        middle.connect();
        middle.shake();
        let mut frames = middle.primary_says();
        let admit = frames.iter_mut().find(|frame| frame[4] == frames::ADMIT).expect("a JOIN is answered");
        admit[at] ^= 0x40;
        frames::seal(admit, 0);
        refuses(&mut middle, &frames.concat(), fault, about);
    }
}

type Welcome = (&'static str, fn(&mut Hello), Fault);

#[test]
fn an_upstream_that_sends_larger_frames_is_refused() {
    let twists: [Welcome; 5] = [
        ("longer batches", |hello| hello.frame_bytes_max = 1 << 20, Fault::FrameLimit),
        ("longer pieces", |hello| hello.piece_bytes_max = 1 << 20, Fault::FrameLimit),
        ("itself", |hello| hello.node = 2, Fault::SameNode),
        ("another protocol", |hello| hello.magic[0] = b'X', Fault::BadMagic),
        ("a feature we lack", |hello| hello.required = 1, Fault::Feature),
    ];
    for (about, twist, fault) in twists {
        let mut middle = Middle::new(true, small());
        middle.connect();
        let _ = middle.replica_says();
        let mut hello = Hello { frame_bytes_max: 588, piece_bytes_max: 128, ..Hello::of(1) };
        twist(&mut hello);
        refuses(&mut middle, &hello.frame(frames::WELCOME), fault, about);
    }
}

#[test]
fn a_stream_beyond_the_window_is_refused() {
    let mut middle = Middle::new(true, small());
    middle.connect();
    // The primary believes in a window sixteen times as large as it is.
    let mut hello = middle.replica_says().concat();
    let window = frames::u64_at(&hello, 60) * 16;
    hello[60..68].copy_from_slice(&window.to_le_bytes());
    frames::seal(&mut hello, 0);
    middle.primary.feed(UP, &hello);
    middle.settle();
    middle.replica.applies = false;
    // 1024 bytes of window: three frames of 476 may begin in it.
    let batches = middle.batches(4, 400);
    assert_eq!(middle.replica.feed(UP, &batches[..3].concat()), 3);
    refuses(&mut middle, &batches[3], Fault::Window, "a fourth frame");
}

// --- mistakes in a snapshot ----------------------------------------------------------------------------------------

/// ADMIT, BEGIN and three pieces: what an empty replica is sent. Good frames, and the bad one after them.
const IN_A_SNAPSHOT: &[Twist] = &[
    ("a piece before BEGIN", Fault::PieceOrder, |frames| (frames[..1].concat(), frames[2].clone())),
    ("a piece left out", Fault::PieceOrder, |frames| (frames[..3].concat(), frames[4].clone())),
    ("a piece again", Fault::PieceOrder, |frames| (frames[..3].concat(), frames[2].clone())),
    ("a piece of another snapshot", Fault::PieceOrder, |frames| {
        let bad = changed(frames[2].clone(), |piece| {
            piece[24] ^= 1;
            frames::seal(piece, 0);
        });
        (frames[..2].concat(), bad)
    }),
    ("a damaged piece", Fault::BodyCheck, |frames| {
        (frames[..2].concat(), changed(frames[2].clone(), |piece| piece[60] ^= 1))
    }),
    ("a piece chained to nothing", Fault::BodyCheck, |frames| {
        (frames[..3].concat(), changed(frames[3].clone(), |piece| frames::seal(piece, 0)))
    }),
    ("a piece without its numbers", Fault::FrameLength, |frames| {
        (frames[..2].concat(), frame(frames::PIECE, 0, 0, 0, &[0; 8]))
    }),
    ("a BEGIN of another snapshot", Fault::PieceOrder, |frames| {
        let bad = changed(frames[1].clone(), |begin| {
            begin[24] ^= 1;
            frames::seal(begin, 0);
        });
        (frames[0].clone(), bad)
    }),
    ("a BEGIN with a damaged cursor", Fault::Malformed, |frames| {
        let bad = changed(frames[1].clone(), |begin| {
            begin[50] ^= 1;
            frames::seal(begin, 0);
        });
        (frames[0].clone(), bad)
    }),
    ("another BEGIN", Fault::SnapshotDiffers, |frames| {
        let bad = begin_elsewhere(&frames[1]);
        (frames[..2].concat(), bad)
    }),
];

/// A BEGIN whose cursor has another digest, and sound checks.
fn begin_elsewhere(begin: &[u8]) -> Vec<u8> {
    changed(begin.to_vec(), |begin| {
        let cursor = &mut begin[40..];
        let body = cursor.len() - 8;
        cursor[40] ^= 1;
        let check = xxhash_rust::xxh3::xxh3_64(&cursor[..body]);
        cursor[body..].copy_from_slice(&check.to_le_bytes());
        frames::seal(begin, 0);
    })
}

fn snapshot_frames() -> (Middle, Vec<Vec<u8>>) {
    let mut middle = Middle::new(false, small());
    middle.connect();
    middle.shake();
    let frames = middle.primary_says();
    let kinds: Vec<u8> = frames.iter().map(|frame| frame[4]).collect();
    use frames::{ADMIT, BEGIN, PIECE};
    assert_eq!(kinds, [ADMIT, BEGIN, PIECE, PIECE, PIECE], "the scene plays as written");
    (middle, frames)
}

#[test]
fn a_mistake_in_a_snapshot_closes_the_link_and_what_came_before_it_stays() {
    for (about, fault, twist) in IN_A_SNAPSHOT {
        let (mut middle, frames) = snapshot_frames();
        let (good, bad) = twist(&frames);
        middle.replica.feed(UP, &good);
        middle.replica.turn();
        let pieces = middle.replica.node.stats().receiving_pieces;
        refuses(&mut middle, &bad, *fault, about);
        assert_eq!(middle.replica.node.stats().receiving_pieces, pieces, "{about}: the pieces stay");
    }
}

#[test]
fn a_snapshot_that_does_not_fit_its_tail_is_refused_and_replaced() {
    let (mut middle, frames) = snapshot_frames();
    let begin = begin_elsewhere(&frames[1]);
    middle.replica.feed(UP, &[frames[0].clone(), begin, frames[2..].concat()].concat());
    middle.replica.turn();
    closed(&middle.replica, UP, Fault::SnapshotDiffers, "a snapshot of somewhere else");
}

// --- ends that are nobody's bad frame -----------------------------------------------------------------------------

fn run(stage: &mut Stage<Node>, span: Span) {
    let end = stage.now + span;
    while let Some(at) = stage.node.next_deadline().filter(|at| *at <= end) {
        stage.now = at;
        stage.node.handle(at, Input::Tick).unwrap();
        stage.turn();
    }
    stage.now = end;
    stage.node.handle(end, Input::Tick).unwrap();
    stage.turn();
}

#[test]
fn a_handshake_not_finished_in_time_is_closed() {
    for said in [Vec::new(), Hello::of(9).frame(frames::HELLO)] {
        let (mut stage, _) = primary();
        stage.cut(GOOD);
        stage.attach(BAD, Side::Downstream, Puppet::tap(9));
        stage.feed(BAD, &said);
        run(&mut stage, Span::from_millis(999));
        assert_eq!(stage.closed, []);
        run(&mut stage, Span::from_millis(1));
        closed(&stage, BAD, Fault::HandshakeTimeout, "after the second of small()");
    }
}

#[test]
fn silence_is_closed() {
    let (mut stage, cursor) = primary();
    stage.cut(GOOD);
    stage.attach(BAD, Side::Downstream, Puppet::tap(9));
    stage.feed(BAD, &joined(&cursor, &[]));
    run(&mut stage, Span::from_millis(999));
    assert_eq!(stage.closed, []);
    run(&mut stage, Span::from_millis(1));
    closed(&stage, BAD, Fault::Idle, "a replica that never says a word again");
}

/// Says that it lives, ten times a second, and takes no byte.
#[test]
fn a_replica_that_stops_reading_is_closed_and_a_slow_one_is_not() {
    for (byte_taken, expected) in [(false, Some(Fault::Stalled)), (true, None)] {
        let mut node = node(1, Role::Primary, small(), None);
        let link = LinkId(0);
        let mut now = Time::ZERO;
        let position = node.handle(now, Input::Flush).unwrap().position.unwrap();
        let opening = Puppet::new(9).opening(Some(node.cursor(position).as_bytes()));
        node.handle(now, Input::Opened { link, side: Side::Downstream }).unwrap();
        let used = node.handle(now, Input::Bytes { link, data: &opening }).unwrap().used;
        node.handle(now, Input::Bytes { link, data: &opening[used..] }).unwrap();
        let mut fault = None;
        for _ in 0..50 {
            let life = frame(0x80, 0, 0, 0, b"");
            let _ = node.handle(now, Input::Bytes { link, data: &life });
            while let Some(event) = node.poll_event() {
                if let Event::Close { fault: why, .. } = event {
                    fault = Some(why);
                }
            }
            if byte_taken && fault.is_none() && !node.peek_transmit(link).is_empty() {
                node.consume(now, link, 1).unwrap();
            }
            now = now + Span::from_millis(100);
            node.handle(now, Input::Tick).unwrap();
        }
        assert_eq!(fault, expected);
    }
}

#[test]
fn a_full_node_says_so() {
    let (mut stage, cursor) = primary();
    for link in 1..6 {
        stage.open(link, Puppet::new(10 + u64::from(link)), None);
    }
    // Five replicas for four slots: the last one finds none.
    assert_eq!(stage.closed, [(LinkId(4), Fault::Full, Some(25)), (LinkId(5), Fault::Full, Some(25))]);
    stage.closed.clear();
    for link in 4..6 {
        stage.attach(link, Side::Downstream, Puppet::tap(9));
    }
    // Six connections for six links: the seventh is told on a spare one.
    stage.attach(6, Side::Downstream, Puppet::tap(9));
    stage.turn();
    closed(&stage, 6, Fault::Full, "no room for another link");
    let _ = cursor;
    others_never_notice(&mut stage, GOOD);
}

#[test]
fn the_newer_of_two_links_of_one_node_wins() {
    for (incarnation, fault) in [(1, Fault::Replaced), (2, Fault::IdentityClash)] {
        let (mut stage, cursor) = primary();
        let mut newer = Puppet::new(2);
        newer.hello.incarnation = incarnation;
        stage.open(BAD, newer, Some(&cursor));
        closed(&stage, GOOD, fault, "the older link of node 2");
        others_never_notice(&mut stage, BAD);
    }
}

#[test]
fn a_host_that_turns_away_says_goodbye() {
    let (mut stage, _) = primary();
    stage.node.handle(stage.now, Input::Shutdown).unwrap();
    stage.turn();
    closed(&stage, GOOD, Fault::Shutdown, "a shutdown");
    let mut middle = Middle::streaming();
    middle.replica.node.handle(Time::ZERO, Input::Follow { adopt: false }).unwrap();
    middle.replica.turn();
    closed(&middle.replica, UP, Fault::Left, "another upstream");
}

#[test]
fn a_broken_view_closes_the_links_that_began_with_it() {
    let (mut stage, _) = primary();
    stage.view_shape = (1000, 50);
    stage.open(BAD, Puppet::tap(9), None);
    let snapshot = stage.views[0];
    stage.node.handle(stage.now, Input::SnapshotFailed { snapshot, retry: false }).unwrap();
    stage.turn();
    closed(&stage, BAD, Fault::SnapshotFailed, "a view that broke");
    others_never_notice(&mut stage, GOOD);
}

#[test]
fn a_node_that_changes_its_base_sends_its_replicas_away_for_a_moment() {
    let mut middle = Middle::streaming();
    middle.replica.cut(UP);
    middle.primary.cut(UP);
    // Far more than the ring holds.
    let _ = middle.batches(50, 400);
    run(&mut middle.replica, Span::from_millis(60));
    middle.connect();
    middle.settle();
    assert!(middle.replica.closed.contains(&(LinkId(DOWN), Fault::Rebased, Some(31))));
}

#[test]
fn a_giant_overtaken_halfway_ends_the_link_at_once() {
    let (mut stage, cursor) = primary();
    stage.open(BAD, Puppet::tap(9), Some(&cursor));
    stage.node.handle(stage.now, Input::Write { data: &[7; 512] }).unwrap();
    let event = std::iter::from_fn(|| stage.node.poll_event())
        .find(|event| matches!(event, Event::WantsWrite { link: LinkId(BAD) }));
    assert!(event.is_some());
    stage.node.consume(stage.now, LinkId(BAD), 100).unwrap();
    for _ in 0..20 {
        stage.node.handle(stage.now, Input::Write { data: &[8; 400] }).unwrap();
    }
    let faults: Vec<Event> = std::iter::from_fn(|| stage.node.poll_event())
        .filter(|event| matches!(event, Event::Close { .. }))
        .collect();
    let close = |fault| Event::Close { link: LinkId(BAD), fault, by_peer: false, retry_after: Span::ZERO };
    assert_eq!(faults, [close(Fault::Overrun)], "neither the rest nor a goodbye can follow half a giant");
}

#[test]
fn every_fault_is_provoked_here() {
    let tables = [BY_AN_UPSTREAM, IN_A_SNAPSHOT].concat();
    let mut provoked: Vec<Fault> = BY_A_REPLICA.iter().map(|(_, fault, _)| *fault).collect();
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
