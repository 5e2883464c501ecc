//! A host's mistakes: each is answered with its number and changes nothing; and set-ups that cannot work, each refused
//! by the name of the option, its value and the bound.
//!
//! "Nothing" is the whole node as its `Debug` shows it. The calls say the time the node already knows: moving time is
//! not part of the mistake.
#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::middle::{Middle, UP, node};
use common::puppet::Puppet;
use common::small;
use common::stage::Stage;
use towline_core::*;

const LINK: LinkId = LinkId(0);
const STRANGER: LinkId = LinkId(3);
const NEVER_ISSUED: SnapshotId = SnapshotId(77);

fn refused(stage: &mut Stage<Node>, input: Input<'_>, expected: Misuse) {
    let before = format!("{:?}", stage.node);
    let answer = stage.node.handle(stage.now, input);
    assert_eq!(answer, Err(expected), "{input:?}");
    assert!(before == format!("{:?}", stage.node), "{input:?} changed something");
    stage.node.check();
}

/// A primary with five records, and a replica that is up to date.
fn primary() -> Stage<Node> {
    let mut stage = Stage::new(node(1, Role::Primary, small(), None));
    for _ in 0..5 {
        stage.node.handle(Time::ZERO, Input::Write { data: b"a record" }).unwrap();
    }
    let cursor = stage.cursor();
    stage.open(LINK.0, Puppet::new(2), Some(&cursor));
    stage
}

/// A primary with a view that was asked for, and is not open yet.
fn asked_for_a_view() -> (Stage<Node>, SnapshotId) {
    let mut stage = primary();
    let opening = Puppet::new(3).opening(None);
    stage.attach(1, Side::Downstream, Puppet::tap(3));
    stage.feed(1, &opening);
    let wanted = std::iter::from_fn(|| stage.node.poll_event()).find_map(|event| {
        if let Event::SnapshotWanted { snapshot, .. } = event { Some(snapshot) } else { None }
    });
    (stage, wanted.expect("an empty replica needs a snapshot"))
}

