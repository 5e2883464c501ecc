//! The records that each node truly holds, life by life: S4 against the present history, A1, A2.
//!
//! A *life* of a store ends when its content is set back: by a death, a rewind, a snapshot. For each life two places in
//! the tree of all writes are kept: the furthest that a reader saw, and the furthest that would have survived a power
//! cut. So an acknowledgement is compared with the content of *this* history in the store that gave it, and not with a
//! number that some other state once reached.
//!
//! Bounds: one row for each time a store was set back.

use super::history::State;
use super::*;
use towline_core::Level;

/// The content of one store from one setback to the next.
#[derive(Debug, Clone, Copy)]
struct Life {
    /// The `generation` of the node.
    generation: u64,
    visible: State,
    durable: State,
}

/// The content of all nodes, life by life.
#[derive(Debug, Clone)]
pub(super) struct Holds {
    nodes: Vec<Vec<Life>>,
    /// The place of each operation of the workload, once it is written.
    written: Vec<Option<State>>,
}

impl Holds {
    pub(super) fn new(nodes: usize, ops: usize) -> Self {
        let first = Life { generation: 0, visible: History::EMPTY, durable: History::EMPTY };
        Self { nodes: vec![vec![first]; nodes], written: vec![None; ops] }
    }

    /// Begins a life: a store was set back, and is there now.
    pub(super) fn begins(&mut self, node: usize, generation: u64, visible: State, durable: State) {
        self.nodes[node].push(Life { generation, visible, durable });
    }

    fn last(&mut self, node: usize) -> &mut Life {
        self.nodes[node].last_mut().expect("every node has a first life")
    }

    pub(super) fn shows(&mut self, node: usize, state: State) {
        self.last(node).visible = state;
    }

    pub(super) fn survives(&mut self, node: usize, state: State) {
        self.last(node).durable = state;
    }

    /// Notes where an operation was written.
    pub(super) fn writes(&mut self, op: u64, end: State) {
        if let Some(row) = usize::try_from(op).ok().and_then(|op| self.written.get_mut(op)) {
            *row = Some(end);
        }
    }
}

impl Oracle {
    /// Ends a life; with `holds` the next begins at that state until more is known, otherwise at nothing.
    pub(super) fn set_back(&mut self, node: usize, holds: bool) {
        let shadow = &mut self.nodes[node];
        shadow.generation += 1;
        let (visible, durable) =
            if holds { (shadow.visible, shadow.durable) } else { (History::EMPTY, History::EMPTY) };
        self.holds.begins(node, shadow.generation, visible, durable);
    }

    /// Returns the first generation of a replica whose acknowledgements its upstream may believe: that of the oldest
    /// link it has, or had last. A node that sleeps or is slow may open a link long after it was made.
    fn believes_since(&self, node: usize, peer: usize) -> u64 {
        let slow = |at: usize| {
            let slow = |fault: &crate::plan::Fault| fault.node == at && fault.kind == Kind::SlowCpu;
            self.has_odd_clock(at) || self.plan.faults.iter().any(slow)
        };
        if slow(node) || slow(peer) || self.has_twin(peer) {
            return 0;
        }
        let shadow = &self.nodes[node];
        let said_on = shadow.links.iter().find(|link| !link.upstream && link.peer == peer);
        said_on.map_or(shadow.remembered[peer].generation, |link| link.generation)
    }

    /// Returns how many records of a node's line its replica has held since then: shown to readers, or durable.
    pub(super) fn held(&self, node: usize, peer: usize, durable: bool) -> u64 {
        let (line, since) = (self.nodes[node].end(), self.believes_since(node, peer));
        let lives = self.holds.nodes[peer].iter().rev().take_while(|life| life.generation >= since);
        let along = |life: &Life| self.history.along(if durable { life.durable } else { life.visible }, line);
        lives.map(along).max().unwrap_or(0)
    }

    /// Judges an answer of a node to a client: so many replicas, and with `own` the node itself, hold the write.
    pub(super) fn granted(
        &mut self,
        t_us: u64,
        node: usize,
        op: u64,
        replicas: u32,
        level: Level,
        own: bool,
    ) {
        let place = usize::try_from(op).ok().and_then(|op| self.holds.written.get(op).copied().flatten());
        let shadow = &self.nodes[node];
        let ours = |state: State| self.history.leads_to(state, shadow.end());
        let Some(state) = place.filter(|state| shadow.role == Role::Primary && ours(*state)) else {
            let text = format!(
                "{} acknowledged operation {op}, which is not in its history, or it is no primary",
                self.name(node)
            );
            return self.violate(Invariant::A2, t_us, node, text);
        };
        if own && !self.history.leads_to(state, shadow.durable) {
            let text = format!(
                "{} acknowledged operation {op} (record {}) as persisted here; {} are",
                self.name(node),
                state.offset,
                shadow.durable.offset
            );
            return self.violate(Invariant::A1, t_us, node, text);
        }
        let holders = (0..self.nodes.len()).filter(|peer| self.counts(node, *peer, level, state.offset));
        let holders = holders.count();
        if (holders as u64) < u64::from(replicas) {
            let text = format!(
                "{} acknowledged operation {op} (record {}) as {} at {replicas} replicas; {holders} hold it so",
                self.name(node),
                state.offset,
                words(level)
            );
            return self.violate(Invariant::A1, t_us, node, text);
        }
        self.mark(Mark::Granted);
    }

    /// Returns whether a replica counts for a record of its upstream's.
    fn counts(&self, node: usize, peer: usize, level: Level, offset: u64) -> bool {
        let joined =
            |link: &super::shadow::Link| !link.upstream && link.peer == peer && link.joined_us.is_some();
        // One id, two stores: nobody outside can tell whose acknowledgement it was, or see the other's link.
        if node != peer && self.has_twin(peer) {
            return true;
        }
        if node == peer || !self.nodes[node].links.iter().any(joined) {
            return false;
        }
        self.truths(node, peer)[level] >= offset
    }
}

const fn words(level: Level) -> &'static str {
    match level {
        Level::Received => "received",
        Level::Applied => "applied",
        Level::Persisted => "persisted",
    }
}
