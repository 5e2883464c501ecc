//! Bad frames: good ones of a real node, changed and sealed again, so that exactly one thing is wrong with each.

use towline_core::*;

use super::{PEER, opening, primary, replica};
use crate::frames::{self, Ack, Hello, frame};
use crate::scene::{Scene, connect, join, talk};
use crate::small::small;

fn closed(scene: &Scene, fault: Fault) {
    let closes = |event: &Event| matches!(event, Event::Close { fault: closed, .. } if *closed == fault);
    assert!(scene.events.iter().any(closes), "{fault:?}: the scene plays as written");
}

type Mistake = (&'static str, Fault, fn(&[u8]) -> Vec<u8>);

fn hello(change: impl FnOnce(&mut Hello)) -> Vec<u8> {
    let mut hello = Hello::of(PEER);
    change(&mut hello);
    hello.frame(frames::HELLO)
}

fn joined(cursor: &[u8], then: &[u8]) -> Vec<u8> {
    [&opening(Some(cursor), 0), then].concat()
}

fn ack(change: impl FnOnce(&mut Ack)) -> Vec<u8> {
    let mut ack = Ack { admit: 1, base: true, received: 5, applied: 5, persisted: 5, ..Ack::default() };
    change(&mut ack);
    ack.frame()
}

/// Returns a good ACK, changed as bytes.
fn broken(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = ack(|_| {});
    change(&mut bytes);
    bytes
}

const BY_A_REPLICA: &[Mistake] = &[
    ("another protocol", Fault::BadMagic, |_| b"GET / HTTP/1.1\r\nHost: example\r\n\r\n".to_vec()),
    ("another magic", Fault::BadMagic, |_| hello(|hello| hello.magic[7] = 2)),
    ("a version of the future", Fault::Version, |_| {
        hello(|hello| (hello.version_min, hello.version_max) = (2, 9))
    }),
    ("a feature we lack", Fault::Feature, |_| hello(|hello| hello.required = 4)),
    ("takes only short frames", Fault::FrameLimit, |_| hello(|hello| hello.frame_bytes_max = 100)),
    ("follows itself", Fault::SameNode, |_| hello(|hello| hello.node = 1)),
    ("an ACK before the handshake", Fault::NotShaken, |_| ack(|_| {})),
    ("a second HELLO", Fault::SecondHello, |cursor| joined(cursor, &hello(|_| {}))),
    ("an unknown kind", Fault::UnknownKind, |cursor| joined(cursor, &frame(0x7f, 0, 0, 0, b"?"))),
    ("an unknown flag", Fault::UnknownFlag, |cursor| {
        let ack = broken(|ack| {
            ack[5] = 1;
            frames::seal(ack, 0);
        });
        joined(cursor, &ack)
    }),
    ("a damaged head", Fault::HeadCheck, |cursor| joined(cursor, &broken(|ack| ack[9] ^= 4))),
    ("longer than its kind may be", Fault::FrameLength, |cursor| {
        let ack = broken(|ack| {
            ack[2] = 1;
            frames::seal_head(ack);
        });
        joined(cursor, &ack)
    }),
    ("a damaged body", Fault::BodyCheck, |cursor| joined(cursor, &broken(|ack| ack[76] ^= 1))),
    ("a short ACK", Fault::Malformed, |cursor| joined(cursor, &frame(frames::ACK, 0, 0, 0, &[1; 20]))),
    ("received what was not sent", Fault::AckAhead, |cursor| joined(cursor, &ack(|ack| ack.received = 6))),
    ("applied less than before", Fault::AckBackwards, |cursor| {
        joined(cursor, &ack(|ack| (ack.applied, ack.persisted) = (4, 4)))
    }),
    ("a BATCH from a replica", Fault::Unexpected, |cursor| {
        joined(cursor, &frame(frames::BATCH, 0, 0, 0, &[0; 60]))
    }),
    ("holds more untaken than any window", Fault::Window, |cursor| {
        [hello(|_| {}), frames::join(Some(cursor), 0, 1 << 30)].concat()
    }),
    ("another history", Fault::HistoryDiffers, |_| {
        let mut other = Scene::new("another history", 8, Role::Primary, small(), None);
        opening(Some(&other.cursor()), 0)
    }),
    ("records of a newer epoch", Fault::Stale, |cursor| {
        let mut newer = Scene::new("a newer epoch", 8, Role::Primary, small(), Some(cursor));
        newer.write_records(1, 5);
        opening(Some(&newer.cursor()), 0)
    }),
    ("says goodbye for a reason of the future", Fault::Other, |cursor| {
        let body = [&999_u16.to_le_bytes()[..], &5_000_000_000_u64.to_le_bytes()].concat();
        joined(cursor, &frame(frames::GOODBYE, 0, 0, 0, &body))
    }),
];

pub(crate) fn by_a_replica() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for (about, fault, bytes) in BY_A_REPLICA {
        let (mut scene, cursor) = primary(about);
        scene.open(0, Side::Downstream);
        scene.feed(0, &bytes(&cursor));
        scene.turn();
        closed(&scene, *fault);
        scenes.push(scene);
    }
    let (mut scene, cursor) = primary("what may be skipped is skipped");
    scene.open(0, Side::Downstream);
    scene.feed(0, &joined(&cursor, &frame(0x80, 0xff, 0, 0, b"from the future")));
    scene.turn();
    scenes.push(scene);
    scenes
}

