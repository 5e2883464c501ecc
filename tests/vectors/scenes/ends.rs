//! Links that end for time, room or a choice.

use towline_core::*;

use super::{PEER, opening, primary, replica};
use crate::frames::{self, Hello, frame};
use crate::scene::{Scene, connect, talk};

fn ended(scene: &Scene, fault: Fault) {
    let closes = |event: &Event| matches!(event, Event::Close { fault: closed, .. } if *closed == fault);
    assert!(scene.events.iter().any(closes), "{fault:?}: the scene plays as written");
}

pub(crate) fn scenes() -> Vec<Scene> {
    vec![
        silent("says nothing at all", Fault::HandshakeTimeout, |_| Vec::new()),
        silent("says HELLO and no more", Fault::HandshakeTimeout, |_| Hello::of(PEER).frame(frames::HELLO)),
        silent("joins and says no more", Fault::Idle, |cursor| opening(Some(cursor), 0)),
        stalled(),
        full(),
        newer("a newer link of the same start", 1, Fault::Replaced),
        newer("a newer link of another process", 2, Fault::IdentityClash),
        left(),
        rebased(),
        overrun(),
    ]
}

fn silent(about: &str, fault: Fault, bytes: fn(&[u8]) -> Vec<u8>) -> Scene {
    let (mut scene, cursor) = primary(about);
    scene.open(0, Side::Downstream);
    let bytes = bytes(&cursor);
    if !bytes.is_empty() {
        scene.feed(0, &bytes);
    }
    scene.turn();
    scene.pass(Span::from_millis(999));
    assert!(scene.events.iter().all(|event| !matches!(event, Event::Close { .. })), "not yet");
    scene.pass(Span::from_millis(1));
    ended(&scene, fault);
    scene
}

/// It sends a beat ten times a second, and takes no byte.
fn stalled() -> Scene {
    let (mut scene, cursor) = primary("lives, and takes no byte");
    scene.open(0, Side::Downstream);
    scene.feed(0, &opening(Some(&cursor), 0));
    for round in 0..=10 {
        scene.at(Time::ZERO + Span::from_millis(round * 100));
        scene.input(Input::Tick);
        scene.poll();
        if round < 10 {
            scene.feed(0, &frame(0x80, 0, 0, 0, b""));
        }
    }
    // Its GOODBYE is not read either: it may linger for a second.
    scene.at(Time::ZERO + Span::from_millis(2000));
    scene.input(Input::Tick);
    scene.poll();
    ended(&scene, Fault::Stalled);
    scene
}

fn full() -> Scene {
    let (mut scene, _) = primary("no room for another link");
    for link in 0..7 {
        scene.open(link, Side::Downstream);
    }
    scene.turn();
    ended(&scene, Fault::Full);
    scene
}

fn newer(about: &str, incarnation: u64, fault: Fault) -> Scene {
    let (mut scene, cursor) = primary(about);
    for (link, incarnation) in [(0, 1), (1, incarnation)] {
        scene.open(link, Side::Downstream);
        let hello = Hello { incarnation, ..Hello::of(PEER) }.frame(frames::HELLO);
        scene.feed(link, &[hello, frames::join(Some(&cursor), 0, 0)].concat());
        scene.turn();
    }
    ended(&scene, fault);
    scene
}

fn left() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica("turns to another upstream", Some(&cursor));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    scene.input(Input::Follow { adopt: false });
    scene.turn();
    ended(&scene, Fault::Left);
    scene
}

/// A relay that begins a snapshot of its own closes its replicas' links.
fn rebased() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica("a relay that needs a snapshot itself", Some(&cursor));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    scene.open(1, Side::Downstream);
    scene.feed(1, &opening(Some(&cursor), 0));
    talk(&mut scene, &mut sender);
    scene.lost(0);
    sender.lost(0);
    sender.write_records(50, 400);
    scene.pass(Span::from_millis(100));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    ended(&scene, Fault::Rebased);
    scene
}

/// Half of a record larger than a batch is sent when the ring overtakes it.
fn overrun() -> Scene {
    let (mut scene, cursor) = primary("overtaken in the middle of a large record");
    scene.open(0, Side::Downstream);
    scene.feed(0, &opening(Some(&cursor), 0));
    scene.turn();
    scene.input(Input::Write { data: &[7; 512] });
    scene.poll();
    scene.write(0, 100);
    scene.write_records(20, 400);
    scene.poll();
    ended(&scene, Fault::Overrun);
    scene
}
