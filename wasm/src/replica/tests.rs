//! A primary and this replica, connected in memory: stream, snapshot, cut, full spool, and records no primary sends.

use towline_core::{Boot, Event, Input, LinkId, NodeId, Options, Role, Side, SnapshotId};
use towline_kv::{Effect, SnapshotWriter};

use super::*;

const LINK: LinkId = LinkId(0);
/// Less than a piece, so that a piece takes several parts.
const PART_BYTES: usize = 1000;

/// A primary over a table, with a view cut into pieces.
struct Primary {
    node: Node,
    table: Table,
    pieces: Vec<Vec<u8>>,
}

/// Two nodes, their clock, and the connection's state.
struct Pair {
    now: Time,
    primary: Primary,
    node: Node,
    replica: Replica,
    unread: Vec<u8>,
    joined: bool,
    /// While it is false, pieces that were asked for wait here.
    answers: bool,
    /// While it is false, views that were asked for wait.
    opens: bool,
    wanted: Option<SnapshotId>,
    /// Parts that may be loaded before the test gives up.
    parts_max: usize,
    asked: Vec<(SnapshotId, u64)>,
}

fn options() -> Options {
    Options {
        backlog_bytes: 1 << 16,
        piece_bytes_max: 1 << 12,
        links_max: 2,
        slots_max: 2,
        ships_max: 1,
        ..Options::default()
    }
}

fn boot(id: u64, role: Role, cursor: Option<&[u8]>) -> Node {
    let boot = Boot { node: NodeId(id), seed: [u8::try_from(id).unwrap(); 32], role, unix_zero: 0, cursor };
    Node::new(options().check().unwrap(), boot).unwrap()
}

impl Pair {
    fn new(spool_bytes_max: usize) -> Self {
        Self {
            now: Time::ZERO,
            primary: Primary { node: boot(1, Role::Primary, None), table: Table::new(), pieces: Vec::new() },
            node: boot(2, Role::Replica, None),
            replica: Replica::new(spool_bytes_max),
            unread: Vec::new(),
            joined: false,
            answers: true,
            opens: true,
            wanted: None,
            parts_max: usize::MAX,
            asked: Vec::new(),
        }
    }

    fn set(&mut self, key: &str, value: &[u8]) {
        let mut record = Vec::new();
        Effect::Set { key: key.as_bytes(), value }.encode(&mut record);
        self.primary.table.apply(&record).unwrap();
        self.primary.node.handle(self.now, Input::Write { data: &record }).unwrap();
    }

    fn fill(&mut self, name: &str, count: u32) {
        for number in 0..count {
            self.set(&format!("{name}{number}"), &[b'v'; 100]);
            if self.joined && number % 32 == 0 {
                self.turn();
            }
        }
    }

    /// Carries bytes and events until neither side has any.
    fn turn(&mut self) {
        while self.say_primary() | self.say_replica() {}
    }

    fn later(&mut self, ms: u64) {
        self.now = self.now + towline_core::Span::from_millis(ms);
        self.primary.node.handle(self.now, Input::Tick).unwrap();
        self.node.handle(self.now, Input::Tick).unwrap();
        self.turn();
    }

    fn say_primary(&mut self) -> bool {
        let mut some = false;
        while let Some(event) = self.primary.node.poll_event() {
            some = true;
            if let Event::SnapshotWanted { snapshot, .. } = event {
                self.wanted = Some(snapshot);
            } else if let Event::SnapshotRead { snapshot, piece } = event {
                self.asked.push((snapshot, piece));
            }
        }
        if let Some(snapshot) = self.wanted.take_if(|_| self.opens) {
            self.open_view(snapshot);
        }
        if self.answers {
            for (snapshot, piece) in std::mem::take(&mut self.asked) {
                self.read(snapshot, piece);
            }
        }
        for bytes in drain(&mut self.primary.node, self.now) {
            self.unread.extend(bytes);
            some = true;
        }
        self.feed();
        some
    }

