//! One script through Rust and through the C ABI: the same steps, events, bytes and refusals, record for record.
//!
//! A primary and a replica that holds nothing, each twice: as a `Node` and behind a handle. Four bytes an operation, at
//! most [`OPS_MAX`]: hosts do their work, bytes are carried whole or in part or damaged, records of any kind with any
//! fields are given. Both must give the same answers. A receiver beside each says what is done with a payload.

use std::collections::BTreeSet;

use arbitrary::Unstructured;
use towline_core::*;
use towline_ffi::{TOW_E_MISUSE, TOW_E_RECORD, TOW_NO_DEADLINE, tow_event};

use crate::Marks;
use crate::c_node::CNode;
use crate::common::{seed, small};
use crate::host::{next_op, wide};
use receiving::Receiving;

mod receiving;

/// Operations of one run.
pub const OPS_MAX: usize = 128;

/// From this kind on a record is a completion, of something that nobody asked for.
const LIES: u8 = 240;

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &[
    "joined",
    "snapshot",
    "payload",
    "refused",
    "no record",
    "closed",
    "damaged",
    "consumed too much",
    "cursor",
    "applied",
    "kept",
    "installed",
    "receiver refused",
];

/// The operations, by their first byte.
pub mod op {
    /// Lets the host of `a` poll, `b` events at a time, and do what it is asked.
    pub const TURN: u8 = 0;
    /// Carries so many bytes (`b`, `c`) of those `a` offers to the other, which reads them.
    pub const CARRY: u8 = 1;
    /// Writes a record of so many bytes (`a`, `b`).
    pub const WRITE: u8 = 2;
    /// Lets the primary seal.
    pub const FLUSH: u8 = 3;
    /// Lets ten milliseconds each (`a`) pass.
    pub const PASS: u8 = 4;
    /// Breaks the connection.
    pub const CUT: u8 = 5;
    /// Gives `a` a record of kind `b` with fields by `c`.
    pub const RECORD: u8 = 6;
    /// Damages the unread bytes at `a`, at `b` by `c`.
    pub const DAMAGE: u8 = 7;
    /// Consumes more on link `b` of `a` than is on offer.
    pub const CONSUME: u8 = 8;
    /// The number of operations.
    pub const COUNT: u8 = 9;
}

/// One node, twice.
struct Both {
    rust: Node,
    c: CNode,
    link: LinkId,
    unread: Vec<u8>,
    /// Set while this side has the connection.
    open: bool,
    writing: bool,
    views: BTreeSet<SnapshotId>,
    receiving: Receiving,
}

struct Pair {
    sides: [Both; 2],
    now: Time,
    marks: Marks,
}

/// Plays a script.
pub fn run(data: &[u8]) -> Marks {
    let mut pair = Pair {
        sides: [Both::new(1, Role::Primary), Both::new(2, Role::Replica)],
        now: Time::ZERO,
        marks: Marks::default(),
    };
    let mut script = Unstructured::new(data);
    for _ in 0..OPS_MAX {
        let Some(op) = next_op(&mut script) else { break };
        pair.apply(op);
    }
    pair.sides.iter().for_each(Both::same);
    pair.marks
}

impl Both {
    fn new(id: u64, role: Role) -> Self {
        let config = small().check().expect("the options work");
        let (node, seed) = (NodeId(id), seed(id, 0));
        let boot = Boot { node, seed, role, unix_zero: 0, cursor: None };
        Self {
            rust: Node::new(config, boot).expect("no cursor"),
            c: CNode::new(&config, node, seed, role),
            link: LinkId(0),
            unread: Vec::new(),
            open: false,
            writing: false,
            views: BTreeSet::new(),
            receiving: Receiving::new(),
        }
    }

    /// Gives a record to both. Returns the step, if both returned it.
    fn say(&mut self, now: Time, record: FlatInput, data: &[u8], marks: &mut Marks) -> Option<Step> {
        let told = self.c.handle(now.0, record, data);
        let Some(input) = record.input(data) else {
            assert_eq!(told.map_err(|refusal| refusal.0), Err(TOW_E_RECORD), "{record:?}");
            marks.hit("no record");
            return None;
        };
        match self.rust.handle(now, input) {
            Ok(step) => {
                assert_eq!(told, Ok(FlatStep::from(&step)), "{record:?}");
                if let Some(position) = step.position {
                    assert_eq!(self.c.cursor(position), self.rust.cursor(position).as_bytes());
                    marks.hit("cursor");
                }
                self.c.check();
                Some(step)
            }
            Err(misuse) => {
                assert_eq!(told, Err((TOW_E_MISUSE, misuse.number().into())), "{record:?}");
                marks.hit("refused");
                None
            }
        }
    }

