//! A snapshot under way from a primary to a replica that holds nothing, and the faults that it meets.
//!
//! The first byte is the shape of the view: how many pieces, how long. Then four bytes an operation, at most
//! [`OPS_MAX`]: frames arrive whole or in portions, are lost, come twice or in another order, are damaged, or forged
//! (changed, with sound checks); links break, either node starts again, views fail, records are written beside. As long
//! as nothing was forged, the installed snapshot is the sent one, to the byte, and in the end one is installed and the
//! stream has caught up. Forged frames may end the link, and nothing else.

use std::collections::VecDeque;

use arbitrary::Unstructured;
use towline_core::*;

use store::{Kept, View, piece_bytes};

use crate::Marks;
use crate::common::frames;
use crate::common::small;
use crate::host::{End, next_op, small_node, wide};

mod store;

/// Operations of one run.
pub const OPS_MAX: usize = 96;
/// Rounds in which a healed pair must agree.
const ROUNDS: u32 = 400;

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &[
    "begun",
    "piece",
    "installed",
    "spooled",
    "resumed",
    "begun anew",
    "refused",
    "forged",
    "sender started again",
    "replica started again",
    "view failed",
    "caught up",
];

/// The operations, by their first byte.
pub mod op {
    /// Delivers the next frame.
    pub const ARRIVE: u8 = 0;
    /// Delivers the first `a` bytes of it.
    pub const PORTION: u8 = 1;
    /// Flips byte (`a`, `b`) of it by `c`.
    pub const DAMAGE: u8 = 2;
    /// The same, with sound checks again.
    pub const FORGE: u8 = 3;
    /// Loses it.
    pub const LOSE: u8 = 4;
    /// Delivers it twice.
    pub const TWICE: u8 = 5;
    /// Delivers it after the one behind it.
    pub const SWAP: u8 = 6;
    /// Breaks the link; both go on when the pause is over.
    pub const CUT: u8 = 7;
    /// Writes `a` records of `b` bytes.
    pub const WRITE: u8 = 8;
    /// Lets ten milliseconds each (`a`) pass.
    pub const PASS: u8 = 9;
    /// Starts the sender again; its views are gone.
    pub const SENDER_AGAIN: u8 = 10;
    /// Starts the replica again, with its installed snapshot.
    pub const REPLICA_AGAIN: u8 = 11;
    /// Lets the sender's views fail from now on, or not (bit 0 of `a`); they may be asked for again (bit 1).
    pub const VIEWS: u8 = 12;
    /// The number of operations.
    pub const COUNT: u8 = 13;
}

struct Pair {
    sender: Node,
    replica: Node,
    down: End,
    up: End,
    /// Frames on their way to the replica. Those in the other direction arrive at once.
    flight: VecDeque<Vec<u8>>,
    connected: bool,
    dials: bool,
    now: Time,
    view: View,
    views_fail: Option<bool>,
    boots: u8,
    kept: Kept,
    marks: Marks,
}

/// Plays a script to its end, and through the time after it.
pub fn run(data: &[u8]) -> Marks {
    let mut script = Unstructured::new(data);
    let mut pair = Pair::new(script.arbitrary().unwrap_or(0));
    for _ in 0..OPS_MAX {
        let Some(op) = next_op(&mut script) else { break };
        pair.apply(op);
    }
    pair.heal();
    pair.marks
}

impl Pair {
    fn new(shape: u8) -> Self {
        let mut sender = small_node(1, 0, Role::Primary, None, small());
        for _ in 0..5 {
            sender.handle(Time::ZERO, Input::Write { data: b"a record" }).expect("a primary writes");
        }
        Self {
            sender,
            replica: small_node(2, 0, Role::Replica, None, small()),
            down: End::of(0),
            up: End::of(0),
            flight: VecDeque::new(),
            connected: false,
            dials: false,
            now: Time::ZERO,
            view: View {
                pieces: 1 + u64::from(shape % 8),
                bytes: 1 + usize::from(shape >> 3) * 4,
                forged: false,
            },
            views_fail: None,
            boots: 0,
            kept: Kept::standing_at(None),
            marks: Marks::default(),
        }
    }

