//! Frames of a peer, right and wrong: raw bytes, damaged frames, strange frames with sound checks.
//!
//! The first byte chooses the node: a primary that is dialled, a replica that holds nothing, one at its upstream's end,
//! a relay that is dialled. For each of them the good frames of its peer are prepared. Then come four bytes an
//! operation, of which some are followed by bytes of their own, at most [`OPS_MAX`]. Any input ends that link alone:
//! the node keeps its invariants and its log, and the link, once closed, is free again.

use std::sync::OnceLock;

use arbitrary::Unstructured;
use towline_core::*;

use crate::Marks;
use crate::common::frames::{self, Ack};
use crate::common::middle::{DOWN, Middle, UP};
use crate::common::puppet::Puppet;
use crate::common::small;
use crate::host::{Brought, End, next_op, wide};

/// Operations of one run.
pub const OPS_MAX: usize = 64;
/// Time in which a link must end once it is closing.
const LINGER: Span = Span::from_secs(2);

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &[
    "batch read",
    "spool read",
    "begin read",
    "piece read",
    "last piece read",
    "fork read",
    "joined as sender",
    "joined as replica",
    "skipped",
    "closed",
];
/// The faults that the corpus must reach: all of a frame, by number.
pub const MUST_END: &[Fault] = &[
    Fault::Other,
    Fault::BadMagic,
    Fault::Version,
    Fault::Feature,
    Fault::FrameLimit,
    Fault::HeadCheck,
    Fault::UnknownKind,
    Fault::UnknownFlag,
    Fault::FrameLength,
    Fault::BodyCheck,
    Fault::Malformed,
    Fault::Gap,
    Fault::Parent,
    Fault::EpochOrder,
    Fault::AckAhead,
    Fault::AckBackwards,
    Fault::NotShaken,
    Fault::Unexpected,
    Fault::SecondHello,
    Fault::PieceOrder,
    Fault::SameNode,
];

/// The operations, by their first byte.
pub mod op {
    /// `a` raw bytes, which follow.
    pub const RAW: u8 = 0;
    /// A frame of kind `a` with flags `b`, with sound checks over the `c` bytes that follow.
    pub const SEALED: u8 = 1;
    /// The next good frame.
    pub const GOOD: u8 = 2;
    /// The next good frame with byte (`a`, `b`) flipped by `c`.
    pub const DAMAGED: u8 = 3;
    /// The same, with sound checks again.
    pub const RESEALED: u8 = 4;
    /// Leaves the next good frame out.
    pub const SKIP: u8 = 5;
    /// Repeats the last good frame.
    pub const AGAIN: u8 = 6;
    /// Lets time pass, ten milliseconds each (`a`); the node writes its bytes.
    pub const PASS: u8 = 7;
    /// The number of operations.
    pub const COUNT: u8 = 8;
}

/// A node that waits for its peer, and the frames of a good peer.
struct Stage {
    node: Node,
    link: LinkId,
    good: Vec<Vec<u8>>,
}

fn stages() -> &'static [Stage; 5] {
    static STAGES: OnceLock<[Stage; 5]> = OnceLock::new();
    STAGES.get_or_init(|| [dialled(false), replica(false), replica(true), dialled(true), forked()])
}

fn acks() -> impl Iterator<Item = Vec<u8>> {
    (5..8).map(|at| {
        Ack { admit: 1, base: true, received: 5, applied: 5, persisted: 5, echo: at - 5, ..Ack::default() }
            .frame()
    })
}

/// Returns a primary, or a relay, that a replica dials.
fn dialled(relay: bool) -> Stage {
    let mut middle = if relay { Middle::streaming() } else { Middle::new(true, small()) };
    let cursor = middle.primary.cursor();
    let link = LinkId(DOWN + 1);
    let mut node = if relay { middle.replica.node } else { middle.primary.node };
    node.handle(Time::ZERO, Input::Opened { link, side: Side::Downstream }).expect("a free link");
    let good = [frames::split(&Puppet::new(9).opening(Some(&cursor))).0, acks().collect()].concat();
    Stage { node, link, good }
}

/// Returns a replica that sent HELLO, and its upstream's frames: a snapshot or a stream, and beats.
fn replica(holds: bool) -> Stage {
    let mut middle = Middle::new(holds, small());
    middle.connect();
    let hello = middle.replica_says().concat();
    let node = middle.replica.node.clone();
    middle.primary.feed(UP, &hello);
    let welcome = middle.primary_says();
    middle.replica.feed(UP, &welcome.concat());
    let mut good = welcome;
    for round in 1..5u64 {
        let answer = middle.replica_says().concat();
        middle.primary.feed(UP, &answer);
        if round > 1 {
            middle.primary.now = Time::ZERO + Span::from_millis(round * 100);
            middle.primary.node.handle(middle.primary.now, Input::Tick).expect("ticks");
        }
        let said = middle.batches(2, 30);
        middle.replica.feed(UP, &said.concat());
        good.extend(said);
    }
    Stage { node, link: LinkId(UP), good }
}