    fn open_view(&mut self, snapshot: SnapshotId) {
        let (primary, now) = (&mut self.primary, self.now);
        let position = primary.node.handle(now, Input::Flush).unwrap().position.unwrap();
        let cursor = primary.node.cursor(position);
        let mut writer = SnapshotWriter::new(1 << 12);
        primary.pieces.clear();
        for (key, entry) in primary.table.iter() {
            writer.push(key, entry.expiry, entry.value);
            while !writer.wants_more() {
                primary.pieces.push(writer.next_piece().data.to_vec());
            }
        }
        primary.pieces.push(writer.next_piece().data.to_vec());
        let input = Input::SnapshotReady { snapshot, cursor: cursor.as_bytes(), bytes: None };
        primary.node.handle(now, input).unwrap();
    }

    fn read(&mut self, snapshot: SnapshotId, piece: u64) {
        let pieces = &self.primary.pieces;
        let at = usize::try_from(piece).unwrap();
        let (data, last) = (&pieces[at][..], at + 1 == pieces.len());
        let input = Input::SnapshotPiece { snapshot, piece, data, last };
        self.primary.node.handle(self.now, input).unwrap();
    }

    fn feed(&mut self) {
        loop {
            while self.replica.holds_piece() {
                if self.parts_max == 0 {
                    return;
                }
                self.parts_max -= 1;
                self.replica.go_on(&mut self.node, self.now, PART_BYTES).unwrap();
            }
            let input = Input::Bytes { link: LINK, data: &self.unread };
            let Ok(step) = self.node.handle(self.now, input) else { return };
            self.replica.receive(&mut self.node, self.now, &self.unread, &step).unwrap();
            self.unread.drain(..step.used);
            if step.used == 0 {
                break;
            }
        }
        while self.replica.go_on(&mut self.node, self.now, PART_BYTES).unwrap() {}
        self.node.check();
    }

    fn say_replica(&mut self) -> bool {
        let mut some = false;
        while let Some(event) = self.node.poll_event() {
            some = true;
            self.joined |= matches!(event, Event::Joined { .. });
            if matches!(event, Event::Dial { .. }) {
                let opened = |side| Input::Opened { link: LINK, side };
                self.node.handle(self.now, opened(Side::Upstream)).unwrap();
                self.primary.node.handle(self.now, opened(Side::Downstream)).unwrap();
            }
        }
        for bytes in drain(&mut self.node, self.now) {
            some = true;
            let mut data = &bytes[..];
            while !data.is_empty() {
                let step = self.primary.node.handle(self.now, Input::Bytes { link: LINK, data }).unwrap();
                assert!(step.used > 0, "a replica's frames come whole here");
                data = &data[step.used..];
            }
        }
        some
    }

    fn cut(&mut self) {
        self.unread.clear();
        for node in [&mut self.node, &mut self.primary.node] {
            node.handle(self.now, Input::Lost { link: LINK }).unwrap();
        }
    }

    #[track_caller]
    fn agree(&self) {
        assert_eq!(self.replica.table().digest(), self.primary.table.digest());
        assert_eq!(self.node.stats().applied, self.primary.node.stats().end);
        self.replica.table().check();
    }
}

fn drain(node: &mut Node, now: Time) -> Vec<Vec<u8>> {
    let mut said = Vec::new();
    loop {
        let bytes = node.peek_transmit(LINK).slices().concat();
        if bytes.is_empty() {
            return said;
        }
        node.consume(now, LINK, bytes.len()).unwrap();
        said.push(bytes);
    }
}

#[test]
fn the_stream_is_applied_as_it_comes() {
    let mut pair = Pair::new(1 << 20);
    pair.turn();
    pair.fill("a", 100);
    pair.turn();
    pair.agree();
    assert!(pair.joined && pair.replica.changes() > 0);
}

#[test]
fn a_snapshot_and_the_tail_beside_it_come_together() {
    let mut pair = Pair::new(1 << 20);
    pair.fill("old", 2000);
    pair.answers = false;
    pair.turn();
    pair.later(1);
    // The tail comes while the pieces wait.
    pair.fill("beside", 50);
    assert!(pair.replica.spool_bytes() > 0);
    pair.answers = true;
    for _ in 0..20 {
        pair.later(600);
        pair.fill("more", 3);
    }
    pair.turn();
    pair.agree();
    assert_eq!(pair.replica.spool_bytes(), 0);
    assert_eq!(pair.primary.node.stats().counters.full_syncs, 1);
}