    fn apply(&mut self, [kind, a, b, c]: [u8; 4]) {
        self.turn();
        match kind % op::COUNT {
            op::ARRIVE => self.arrive(usize::MAX),
            op::PORTION => self.arrive(usize::from(a)),
            op::DAMAGE | op::FORGE => self.damage(wide(a, b), c, kind % op::COUNT == op::FORGE),
            op::LOSE => drop(self.flight.pop_front()),
            op::TWICE => {
                if let Some(first) = self.flight.front().cloned() {
                    self.flight.push_front(first);
                }
            }
            op::SWAP => {
                if self.flight.len() > 1 {
                    self.flight.swap(0, 1);
                }
            }
            op::CUT => self.cut(),
            op::WRITE => {
                for _ in 0..a % 32 {
                    let written =
                        self.sender.handle(self.now, Input::Write { data: &vec![c; usize::from(b)] });
                    written.expect("a primary writes");
                }
            }
            op::PASS => self.pass(Span::from_millis(u64::from(a) * 10)),
            op::SENDER_AGAIN => self.sender_again(),
            op::REPLICA_AGAIN => self.replica_again(),
            _ => self.views_fail = (a & 1 == 1).then_some(a & 2 == 2),
        }
        self.turn();
    }

    fn damage(&mut self, at: usize, mask: u8, sealed: bool) {
        let Some(frame) = self.flight.front_mut().filter(|frame| frame.len() >= frames::HEAD) else { return };
        // A portion of a frame is no frame.
        let whole = frames::u32_at(frame, 0) as usize == frame.len();
        let (at, piece) = (at % frame.len(), frame[4] == frames::PIECE);
        frame[at] ^= mask.max(1);
        if sealed && whole && !piece {
            let parent = if frame[4] == frames::BATCH && frame.len() >= frames::BATCH_HEAD {
                frames::parent_of(frame)
            } else {
                0
            };
            frames::seal(frame, parent);
            self.view.forged = true;
            self.marks.hit("forged");
        }
    }

    fn arrive(&mut self, most: usize) {
        let Some(mut frame) = self.flight.pop_front() else { return };
        let rest = frame.split_off(frame.len().min(most));
        if !rest.is_empty() {
            self.flight.push_front(rest);
        }
        if !self.connected {
            return;
        }
        self.up.unread.extend(frame);
        let Self { up, replica, now, kept, marks, view, .. } = self;
        up.feed(replica, *now, |node, brought| kept.receive(node, *now, brought, *view, marks));
    }

    // --- links ----------------------------------------------------------------------------------------------------

    fn cut(&mut self) {
        if !std::mem::take(&mut self.connected) {
            return;
        }
        for (node, end) in [(&mut self.sender, &mut self.down), (&mut self.replica, &mut self.up)] {
            if end.closed.is_none() {
                node.handle(self.now, Input::Lost { link: end.link }).expect("it was open");
            }
            *end = End::of(0);
            node.check();
        }
        self.flight.clear();
    }

    fn connect(&mut self) {
        if !std::mem::take(&mut self.dials) {
            return;
        }
        self.cut();
        let link = LinkId(0);
        self.replica.handle(self.now, Input::Opened { link, side: Side::Upstream }).expect("it dials");
        self.sender.handle(self.now, Input::Opened { link, side: Side::Downstream }).expect("free");
        self.connected = true;
    }

    fn sender_again(&mut self) {
        let cursor = flush(&mut self.sender, self.now);
        self.cut();
        self.boots += 1;
        self.sender = small_node(1, self.boots, Role::Primary, Some(&cursor), small());
        self.sender.handle(self.now, Input::Tick).expect("ticks");
        self.marks.hit("sender started again");
    }

    fn replica_again(&mut self) {
        self.cut();
        self.boots += 1;
        self.kept = Kept::standing_at(self.kept.cursor.take());
        let cursor = self.kept.cursor.as_deref();
        self.replica = small_node(2, self.boots, Role::Replica, cursor, small());
        self.replica.handle(self.now, Input::Tick).expect("ticks");
        self.dials = false;
        self.marks.hit("replica started again");
    }

    // --- turns ----------------------------------------------------------------------------------------------------

