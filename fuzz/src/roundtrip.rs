//! Records from a primary through a relay to its replica, their bytes cut in every way: they arrive, and are the same.
//!
//! Four bytes an operation, at most [`OPS_MAX`]: records are written and flushed, sockets take some bytes, hosts read
//! some. A twin of the relay gets the same bytes in other portions. In the end the relay has handed out exactly the
//! records written, its twin is the same node to the bit, and the relay offers its own replica the frames that it
//! received. The script's bytes are also read as flat records, and as records of the store's language: one that can be
//! read is written back the same.

use arbitrary::Unstructured;
use towline_core::*;

use crate::Marks;
use crate::common::frames;
use crate::common::puppet::Puppet;
use crate::common::small;
use crate::host::{End, next_op, small_node, wide};

/// Operations of one run.
pub const OPS_MAX: usize = 128;

/// The most bytes that the relay may be behind: the ring of 4 KiB must not overtake it here, which another target
/// tests.
const BEHIND_MAX: u64 = 2000;
/// Windows that together hold more than the ring.
const ROUNDS: u32 = 6;

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &[
    "records arrived",
    "cut in a head",
    "cut in a body",
    "large record",
    "relayed",
    "flat input",
    "effects",
];

/// The operations, by their first byte.
pub mod op {
    /// Writes a record of so many bytes (`a`, `b`), all of them `c`.
    pub const WRITE: u8 = 0;
    /// Lets the primary seal.
    pub const FLUSH: u8 = 1;
    /// Lets the primary's socket take so many bytes (`a`, `b`).
    pub const TAKE: u8 = 2;
    /// Lets the relay read so many of them (`a`, `b`), its twin the same in portions of `c` bytes.
    pub const READ: u8 = 3;
    /// The number of operations.
    pub const COUNT: u8 = 4;
}

const NOW: Time = Time::ZERO;

struct Line {
    primary: Node,
    sender: End,
    relay: Node,
    twin: Node,
    reader: End,
    twin_reader: End,
    /// Bytes that are written and not read.
    flight: Vec<u8>,
    /// All bytes that were sent since the relay joined.
    sent: Vec<u8>,
    written: Vec<Vec<u8>>,
    arrived: Vec<Vec<u8>>,
    marks: Marks,
}

/// Plays a script.
pub fn run(data: &[u8]) -> Marks {
    let mut line = Line::new();
    let mut script = Unstructured::new(data);
    for _ in 0..OPS_MAX {
        let Some(op) = next_op(&mut script) else { break };
        line.apply(op);
    }
    line.finish();
    flat_records(data, &mut line.marks);
    effects(data, &mut line.marks);
    line.marks
}

fn poll(node: &mut Node, end: &mut End) {
    while let Some(event) = node.poll_event() {
        end.on_event(event);
    }
}

impl Line {
    /// Makes a relay at its primary's end: the handshake is done, and nothing was written.
    fn new() -> Self {
        let mut primary = small_node(1, 0, Role::Primary, None, small());
        let position = primary.handle(NOW, Input::Flush).expect("flushes").position.expect("a position");
        let cursor = primary.cursor(position).as_bytes().to_vec();
        let mut relay = small_node(2, 0, Role::Replica, Some(&cursor), small());
        let (mut sender, mut reader) = (End::of(0), End::of(0));
        poll(&mut relay, &mut reader);
        relay.handle(NOW, Input::Opened { link: LinkId(0), side: Side::Upstream }).expect("it dials");
        primary.handle(NOW, Input::Opened { link: LinkId(0), side: Side::Downstream }).expect("free");
        for _ in 0..2 {
            poll(&mut relay, &mut reader);
            while reader.write(&mut relay, NOW, usize::MAX) {}
            sender.unread = std::mem::take(&mut reader.said);
            sender.feed(&mut primary, NOW, |_, _| {});
            poll(&mut primary, &mut sender);
            while sender.write(&mut primary, NOW, usize::MAX) {}
            reader.unread = std::mem::take(&mut sender.said);
            reader.feed(&mut relay, NOW, |_, _| {});
        }
        assert!(relay.stats().streaming, "the handshake is done");
        let (twin, twin_reader) = (relay.clone(), reader.clone());
        let (flight, sent, written, arrived) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let marks = Marks::default();
        Self { primary, sender, relay, twin, reader, twin_reader, flight, sent, written, arrived, marks }
    }

    fn apply(&mut self, [kind, a, b, c]: [u8; 4]) {
        match kind % op::COUNT {
            op::WRITE => {
                let behind = self.primary.lag(self.relay.stats().end).bytes;
                if behind.is_none_or(|bytes| bytes > BEHIND_MAX) {
                    self.catch_up();
                }
                let record = vec![c; wide(a, b) % 513];
                self.primary.handle(NOW, Input::Write { data: &record }).expect("a primary writes");
                self.primary.check();
                self.marks.hit_if(record.len() > 256, "large record");
                self.written.push(record);
            }
            op::FLUSH => {
                self.primary.handle(NOW, Input::Flush).expect("a primary flushes");
            }
            op::TAKE => self.take(1 + wide(a, b)),
            _ => self.read(1 + wide(a, b), 1 + usize::from(c % 128)),
        }
    }

    fn take(&mut self, most: usize) {
        poll(&mut self.primary, &mut self.sender);
        self.sender.write(&mut self.primary, NOW, most);
        self.flight.append(&mut self.sender.said);
    }