    fn events(&mut self, room: usize) -> Vec<Event> {
        let events: Vec<Event> = std::iter::from_fn(|| self.rust.poll_event()).collect();
        let records: Vec<tow_event> = events.iter().map(|event| FlatEvent::from(*event).into()).collect();
        assert_eq!(self.c.events(room), records);
        events
    }

    fn write(&mut self, now: Time, most: usize) -> Vec<u8> {
        let shown = self.rust.peek_transmit(self.link).slices().concat();
        assert_eq!(self.c.peek(self.link.0), shown);
        let taken = shown.len().min(most);
        let more = self.rust.consume(now, self.link, taken).expect("it was shown");
        assert_eq!(self.c.consume(now.0, self.link.0, taken), Ok(more == More::More));
        self.writing = more == More::More;
        shown[..taken].to_vec()
    }

    /// Checks that all questions have the same answers.
    fn same(&self) {
        let deadline = self.rust.next_deadline().map_or(TOW_NO_DEADLINE, |at| at.0);
        assert_eq!(self.c.next_deadline(), deadline);
        let (rust, c) = (self.rust.stats(), self.c.stats());
        assert_eq!((rust.end.0, rust.applied.0, rust.persisted.0), (c.end, c.applied, c.persisted));
        assert_eq!((rust.epoch.0, rust.start.0, rust.counters.faults), (c.epoch, c.start, c.faults));
        assert_eq!(
            (rust.counters.bytes_sent, rust.counters.bytes_received),
            (c.bytes_sent, c.bytes_received)
        );
        self.c.check();
        self.rust.check();
    }
}

impl Pair {
    fn apply(&mut self, [kind, a, b, c]: [u8; 4]) {
        let side = usize::from(a & 1);
        match kind % op::COUNT {
            op::TURN => self.turn(side, 1 + usize::from(b % 4)),
            op::CARRY => self.carry(side, 1 + wide(b, c)),
            op::WRITE => {
                let record = vec![c; wide(a, b) % 600];
                self.say(0, Input::Write { data: &record });
            }
            op::FLUSH => drop(self.say(0, Input::Flush)),
            op::PASS => {
                self.now = self.now + Span::from_millis(u64::from(a) * 10);
                self.say(0, Input::Tick);
                self.say(1, Input::Tick);
            }
            op::CUT => self.cut(),
            op::RECORD => self.strange(side, b, c),
            op::DAMAGE => {
                let unread = &mut self.sides[side].unread;
                if !unread.is_empty() {
                    let at = usize::from(b) % unread.len();
                    unread[at] ^= c.max(1);
                    self.marks.hit("damaged");
                }
                self.read(side);
            }
            _ => {
                let both = &mut self.sides[side];
                let link = LinkId(u32::from(b % 10));
                let bytes = both.rust.peek_transmit(link).len() + 1;
                let misuse =
                    both.rust.consume(self.now, link, bytes).expect_err("more than is there").number();
                assert_eq!(both.c.consume(self.now.0, link.0, bytes), Err((TOW_E_MISUSE, misuse.into())));
                self.marks.hit("consumed too much");
            }
        }
        self.sides.iter().for_each(Both::same);
    }

    fn say(&mut self, side: usize, input: Input<'_>) -> Option<Step> {
        let data = match input {
            Input::Bytes { data, .. } | Input::Write { data } | Input::SnapshotPiece { data, .. } => data,
            Input::SnapshotReady { cursor, .. } => cursor,
            Input::Tick | Input::Opened { .. } | Input::Lost { .. } | Input::DialFailed | Input::Flush => &[],
            Input::Taken { .. } | Input::Applied { .. } | Input::Persisted { .. } | Input::Rewound => &[],
            Input::SnapshotFailed { .. } | Input::Installed { .. } | Input::Promote => &[],
            Input::Follow { .. } | Input::Shutdown => &[],
        };
        self.sides[side].say(self.now, input.into(), data, &mut self.marks)
    }

