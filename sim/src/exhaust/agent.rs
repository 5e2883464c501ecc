//! A node and its model host: one operation in, another agent out, with the frames it sent.
//!
//! After every operation the host has done a whole turn: every event polled, every link written dry. What may take a
//! while is an operation of its own: applying a batch, syncing, opening a view, installing a snapshot. Times are the
//! agent's own, so that two agents that differ only in when they live are one.

use std::collections::VecDeque;
use std::hash::Hash;
use std::rc::Rc;

use towline_core::*;
use xxhash_rust::xxh3::Xxh3;

use super::store::{Batch, Record, Store, flaw, records_in, records_of};
use crate::oracle::{Invariant, misunderstanding};

/// What is wrong, in words.
pub(super) type Wrong = (Invariant, String);

/// Records in one piece of a snapshot.
const PIECE_RECORDS: usize = 2;

/// What happens to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Write { name: u8 },
    Frame { link: u8, frame: u32 },
    Wait { span_ns: u64 },
    Apply,
    Sync,
    View,
    Install,
    Lost { link: u8 },
    Open { link: u8, upstream: bool },
    DialFailed,
    Crash { loses: bool, primary: bool },
    Promote,
    Follow,
}

impl Op {
    /// The operation as one number.
    pub(super) fn key(self) -> u128 {
        let pack = |kind: u128, argument: u64| kind << 64 | u128::from(argument);
        match self {
            Self::Write { name } => pack(0, name.into()),
            Self::Frame { link, frame } => pack(1, u64::from(link) << 32 | u64::from(frame)),
            Self::Wait { span_ns } => pack(2, span_ns),
            Self::Apply => pack(3, 0),
            Self::Sync => pack(4, 0),
            Self::View => pack(5, 0),
            Self::Install => pack(6, 0),
            Self::Lost { link } => pack(7, link.into()),
            Self::Open { link, upstream } => pack(8, u64::from(link) << 1 | u64::from(upstream)),
            Self::DialFailed => pack(9, 0),
            Self::Crash { loses, primary } => pack(10, u64::from(loses) << 1 | u64::from(primary)),
            Self::Promote => pack(11, 0),
            Self::Follow => pack(12, 0),
        }
    }
}

/// What an operation did to the outside.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) frames: Vec<(u8, Vec<u8>)>,
    pub(super) closed: Vec<u8>,
    pub(super) dials: bool,
    pub(super) wrong: Option<Wrong>,
}

#[derive(Clone, Hash)]
struct Loading {
    cursor: Rc<[u8]>,
    next_piece: u64,
    bytes: Vec<u8>,
    complete: Option<SnapshotId>,
}

/// A node and its host.
#[derive(Clone)]
pub(super) struct Agent {
    pub(super) node: Node,
    now: Time,
    index: u8,
    boots: u8,
    /// What a reader sees, and what a kill keeps.
    pub(super) store: Store,
    /// What a power cut keeps.
    durable: Store,
    pub(super) held: VecDeque<Batch>,
    spool: Vec<Batch>,
    loading: Option<Loading>,
    views: Vec<(SnapshotId, Vec<Record>)>,
    wanted: Vec<(SnapshotId, Offset)>,
    /// Links that stand, a bit each.
    open: u8,
}

impl Agent {
    pub(super) fn new(config: Config, index: u8, role: Role) -> Self {
        let mut agent = Self {
            node: boot(config, index, 0, role, None),
            now: Time::ZERO,
            index,
            boots: 0,
            store: Store::default(),
            durable: Store::default(),
            held: VecDeque::new(),
            spool: Vec::new(),
            loading: None,
            views: Vec::new(),
            wanted: Vec::new(),
            open: 0,
        };
        if role == Role::Primary {
            agent.commit();
        }
        agent
    }

    /// The agent after an operation.
    pub(super) fn after(&self, op: Op, frame: &[u8]) -> (Self, Effects) {
        let mut agent = self.clone();
        let mut effects = Effects::default();
        agent.run(op, frame, &mut effects);
        agent.turn(&mut effects);
        agent.node.check();
        agent.look(&mut effects);
        (agent, effects)
    }

    pub(super) fn is_open(&self, link: u8) -> bool {
        self.open & 1 << link != 0
    }

    pub(super) fn is_primary(&self) -> bool {
        self.node.stats().role == Role::Primary
    }

    /// How long until the node wants to be called.
    pub(super) fn wants_call_in(&self) -> Option<u64> {
        self.node.next_deadline().map(|at| at.since(self.now).0.max(1))
    }

