//! The scenes of each file. A peer is a frame written by hand, or another node whose lines nobody keeps.

mod damage;
mod ends;
mod handshake;
mod life;
mod misuse;
mod replica;
mod snapshot;
mod stream;

use towline_core::*;

use crate::frames::{self, Hello};
use crate::scene::Scene;
use crate::small::small;

/// A file's name, and its scenes.
type File = (&'static str, fn() -> Vec<Scene>);

pub(crate) const FILES: &[File] = &[
    ("handshake", handshake::scenes),
    ("replica", replica::scenes),
    ("stream", stream::scenes),
    ("snapshot", snapshot::scenes),
    ("life", life::scenes),
    ("misuse", misuse::scenes),
    ("faults-of-a-replica", damage::by_a_replica),
    ("faults-of-an-upstream", damage::by_an_upstream),
    ("faults-in-a-snapshot", damage::in_a_snapshot),
    ("faults-of-time-and-room", ends::scenes),
];

/// The name of another node, for peers that are frames.
const PEER: u64 = 9;

/// Returns a primary of five records, and the cursor at their end.
fn primary(about: &str) -> (Scene, Vec<u8>) {
    let mut scene = Scene::new(about, 1, Role::Primary, small(), None);
    for _ in 0..5 {
        scene.input(Input::Write { data: b"a record" });
    }
    let cursor = scene.cursor();
    (scene, cursor)
}

/// Returns a replica with a cursor, or one that holds nothing.
fn replica(about: &str, cursor: Option<&[u8]>) -> Scene {
    Scene::new(about, 2, Role::Replica, small(), cursor)
}

/// Returns the frames with which a peer joins: at a cursor, or holding nothing.
fn opening(cursor: Option<&[u8]>, flags: u8) -> Vec<u8> {
    [Hello::of(PEER).frame(frames::HELLO), frames::join(cursor, flags, 0)].concat()
}

/// Returns the view that a peer without data makes the scene ask for, not opened yet.
fn wanted_view(scene: &mut Scene) -> SnapshotId {
    scene.opens_views = false;
    scene.open(0, Side::Downstream);
    scene.feed(0, &opening(None, 0));
    scene.turn();
    let wanted = scene.events.iter().find_map(|event| {
        if let Event::SnapshotWanted { snapshot, .. } = event { Some(*snapshot) } else { None }
    });
    wanted.expect("it was asked for")
}

/// Returns a JOIN, changed and sealed again.
fn changed(frame: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut frame = frame.to_vec();
    change(&mut frame);
    frames::seal(&mut frame, 0);
    frame
}

/// Makes two nodes that part: the primary of five records wrote two more, while another was promoted at five. Returns
/// the cursor at five and the one at seven, of the old epoch.
fn parted() -> (Vec<u8>, Vec<u8>) {
    let (mut old, at_five) = primary("the old primary");
    old.write_records(2, 10);
    let at_seven = old.cursor();
    (at_five, at_seven)
}
