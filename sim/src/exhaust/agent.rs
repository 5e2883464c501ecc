//! A node and its model host: one operation in, another agent out, with the frames it sent.
//!
//! After every operation the host has done a whole turn: every event polled, every link written until it is idle. Work
//! that may take a while is an operation of its own: applying a batch, syncing, opening a view, installing a snapshot.
//! Times are the agent's own, so that two agents that differ only in when they live are one.

use std::collections::VecDeque;
use std::hash::Hash;
use std::rc::Rc;

use towline_core::receiver::Receiver;
use towline_core::*;
use xxhash_rust::xxh3::Xxh3;

use super::store::{Batch, Line, Record, Store, flaw};
use crate::oracle::{Invariant, misunderstanding};

/// An invariant, and its violation in words.
pub(super) type Wrong = (Invariant, String);

/// Records in one piece of a snapshot.
const PIECE_RECORDS: usize = 2;

/// The operations of an agent.
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
    /// Returns the operation as one number: its kind in the highest byte.
    pub(super) fn pack(self) -> u64 {
        let with = |kind: u64, rest: u64| kind << 56 | rest;
        match self {
            Self::Write { name } => with(0, name.into()),
            Self::Frame { link, frame } => with(1, u64::from(link) << 32 | u64::from(frame)),
            Self::Wait { span_ns } => {
                assert!(span_ns >> 56 == 0, "two years are longer than any deadline");
                with(2, span_ns)
            }
            Self::Apply => with(3, 0),
            Self::Sync => with(4, 0),
            Self::View => with(5, 0),
            Self::Install => with(6, 0),
            Self::Lost { link } => with(7, link.into()),
            Self::Open { link, upstream } => with(8, u64::from(link) << 1 | u64::from(upstream)),
            Self::DialFailed => with(9, 0),
            Self::Crash { loses, primary } => with(10, u64::from(loses) << 1 | u64::from(primary)),
            Self::Promote => with(11, 0),
            Self::Follow => with(12, 0),
        }
    }
}

/// The effects of an operation outside the agent.
#[derive(Default)]
pub(super) struct Effects {
    pub(super) frames: Vec<(u8, Vec<u8>)>,
    pub(super) closed: Vec<u8>,
    pub(super) dials: bool,
    /// Set if the store went back to a fork before its end.
    pub(super) rewound: bool,
    pub(super) wrong: Option<Wrong>,
}

#[derive(Clone, Hash)]
pub(super) struct Loading {
    pub(super) cursor: Rc<[u8]>,
    pub(super) bytes: Vec<u8>,
}

/// The operations that are possible at an agent, and its state as seen from outside.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts {
    /// The open links, a bit each.
    open: u8,
    pub(super) primary: bool,
    pub(super) base: bool,
    pub(super) can_apply: bool,
    pub(super) can_sync: bool,
    pub(super) can_view: bool,
    pub(super) can_install: bool,
    pub(super) wants_call_in_ns: Option<u64>,
    pub(super) untaken_bytes: u64,
}

impl Facts {
    pub(super) fn is_open(&self, link: u8) -> bool {
        self.open & 1 << link != 0
    }
}

/// A node and its host.
pub(super) struct Agent {
    pub(super) node: Node,
    pub(super) now: Time,
    pub(super) index: u8,
    pub(super) boots: u8,
    /// The state that a reader sees, and that a kill keeps.
    pub(super) store: Store,
    /// The state that a power cut keeps.
    pub(super) durable: Store,
    pub(super) receiver: Receiver,
    pub(super) spool: VecDeque<Batch>,
    pub(super) loading: Option<Loading>,
    pub(super) views: Vec<(SnapshotId, Rc<[Record]>)>,
    pub(super) wanted: Vec<(SnapshotId, Offset)>,
    /// The open links, a bit each.
    pub(super) open: u8,
}

impl Clone for Agent {
    fn clone(&self) -> Self {
        Self {
            node: self.node.clone(),
            store: self.store.clone(),
            durable: self.durable.clone(),
            receiver: self.receiver.clone(),
            spool: self.spool.clone(),
            loading: self.loading.clone(),
            views: self.views.clone(),
            wanted: self.wanted.clone(),
            ..*self
        }
    }

    fn clone_from(&mut self, from: &Self) {
        let Self { node, now, index, boots, store, durable, receiver, spool, loading, views, wanted, open } =
            from;
        self.node.clone_from(node);
        self.store.clone_from(store);
        self.durable.clone_from(durable);
        self.receiver.clone_from(receiver);
        self.spool.clone_from(spool);
        self.loading.clone_from(loading);
        self.views.clone_from(views);
        self.wanted.clone_from(wanted);
        (self.now, self.index, self.boots, self.open) = (*now, *index, *boots, *open);
    }
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
            receiver: Receiver::new(false),
            spool: VecDeque::new(),
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

