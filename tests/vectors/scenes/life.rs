//! Slots, promotions, changes of upstream and role, shutdown.

use towline_core::*;

use super::{PEER, opening, primary, replica};
use crate::frames::{self, Hello};
use crate::scene::{Scene, connect, talk};
use crate::small::small;

pub(crate) fn scenes() -> Vec<Scene> {
    vec![expires(), gives_way(), promoted(), outranked(), adopts(), redials(), shuts_down(), odd_times()]
}

fn expires() -> Scene {
    let (mut scene, cursor) = primary("a replica is away for longer than the window: its slot expires");
    scene.open(0, Side::Downstream);
    scene.feed(0, &opening(Some(&cursor), 0));
    scene.turn();
    scene.write_records(2, 10);
    scene.turn();
    scene.lost(0);
    scene.at(Time::ZERO + Span::from_secs(10));
    scene.input(Input::Tick);
    scene.turn();
    scene.at(Time(10_000_000_001));
    scene.input(Input::Tick);
    scene.turn();
    scene
}

fn gives_way() -> Scene {
    let (mut scene, cursor) = primary("a table full of who is away: the longest away gives way");
    for index in 0..5 {
        scene.at(Time(index * 1_000_000));
        scene.open(0, Side::Downstream);
        let hello = Hello::of(10 + index).frame(frames::HELLO);
        scene.feed(0, &[hello, frames::join(Some(&cursor), 0, 0)].concat());
        scene.turn();
        scene.lost(0);
    }
    scene.turn();
    scene
}

fn promoted() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica("promoted: an epoch is opened, and records are written", Some(&cursor));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    sender.write_records(1, 10);
    talk(&mut scene, &mut sender);
    scene.input(Input::Promote);
    scene.turn();
    scene.write_records(2, 10);
    scene.cursor();
    scene.turn();
    scene
}

fn outranked() -> Scene {
    let (mut scene, _) = primary("a peer has seen a higher epoch: promoted again, it stands above");
    scene.open(0, Side::Downstream);
    let mut hello = Hello::of(PEER).frame(frames::HELLO);
    hello[8] = 7;
    frames::seal(&mut hello, 0);
    scene.feed(0, &hello);
    scene.turn();
    scene.input(Input::Promote);
    scene.turn();
    scene
}

fn adopts() -> Scene {
    let mut other = Scene::new("another history", 8, Role::Primary, small(), None);
    other.write_records(2, 10);
    let (mut scene, _) = primary("a primary gives way to another history, and adopts it");
    scene.input(Input::Follow { adopt: true });
    scene.turn();
    connect(&mut scene, &mut other);
    talk(&mut scene, &mut other);
    assert_eq!(scene.node.stats().end, Offset(2), "the scene plays as written");
    scene
}

fn redials() -> Scene {
    let mut scene = replica("dials that fail: pauses grow, with dice", None);
    for _ in 0..5 {
        scene.turn();
        scene.input(Input::DialFailed);
        let at = scene.node.next_deadline().expect("it dials again");
        scene.at(at);
        scene.input(Input::Tick);
    }
    scene.turn();
    scene
}

fn shuts_down() -> Scene {
    let (mut scene, cursor) = primary("a shutdown says goodbye on every link");
    for link in [0, 1] {
        scene.open(link, Side::Downstream);
        let hello = Hello::of(PEER + u64::from(link)).frame(frames::HELLO);
        scene.feed(link, &[hello, frames::join(Some(&cursor), 0, 0)].concat());
    }
    scene.turn();
    scene.input(Input::Shutdown);
    scene.turn();
    scene
}

/// Times that are no whole microseconds, and that milliseconds as a float miss when truncated.
fn odd_times() -> Scene {
    let (mut scene, cursor) = primary("a clock that counts single nanoseconds");
    for at in [1, 16_836_843_230, 16_836_843_231, 99_999_999_999, 3_600_000_000_007] {
        scene.at(Time(at));
        scene.open(0, Side::Downstream);
        scene.feed(0, &opening(Some(&cursor), 0));
        scene.turn();
        scene.lost(0);
    }
    scene
}