    /// Gives any record, also one that only a lying host would give: both must accept it alike, or fail alike.
    fn strange(&mut self, side: usize, kind: u8, fields: u8) {
        if kind >= LIES {
            return self.lie(side, kind - LIES, fields);
        }
        let kinds = [0, 0x101, 0x10c, u32::MAX];
        let kind = if kind < 200 { u32::from(kind % 20) } else { kinds[usize::from(kind) % 4] };
        let value = |bits: u8| [0, 1, 2, u64::MAX][usize::from(bits & 3)];
        let mut record = FlatInput { kind, link: u32::from(fields & 3), fields: [0; 7] };
        record.fields[0] = value(fields);
        record.fields[1] = value(fields >> 2) * u64::from(fields >> 6 & 1);
        record.fields[2] = value(fields >> 4) * u64::from(fields >> 7);
        let ends = matches!(kind, 2 | 3 | 16 | 17 | 18) && record.input(&[]).is_some();
        if ends && kind != 3 {
            // An opening, a promotion or a shutdown here would change the meaning of the rest of the script.
            return;
        }
        let link = LinkId(record.link);
        let done = self.sides[side].say(self.now, record, &[0xa5; 30], &mut self.marks).is_some();
        if done && kind == 3 && link == self.sides[side].link {
            self.sides[side].open = false;
            self.cut();
        }
    }

    fn cut(&mut self) {
        for side in 0..2 {
            let both = &mut self.sides[side];
            both.unread.clear();
            both.writing = false;
            if std::mem::take(&mut both.open) {
                let link = both.link;
                self.say(side, Input::Lost { link });
            }
        }
    }

    fn turn(&mut self, side: usize, room: usize) {
        for event in self.sides[side].events(room) {
            match event {
                Event::Dial { .. } => {
                    self.cut();
                    let link = LinkId(0);
                    let dialled = self.say(1, Input::Opened { link, side: Side::Upstream }).is_some();
                    let taken =
                        dialled && self.say(0, Input::Opened { link, side: Side::Downstream }).is_some();
                    for both in &mut self.sides {
                        both.open = dialled;
                    }
                    self.sides[0].open = taken;
                }
                Event::WantsWrite { link } if link == self.sides[side].link => {
                    self.sides[side].writing = true
                }
                Event::Close { link, .. } if link == self.sides[side].link => {
                    self.sides[side].open = false;
                    self.marks.hit("closed");
                    self.cut();
                }
                Event::SnapshotWanted { snapshot, .. } => {
                    let Some(position) = self.say(side, Input::Flush).and_then(|step| step.position) else {
                        continue;
                    };
                    let cursor = self.sides[side].rust.cursor(position);
                    let ready = Input::SnapshotReady { snapshot, cursor: cursor.as_bytes(), bytes: Some(9) };
                    self.say(side, ready);
                    self.sides[side].views.insert(snapshot);
                    self.marks.hit("snapshot");
                }
                Event::SnapshotRead { snapshot, piece } => {
                    let data = vec![u8::try_from(piece % 256).expect("a byte"); 60];
                    self.say(side, Input::SnapshotPiece { snapshot, piece, data: &data, last: piece == 3 });
                }
                Event::SnapshotDone { snapshot } => {
                    self.sides[side].views.remove(&snapshot);
                }
                Event::Joined { .. } => self.marks.hit("joined"),
                Event::WantsWrite { .. } | Event::Close { .. } | Event::CaughtUp | Event::Acked { .. } => {}
                Event::SlotExpired { .. } | Event::Role { .. } | Event::Outranked { .. } => {}
            }
        }
    }

    fn carry(&mut self, from: usize, most: usize) {
        if !self.sides[from].writing || !self.sides[from].open {
            return;
        }
        let now = self.now;
        let bytes = self.sides[from].write(now, most);
        self.sides[1 - from].unread.extend(bytes);
        self.read(1 - from);
    }

    fn read(&mut self, side: usize) {
        while self.sides[side].open {
            let unread = std::mem::take(&mut self.sides[side].unread);
            let link = self.sides[side].link;
            let Some(step) = self.say(side, Input::Bytes { link, data: &unread }) else { return };
            self.sides[side].unread = unread[step.used..].to_vec();
            self.marks.hit_if(step.payload.is_some(), "payload");
            self.receive(side, &step);
            if step.next != Next::Again {
                return;
            }
        }
    }
}