// --- an upstream's -------------------------------------------------------------------------------------------------

/// A name, the fault, and the change of two good batches.
type Twist = (&'static str, Fault, fn(&[Vec<u8>]) -> Vec<u8>);

fn twisted(batch: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut batch = batch.to_vec();
    change(&mut batch);
    let parent = frames::parent_of(&batch);
    frames::seal(&mut batch, parent);
    batch
}

const BY_AN_UPSTREAM: &[Twist] = &[
    ("a gap", Fault::Gap, |batches| batches[1].clone()),
    ("the same batch again", Fault::Gap, |batches| [&batches[0][..], &batches[0]].concat()),
    ("another parent", Fault::Parent, |batches| twisted(&batches[0], |batch| batch[60] ^= 1)),
    ("a damaged record", Fault::BodyCheck, |batches| {
        let mut batch = batches[0].clone();
        batch[80] ^= 1;
        batch
    }),
    ("a wrong count", Fault::Malformed, |batches| twisted(&batches[0], |batch| batch[32] = 2)),
    ("an older epoch", Fault::EpochOrder, |batches| twisted(&batches[0], |batch| batch[40] = 0)),
    ("a piece nobody asked for", Fault::PieceOrder, |_| frame(frames::PIECE, 0, 0, 0, &[1; 40])),
    ("an ACK from an upstream", Fault::Unexpected, |_| Ack::default().frame()),
];

pub(crate) fn by_an_upstream() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for (about, fault, twist) in BY_AN_UPSTREAM {
        let (mut sender, cursor) = primary("the sender");
        let mut scene = replica(about, Some(&cursor));
        connect(&mut scene, &mut sender);
        talk(&mut scene, &mut sender);
        for _ in 0..2 {
            sender.write_records(1, 10);
            sender.input(Input::Flush);
        }
        scene.feed(0, &twist(&sender.written(0)));
        scene.turn();
        closed(&scene, *fault);
        scenes.push(scene);
    }
    scenes.push(larger_frames());
    scenes.push(beyond_the_window());
    scenes
}

fn larger_frames() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica("an upstream that sends longer frames", Some(&cursor));
    connect(&mut scene, &mut sender);
    scene.turn();
    let welcome = Hello { piece_bytes_max: 128, ..Hello::of(1) };
    scene.feed(0, &welcome.frame(frames::WELCOME));
    scene.turn();
    closed(&scene, Fault::FrameLimit);
    scene
}

fn beyond_the_window() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica("a stream beyond the window", Some(&cursor));
    connect(&mut scene, &mut sender);
    let mut hello = scene.written(0).concat();
    hello[60..68].copy_from_slice(&(1_u64 << 20).to_le_bytes());
    frames::seal(&mut hello, 0);
    sender.feed(0, &hello);
    talk(&mut scene, &mut sender);
    scene.applies = false;
    for _ in 0..4 {
        sender.write_records(1, 400);
        sender.input(Input::Flush);
    }
    let batches = sender.written(0).concat();
    scene.feed(0, &batches);
    scene.turn();
    closed(&scene, Fault::Window);
    scene
}

// --- in a snapshot -------------------------------------------------------------------------------------------------

/// Changes of ADMIT, BEGIN and three pieces, which an empty replica is sent.
const IN_A_SNAPSHOT: &[Twist] = &[
    ("a piece left out", Fault::PieceOrder, |frames| [frames[..3].concat(), frames[4].clone()].concat()),
    ("a damaged piece", Fault::BodyCheck, |frames| {
        let mut piece = frames[2].clone();
        piece[60] ^= 1;
        [frames[..2].concat(), piece].concat()
    }),
    ("a piece chained to nothing", Fault::BodyCheck, |frames| {
        let mut piece = frames[3].clone();
        frames::seal(&mut piece, 0);
        [frames[..3].concat(), piece].concat()
    }),
    ("a BEGIN with a damaged cursor", Fault::Malformed, |frames| {
        let mut begin = frames[1].clone();
        begin[50] ^= 1;
        frames::seal(&mut begin, 0);
        [frames[0].clone(), begin].concat()
    }),
    ("a snapshot of another digest", Fault::SnapshotDiffers, |frames| {
        let mut begin = frames[1].clone();
        let cursor = &mut begin[40..];
        let body = cursor.len() - 8;
        cursor[40] ^= 1;
        let check = xxhash_rust::xxh3::xxh3_64(&cursor[..body]);
        cursor[body..].copy_from_slice(&check.to_le_bytes());
        frames::seal(&mut begin, 0);
        [frames[0].clone(), begin, frames[2..].concat()].concat()
    }),
];

pub(crate) fn in_a_snapshot() -> Vec<Scene> {
    let mut scenes = Vec::new();
    for (about, fault, twist) in IN_A_SNAPSHOT {
        let (mut sender, _) = primary("the sender");
        let mut scene = replica(about, None);
        join(&mut scene, &mut sender);
        scene.feed(0, &twist(&sender.written(0)));
        scene.turn();
        closed(&scene, *fault);
        scenes.push(scene);
    }
    scenes
}