#[test]
fn a_new_node_goes_on_where_the_table_stands() {
    let mut pair = Pair::new(1 << 20);
    pair.turn();
    pair.fill("a", 50);
    pair.turn();
    pair.cut();
    pair.replica.restart();
    let cursor = pair.replica.cursor().unwrap().to_vec();
    pair.node = boot(2, Role::Replica, Some(&cursor));
    pair.fill("b", 50);
    pair.turn();
    pair.agree();
    let counters = pair.primary.node.stats().counters;
    assert_eq!((counters.full_syncs, counters.partial_syncs), (1, 1));
}

#[test]
fn a_piece_that_is_half_loaded_when_the_link_is_cut_is_loaded_all_the_same() {
    let mut pair = Pair::new(1 << 20);
    pair.fill("old", 2000);
    pair.parts_max = 3;
    pair.turn();
    pair.later(1);
    assert!(pair.replica.holds_piece());
    pair.cut();
    pair.parts_max = usize::MAX;
    for _ in 0..20 {
        pair.later(600);
        pair.fill("more", 3);
    }
    pair.turn();
    pair.agree();
    assert_eq!(pair.primary.node.stats().counters.full_syncs, 1, "the pieces went on where they were cut");
}

#[test]
fn a_full_spool_stops_the_sender_and_not_the_pieces() {
    let mut pair = Pair::new(1000);
    pair.fill("old", 2000);
    pair.answers = false;
    pair.turn();
    pair.later(1);
    pair.fill("beside", 200);
    let held = pair.replica.spool_bytes();
    assert!((1000..1 << 16).contains(&held), "{held}");
    pair.answers = true;
    for _ in 0..200 {
        pair.later(600);
    }
    pair.agree();
}

#[test]
fn a_tail_beside_another_snapshot_may_come_before_its_begin() {
    let mut pair = Pair::new(1 << 20);
    pair.fill("old", 2000);
    pair.parts_max = 20;
    pair.turn();
    let pieces = pair.node.stats().receiving_pieces;
    assert!(pieces.is_some_and(|pieces| pieces > 0), "some of the snapshot is here: {pieces:?}");
    // The primary starts again: its views are gone, and its next snapshot has another id.
    pair.cut();
    pair.parts_max = usize::MAX;
    let position = pair.primary.node.handle(pair.now, Input::Flush).unwrap().position.unwrap();
    let cursor = pair.primary.node.cursor(position);
    pair.primary.node = boot(1, Role::Primary, Some(cursor.as_bytes()));
    (pair.opens, pair.wanted, pair.asked) = (false, None, Vec::new());
    pair.later(5_000);
    pair.fill("beside", 3);
    pair.turn();
    assert!(pair.replica.spool_bytes() > 0, "the tail is here before BEGIN");
    (pair.opens, pair.answers) = (true, true);
    for _ in 0..20 {
        pair.later(600);
    }
    pair.agree();
}

#[test]
fn a_record_no_primary_sends_ends_it_and_a_restart_begins_anew() {
    let mut pair = Pair::new(1 << 20);
    pair.turn();
    pair.primary.node.handle(pair.now, Input::Write { data: b"no effect" }).unwrap();
    let bytes = {
        while pair.primary.node.poll_event().is_some() {}
        drain(&mut pair.primary.node, pair.now).concat()
    };
    let mut data = &bytes[..];
    let why = loop {
        let step = pair.node.handle(pair.now, Input::Bytes { link: LINK, data }).unwrap();
        match pair.replica.receive(&mut pair.node, pair.now, data, &step) {
            Ok(()) => data = &data[step.used..],
            Err(why) => break why,
        }
    };
    assert!(why.contains("record"), "{why}");
    pair.replica.restart();
    assert_eq!((pair.replica.cursor(), pair.replica.table().len()), (None, 0));
}