const EVERYWHERE: &[(Input<'static>, Misuse)] = &[
    (Input::Bytes { link: STRANGER, data: b"hello" }, Misuse::UnknownLink),
    (Input::Bytes { link: LinkId(u32::MAX), data: b"hello" }, Misuse::UnknownLink),
    (Input::Lost { link: STRANGER }, Misuse::UnknownLink),
    (Input::Opened { link: LINK, side: Side::Downstream }, Misuse::LinkBusy),
    (Input::Opened { link: LinkId(8), side: Side::Downstream }, Misuse::LinkOutOfRange),
    (Input::Opened { link: STRANGER, side: Side::Upstream }, Misuse::NotDialling),
    (Input::DialFailed, Misuse::NotDialling),
    (Input::Applied { upto: Offset(6) }, Misuse::NeverHandedOut),
    (Input::Persisted { upto: Offset(6) }, Misuse::NeverHandedOut),
    (Input::Taken { upto: Offset(6), pieces: 0 }, Misuse::NeverHandedOut),
    (Input::Applied { upto: Offset(u64::MAX) }, Misuse::NeverHandedOut),
    (Input::SnapshotReady { snapshot: NEVER_ISSUED, cursor: b"", bytes: None }, Misuse::UnknownSnapshot),
    (
        Input::SnapshotPiece { snapshot: NEVER_ISSUED, piece: 0, data: b"x", last: true },
        Misuse::UnknownSnapshot,
    ),
    (Input::SnapshotFailed { snapshot: NEVER_ISSUED, retry: true }, Misuse::UnknownSnapshot),
    (Input::Installed { snapshot: NEVER_ISSUED }, Misuse::UnknownSnapshot),
    (Input::Rewound, Misuse::NotAsked),
];

#[test]
fn mistakes_of_any_host_change_nothing() {
    let mut primary = primary();
    let mut replica = Middle::streaming().replica;
    for (input, misuse) in EVERYWHERE {
        refused(&mut primary, *input, *misuse);
        refused(&mut replica, *input, *misuse);
    }
}

#[test]
fn a_primarys_mistakes_change_nothing() {
    let mut stage = primary();
    refused(&mut stage, Input::Write { data: &[0; 513] }, Misuse::RecordTooLong);
    let shown = stage.node.peek_transmit(LINK).len();
    let before = format!("{:?}", stage.node);
    assert_eq!(stage.node.consume(stage.now, LINK, shown + 1), Err(Misuse::ConsumedTooMuch));
    assert_eq!(stage.node.consume(stage.now, STRANGER, 0), Err(Misuse::UnknownLink));
    assert!(stage.node.peek_transmit(STRANGER).is_empty() && stage.node.peek_transmit(LinkId(99)).is_empty());
    assert!(before == format!("{:?}", stage.node));
}

#[test]
fn a_replica_does_not_write() {
    let mut stage = Middle::streaming().replica;
    refused(&mut stage, Input::Write { data: b"mine" }, Misuse::NotPrimary);
    refused(&mut stage, Input::Flush, Misuse::NotPrimary);
}

#[test]
fn nothing_is_written_after_a_promotion_before_what_was_received_is_applied() {
    let mut middle = Middle::streaming();
    middle.replica.applies = false;
    let batches = middle.batches(1, 10);
    middle.replica.feed(UP, &batches.concat());
    middle.replica.turn();
    middle.replica.node.handle(Time::ZERO, Input::Promote).unwrap();
    refused(&mut middle.replica, Input::Write { data: b"mine" }, Misuse::NotApplied);
    refused(&mut middle.replica, Input::Flush, Misuse::NotApplied);
    middle.replica.node.handle(Time::ZERO, Input::Applied { upto: Offset(6) }).unwrap();
    let step = middle.replica.node.handle(Time::ZERO, Input::Write { data: b"mine" }).unwrap();
    assert_eq!(step.offset, Some(Offset(7)));
}

#[test]
fn a_node_without_a_state_is_not_promoted() {
    let mut stage = Stage::new(node(2, Role::Replica, small(), None));
    refused(&mut stage, Input::Promote, Misuse::NoBase);
}

#[test]
fn answers_about_views_must_fit_what_was_asked() {
    let (mut stage, snapshot) = asked_for_a_view();
    let cursor = stage.cursor();
    let ready = |cursor| Input::SnapshotReady { snapshot, cursor, bytes: None };
    let mut damaged = cursor.clone();
    damaged[20] ^= 1;
    refused(&mut stage, ready(b""), Misuse::BadCursor);
    refused(&mut stage, ready(&damaged), Misuse::BadCursor);
    let foreign = Stage::new(node(9, Role::Primary, small(), None)).cursor();
    refused(&mut stage, ready(&foreign), Misuse::BadCursor);
    let before_it = Stage::new(node(1, Role::Primary, small(), None)).cursor();
    refused(&mut stage, ready(&before_it), Misuse::BadCursor);
    stage.node.handle(stage.now, ready(&cursor)).unwrap();
    refused(&mut stage, ready(&cursor), Misuse::BadCursor);
    let piece = |data, last| Input::SnapshotPiece { snapshot, piece: 0, data, last };
    refused(&mut stage, piece(&[0; 129], true), Misuse::PieceLength);
    refused(&mut stage, piece(&[], false), Misuse::PieceLength);
    let unknown = SnapshotId(snapshot.0 + 1);
    refused(&mut stage, Input::SnapshotFailed { snapshot: unknown, retry: true }, Misuse::UnknownSnapshot);
}

#[test]
fn a_snapshot_is_installed_when_it_is_complete_and_not_before() {
    let mut middle = Middle::new(false, small());
    middle.replica.applies = false;
    middle.connect();
    middle.shake();
    let frames = middle.primary_says();
    middle.replica.feed(UP, &frames[..3].concat());
    middle.replica.turn();
    let snapshot = middle.primary.views[0];
    refused(&mut middle.replica, Input::Installed { snapshot }, Misuse::NotAsked);
    refused(&mut middle.replica, Input::Taken { upto: Offset(0), pieces: 2 }, Misuse::NeverHandedOut);
    refused(&mut middle.replica, Input::Promote, Misuse::NoBase);
    let other = SnapshotId(snapshot.0 + 1);
    middle.replica.feed(UP, &frames[3..].concat());
    middle.replica.turn();
    refused(&mut middle.replica, Input::Installed { snapshot: other }, Misuse::UnknownSnapshot);
    middle.replica.node.handle(Time::ZERO, Input::Installed { snapshot }).unwrap();
    refused(&mut middle.replica, Input::Installed { snapshot }, Misuse::UnknownSnapshot);
}

#[test]
fn after_a_shutdown_nothing_begins() {
    let mut stage = primary();
    stage.node.handle(stage.now, Input::Shutdown).unwrap();
    stage.turn();
    let inputs = [
        Input::Write { data: b"late" },
        Input::Flush,
        Input::Promote,
        Input::Follow { adopt: true },
        Input::Opened { link: STRANGER, side: Side::Downstream },
    ];
    for input in inputs {
        refused(&mut stage, input, Misuse::ShutDown);
    }
}

/// Found by fuzz/corpus/node_script/shutdown-before-a-view.
#[test]
fn after_a_shutdown_no_view_is_asked_for_and_open_ones_are_freed() {
    let mut stage = primary();
    stage.attach(1, Side::Downstream, Puppet::tap(3));
    stage.feed(1, &Puppet::new(3).opening(None));
    let (mut asked, snapshot) = asked_for_a_view();
    let cursor = asked.cursor();
    asked.node.handle(asked.now, Input::SnapshotReady { snapshot, cursor: &cursor, bytes: None }).unwrap();
    for stage in [&mut stage, &mut asked] {
        stage.node.handle(stage.now, Input::Shutdown).unwrap();
        stage.node.check();
    }
    let about_views = |stage: &mut Stage<Node>| -> Vec<Event> {
        let about = |event: &Event| {
            matches!(
                event,
                Event::SnapshotWanted { .. } | Event::SnapshotRead { .. } | Event::SnapshotDone { .. }
            )
        };
        std::iter::from_fn(|| stage.node.poll_event()).filter(about).collect()
    };
    assert_eq!(about_views(&mut stage), [], "the host heard nothing of it");
    assert_eq!(about_views(&mut asked), [Event::SnapshotDone { snapshot }]);
}

#[test]
fn numbers_are_stable_and_texts_differ() {
    for (index, misuse) in Misuse::ALL.iter().enumerate() {
        assert_eq!(usize::from(misuse.number()), index + 1);
        assert_eq!(Misuse::from_number(misuse.number()), Some(*misuse));
    }
    for (index, fault) in Fault::ALL.iter().enumerate() {
        assert_eq!(usize::from(fault.number()), index + 1);
        assert_eq!(Fault::from_number(fault.number()), Some(*fault));
        assert!(Fault::ALL[..index].iter().all(|other| other.to_string() != fault.to_string()));
    }
    assert_eq!((Fault::from_number(0), Fault::from_number(999)), (None, None));
}

// --- set-ups that cannot work --------------------------------------------------------------------------------------

type Wrong = (fn(&mut Options), &'static str);

const SETUPS: &[Wrong] = &[
    (|o| o.backlog_bytes = 100, "backlog_bytes is 100, must be at least 512"),
    (|o| o.backlog_bytes = 1 << 40, "backlog_bytes is 1099511627776, must be at most 2147483648"),
    (|o| o.record_bytes_max = 1000, "record_bytes_max is 1000, must be at most 948"),
    (|o| o.batch_bytes = 0, "batch_bytes is 0, must be at least 1"),
    (|o| o.window_bytes = 4096, "window_bytes is 4096, must be at most 1460"),
    (|o| o.piece_bytes_max = 0, "piece_bytes_max is 0, must be at least 1"),
    (|o| o.piece_bytes_max = 1 << 30, "piece_bytes_max is 1073741824, must be at most 67108864"),
    (|o| o.piece_window_bytes = 0, "piece_window_bytes is 0, must be at least 1"),
    (|o| o.links_max = 0, "links_max is 0, must be at least 1"),
    (|o| o.links_max = 1 << 20, "links_max is 1048576, must be at most 65536"),
    (|o| o.slots_max = 0, "slots_max is 0, must be at least 1"),
    (|o| o.slots_max = 1 << 20, "slots_max is 1048576, must be at most 65536"),
    (|o| o.ships_max = 0, "ships_max is 0, must be at least 1"),
    (|o| o.beat = Span(0), "beat is 0, must be at least 1000000"),
    (|o| o.idle = Span::from_millis(200), "idle is 200000000, must be at least 300000000"),
    (|o| o.handshake = Span(5), "handshake is 5, must be at least 100000000"),
    (|o| o.linger = Span(0), "linger is 0, must be at least 1"),
    (|o| o.reconnect_window = Span(1), "reconnect_window is 1, must be at least 1000000000"),
    (|o| o.redial_min = Span(0), "redial_min is 0, must be at least 1000000"),
    (|o| o.redial_max = Span(5), "redial_max is 5, must be at least 50000000"),
];

#[test]
fn a_set_up_that_cannot_work_is_refused_by_name_value_and_bound() {
    small().check().expect("the set-up they start from works");
    Options::default().check().expect("so does the default");
    for (change, expected) in SETUPS {
        let mut options = small();
        change(&mut options);
        let error = options.check().expect_err(expected);
        assert_eq!(error.to_string(), *expected);
    }
}

#[test]
fn a_bound_itself_is_legal() {
    for (change, text) in SETUPS {
        let mut options = small();
        change(&mut options);
        let error = options.check().expect_err(text);
        let mut fixed = small();
        match error.option {
            "backlog_bytes" if error.value < error.bound => {
                fixed = Options { backlog_bytes: 512, record_bytes_max: 0, window_bytes: 0, ..small() };
            }
            "backlog_bytes" => continue,
            "record_bytes_max" => (fixed.record_bytes_max, fixed.window_bytes) = (948, 0),
            "window_bytes" => fixed.window_bytes = error.bound,
            "idle" => fixed.idle = Span(error.bound),
            "redial_max" => fixed.redial_max = Span(error.bound),
            _ => continue,
        }
        fixed.check().unwrap_or_else(|error| panic!("the bound itself is refused: {error}"));
    }
}

fn boot(cursor: Option<&[u8]>) -> Boot<'_> {
    Boot { node: NodeId(1), seed: [0; 32], role: Role::Replica, unix_zero: 0, cursor }
}

#[test]
fn a_damaged_cursor_is_refused_at_boot() {
    let cursor = primary().cursor();
    let config = small().check().unwrap();
    Node::new(config, boot(Some(&cursor))).expect("a sound one is taken");
    for at in 0..cursor.len() {
        let mut damaged = cursor.clone();
        damaged[at] ^= 0x10;
        let error = Node::new(config, boot(Some(&damaged))).expect_err("a damaged one is not");
        assert_eq!(error.bytes, cursor.len() as u64);
        assert!(Node::new(config, boot(Some(&cursor[..at]))).is_err(), "nor is a part of one");
    }
}
