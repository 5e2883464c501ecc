//! A host's mistakes: each is answered with its number, and changes nothing.

use towline_core::*;

use super::{primary, replica, wanted_view};
use crate::scene::{Scene, connect, talk};

const STRANGER: LinkId = LinkId(3);
const NEVER_ASKED_FOR: SnapshotId = SnapshotId(77);

fn wrong(scene: &mut Scene, input: Input<'_>, misuse: Misuse) {
    assert_eq!(scene.try_input(input), Err(misuse), "the scene plays as written");
}

pub(crate) fn scenes() -> Vec<Scene> {
    let (mut sender, cursor) = primary("mistakes of a primary's host");
    let mut receiver = replica("mistakes of a replica's host", Some(&cursor));
    connect(&mut receiver, &mut sender);
    talk(&mut receiver, &mut sender);
    for scene in [&mut sender, &mut receiver] {
        everywhere(scene);
    }
    wrong(&mut sender, Input::Write { data: &[0; 513] }, Misuse::RecordTooLong);
    sender.write_records(1, 5);
    sender.poll();
    let shown = sender.node.peek_transmit(LinkId(0)).len();
    sender.consume_wrongly(0, shown + 1);
    sender.consume_wrongly(3, 0);
    receiver.applies = false;
    talk(&mut receiver, &mut sender);
    wrong(&mut receiver, Input::Write { data: b"mine" }, Misuse::NotPrimary);
    receiver.input(Input::Promote);
    wrong(&mut receiver, Input::Flush, Misuse::NotApplied);
    receiver.input(Input::Applied { upto: Offset(6) });
    receiver.input(Input::Flush);
    sender.input(Input::Shutdown);
    wrong(&mut sender, Input::Promote, Misuse::ShutDown);
    vec![sender, receiver, without_a_base(), views()]
}

fn everywhere(scene: &mut Scene) {
    let open = LinkId(0);
    wrong(scene, Input::Bytes { link: STRANGER, data: b"hello" }, Misuse::UnknownLink);
    wrong(scene, Input::Lost { link: LinkId(u32::MAX) }, Misuse::UnknownLink);
    wrong(scene, Input::Opened { link: open, side: Side::Downstream }, Misuse::LinkBusy);
    wrong(scene, Input::Opened { link: LinkId(8), side: Side::Downstream }, Misuse::LinkOutOfRange);
    wrong(scene, Input::Opened { link: STRANGER, side: Side::Upstream }, Misuse::NotDialling);
    wrong(scene, Input::DialFailed, Misuse::NotDialling);
    wrong(scene, Input::Applied { upto: Offset(u64::MAX) }, Misuse::NeverHandedOut);
    wrong(scene, Input::Installed { snapshot: NEVER_ASKED_FOR }, Misuse::UnknownSnapshot);
    wrong(scene, Input::Rewound, Misuse::NotAsked);
}

fn without_a_base() -> Scene {
    let mut scene = replica("a replica that holds nothing", None);
    wrong(&mut scene, Input::Promote, Misuse::NoBase);
    scene
}

fn views() -> Scene {
    let (mut scene, cursor) = primary("answers about views that do not fit what was asked");
    let snapshot = wanted_view(&mut scene);
    let ready = |cursor| Input::SnapshotReady { snapshot, cursor, bytes: None };
    wrong(&mut scene, ready(b"no cursor"), Misuse::BadCursor);
    scene.input(ready(&cursor));
    wrong(&mut scene, ready(&cursor), Misuse::BadCursor);
    let piece = |data, last| Input::SnapshotPiece { snapshot, piece: 0, data, last };
    wrong(&mut scene, piece(&[0; 129], true), Misuse::PieceLength);
    wrong(&mut scene, piece(&[], false), Misuse::PieceLength);
    scene.input(piece(b"all", true));
    scene.turn();
    scene
}
