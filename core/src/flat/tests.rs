//! Every input survives the flat row; what a row does not name must be zero; the page's tables name exactly the
//! fields there are.

use std::format;
use std::path::PathBuf;
use std::string::String;
use std::vec::Vec;

use super::*;
use crate::error::Fault;
use crate::id::{Epoch, NodeId};
use crate::time::Span;
use crate::{Next, Payload, PayloadKind, Position, Step};

#[test]
fn every_input_survives_its_row() {
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
        assert_eq!(FlatInput::from(input).input(data), Some(input));
    }
}

#[test]
fn an_unknown_kind_flag_or_field_is_no_input() {
    let tick = FlatInput::from(Input::Tick);
    assert_eq!(FlatInput { kind: 19, ..tick }.input(&[]), None);
    assert_eq!(FlatInput { kind: 0, ..tick }.input(&[]), None);
    assert_eq!(FlatInput { fields: [1, 0, 0, 0, 0, 0, 0], ..tick }.input(&[]), None);
    let follow = FlatInput::from(Input::Follow { adopt: true });
    assert_eq!(FlatInput { fields: [2, 0, 0, 0, 0, 0, 0], ..follow }.input(&[]), None);
}

#[test]
fn a_step_keeps_all_it_says() {
    let position = Position { epoch: Epoch(8), boundary: Offset(9), digest: 10 };
    let payload =
        Payload { range: 3..7, first: 11, count: 12, kind: PayloadKind::LastPiece, snapshot: SnapshotId(13) };
    let step = Step {
        used: 1,
        need: 2,
        next: Next::Again,
        offset: Some(Offset(0)),
        position: Some(position),
        payload: Some(payload),
    };
    let flat = FlatStep::from(&step);
    assert_eq!((flat.used, flat.need, flat.next, flat.flags), (1, 2, 1, 3));
    assert_eq!((flat.epoch, flat.boundary, flat.digest), (8, 9, 10));
    assert_eq!((flat.range_start, flat.range_length, flat.kind), (3, 4, 6));
    assert_eq!((flat.first, flat.count, flat.snapshot), (11, 12, 13));
    assert_eq!(FlatStep::from(&Step::default()), FlatStep::default());
    assert_eq!((flat.step(), FlatStep::default().step()), (Some(step), Some(Step::default())));
}

#[test]
fn a_payloads_kind_has_its_number_at_every_border() {
    let kinds = [
        PayloadKind::Batch,
        PayloadKind::Spool,
        PayloadKind::Fork,
        PayloadKind::Begin,
        PayloadKind::Piece,
        PayloadKind::LastPiece,
    ];
    for (kind, number) in kinds.into_iter().zip(1..) {
        let payload = Payload { range: 0..0, first: 0, count: 0, kind, snapshot: SnapshotId(0) };
        let step = Step { payload: Some(payload), ..Step::default() };
        assert_eq!(FlatStep::from(&step).kind, number, "{kind:?}");
        assert_eq!(FlatStep::from(&step).step(), Some(step));
    }
}

#[test]
fn a_flat_step_with_a_number_that_none_has_is_no_step() {
    let flat = FlatStep::default();
    assert_eq!(FlatStep { next: 3, ..flat }.step(), None);
    assert_eq!(FlatStep { flags: 4, ..flat }.step(), None);
    assert_eq!(FlatStep { kind: 7, ..flat }.step(), None);
    assert_eq!(FlatStep { kind: 1, range_start: u64::MAX, range_length: 2, ..flat }.step(), None);
}

// --- docs/protocol.md --------------------------------------------------------------------------------------------

/// Each input with every field at something other than zero, and its name.
fn full_inputs() -> Vec<(String, FlatInput)> {
    let (link, snapshot, upto, data) = (LinkId(3), SnapshotId(9), Offset(7), &b"bytes"[..]);
    let inputs = [
        Input::Tick,
        Input::Opened { link, side: Side::Upstream },
        Input::Lost { link },
        Input::DialFailed,
        Input::Bytes { link, data },
        Input::Write { data },
        Input::Flush,
        Input::Taken { upto, pieces: 2 },
        Input::Applied { upto },
        Input::Persisted { upto },
        Input::SnapshotReady { snapshot, cursor: data, bytes: Some(5) },
        Input::SnapshotPiece { snapshot, piece: 4, data, last: true },
        Input::SnapshotFailed { snapshot, retry: true },
        Input::Installed { snapshot },
        Input::Rewound,
        Input::Promote,
        Input::Follow { adopt: true },
        Input::Shutdown,
    ];
    inputs.into_iter().map(|input| (named(&format!("{input:?}")), input.into())).collect()
}

