//! Every input survives the flat record; what a record does not name must be zero.

use super::*;

#[test]
fn every_input_survives_its_record() {
    let (link, snapshot, upto, data) = (LinkId(3), SnapshotId(9), Offset(7), &b"bytes"[..]);
    let inputs = [
        Input::Tick,
        Input::Opened { link, side: Side::Upstream },
        Input::Opened { link, side: Side::Downstream },
        Input::Lost { link },
        Input::DialFailed,
        Input::Bytes { link, data },
        Input::Write { data },
        Input::Flush,
        Input::Taken { upto, pieces: 2 },
        Input::Applied { upto },
        Input::Persisted { upto },
        Input::SnapshotReady { snapshot, cursor: data, bytes: None },
        Input::SnapshotReady { snapshot, cursor: data, bytes: Some(0) },
        Input::SnapshotPiece { snapshot, piece: 4, data, last: true },
        Input::SnapshotFailed { snapshot, retry: false },
        Input::Installed { snapshot },
        Input::Rewound,
        Input::Promote,
        Input::Follow { adopt: true },
        Input::Shutdown,
    ];
    for input in inputs {
        assert_eq!(Record::from(input).input(data), Some(input));
    }
}

#[test]
fn an_unknown_kind_flag_or_field_is_no_input() {
    let tick = Record::from(Input::Tick);
    assert_eq!(Record { kind: 19, ..tick }.input(&[]), None);
    assert_eq!(Record { kind: 0, ..tick }.input(&[]), None);
    assert_eq!(Record { fields: [1, 0, 0, 0, 0, 0, 0], ..tick }.input(&[]), None);
    let follow = Record::from(Input::Follow { adopt: true });
    assert_eq!(Record { fields: [2, 0, 0, 0, 0, 0, 0], ..follow }.input(&[]), None);
}