    /// Lets both hosts poll and write until neither has anything left.
    fn turn(&mut self) {
        loop {
            let mut busy = false;
            while let Some(event) = self.sender.poll_event() {
                busy = true;
                self.down.on_event(event);
                self.on_sender(event);
                self.sender.check();
            }
            while let Some(event) = self.replica.poll_event() {
                busy = true;
                self.up.on_event(event);
                self.on_replica(event);
                self.replica.check();
            }
            busy |= self.up.write(&mut self.replica, self.now, usize::MAX);
            busy |= self.down.write(&mut self.sender, self.now, usize::MAX);
            self.down.unread.append(&mut self.up.said);
            if self.connected && !self.down.unread.is_empty() {
                self.down.feed(&mut self.sender, self.now, |_, _| {});
            }
            let (frames, used) = frames::split(&self.down.said);
            self.down.said.drain(..used);
            self.flight.extend(frames);
            if !busy {
                break;
            }
        }
        if self.down.closed.is_some() || self.up.closed.is_some() {
            self.marks.hit_if(self.up.closed.is_some(), "refused");
            self.cut();
        }
    }

    fn on_sender(&mut self, event: Event) {
        let now = self.now;
        match event {
            Event::SnapshotWanted { snapshot, .. } => {
                if let Some(retry) = self.views_fail {
                    self.marks.hit("view failed");
                    let failed = Input::SnapshotFailed { snapshot, retry };
                    self.sender.handle(now, failed).expect("asked for");
                    // A host that allows another try is one whose next view may work.
                    self.views_fail = None;
                    return;
                }
                let cursor = flush(&mut self.sender, now);
                let ready = Input::SnapshotReady { snapshot, cursor: &cursor, bytes: None };
                self.sender.handle(now, ready).expect("asked for");
            }
            Event::SnapshotRead { snapshot, piece } => {
                let data = piece_bytes(snapshot, piece, self.view.bytes);
                let last = piece + 1 == self.view.pieces;
                let piece = Input::SnapshotPiece { snapshot, piece, data: &data, last };
                self.sender.handle(now, piece).expect("asked for");
            }
            Event::Dial { .. } | Event::Joined { .. } | Event::Close { .. } | Event::WantsWrite { .. } => {}
            Event::SnapshotDone { .. } | Event::CaughtUp | Event::Acked { .. } => {}
            Event::SlotExpired { .. } | Event::Role { .. } | Event::Outranked { .. } => {}
        }
    }

    fn on_replica(&mut self, event: Event) {
        match event {
            Event::Dial { .. } => {
                self.dials = true;
                self.connect();
            }
            Event::Close { fault, .. } => self.marks.fault(fault),
            Event::CaughtUp => self.marks.hit("caught up"),
            Event::Joined { .. } | Event::WantsWrite { .. } | Event::SnapshotWanted { .. } => {}
            Event::SnapshotRead { .. } | Event::SnapshotDone { .. } | Event::Acked { .. } => {}
            Event::SlotExpired { .. } | Event::Role { .. } | Event::Outranked { .. } => {}
        }
    }

    fn pass(&mut self, span: Span) {
        self.now = self.now + span;
        for node in [&mut self.sender, &mut self.replica] {
            node.handle(self.now, Input::Tick).expect("ticks");
            node.check();
        }
        self.turn();
    }

    /// Lets everything arrive from now on.
    fn heal(&mut self) {
        self.cut();
        self.views_fail = None;
        for _ in 0..ROUNDS {
            self.turn();
            while !self.flight.is_empty() {
                self.arrive(usize::MAX);
                self.turn();
            }
            let (ours, theirs) = (self.replica.stats(), self.sender.stats());
            if ours.base && ours.streaming && ours.end == theirs.end {
                break;
            }
            let deadlines = [self.sender.next_deadline(), self.replica.next_deadline()];
            let next = deadlines.into_iter().flatten().min().expect("nodes without a deadline");
            self.pass(next.since(self.now));
        }
        let counters = self.sender.stats().counters;
        self.marks.hit_if(counters.snapshots_resumed > 0, "resumed");
        self.marks.hit_if(counters.snapshots_restarted > 0, "begun anew");
        let (ours, theirs) = (self.replica.stats(), self.sender.stats());
        let together = ours.base && ours.end == theirs.end;
        assert!(together || self.view.forged, "healed, and yet: {ours:?}\nbehind {theirs:?}");
        self.marks.hit_if(together, "installed");
    }
}

fn flush(node: &mut Node, now: Time) -> Vec<u8> {
    let position = node.handle(now, Input::Flush).expect("a primary flushes").position.expect("a position");
    node.cursor(position).as_bytes().to_vec()
}
