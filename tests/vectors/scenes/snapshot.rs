//! Snapshots: cut off and resumed, shared, failed.

use towline_core::*;

use super::{PEER, primary, replica, wanted_view};
use crate::frames::{self, Hello};
use crate::scene::{Scene, connect, talk};

pub(crate) fn scenes() -> Vec<Scene> {
    let (sender, receiver) = cut_and_resumed();
    vec![sender, receiver, begun_anew(), shared(), failed(true), failed(false)]
}

/// Both sides of a snapshot that is cut after two pieces and goes on where it was cut.
fn cut_and_resumed() -> (Scene, Scene) {
    let (mut sender, _) = primary("a snapshot is cut off and resumed: the sender");
    sender.view = (6, 100);
    let mut scene = replica("a snapshot is cut off and resumed: the replica", None);
    connect(&mut scene, &mut sender);
    for _ in 0..2 {
        let up = scene.written(0).concat();
        sender.feed(0, &up);
        let down = sender.written(0);
        let cut =
            down.iter().position(|frame| frame[4] == frames::PIECE).map_or(down.len(), |first| first + 2);
        scene.feed(0, &down[..cut].concat());
    }
    assert_eq!(scene.node.stats().receiving_pieces, Some(2), "the scene plays as written");
    for side in [&mut scene, &mut sender] {
        side.turn();
        side.lost(0);
    }
    sender.write_records(2, 20);
    scene.pass(Span::from_millis(100));
    connect(&mut scene, &mut sender);
    talk(&mut scene, &mut sender);
    assert_eq!(sender.node.stats().counters.snapshots_resumed, 1, "the scene plays as written");
    assert_eq!(scene.node.stats().end, Offset(7));
    (sender, scene)
}

fn begun_anew() -> Scene {
    let (mut scene, _) = primary("a snapshot that nobody has any more: another begins");
    let join = super::changed(&frames::join(None, 0, 0), |join| {
        join[89..97].copy_from_slice(&0x0123_4567_0000_0001_u64.to_le_bytes());
        join[97] = 4;
    });
    scene.open(0, Side::Downstream);
    scene.feed(0, &[Hello::of(PEER).frame(frames::HELLO), join].concat());
    scene.turn();
    scene
}

fn shared() -> Scene {
    let (mut scene, _) = primary("one view for two replicas");
    for link in [0, 1] {
        scene.open(link, Side::Downstream);
        let hello = Hello::of(PEER + u64::from(link)).frame(frames::HELLO);
        scene.feed(link, &[hello, frames::join(None, 0, 0)].concat());
    }
    scene.turn();
    scene
}

fn failed(retry: bool) -> Scene {
    let about =
        if retry { "a view that fails, and is asked for again" } else { "a view that fails for good" };
    let (mut scene, _) = primary(about);
    let snapshot = wanted_view(&mut scene);
    scene.opens_views = true;
    scene.input(Input::SnapshotFailed { snapshot, retry });
    scene.turn();
    scene
}
