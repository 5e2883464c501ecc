//! Any order of steps and completions, over a model of a node and a model of a store that takes its time.
//!
//! A line of writes is a list of numbers, none of which is written twice: so "the store shows a state of the history"
//! is a comparison. Upstreams come and go, with other branches; the store does what it is asked at once or later.

use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::*;
use super::at;
use crate::id::{Position, SnapshotId};
use crate::input::Input;

/// Everything but the receiver.
struct World {
    upstream: Vec<u32>,
    next: u32,
    // The node: what it has received, and the snapshot it was named.
    line: Vec<u32>,
    base: bool,
    taken: usize,
    streaming: bool,
    receiving: Option<Named>,
    fork: Option<usize>,
    snapshots: u64,
    rewinds: bool,
    // The store, its spool, what it is loading, and what it has not ended.
    store: Vec<u32>,
    spool: VecDeque<Kept>,
    loading: Option<Beside>,
    installing: Option<Beside>,
    pending: Option<Pending>,
    loads: VecDeque<(u64, Vec<u32>)>,
    late: bool,
    ready: bool,
    receiver: Receiver,
}

#[derive(Clone)]
struct Named {
    id: SnapshotId,
    view: Vec<u32>,
    begun: bool,
    pieces: u64,
    complete: bool,
}

struct Kept {
    first: usize,
    records: Vec<u32>,
}

struct Beside {
    at: usize,
    records: Vec<u32>,
    tail: Vec<u32>,
}

enum Pending {
    Apply(usize, Vec<u32>),
    Install,
    Rewind(usize),
}

fn count(offset: Offset) -> usize {
    usize::try_from(offset.0).unwrap()
}

fn offset(count: usize) -> Offset {
    Offset(count as u64)
}

impl World {
    fn new(rewinds: bool, loads_tail: bool) -> Self {
        Self {
            upstream: Vec::new(),
            next: 0,
            line: Vec::new(),
            base: false,
            taken: 0,
            streaming: false,
            receiving: None,
            fork: None,
            snapshots: 0,
            rewinds,
            store: Vec::new(),
            spool: VecDeque::new(),
            loading: None,
            installing: None,
            pending: None,
            loads: VecDeque::new(),
            late: false,
            ready: true,
            receiver: Receiver::new(loads_tail),
        }
    }

    fn apply(&mut self, [op, a]: [u8; 2]) {
        let a = usize::from(a);
        match op % 16 {
            0 | 1 => self.write(a % 5),
            2 | 3 => self.stream(1 + a % 3),
            4 | 5 => self.send_snapshot(a % 4 == 0),
            6 => self.streaming = false,
            7 => self.diverge(a % 6),
            8 | 9 => self.admit(a.is_multiple_of(3)),
            10 | 11 => self.end_pending(),
            12 => self.work(),
            13 => self.late = a.is_multiple_of(2),
            14 => self.ready = a.is_multiple_of(2),
            _ => {
                let taking = [Taking::All, Taking::Pieces, Taking::Nothing][a % 3];
                self.receiver.set_taking(taking);
                self.settle(&[]);
            }
        }
        self.receiver.check();
        self.look();
    }

    /// A reader always sees a state of some history: numbers grow along each.
    fn look(&self) {
        assert!(self.store.is_sorted_by(|a, b| a < b), "{:?}", self.store);
        let held: usize = self.spool.iter().map(|kept| kept.records.len()).sum();
        if self.base && self.pending.is_none() && self.fork.is_none() {
            assert_eq!(self.store.len() + held, self.line.len(), "nothing is lost, nothing is there twice");
        }
    }

    // --- the upstream and the node ---------------------------------------------------------------------------------

    fn write(&mut self, records: usize) {
        for _ in 0..records {
            self.next += 1;
            self.upstream.push(self.next);
        }
    }

    /// Another upstream, which lacks the newest records and has others.
    fn diverge(&mut self, records: usize) {
        self.streaming = false;
        self.upstream.truncate(self.upstream.len().saturating_sub(records));
        self.write(1);
        if let Some(receiving) = &mut self.receiving {
            // Nobody there knows this snapshot.
            receiving.id.0 |= 1 << 40;
        }
    }

    fn admit(&mut self, again: bool) {
        let known = self.receiving.as_ref().is_some_and(|named| named.id.0 < 1 << 40);
        if !self.base && known && !again {
            // It goes on, if the log is still a part of it.
            self.streaming = self.upstream.starts_with(&self.line);
            return self.settle_step(Step::default(), &[]);
        }
        let shared = self.line.iter().zip(&self.upstream).take_while(|(a, b)| a == b).count();
        if self.base && shared == self.line.len() && !again {
            (self.streaming, self.fork) = (true, None);
            return self.settle_step(Step::default(), &[]);
        }
        if self.base && self.rewinds && !again {
            (self.streaming, self.fork) = (false, Some(shared));
            return self.payload(PayloadKind::Fork, shared, 1, None, &[]);
        }
        let forks = self.base && shared < self.line.len();
        self.name();
        if forks {
            self.payload(PayloadKind::Fork, shared, 0, None, &[]);
        } else {
            self.settle_step(Step::default(), &[]);
        }
    }