fn full_events() -> Vec<(String, FlatEvent)> {
    let (link, snapshot, node, offset) = (LinkId(3), SnapshotId(9), NodeId(4), Offset(7));
    let events = [
        Event::Dial { attempt: 1 },
        Event::Joined { link, node, from: offset },
        Event::Close { link, fault: Fault::Idle, by_peer: true, retry_after: Span(6) },
        Event::WantsWrite { link },
        Event::SnapshotWanted { snapshot, from: offset },
        Event::SnapshotRead { snapshot, piece: 1 },
        Event::SnapshotDone { snapshot },
        Event::CaughtUp,
        Event::Acked { node, received: offset, applied: offset, persisted: offset },
        Event::SlotExpired { node, lag: 5 },
        Event::Role { role: Role::Primary, epoch: Epoch(1), offset },
        Event::Outranked { number: 2 },
    ];
    events.into_iter().map(|event| (named(&format!("{event:?}")), event.into())).collect()
}

fn named(debug: &str) -> String {
    debug.split([' ', '{']).next().expect("a name").into()
}

/// The tables in the head of `flat.rs`: they stand in docs/protocol.md word for word.
fn tables() -> [String; 2] {
    let source = include_str!("../flat.rs");
    let mut tables = [String::new(), String::new()];
    let mut at = 0;
    for line in source.lines().filter_map(|line| line.strip_prefix("//! | ")) {
        at += usize::from(line.starts_with("kind | event"));
        tables[at] += &format!("| {line}\n");
        if line.starts_with("kind |") {
            tables[at] += &format!("|{}\n", "---|".repeat(line.matches('|').count()));
        }
    }
    tables
}

#[test]
fn the_tables_name_exactly_the_fields_there_are() {
    let inputs =
        full_inputs().into_iter().map(|(name, row)| (name, row.kind, row.link, row.fields)).collect();
    let events =
        full_events().into_iter().map(|(name, row)| (name, row.kind, row.link, row.fields)).collect();
    for (table, flat) in tables().iter().zip::<[Vec<_>; 2]>([inputs, events]) {
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert_eq!(rows.len(), flat.len(), "a row for each kind");
        for (row, (name, kind_there, link, fields)) in rows.iter().zip(flat) {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let kind = cells[0].strip_prefix("0x").map_or_else(
                || cells[0].parse().expect("a number"),
                |hex| u32::from_str_radix(hex, 16).expect("a number"),
            );
            assert_eq!((kind, cells[1]), (kind_there, name.as_str()));
            assert_eq!(!cells[2].is_empty(), link != 0, "{name}: link");
            for (field, value) in fields.iter().enumerate() {
                let cell = cells.get(3 + field).copied().unwrap_or("");
                assert_eq!(!cell.is_empty(), *value != 0, "{name}: field {field}");
            }
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the one who runs the test says whether the page may change")]
fn the_page_holds_the_tables() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/protocol.md");
    let mut text = std::fs::read_to_string(&path).expect("docs/protocol.md");
    let update = std::env::var("UPDATE_DOCS").is_ok();
    for (name, table) in ["inputs", "events"].iter().zip(tables()) {
        let mark = format!("<!-- {name} -->\n\n");
        let begin = text.find(&mark).unwrap_or_else(|| panic!("the page has no block {name}")) + mark.len();
        let end = begin + text[begin..].find("\n<!-- end -->").expect("a block has an end");
        if update {
            text.replace_range(begin..end, &table);
        }
        let end = if update { begin + table.len() } else { end };
        assert_eq!(&text[begin..end], table, "block {name}: run with UPDATE_DOCS=1 if the change is meant");
    }
    if update {
        std::fs::write(path, text).expect("docs/protocol.md can be written");
    }
}