    fn read(&mut self, most: usize, twins: usize) {
        let count = self.flight.len().min(most);
        let portion: Vec<u8> = self.flight.drain(..count).collect();
        self.sent.extend_from_slice(&portion);
        self.reader.unread.extend_from_slice(&portion);
        let arrived = &mut self.arrived;
        let answer = |node: &mut Node, first: u64, count: u32| {
            node.handle(NOW, Input::Persisted { upto: Offset(first + u64::from(count)) })
                .expect("handed out");
        };
        self.reader.feed(&mut self.relay, NOW, |node, brought| {
            assert_eq!(brought.payload.kind, PayloadKind::Batch);
            arrived.extend(Records::new(brought.data).map(<[u8]>::to_vec));
            answer(node, brought.payload.first, brought.payload.count);
        });
        self.twin_reads(&portion, twins);
        let left = self.reader.unread.len();
        self.marks.hit_if((1..frames::HEAD).contains(&left), "cut in a head");
        self.marks.hit_if(left > frames::BATCH_HEAD, "cut in a body");
        self.acknowledge();
    }

    /// Carries the relay's bytes to the primary, which opens its window.
    fn acknowledge(&mut self) {
        poll(&mut self.relay, &mut self.reader);
        while self.reader.write(&mut self.relay, NOW, usize::MAX) {}
        self.sender.unread.append(&mut self.reader.said);
        self.sender.feed(&mut self.primary, NOW, |_, _| {});
    }

    /// Takes and reads everything, over as many windows as it fills.
    fn catch_up(&mut self) {
        for _ in 0..ROUNDS {
            self.take(usize::MAX);
            self.read(usize::MAX, 50);
        }
    }

    fn finish(&mut self) {
        self.primary.handle(NOW, Input::Flush).expect("a primary flushes");
        self.catch_up();
        assert!(self.flight.is_empty() && self.reader.unread.is_empty(), "all is read");
        assert!(self.arrived == self.written, "what was written arrived, and nothing else");
        self.marks.hit_if(!self.written.is_empty(), "records arrived");
        assert_eq!(self.relay.fingerprint(), self.twin.fingerprint(), "however the bytes are cut");
        assert_eq!(self.relay.stats(), self.twin.stats());
        self.relays_the_same_frames();
    }

    fn twin_reads(&mut self, portion: &[u8], twins: usize) {
        for part in portion.chunks(twins) {
            self.twin_reader.unread.extend_from_slice(part);
            self.twin_reader.feed(&mut self.twin, NOW, |node, brought| {
                let upto = Offset(brought.payload.first + u64::from(brought.payload.count));
                node.handle(NOW, Input::Persisted { upto }).expect("handed out");
            });
        }
        poll(&mut self.twin, &mut self.twin_reader);
        while self.twin_reader.write(&mut self.twin, NOW, usize::MAX) {}
    }

    /// Checks that a replica at the beginning of the ring gets the frames that came, byte for byte.
    fn relays_the_same_frames(&mut self) {
        let batches = |bytes: &[u8]| -> Vec<Vec<u8>> {
            frames::split(bytes).0.into_iter().filter(|frame| frame[4] == frames::BATCH).collect()
        };
        let came = batches(&self.sent);
        // The relay's ring may begin at several places: only the last frames fit in it for sure.
        let Some(last) = came.last() else { return };
        let [first, parent] = [24, 60].map(|at| frames::u64_at(last, at));
        let epoch = Epoch(frames::u64_at(last, 36));
        let cursor = self.relay.cursor(Position { epoch, boundary: Offset(first), digest: parent });
        let mut end = End::of(1);
        self.relay.handle(NOW, Input::Opened { link: end.link, side: Side::Downstream }).expect("free");
        end.unread = Puppet::new(9).opening(Some(cursor.as_bytes()));
        end.feed(&mut self.relay, NOW, |_, _| {});
        for _ in 0..3 {
            poll(&mut self.relay, &mut end);
            while end.write(&mut self.relay, NOW, 97) {}
        }
        assert!(batches(&end.said) == [last.clone()], "the same bytes at every tier");
        self.marks.hit("relayed");
    }
}

/// Reads every 64 bytes as a flat record: one that names an input must become that input's record again.
fn flat_records(data: &[u8], marks: &mut Marks) {
    for words in data.chunks_exact(64) {
        let word = |at: usize| frames::u64_at(words, 8 * at);
        let record = FlatInput {
            kind: frames::u32_at(words, 0),
            link: frames::u32_at(words, 4),
            fields: [1, 2, 3, 4, 5, 6, 7].map(word),
        };
        if let Some(input) = record.input(words) {
            let again = FlatInput::from(input);
            assert_eq!((again.kind, again.fields), (record.kind, record.fields));
            assert_eq!(again.input(words), Some(input));
            marks.hit("flat input");
        }
    }
}

/// Reads a record of the store's language: it must read the same after it is written again.
fn effects(data: &[u8], marks: &mut Marks) {
    let Ok(read) = towline_kv::effects(data).collect::<Result<Vec<_>, _>>() else { return };
    let mut written = Vec::new();
    for effect in &read {
        let before = written.len();
        effect.encode(&mut written);
        assert_eq!(written.len() - before, effect.encoded_len());
    }
    let again: Vec<_> = towline_kv::effects(&written).map(|effect| effect.expect("ours")).collect();
    assert!(again == read);
    marks.hit_if(!read.is_empty(), "effects");
    let mut table = towline_kv::Table::new();
    if table.apply(data).is_ok() {
        table.check();
    }
}