/// Returns a replica with two records that its upstream, promoted below them, does not have.
fn forked() -> Stage {
    let mut old = crate::host::small_node(1, 0, Role::Primary, None, small());
    let mut cursors = Vec::new();
    for _ in 0..2 {
        old.handle(Time::ZERO, Input::Write { data: b"a record" }).expect("a primary writes");
        let position = old.handle(Time::ZERO, Input::Flush).expect("flushes").position.expect("a position");
        cursors.push(old.cursor(position).as_bytes().to_vec());
    }
    let options = Options { can_rewind: true, ..small() };
    let [shared, own] = &cursors[..] else { unreachable!("two were made") };
    let mut node = crate::host::small_node(2, 0, Role::Replica, Some(own), options);
    let mut sender = crate::host::small_node(3, 0, Role::Primary, Some(shared), options);
    let (mut up, mut down) = (End::of(UP), End::of(UP));
    turn(&mut node, &mut up, Time::ZERO, &mut Marks::default());
    node.handle(Time::ZERO, Input::Opened { link: LinkId(UP), side: Side::Upstream }).expect("it dials");
    sender.handle(Time::ZERO, Input::Opened { link: LinkId(UP), side: Side::Downstream }).expect("free");
    turn(&mut node, &mut up, Time::ZERO, &mut Marks::default());
    let waiting = node.clone();
    let mut good = Vec::new();
    for _ in 0..4 {
        down.unread = std::mem::take(&mut up.said);
        down.feed(&mut sender, Time::ZERO, |_, _| {});
        turn(&mut sender, &mut down, Time::ZERO, &mut Marks::default());
        good.extend_from_slice(&down.said);
        up.unread = std::mem::take(&mut down.said);
        up.feed(&mut node, Time::ZERO, |node, brought| answer(node, Time::ZERO, brought));
        turn(&mut node, &mut up, Time::ZERO, &mut Marks::default());
    }
    Stage { node: waiting, link: LinkId(UP), good: frames::split(&good).0 }
}

/// Does at once what a frame asks of its host.
fn answer(node: &mut Node, now: Time, brought: &Brought<'_>) {
    let payload = &brought.payload;
    let upto = Offset(payload.first + u64::from(payload.count));
    let done = match payload.kind {
        PayloadKind::Batch => Input::Persisted { upto },
        PayloadKind::Spool => Input::Taken { upto, pieces: 0 },
        PayloadKind::Piece => Input::Taken { upto: Offset(0), pieces: payload.first + 1 },
        PayloadKind::LastPiece => Input::Installed { snapshot: payload.snapshot },
        PayloadKind::Fork if payload.count == 1 => Input::Rewound,
        PayloadKind::Fork | PayloadKind::Begin => return,
    };
    node.handle(now, done).expect("it was handed out");
}

/// Polls and writes until nothing is left.
fn turn(node: &mut Node, end: &mut End, now: Time, marks: &mut Marks) {
    loop {
        while let Some(event) = node.poll_event() {
            end.on_event(event);
            match event {
                Event::Close { link, fault, .. } if link == end.link => {
                    marks.hit("closed");
                    marks.fault(fault);
                }
                Event::Joined { link, .. } if link == end.link => {
                    let replica = node.stats().role == Role::Replica && link == LinkId(UP);
                    marks.hit(if replica { "joined as replica" } else { "joined as sender" });
                }
                Event::SnapshotWanted { snapshot, .. } => {
                    let failed = Input::SnapshotFailed { snapshot, retry: false };
                    node.handle(now, failed).expect("asked for");
                }
                Event::Joined { .. } | Event::Close { .. } | Event::WantsWrite { .. } => {}
                Event::SnapshotRead { .. } | Event::SnapshotDone { .. } | Event::Dial { .. } => {}
                Event::CaughtUp | Event::Acked { .. } | Event::SlotExpired { .. } => {}
                Event::Role { .. } | Event::Outranked { .. } => {}
            }
            node.check();
        }
        if !end.write(node, now, usize::MAX) {
            return;
        }
    }
}

struct Run<'a> {
    node: Node,
    end: End,
    now: Time,
    good: &'a [Vec<u8>],
    last: &'a [u8],
    /// The value that the next piece must be chained to.
    chain: u64,
    marks: Marks,
}