    pub(super) fn can_apply(&self) -> bool {
        !self.held.is_empty()
    }

    pub(super) fn can_sync(&self) -> bool {
        self.durable.records != self.store.records
    }

    pub(super) fn can_view(&self) -> bool {
        !self.wanted.is_empty()
    }

    pub(super) fn can_install(&self) -> bool {
        self.loading.as_ref().is_some_and(|loading| loading.complete.is_some())
    }

    /// The name of the record at an offset of what the node has received.
    pub(super) fn name_at(&self, offset: u64) -> Option<u8> {
        let held = self.held.iter().flat_map(|batch| &batch.records);
        let mut line = self.store.records.iter().chain(held);
        line.nth(usize::try_from(offset).ok()?).map(|record| record[0])
    }

    pub(super) fn line_end(&self) -> u64 {
        (self.store.records.len() + self.held.iter().map(|batch| batch.records.len()).sum::<usize>()) as u64
    }

    /// The whole state in 128 bits.
    pub(super) fn print(&self) -> u128 {
        let mut hash = Xxh3::new();
        (self.node.fingerprint(), self.index, self.boots, self.open).hash(&mut hash);
        (&self.store, &self.durable, &self.held, &self.spool).hash(&mut hash);
        (&self.loading, &self.views, &self.wanted).hash(&mut hash);
        hash.digest128()
    }

    // --- what happens -------------------------------------------------------------------------------------------

    fn say(&mut self, input: Input<'_>) -> Step {
        let said = self.node.handle(self.now, input);
        said.unwrap_or_else(|misuse| panic!("the host was told of misuse: {misuse:?} for {input:?}"))
    }

    fn run(&mut self, op: Op, frame: &[u8], effects: &mut Effects) {
        match op {
            Op::Write { name } => {
                let parent = self.store.records.last().map_or(0, |record| record[0]);
                self.say(Input::Write { data: &[name, parent] });
                self.store.records.push([name, parent]);
            }
            Op::Frame { link, .. } => self.read(link, frame, effects),
            Op::Wait { span_ns } => {
                self.now = self.now + Span(span_ns);
                self.say(Input::Tick);
            }
            Op::Apply => self.apply(),
            Op::Sync => self.sync(),
            Op::View => self.view(),
            Op::Install => self.install(effects),
            Op::Lost { link } => {
                self.open &= !(1 << link);
                self.say(Input::Lost { link: LinkId(link.into()) });
            }
            Op::Open { link, upstream } => {
                self.open |= 1 << link;
                let side = if upstream { Side::Upstream } else { Side::Downstream };
                self.say(Input::Opened { link: LinkId(link.into()), side });
            }
            Op::DialFailed => {
                self.say(Input::DialFailed);
            }
            Op::Crash { loses, primary } => self.crash(loses, primary),
            Op::Promote => {
                self.apply_all();
                self.say(Input::Promote);
            }
            Op::Follow => {
                if self.is_primary() {
                    self.commit();
                }
                self.say(Input::Follow { adopt: false });
            }
        }
    }

    fn read(&mut self, link: u8, frame: &[u8], effects: &mut Effects) {
        let step = self.say(Input::Bytes { link: LinkId(link.into()), data: frame });
        let Some(payload) = step.payload else { return };
        let data = &frame[payload.range.clone()];
        let mut wrong = |invariant, text: String| effects.wrong = Some((invariant, text));
        match payload.kind {
            Kind::Batch | Kind::Spool => {
                let position = step.position.expect("a batch has a position");
                let Some(records) = records_of(data) else {
                    return wrong(Invariant::B1, format!("a record that nobody wrote at {}", payload.first));
                };
                let (first, frame_bytes) = (payload.first, frame.len() as u64);
                let cursor = self.node.cursor(position).as_bytes().into();
                self.take_batch(payload.kind, Batch { first, records, cursor, frame_bytes }, effects);
            }
            Kind::Fork if payload.count == 1 => self.rewind(payload.first),
            Kind::Fork => {}
            Kind::Begin => {
                self.held.clear();
                let cursor = data.into();
                self.loading = Some(Loading { cursor, next_piece: 0, bytes: Vec::new(), complete: None });
            }
            Kind::Piece | Kind::LastPiece => {
                let due = self.loading.as_ref().map(|loading| loading.next_piece);
                let Some(loading) =
                    self.loading.as_mut().filter(|loading| loading.next_piece == payload.first)
                else {
                    return wrong(Invariant::N4, format!("piece {} came, {due:?} was due", payload.first));
                };
                loading.bytes.extend_from_slice(data);
                loading.next_piece += 1;
                loading.complete = (payload.kind == Kind::LastPiece).then_some(payload.snapshot);
                self.say(Input::Taken { upto: Offset(0), pieces: payload.first + 1 });
            }
        }
    }

