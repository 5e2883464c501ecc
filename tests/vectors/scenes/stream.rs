//! A stream of records: batches, acknowledgements, windows, bytes in any portions.

use towline_core::*;

use super::{opening, primary, replica};
use crate::frames::{self, Ack};
use crate::scene::{Scene, connect, talk};
use crate::small::small;

pub(crate) fn scenes() -> Vec<Scene> {
    vec![two_replicas(), in_portions(), byte_by_byte(), at_once(), a_relay().0, a_relay().1, volatile()]
}

fn two_replicas() -> Scene {
    let (mut scene, cursor) = primary("two replicas, of which one acknowledges");
    let good = Ack { admit: 1, base: true, received: 5, applied: 5, persisted: 5, ..Ack::default() };
    for link in [0, 1] {
        scene.open(link, Side::Downstream);
        let mut hello = frames::Hello::of(9 + u64::from(link));
        hello.incarnation = 1;
        let join = frames::join(Some(&cursor), 0, 0);
        scene.feed(link, &[hello.frame(frames::HELLO), join].concat());
        scene.turn();
        scene.feed(link, &good.frame());
    }
    scene.write_records(3, 100);
    scene.turn();
    let batches = scene.written(1).into_iter().filter(|frame| frame[4] == frames::BATCH);
    let released = batches.map(|frame| frame.len() as u64).sum();
    for (received, applied, persisted) in [(8, 5, 5), (8, 8, 5), (8, 8, 8)] {
        let ack = Ack { received, applied, persisted, stream_released: released, ..good };
        scene.feed(1, &ack.frame());
        scene.turn();
    }
    scene
}

fn in_portions() -> Scene {
    let (mut scene, cursor) = primary("a socket that takes a few bytes at a time");
    scene.open(0, Side::Downstream);
    scene.feed(0, &opening(Some(&cursor), 0));
    scene.write_records(4, 90);
    scene.poll();
    for portion in [1, 23, 50, 100, 7, 300] {
        scene.write(0, portion);
        scene.poll();
    }
    scene.write_records(1, 5);
    scene.turn();
    scene
}

/// Returns a replica at the end, and three batches for it.
fn to_be_received(about: &str) -> (Scene, Vec<u8>) {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica(about, Some(&cursor));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    for index in 0..3 {
        sender.write_records(1 + index, 12);
        sender.input(Input::Flush);
    }
    let batches = sender.written(0).concat();
    (scene, batches)
}

fn byte_by_byte() -> Scene {
    let (mut scene, batches) = to_be_received("a batch, byte by byte");
    let frame = &frames::split(&batches).0[0];
    // Every portion gets the same answer: how many bytes make the next step possible.
    for held in [1, 2, 23, 24, 25, 71, 72, 73, frame.len() - 1, frame.len()] {
        scene.feed_once(0, &frame[..held]);
    }
    scene.turn();
    scene
}

fn at_once() -> Scene {
    let (mut scene, batches) = to_be_received("three batches at once");
    let mut rest = &batches[..];
    while !rest.is_empty() {
        let used = scene.feed_once(0, rest).used;
        rest = &rest[used..];
    }
    scene.turn();
    scene
}

/// Runs a primary and a relay that passes its batches on: both sides.
fn a_relay() -> (Scene, Scene) {
    let (mut sender, cursor) = primary("the root of a relay");
    let mut relay = replica("a relay: what comes on link 0 goes on on link 1, the same bytes", Some(&cursor));
    connect(&mut relay, &mut sender);
    talk(&mut relay, &mut sender);
    relay.open(1, Side::Downstream);
    relay.feed(1, &opening(Some(&cursor), 0));
    talk(&mut relay, &mut sender);
    sender.write_records(3, 40);
    talk(&mut relay, &mut sender);
    for _ in 0..3 {
        sender.pass(Span::from_millis(100));
        relay.pass(Span::from_millis(100));
        talk(&mut relay, &mut sender);
    }
    relay.lost(0);
    relay.pass(Span::from_millis(60));
    (sender, relay)
}

fn volatile() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let options = Options { persists: false, ..small() };
    let mut scene = Scene::new("a host that keeps nothing", 2, Role::Replica, options, Some(&cursor));
    connect(&mut scene, &mut sender);
    sender.write_records(1, 10);
    talk(&mut scene, &mut sender);
    scene
}
