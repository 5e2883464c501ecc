//! The answers of a sender to a JOIN: each case of the table of admission.

use towline_core::*;

use super::{PEER, changed, opening, parted, primary};
use crate::frames::{self, Ack};
use crate::scene::Scene;
use crate::small::small;

fn joins(mut scene: Scene, bytes: &[u8]) -> Scene {
    scene.open(0, Side::Downstream);
    scene.feed(0, bytes);
    scene.turn();
    scene
}

/// A node promoted at the fifth record.
fn promoted(about: &str) -> (Scene, Vec<u8>) {
    let (at_five, at_seven) = parted();
    (Scene::new(about, 3, Role::Primary, small(), Some(&at_five)), at_seven)
}

pub(crate) fn scenes() -> Vec<Scene> {
    let mut scenes = vec![continues(), empty(), forks(), newer_epoch_below(), overtaken()];
    let (scene, at_seven) = promoted("a fork, and the replica cannot rewind: a snapshot");
    scenes.push(joins(scene, &opening(Some(&at_seven), 0)));
    scenes.extend(snapshots_in_place_of_a_stream());
    scenes.extend(waits());
    scenes
}

fn continues() -> Scene {
    let (scene, cursor) = primary("at the end: continue");
    let mut scene = joins(scene, &opening(Some(&cursor), 0));
    let ack = Ack { admit: 1, base: true, received: 5, applied: 5, persisted: 5, ..Ack::default() };
    scene.feed(0, &ack.frame());
    scene.write_records(1, 8);
    scene.turn();
    scene
}

fn empty() -> Scene {
    let (scene, _) = primary("a replica that holds nothing: a snapshot, and the stream beside it");
    joins(scene, &opening(None, 0))
}

fn forks() -> Scene {
    let (scene, at_seven) = promoted("a fork, and the replica can rewind: it goes back, and joins again");
    let mut scene = joins(scene, &opening(Some(&at_seven), frames::CAN_REWIND));
    let (at_five, _) = parted();
    let again = changed(&frames::join(Some(&at_five), frames::CAN_REWIND, 0), |join| join[113] = 1);
    scene.feed(0, &again);
    scene.turn();
    scene
}

fn newer_epoch_below() -> Scene {
    let (scene, at_five) = primary("an older place that is in the ring: continue from there");
    let mut scene = joins(scene, b"");
    scene.write_records(4, 20);
    scene.input(Input::Flush);
    scene.feed(0, &opening(Some(&at_five), 0));
    scene.turn();
    scene
}

fn snapshots_in_place_of_a_stream() -> Vec<Scene> {
    let mut scenes = Vec::new();
    let (_, at_five) = primary("somebody");
    let mut old =
        Scene::new("a place older than the ring: a snapshot", 1, Role::Primary, small(), Some(&at_five));
    old.write_records(30, 200);
    old.input(Input::Flush);
    scenes.push(joins(old, &opening(Some(&at_five), 0)));

    let (scene, cursor) = primary("another digest at the same place: a snapshot");
    let hello = frames::Hello::of(PEER).frame(frames::HELLO);
    let join = changed(&frames::join(Some(&cursor), 0, 0), |join| join[57] ^= 1);
    scenes.push(joins(scene, &[hello.clone(), join].concat()));

    let (scene, cursor) = primary("no epoch in common: a snapshot");
    let join = changed(&frames::join(Some(&cursor), 0, 0), |join| {
        join[41] ^= 1;
        join[118] ^= 1;
    });
    scenes.push(joins(scene, &[hello, join].concat()));

    let mut other = Scene::new("another history", 8, Role::Primary, small(), None);
    let (scene, _) = primary("another history, adopted: a snapshot");
    scenes.push(joins(scene, &opening(Some(&other.cursor()), frames::ADOPT)));
    scenes
}

/// The ring overtakes a replica whose snapshot is under way: the pieces go on alone.
fn overtaken() -> Scene {
    let (mut scene, _) = primary("overtaken while a snapshot is on its way: the snapshot only");
    scene.view = (20, 100);
    scene.open(0, Side::Downstream);
    scene.feed(0, &opening(None, 0));
    scene.poll();
    scene.write(0, 400);
    scene.poll();
    scene.write_records(40, 200);
    scene.turn();
    scene
}

fn waits() -> Vec<Scene> {
    let (_, cursor) = primary("somebody");
    let empty = Scene::new("a relay that holds nothing: wait", 3, Role::Replica, small(), None);
    let behind = Scene::new("a relay that is behind: wait", 3, Role::Replica, small(), Some(&cursor));
    let (mut ahead, _) = primary("who is ahead of it");
    ahead.write_records(3, 10);
    let ahead = ahead.cursor();
    vec![joins(empty, &opening(Some(&cursor), 0)), joins(behind, &opening(Some(&ahead), 0))]
}