    fn take_batch(&mut self, kind: Kind, batch: Batch, effects: &mut Effects) {
        if kind == Kind::Spool {
            if self.spool.last().is_some_and(|last| last.end() != batch.first) {
                // Another snapshot's tail begins; what rode beside the last one is of no use.
                self.spool.clear();
            }
            let upto = Offset(batch.end());
            self.spool.push(batch);
            self.say(Input::Taken { upto, pieces: 0 });
        } else if batch.first == self.line_end() {
            self.held.push_back(batch);
        } else {
            let text = format!("a batch from {} came, the host stands at {}", batch.first, self.line_end());
            effects.wrong = Some((Invariant::S2, text));
        }
    }

    fn apply(&mut self) {
        if let Some(batch) = self.held.pop_front() {
            self.store.records.extend(&batch.records);
            self.store.cursor = Some(batch.cursor);
            let upto = Offset(self.store.records.len() as u64);
            self.say(Input::Applied { upto });
        }
    }

    /// An operator promotes a node that has caught up with itself.
    fn apply_all(&mut self) {
        while self.can_apply() {
            self.apply();
        }
    }

    fn sync(&mut self) {
        if self.is_primary() {
            return self.commit();
        }
        self.durable = self.store.clone();
        let upto = Offset(self.store.records.len() as u64);
        self.say(Input::Persisted { upto });
    }

    /// A primary commits at a boundary, durably.
    fn commit(&mut self) {
        let position = self.say(Input::Flush).position.expect("a flush answers its position");
        self.store.cursor = Some(self.node.cursor(position).as_bytes().into());
        self.durable = self.store.clone();
    }

    fn rewind(&mut self, to: u64) {
        self.held.clear();
        self.store.records.truncate(usize::try_from(to).expect("few records"));
        let position = self.say(Input::Rewound).position.expect("a rewind answers its position");
        self.store.cursor = Some(self.node.cursor(position).as_bytes().into());
        if self.durable.records.len() as u64 > to {
            self.durable = self.store.clone();
        }
    }

    fn view(&mut self) {
        let (snapshot, from) = self.wanted.remove(0);
        if self.is_primary() {
            self.commit();
        }
        let cursor = self.store.cursor.clone().filter(|_| self.store.records.len() as u64 >= from.0);
        if let Some(cursor) = cursor {
            self.views.push((snapshot, self.store.records.clone()));
            self.say(Input::SnapshotReady { snapshot, cursor: &cursor, bytes: None });
        } else {
            self.say(Input::SnapshotFailed { snapshot, retry: true });
        }
    }

    fn install(&mut self, effects: &mut Effects) {
        let Some(loading) = self.loading.take() else { return };
        let snapshot = loading.complete.expect("can_install");
        if self.node.handle(self.now, Input::Installed { snapshot }).is_err() {
            // Meanwhile another one was named: this one is of no use.
            return;
        }
        let records = records_in(&loading.bytes);
        let at = Cursor::describe(&loading.cursor).map(|(_, position)| position.boundary.0);
        let lies = at != Some(records.len() as u64);
        let flaw = flaw(&records).or_else(|| lies.then(|| format!("{} records at {at:?}", records.len())));
        if let Some(flaw) = flaw {
            effects.wrong = Some((Invariant::N2, format!("a snapshot was installed that is none: {flaw}")));
        }
        self.store = Store { records, cursor: Some(loading.cursor) };
        for batch in std::mem::take(&mut self.spool) {
            let have = self.store.records.len() as u64;
            if batch.first > have {
                break;
            }
            if batch.end() > have {
                let known = usize::try_from(have - batch.first).expect("few records");
                self.store.records.extend(&batch.records[known..]);
                self.store.cursor = Some(batch.cursor);
            }
        }
        let upto = Offset(self.store.records.len() as u64);
        self.say(Input::Applied { upto });
    }

