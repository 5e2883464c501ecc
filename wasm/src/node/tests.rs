//! Inputs and answers through records and addresses. JavaScript tests too, in the module itself, that the words are in
//! their places.

use super::*;
use crate::store::RawStore;

fn node(primary: bool) -> RawNode {
    let mut options = RawOptions::new();
    assert!(options.set("backlogBytes", 65536.0) && options.set("linksMax", 2.0));
    assert!(options.set("shipsMax", 1.0));
    RawNode::new(&options, 7 + u64::from(primary), primary, &[1; 32], 0.0, None).unwrap()
}

#[test]
fn options_have_names_and_whole_values() {
    let mut options = RawOptions::new();
    assert!(!options.set("backlog_bytes", 1.0), "the name is JavaScript's");
    for value in [-1.0, 0.5, f64::NAN, f64::INFINITY] {
        assert!(!options.set("backlogBytes", value), "{value}");
    }
    assert!(options.memory_bytes().unwrap() > f64::from(64 << 20));
    assert!(options.set("backlogBytes", 1.0));
    assert!(options.memory_bytes().unwrap_err().contains("backlog_bytes is 1"));
    assert!(RawNode::new(&RawOptions::new(), 1, true, &[0; 31], 0.0, None).unwrap_err().contains("32 bytes"));
}

#[test]
fn a_write_is_answered_with_its_offset() {
    let mut node = node(true);
    assert_eq!(node.feed(1.5, Input::Write { data: &[] }, b"record"), 0);
    assert_eq!((node.answer[3], node.answer[4]), (1, 1), "an offset, and it is 1");
    assert_eq!(node.feed(1.5, Input::Lost { link: LinkId(0) }, &[]), 1, "no such link");
    node.input.kind = 999;
    assert_eq!(node.handle(1.5, 0), NO_INPUT);
    let told = node.poll();
    assert_eq!((told, node.events[0].kind), (1, 0x10b), "its role");
}

#[test]
fn bytes_may_come_in_any_parts() {
    use towline_core::{Event, Side};
    let (mut primary, mut replica, mut store) = (node(true), node(false), RawStore::new(None));
    let link = LinkId(0);
    assert!(replica.feed(0.0, Input::Tick, &[]) == 0 && replica.poll() == 2);
    assert_eq!(
        replica.events[0].kind,
        FlatEvent::from(Event::Role { role: Role::Replica, epoch: Epoch(0), offset: Offset(0) }).kind
    );
    assert_eq!(replica.feed(0.0, Input::Opened { link, side: Side::Upstream }, &[]), 0);
    assert_eq!(primary.feed(0.0, Input::Opened { link, side: Side::Downstream }, &[]), 0);
    let mut record = Vec::new();
    towline_kv::Effect::Set { key: b"k", value: b"v" }.encode(&mut record);
    assert_eq!(primary.feed(0.0, Input::Write { data: &[] }, &record), 0);
    for _ in 0..10 {
        while replica.poll() > 0 {}
        let up = replica.offered(0);
        assert!(replica.consume(0.0, 0, up.len()) >= 0);
        let mut up = &up[..];
        while !up.is_empty() {
            assert_eq!(primary.feed(0.0, Input::Bytes { link, data: &[] }, up), 0);
            up = &up[usize::try_from(primary.answer[0]).unwrap()..];
        }
        answer(&mut primary);
        let down = primary.offered(0);
        assert_eq!(primary.peek(0), down.len());
        assert!(primary.consume(0.0, 0, down.len()) >= 0);
        for byte in down {
            replica.put(&[byte]);
            replica.came(1);
            while replica.work(&mut store, 0.0, 0, 1) == Ok(MORE) {}
            assert_eq!(replica.work(&mut store, 0.0, 0, 1), Ok(WAITS));
        }
    }
    assert_eq!(store.get(b"k").as_deref(), Some(&b"v"[..]));
    assert_eq!(store.rows(0, 10, 10), [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'k', b'v']);
    replica.stats(0.0);
    assert_eq!((replica.stats[0] & 3, replica.stats[4], replica.stats[5]), (1, 1, 8), "joined, no beat yet");

    // A beat: its age counts to the time of asking, whatever input came in between.
    assert_eq!(primary.feed(600.0, Input::Tick, &[]), 0);
    assert_eq!(primary.consume(600.0, 0, 0), 1, "there is more");
    let beat = primary.offered(0);
    replica.put(&beat);
    replica.came(beat.len());
    assert_eq!(replica.work(&mut store, 0.0, 0, 1 << 16), Ok(WAITS));
    for (now_ms, age_ns) in [(0.0, 0), (2.5, 2_500_000), (7000.0, 7_000_000_000)] {
        replica.stats(now_ms);
        assert_eq!((replica.stats[0] & 3, replica.stats[7]), (3, age_ns));
    }
}

/// Handles each event as a primary with one entry.
fn answer(primary: &mut RawNode) {
    for at in 0..primary.poll() {
        let FlatEvent { kind, fields: [snapshot, piece, ..], .. } = primary.events[at];
        let snapshot = towline_core::SnapshotId(snapshot);
        if kind == 0x105 {
            assert_eq!(primary.feed(0.0, Input::Flush, &[]), 0);
            let [.., epoch, boundary, digest] = primary.answer[..8] else { panic!("eight words") };
            let cursor = primary.cursor(epoch, boundary, digest);
            let ready = Input::SnapshotReady { snapshot, cursor: &[], bytes: None };
            assert_eq!(primary.feed(0.0, ready, &cursor), 0);
        } else if kind == 0x106 {
            let mut data = Vec::new();
            towline_kv::Effect::Set { key: b"k", value: b"v" }.encode(&mut data);
            let piece = Input::SnapshotPiece { snapshot, piece, data: &[], last: true };
            assert_eq!(primary.feed(0.0, piece, &data), 0);
        }
    }
}

/// A host that ticks exactly at its deadline must not be given the same deadline for ever.
#[test]
fn a_deadline_comes_back_as_the_same_nanosecond() {
    for ns in [0, 1, 16_936_843_230, 16_836_843_231, 99_999_999_999, 3_600_000_000_007] {
        assert_eq!(time(millis(ns)).0, ns);
    }
}