    /// Returns the agent after an operation, with its invariants checked. `spare` is reused for its memory.
    pub(super) fn after(&self, op: Op, frame: &[u8], spare: &mut Option<Box<Self>>) -> (Box<Self>, Effects) {
        let (agent, mut effects) = self.step(op, frame, spare);
        agent.node.check();
        agent.look(&mut effects);
        agent.look_back(self, op, &mut effects);
        (agent, effects)
    }

    /// Returns the agent after an operation that was checked before.
    pub(super) fn step(&self, op: Op, frame: &[u8], spare: &mut Option<Box<Self>>) -> (Box<Self>, Effects) {
        let mut agent = match spare.take() {
            Some(mut spare) => {
                Self::clone_from(&mut spare, self);
                spare
            }
            None => Box::new(self.clone()),
        };
        let mut effects = Effects::default();
        agent.run(op, frame, &mut effects);
        agent.turn(&mut effects);
        (agent, effects)
    }

    /// Returns the facts that a world needs to choose.
    pub(super) fn facts(&self) -> Facts {
        let stats = self.node.stats();
        Facts {
            open: self.open,
            primary: stats.role == Role::Primary,
            base: stats.base,
            can_apply: self.receiver.is_replaying(),
            can_sync: self.durable.records != self.store.records,
            can_view: !self.wanted.is_empty(),
            can_install: self.receiver.is_loaded(),
            wants_call_in_ns: self.node.next_deadline().map(|at| at.since(self.now).0.max(1)),
            untaken_bytes: self.held().map(|batch| batch.frame_bytes).sum(),
        }
    }

    pub(super) fn is_primary(&self) -> bool {
        self.node.stats().role == Role::Primary
    }

    /// Returns the records that a node has received, by name, and the part that its ring holds.
    pub(super) fn line(&self) -> Line {
        let held = self.held().flat_map(|batch| &batch.records[..]);
        let names = self.store.records.iter().chain(held).map(|record| record[0]).collect();
        let stats = self.node.stats();
        Line { names, ring: (stats.start.0, stats.end.0) }
    }

    /// Returns the batches that wait to be applied, and not for a snapshot.
    fn held(&self) -> impl Iterator<Item = &Batch> {
        self.spool.iter().filter(|_| !self.receiver.is_joining())
    }

    /// Returns the end of the records that it has received.
    pub(super) fn line_end(&self) -> u64 {
        (self.store.records.len() + self.held().map(|batch| batch.records.len()).sum::<usize>()) as u64
    }

    /// Returns a print of the whole state, in 128 bits.
    pub(super) fn print(&self) -> u128 {
        let mut hash = Xxh3::new();
        (self.node.fingerprint(), self.index, self.boots, self.open).hash(&mut hash);
        (&self.store, &self.durable, &self.receiver, &self.spool).hash(&mut hash);
        (&self.loading, &self.views, &self.wanted).hash(&mut hash);
        hash.digest128()
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
                        effects.wrong =
                            Some((invariant, format!("a peer was closed for: {fault} ({words})")));
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
            if more == More::Idle {
                return;
            }
        }
    }

    /// Checks the invariants of a single agent.
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

    /// Checks an agent against the one it comes from: records that a reader saw still exist, unless it went back by
    /// order; and a replica's reader sees all that its cursor names, never a part.
    fn look_back(&self, before: &Self, op: Op, effects: &mut Effects) {
        let (now, then) = (&self.store.records, &before.store.records);
        let in_order = match op {
            Op::Install => true,
            Op::Crash { loses: true, .. } => *now == before.durable.records,
            _ if effects.rewound => then.starts_with(now),
            Op::Write { .. }
            | Op::Frame { .. }
            | Op::Wait { .. }
            | Op::Apply
            | Op::Sync
            | Op::View
            | Op::Lost { .. }
            | Op::Open { .. }
            | Op::DialFailed
            | Op::Crash { loses: false, .. }
            | Op::Promote
            | Op::Follow => now.starts_with(then),
        };
        if !in_order {
            let text = format!("a reader saw {} records, and now {} others", then.len(), now.len());
            effects.wrong.get_or_insert((Invariant::S3, text));
        }
        if now.len() != then.len() && !self.is_primary() {
            let at = self.store.cursor.as_deref().and_then(Cursor::describe);
            let named = at.map_or(0, |(_, position)| position.boundary.0);
            if named != now.len() as u64 {
                let text = format!("a reader sees {} records of a state of {named}", now.len());
                effects.wrong.get_or_insert((Invariant::N1, text));
            }
        }
    }
}

pub(super) fn boot(config: Config, index: u8, boots: u8, role: Role, cursor: Option<&[u8]>) -> Node {
    let mut seed = [boots; 32];
    seed[0] = index;
    // Unix time stands still at its end: when a record was written makes no other state.
    let boot = Boot { node: NodeId(u64::from(index) + 1), seed, role, unix_zero: u64::MAX, cursor };
    Node::new(config, boot).unwrap_or_else(|error| panic!("a store's own cursor was refused: {error}"))
}