    /// A snapshot of all there is now, whose tail begins a little before.
    fn name(&mut self) {
        self.snapshots += 1;
        let (view, from) = (self.upstream.clone(), self.upstream.len().saturating_sub(2));
        self.line = self.upstream[..from].to_vec();
        (self.base, self.streaming, self.fork, self.taken) = (false, true, None, from);
        let id = SnapshotId(self.snapshots);
        self.receiving = Some(Named { id, view, begun: false, pieces: 0, complete: false });
    }

    fn stream(&mut self, records: usize) {
        let from = self.line.len();
        // A batch never lies on both sides of a view's offset: there was a boundary.
        let view = self.receiving.as_ref().map_or(0, |named| named.view.len());
        let stop = if from < view { view } else { usize::MAX };
        let to = (from + records).min(self.upstream.len()).min(stop);
        if !self.streaming || from == to {
            return;
        }
        let records = self.upstream[from..to].to_vec();
        self.line.extend(&records);
        let kind = if self.base { PayloadKind::Batch } else { PayloadKind::Spool };
        self.payload(kind, from, to - from, Some(at(to as u64)), &records);
    }

    fn send_snapshot(&mut self, last: bool) {
        let Some(named) = &mut self.receiving else { return };
        if named.complete || named.id.0 >= 1 << 40 {
            return;
        }
        if !std::mem::replace(&mut named.begun, true) {
            let first = named.view.len();
            return self.payload(PayloadKind::Begin, first, 0, Some(at(first as u64)), &[]);
        }
        let piece = named.pieces;
        named.pieces += 1;
        named.complete = last;
        // The last piece brings all of it: how a view is cut is not the receiver's business.
        let records = if last { named.view.clone() } else { Vec::new() };
        let kind = if last { PayloadKind::LastPiece } else { PayloadKind::Piece };
        self.payload(kind, usize::try_from(piece).unwrap(), 0, None, &records);
    }

    fn payload(
        &mut self,
        kind: PayloadKind,
        first: usize,
        count: usize,
        position: Option<Position>,
        data: &[u32],
    ) {
        let snapshot = self.receiving.as_ref().map_or(SnapshotId(0), |named| named.id);
        let count = u32::try_from(count).unwrap();
        let payload = Some(Payload { range: 0..data.len(), first: first as u64, count, kind, snapshot });
        self.settle_step(Step { position, payload, ..Step::default() }, data);
    }

    fn settle_step(&mut self, step: Step, data: &[u32]) {
        let pieces = self.receiving.as_ref().map(|named| named.pieces);
        let node = Standing { base: self.base, end: offset(self.line.len()), pieces };
        self.receiver.receive(&step, node, self.ready && !self.late).expect("steps in order");
        self.receiver.check();
        self.settle(data);
    }

    /// Returns the node's answer; `None` is a refusal, and a mistake of the receiver panics.
    fn said(&mut self, input: Input<'_>) -> Option<Position> {
        let end = offset(self.line.len());
        match input {
            Input::Taken { upto, pieces } => {
                let handed = self.receiving.as_ref().map_or(0, |named| named.pieces);
                assert!(upto <= end && (pieces <= handed || self.receiving.is_none()), "never handed out");
                self.taken = self.taken.max(count(upto));
            }
            Input::Applied { upto } | Input::Persisted { upto } => {
                assert!(!self.base || upto <= end, "never handed out");
                assert!(self.base, "the receiver knows that there is no base");
                assert!(count(upto) <= self.store.len(), "not applied yet");
                self.taken = self.taken.max(count(upto));
            }
            Input::Installed { snapshot } => {
                let named = self.receiving.take_if(|named| named.id == snapshot && named.complete)?;
                self.base = true;
                if self.line.len() < named.view.len() || !self.line.starts_with(&named.view) {
                    (self.taken, self.line, self.streaming) = (named.view.len(), named.view, false);
                }
                return Some(at(self.line.len() as u64));
            }
            Input::Rewound => {
                let to = self.fork.take()?;
                self.line.truncate(to);
                self.taken = to;
                return Some(at(to as u64));
            }
            Input::Tick
            | Input::Opened { .. }
            | Input::Lost { .. }
            | Input::DialFailed
            | Input::Bytes { .. }
            | Input::Write { .. }
            | Input::Flush
            | Input::SnapshotReady { .. }
            | Input::SnapshotPiece { .. }
            | Input::SnapshotFailed { .. }
            | Input::Promote
            | Input::Follow { .. }
            | Input::Shutdown => panic!("{input:?} is not the receiver's to say"),
        }
        Some(at(end.0))
    }

    // --- the store -------------------------------------------------------------------------------------------------

    fn settle(&mut self, data: &[u32]) {
        while let Some(command) = self.receiver.poll() {
            self.obey(command, data);
            self.receiver.check();
        }
    }