    fn crash(&mut self, loses: bool, primary: bool) {
        if !loses && self.is_primary() {
            self.commit();
        }
        let store = if loses { self.durable.clone() } else { self.store.clone() };
        let role = if primary { Role::Primary } else { Role::Replica };
        let boots = self.boots + 1;
        let node = boot(*self.node.config(), self.index, boots, role, store.cursor.as_deref());
        *self = Self { node, boots, durable: store.clone(), store, now: Time::ZERO, open: 0, ..self.empty() };
        if primary {
            self.commit();
        }
    }

    fn empty(&self) -> Self {
        Self {
            held: VecDeque::new(),
            spool: Vec::new(),
            loading: None,
            views: Vec::new(),
            wanted: Vec::new(),
            ..self.clone()
        }
    }

    // --- the host's turn ----------------------------------------------------------------------------------------

    fn turn(&mut self, effects: &mut Effects) {
        while let Some(event) = self.node.poll_event() {
            match event {
                Event::Dial { .. } => effects.dials = true,
                Event::Close { link, fault, by_peer, .. } => {
                    let link = u8::try_from(link.0).expect("few links");
                    self.open &= !(1 << link);
                    effects.closed.push(link);
                    if let Some((invariant, words)) = misunderstanding(fault).filter(|_| !by_peer) {
                        effects.wrong = Some((invariant, format!("a peer was told: {fault} ({words})")));
                    }
                }
                Event::WantsWrite { link } => self.write(link, effects),
                Event::SnapshotWanted { snapshot, from } => self.wanted.push((snapshot, from)),
                Event::SnapshotRead { snapshot, piece } => self.piece(snapshot, piece),
                Event::SnapshotDone { snapshot } => {
                    self.views.retain(|(view, _)| *view != snapshot);
                    self.wanted.retain(|(view, _)| *view != snapshot);
                }
                Event::Joined { .. }
                | Event::CaughtUp
                | Event::Acked { .. }
                | Event::SlotExpired { .. }
                | Event::Role { .. }
                | Event::Outranked { .. } => {}
            }
        }
    }

    fn piece(&mut self, snapshot: SnapshotId, piece: u64) {
        let view = self.views.iter().find(|(view, _)| *view == snapshot).expect("an open view is read");
        let from = (usize::try_from(piece).expect("few pieces") * PIECE_RECORDS).min(view.1.len());
        let to = (from + PIECE_RECORDS).min(view.1.len());
        let (data, last) = (view.1[from..to].concat(), to == view.1.len());
        self.say(Input::SnapshotPiece { snapshot, piece, data: &data, last });
    }

    fn write(&mut self, link: LinkId, effects: &mut Effects) {
        loop {
            let shown = self.node.peek_transmit(link).slices().concat();
            let mut rest = &shown[..];
            while let Some((length, _)) = rest.split_first_chunk::<4>() {
                let (frame, more) = rest.split_at(u32::from_le_bytes(*length) as usize);
                effects.frames.push((u8::try_from(link.0).expect("few links"), frame.to_vec()));
                rest = more;
            }
            let more = self.node.consume(self.now, link, shown.len()).expect("what was shown");
            if more == More::Dry {
                return;
            }
        }
    }

    /// What must hold of every agent at any time.
    fn look(&self, effects: &mut Effects) {
        let stats = self.node.stats();
        let primary = stats.role == Role::Primary;
        if let Some(flaw) = flaw(&self.store.records) {
            effects.wrong.get_or_insert((Invariant::S1, flaw));
        }
        let end = if primary { self.store.records.len() as u64 } else { self.line_end() };
        if (primary || stats.base) && end != stats.end.0 {
            let invariant = if primary { Invariant::S7 } else { Invariant::S2 };
            let text = format!("the host has {end} records, the node ends at {}", stats.end);
            effects.wrong.get_or_insert((invariant, text));
        }
        if stats.applied.0 > end && stats.base {
            let text = format!("{} applied, the host has {end}", stats.applied);
            effects.wrong.get_or_insert((Invariant::S4, text));
        }
        if self.views.len() + self.wanted.len() > 2 {
            effects.wrong.get_or_insert((Invariant::N3, "three views live at one node".to_owned()));
        }
    }
}

fn boot(config: Config, index: u8, boots: u8, role: Role, cursor: Option<&[u8]>) -> Node {
    let mut seed = [boots; 32];
    seed[0] = index;
    // At the end of Unix time it stands still: when a record was written makes no other state.
    let boot = Boot { node: NodeId(u64::from(index) + 1), seed, role, unix_zero: u64::MAX, cursor };
    Node::new(config, boot).unwrap_or_else(|error| panic!("a store's own cursor was refused: {error}"))
}