/// Feeds one node as the bytes say.
pub fn run(data: &[u8]) -> Marks {
    let mut bytes = Unstructured::new(data);
    let stage: u8 = bytes.arbitrary().unwrap_or(0);
    let stage = &stages()[usize::from(stage) % stages().len()];
    let end = End { link: stage.link, ..End::default() };
    let mut run = Run {
        node: stage.node.clone(),
        end,
        now: Time::ZERO,
        good: &stage.good,
        last: &[],
        chain: 0,
        marks: Marks::default(),
    };
    for _ in 0..OPS_MAX {
        let Some(op) = next_op(&mut bytes) else { break };
        run.apply(op, &mut bytes);
    }
    run.finish();
    run.marks
}

impl<'a> Run<'a> {
    fn next_good(&mut self) -> &'a [u8] {
        let Some((first, rest)) = self.good.split_first() else { return &[] };
        (self.good, self.last) = (rest, first);
        first
    }

    fn apply(&mut self, [kind, a, b, c]: [u8; 4], bytes: &mut Unstructured<'_>) {
        let mut following = |count: u8| bytes.bytes(usize::from(count).min(bytes.len())).unwrap_or_default();
        match kind % op::COUNT {
            op::RAW => {
                let raw = following(a);
                self.feed(raw);
            }
            op::SEALED => {
                let parent = if a == frames::PIECE { self.chain } else { 0 };
                let frame = frames::frame(a, b, 1, parent, following(c));
                self.marks.hit_if(a >= 0x80, "skipped");
                self.feed(&frame);
            }
            op::GOOD => {
                let frame = self.next_good();
                self.feed(frame);
            }
            op::DAMAGED | op::RESEALED => {
                let mut frame = self.next_good().to_vec();
                if !frame.is_empty() {
                    let at = wide(a, b) % frame.len();
                    frame[at] ^= c;
                    if kind % op::COUNT == op::RESEALED {
                        let parent = self.parent(self.last, &frame);
                        frames::seal(&mut frame, parent);
                    }
                }
                self.feed(&frame);
            }
            op::SKIP => {
                self.next_good();
            }
            op::AGAIN => self.feed(self.last),
            _ => self.pass(Span::from_millis(u64::from(a) * 10)),
        }
    }

    /// Returns the parent digest with which a changed frame has a sound check.
    fn parent(&self, good: &[u8], frame: &[u8]) -> u64 {
        match good[4] {
            frames::BATCH if frame.len() >= frames::BATCH_HEAD => frames::parent_of(frame),
            frames::PIECE => self.chain,
            _ => 0,
        }
    }

    fn feed(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.end.closed.is_some() {
            return;
        }
        self.end.unread.extend_from_slice(bytes);
        let (now, marks, chain) = (self.now, &mut self.marks, &mut self.chain);
        let before = self.node.stats();
        self.end.feed(&mut self.node, now, |node, brought| {
            match brought.payload.kind {
                PayloadKind::Batch => marks.hit("batch read"),
                PayloadKind::Spool => marks.hit("spool read"),
                PayloadKind::Begin => {
                    *chain = 0;
                    marks.hit("begin read");
                }
                PayloadKind::Piece => marks.hit("piece read"),
                PayloadKind::LastPiece => marks.hit("last piece read"),
                PayloadKind::Fork => marks.hit("fork read"),
            }
            answer(node, now, brought);
        });
        if bytes.len() > frames::HEAD && bytes[4] == frames::PIECE {
            self.chain = frames::u64_at(bytes, 16);
        }
        let after = self.node.stats();
        if before.role == Role::Primary {
            assert_eq!(
                (before.end, before.history),
                (after.end, after.history),
                "a peer moves no primary's log"
            );
        }
    }

    fn pass(&mut self, span: Span) {
        turn(&mut self.node, &mut self.end, self.now, &mut self.marks);
        self.now = self.now + span;
        self.node.handle(self.now, Input::Tick).expect("ticks");
        turn(&mut self.node, &mut self.end, self.now, &mut self.marks);
        self.node.check();
    }

    /// Ends the link, if it has not ended; its id must be free for another.
    fn finish(&mut self) {
        self.pass(Span::ZERO);
        if let Some(position) = self.node.handle(self.now, Input::Flush).ok().and_then(|step| step.position) {
            let cursor = self.node.cursor(position);
            assert_eq!(Cursor::describe(cursor.as_bytes()).map(|told| told.1), Some(position));
        }
        self.node.handle(self.now, Input::Shutdown).expect("any time");
        self.pass(LINGER);
        assert!(self.end.closed.is_some(), "a link outlives a shutdown");
        let link = self.end.link;
        let gone = self.node.handle(self.now, Input::Bytes { link, data: b"late" });
        assert_eq!(gone, Err(Misuse::UnknownLink), "its id is free");
    }
}
