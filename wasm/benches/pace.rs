//! How fast a replica applies, natively: one of two numbers, of which `bench/pace.js` prints the other.
//!
//! A primary writes, a replica follows; the messages to the replica are recorded. A node that is booted with the same
//! seed and gets the same inputs at the same times asks for the same, so the recording can be played to another node:
//! to one here, and, from the file that the one argument names, to one in the module. The recording begins with the
//! cursor to boot with; each part has its length before it, in four bytes.

use std::time::Instant;

use towline_core::{Boot, Input, LinkId, Node, NodeId, Options, Role, Side, Time};
use towline_kv::Effect;
use towline_wasm::{MORE, RawNode, RawOptions, RawStore};

const LINK: LinkId = LinkId(0);
/// Half of them are new keys.
const RECORDS: u32 = 200_000;
const VALUE: [u8; 100] = [b'v'; 100];
/// Records of a turn: enough to fill some messages.
const TURN: u32 = 2000;
/// The size of a server's messages.
const MESSAGE_BYTES: usize = 64 << 10;
/// The page's own size of a part.
const PART_BYTES: usize = 16 << 10;
const ROUNDS: usize = 5;

fn main() {
    let file = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    // Outside a measurement: enough to show that it still works.
    let (records, rounds) = if file.is_some() { (RECORDS, ROUNDS) } else { (TURN, 1) };
    let parts = record(records);
    let seconds = (0..rounds).map(|_| replay(&parts)).fold(f64::INFINITY, f64::min);
    println!("counted: native_apply_ns = {:.1}", seconds * 1e9 / f64::from(records));
    if let Some(file) = file {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| [&length(part)[..], part].concat()).collect();
        std::fs::write(file, bytes).expect("the file can be written");
    }
}

fn length(part: &[u8]) -> [u8; 4] {
    u32::try_from(part.len()).expect("a part is short").to_le_bytes()
}

/// A replica, its store and its clock, which counts messages.
struct Replica {
    node: RawNode,
    store: RawStore,
    now_ms: f64,
}

impl Replica {
    /// Boots a replica and opens its link.
    fn new(cursor: &[u8]) -> Self {
        let node = RawNode::new(&RawOptions::new(), 2, false, &[2; 32], 0.0, Some(cursor.to_vec()));
        let mut replica = Self { node: node.expect("it boots"), store: RawStore::new(None), now_ms: 0.0 };
        assert_eq!(replica.node.feed(0.0, Input::Tick, &[]), 0);
        while replica.node.poll() > 0 {}
        assert_eq!(replica.node.feed(0.0, Input::Opened { link: LINK, side: Side::Upstream }, &[]), 0);
        replica
    }

    /// Handles a message as a page does: into the room, frame by frame into the store.
    fn came(&mut self, message: &[u8]) {
        self.now_ms += 1.0;
        self.node.put(message);
        self.node.came(message.len());
        while self.node.work(&mut self.store, self.now_ms, LINK.0, PART_BYTES) == Ok(MORE) {}
    }

    /// Returns the bytes that it sends.
    fn answer(&mut self) -> Vec<u8> {
        while self.node.poll() > 0 {}
        let said = self.node.offered(LINK.0);
        assert!(self.node.consume(self.now_ms, LINK.0, said.len()) >= 0);
        said
    }
}

/// Returns the seconds for all parts after the first.
fn replay(parts: &[Vec<u8>]) -> f64 {
    let mut replica = Replica::new(&parts[0]);
    replica.answer();
    let begin = Instant::now();
    for part in &parts[1..] {
        replica.came(part);
        replica.answer();
    }
    begin.elapsed().as_secs_f64()
}

/// Returns the cursor to boot with, and every message of a run.
fn record(records: u32) -> Vec<Vec<u8>> {
    let config = Options::default().check().expect("the options work");
    let boot = Boot { node: NodeId(1), seed: [1; 32], role: Role::Primary, unix_zero: 0, cursor: None };
    let mut primary = Node::new(config, boot).expect("it boots");
    let position = primary.handle(Time::ZERO, Input::Flush).expect("it flushes").position;
    let cursor = primary.cursor(position.expect("a position"));
    let mut replica = Replica::new(cursor.as_bytes());
    let opened = Input::Opened { link: LINK, side: Side::Downstream };
    primary.handle(Time::ZERO, opened).expect("the name is free");
    let mut parts = vec![cursor.as_bytes().to_vec()];
    let (mut written, mut record) = (0, Vec::new());
    loop {
        while primary.poll_event().is_some() {}
        let silent = talk(&mut primary, &mut replica, &mut parts);
        if silent && written == records {
            break;
        }
        let until = (written + TURN).min(records);
        for number in written..until {
            record.clear();
            let key = format!("key:{}", number % (records / 2));
            Effect::Set { key: key.as_bytes(), value: &VALUE }.encode(&mut record);
            primary.handle(Time::ZERO, Input::Write { data: &record }).expect("it is a primary");
        }
        written = until;
    }
    assert_eq!(replica.store.len(), records as usize / 2, "all of it came");
    parts
}

/// Carries the bytes of both sides; returns whether there were none for the replica.
fn talk(primary: &mut Node, replica: &mut Replica, parts: &mut Vec<Vec<u8>>) -> bool {
    let before = parts.len();
    loop {
        let said = replica.answer();
        let mut unread = &said[..];
        while !unread.is_empty() {
            let input = Input::Bytes { link: LINK, data: unread };
            unread = &unread[primary.handle(Time::ZERO, input).expect("it stands").used..];
        }
        while primary.poll_event().is_some() {}
        let mut message = primary.peek_transmit(LINK).slices().concat();
        message.truncate(MESSAGE_BYTES);
        primary.consume(Time::ZERO, LINK, message.len()).expect("it was shown");
        if message.is_empty() {
            return said.is_empty() && parts.len() == before;
        }
        replica.came(&message);
        parts.push(message);
    }
}