    fn work(&mut self) {
        if let Some(command) = self.receiver.work() {
            self.obey(command, &[]);
            self.settle(&[]);
        }
    }

    fn obey(&mut self, command: Command, data: &[u32]) {
        match command {
            Command::Say(input) => {
                let position = self.said(input);
                self.receiver.answered(position).expect("honest upstreams leave no gap");
            }
            Command::Keep(batch) => {
                let end =
                    self.spool.back().map_or(count(batch.first), |last| last.first + last.records.len());
                assert_eq!(count(batch.first), end, "one run");
                self.spool.push_back(Kept { first: end, records: data.to_vec() });
            }
            Command::Apply(batch) => self.start(Pending::Apply(count(batch.first), data.to_vec())),
            Command::ApplySpooled { first } => {
                let kept = self.spool.pop_front().expect("one waits");
                assert_eq!(kept.first, count(first));
                self.start(Pending::Apply(kept.first, kept.records));
            }
            Command::LoadTail(batch) => self.load_tail(count(batch.first), data),
            Command::LoadTailSpooled { first } => {
                let kept = self.spool.pop_front().expect("one waits");
                assert_eq!(kept.first, count(first));
                self.load_tail(kept.first, &kept.records.clone());
                if !self.ready {
                    self.spool.push_front(kept);
                }
            }
            Command::DropSpooled { upto } => {
                let upto = upto.map_or(usize::MAX, count);
                self.spool.retain(|kept| kept.first + kept.records.len() > upto);
            }
            Command::Forked { .. } => {}
            Command::Begin { at, .. } => {
                self.loads.clear();
                self.loading = Some(Beside { at: count(at), records: Vec::new(), tail: Vec::new() });
            }
            Command::Load { piece, .. } => {
                self.loads.push_back((piece, data.to_vec()));
                if !self.late {
                    self.end_loads();
                }
            }
            Command::Install { at, .. } => {
                let loaded = self.loading.take().expect("one is loaded");
                assert_eq!((loaded.at, loaded.records.len()), (count(at), count(at)));
                self.installing = Some(loaded);
                self.start(Pending::Install);
            }
            Command::Rewind { position } => self.start(Pending::Rewind(count(position.boundary))),
        }
    }

    /// A store that is not ready cannot do it either.
    fn load_tail(&mut self, first: usize, records: &[u32]) {
        let loading = self.loading.as_mut().expect("one is loading");
        assert_eq!(first, loading.at + loading.tail.len(), "the tail is one run");
        if self.ready {
            loading.tail.extend(records);
        }
        self.receiver.tailed(offset(first + records.len()), self.ready).expect("asked for");
    }

    fn start(&mut self, pending: Pending) {
        assert!(self.pending.is_none(), "the store does one thing at a time");
        self.pending = Some(pending);
        if !self.late {
            self.end_pending();
        }
    }

    fn end_loads(&mut self) {
        while let Some((piece, records)) = self.loads.pop_front() {
            self.loading.as_mut().expect("it began").records.extend(records);
            self.receiver.loaded(piece + 1).expect("handed out");
        }
    }

    fn end_pending(&mut self) {
        if self.loading.is_some() && self.receiver.is_loading() {
            self.end_loads();
        }
        match self.pending.take() {
            Some(Pending::Apply(first, records)) => {
                assert_eq!(first, self.store.len(), "in order");
                self.store.extend(records);
                self.receiver.applied(offset(self.store.len())).expect("asked for");
                self.receiver.persisted(offset(self.store.len()));
            }
            Some(Pending::Install) => {
                let Beside { records, tail, .. } = self.installing.take().expect("one is installed");
                self.store = [records, tail].concat();
                self.receiver.installed().expect("asked for");
            }
            Some(Pending::Rewind(to)) => {
                assert!(to <= self.store.len(), "all before the fork is applied");
                self.store.truncate(to);
                self.receiver.rewound().expect("asked for");
            }
            None => {}
        }
        self.receiver.check();
        self.settle(&[]);
    }

    /// From now on nothing breaks: the store shows what the upstream has.
    fn heal(&mut self) {
        (self.late, self.ready) = (false, true);
        self.receiver.set_taking(Taking::All);
        for round in 0..200 {
            self.end_pending();
            self.work();
            self.stream(3);
            self.send_snapshot(round % 3 == 0);
            if self.base && self.store == self.upstream {
                assert_eq!(self.taken, self.line.len(), "the window is free");
                return;
            }
            if !self.streaming || round % 50 == 49 {
                self.admit(round % 50 == 49);
            }
        }
        panic!("{:?} is not {:?}: {:?}", self.store, self.upstream, self.receiver);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_that_does_what_it_is_told_shows_the_history(
        rewinds: bool,
        loads_tail: bool,
        ops in proptest::collection::vec(any::<[u8; 2]>(), 1..120),
    ) {
        let mut world = World::new(rewinds, loads_tail);
        for op in ops {
            world.apply(op);
        }
        world.heal();
    }
}
