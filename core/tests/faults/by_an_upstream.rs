//! Mistakes of an upstream in the stream: the link is closed, and no cursor moves.

use super::*;
use crate::common::frames::Ack;

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

pub(crate) const TABLE: &[Twist] = &[
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
    for (about, fault, twist) in TABLE {
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

/// Going back there, the replica would hold a history without an epoch. Found by fuzzing: native_decode's input
/// `fork-in-an-older-epoch`.
#[test]
fn a_fork_in_an_epoch_older_than_all_we_hold_is_refused() {
    let options = Options { can_rewind: true, ..small() };
    let mut dead = Stage::new(node(1, Role::Primary, options, None));
    let mut write = || {
        dead.node.handle(Time::ZERO, Input::Write { data: b"a record" }).unwrap();
        dead.cursor()
    };
    let (shared, own) = (write(), write());
    let primary = Stage::new(node(3, Role::Primary, options, Some(&shared)));
    let replica = Stage::new(node(2, Role::Replica, options, Some(&own)));
    let mut middle = Middle { primary, replica };
    middle.connect();
    middle.shake();
    let mut frames = middle.primary_says();
    let admit = frames.iter_mut().find(|frame| frame[4] == frames::ADMIT).expect("a JOIN is answered");
    assert_eq!((admit[28], admit[50]), (2, 2), "a fork, where the second epoch opened");
    admit[50] = 0;
    frames::seal(admit, 0);
    refuses(&mut middle, &frames.concat(), Fault::EpochOrder, "a fork before every epoch");
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
