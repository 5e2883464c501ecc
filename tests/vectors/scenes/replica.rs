//! The same admissions from the replica's side: the frames it receives, and what it asks of its host.

use towline_core::*;

use super::{parted, primary, replica};
use crate::scene::{Scene, connect, join, talk};
use crate::small::small;

pub(crate) fn scenes() -> Vec<Scene> {
    vec![
        continues(),
        forks("a fork, and the host can rewind", true),
        forks("a fork, and the host cannot rewind: a snapshot", false),
        empty(),
        waits(),
        alone(),
    ]
}

fn continues() -> Scene {
    let (mut sender, cursor) = primary("the sender");
    let mut scene = replica("at the end: continue, then records and beats", Some(&cursor));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    sender.write_records(3, 10);
    talk(&mut scene, &mut sender);
    for _ in 0..2 {
        sender.pass(Span::from_millis(100));
        scene.pass(Span::from_millis(100));
        talk(&mut scene, &mut sender);
    }
    scene
}

fn forks(about: &str, can_rewind: bool) -> Scene {
    let (at_five, at_seven) = parted();
    let mut sender = Scene::new("the sender", 3, Role::Primary, small(), Some(&at_five));
    sender.write_records(1, 30);
    let options = Options { can_rewind, ..small() };
    let mut scene = Scene::new(about, 2, Role::Replica, options, Some(&at_seven));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    assert_eq!(scene.node.stats().end, Offset(6), "the scene plays as written");
    scene
}

fn empty() -> Scene {
    let (mut sender, _) = primary("the sender");
    let mut scene = replica("nothing: a snapshot, the stream beside it, and what follows", None);
    connect(&mut scene, &mut sender);
    // HELLO, WELCOME, JOIN; then records are written while pieces are on their way.
    for _ in 0..2 {
        let up = scene.written(0).concat();
        sender.feed(0, &up);
        if scene.node.stats().upstream_history.is_none() {
            let down = sender.written(0).concat();
            scene.feed(0, &down);
        }
    }
    sender.poll();
    sender.write_records(2, 30);
    talk(&mut scene, &mut sender);
    assert_eq!(scene.node.stats().end, Offset(7), "the scene plays as written");
    scene
}

fn waits() -> Scene {
    let mut relay = Scene::new("a relay that holds nothing", 3, Role::Replica, small(), None);
    let (_, cursor) = primary("somebody");
    let mut scene = replica("wait", Some(&cursor));
    connect(&mut scene, &mut relay);
    talk(&mut scene, &mut relay);
    scene
}

/// The ring overtakes it while its snapshot is under way: the pieces go on alone, and it joins again.
fn alone() -> Scene {
    let (mut sender, _) = primary("the sender");
    sender.view = (20, 100);
    let mut scene = replica("overtaken: the snapshot only, then the stream", None);
    join(&mut scene, &mut sender);
    sender.poll();
    sender.write(0, 400);
    sender.poll();
    sender.write_records(40, 200);
    talk(&mut scene, &mut sender);
    scene
}
