//! Any order of steps and completions, over a model of a node and a model of a store that takes its time.
//!
//! A line of writes is a list of numbers, none of which is written twice: so "the store shows a state of the history"
//! is a comparison. Upstreams come and go, with other branches (`node`); the store does what it is asked at once or
//! later (`store`).

use std::collections::VecDeque;
use std::vec::Vec;

use proptest::prelude::*;

use super::super::*;
use node::Named;
use store::{Beside, Kept, Pending};

mod node;
mod store;

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
