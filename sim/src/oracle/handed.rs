//! Batches that nodes hand to their hosts: S2 at the border between the two, and how much an upstream may believe of a
//! replica.
//!
//! Judged only where a substrate reports [`Gauge::Handed`](super::Gauge::Handed): otherwise nobody knows what was
//! received.

use super::*;
use towline_core::Stages;

/// The batches that one node handed out.
#[derive(Debug, Clone, Copy, Default)]
struct Handed {
    /// The next offset of the stream; unknown after a snapshot, whose tail may reach past it or not.
    next: Option<u64>,
    /// The end of the batches beside a snapshot.
    beside: Option<u64>,
    /// The end of the batches beside a snapshot since the node joined last.
    tail: Option<u64>,
    /// The most records that it ever had received on a whole state.
    received_max: u64,
    /// How often it went back to a fork, and the most a reader has seen since.
    rewinds: u64,
    seen_max: u64,
}

/// The batches that all nodes handed out.
#[derive(Debug, Clone)]
pub(super) struct HandedOut {
    nodes: Vec<Handed>,
    /// By node and replica: how often the replica had gone back when it joined last.
    asked: Vec<u64>,
    is_told: bool,
}

impl HandedOut {
    pub(super) fn new(count: usize) -> Self {
        Self { nodes: vec![Handed::default(); count], asked: vec![0; count * count], is_told: false }
    }

    /// Returns the end of the batches beside a snapshot; unknown until one has come since the replica joined.
    pub(super) fn tail(&self, node: usize) -> Option<u64> {
        self.nodes[node].tail
    }

    /// Returns the end of the records that a node received in order, where that is known.
    pub(super) fn received(&self, node: usize) -> Option<u64> {
        self.nodes[node].next.filter(|_| self.is_told)
    }

    /// Notes that a replica joined at a node, on the basis it has now.
    pub(super) fn asks(&mut self, node: usize, peer: usize) {
        let count = self.nodes.len();
        self.asked[node * count + peer] = self.nodes[peer].rewinds;
        self.nodes[peer].tail = None;
    }

    /// Notes that a node has so many records, and that the next batch follows them.
    pub(super) fn stands(&mut self, node: usize, offset: u64) {
        let handed = &mut self.nodes[node];
        handed.next = Some(offset);
        handed.received_max = handed.received_max.max(offset);
    }

    /// Notes that the host is about to go back.
    pub(super) fn goes_back(&mut self, node: usize, offset: u64) {
        let handed = &mut self.nodes[node];
        (handed.next, handed.rewinds, handed.seen_max) = (Some(offset), handed.rewinds + 1, offset);
    }

    /// Notes that a reader sees so many records.
    pub(super) fn shows(&mut self, node: usize, offset: u64, cause: Cause) {
        let handed = &mut self.nodes[node];
        handed.seen_max = handed.seen_max.max(offset);
        if cause == Cause::Installed {
            handed.tail = None;
            let received = handed.beside.take().unwrap_or(0).max(offset);
            (handed.next, handed.received_max) = (None, handed.received_max.max(received));
        }
    }
}

impl Oracle {
    /// Judges a batch that came out of a node.
    pub(super) fn handed_out(&mut self, t_us: u64, node: usize, first: u64, end: u64, beside: bool) {
        self.handed.is_told = true;
        let handed = &mut self.handed.nodes[node];
        if beside {
            (handed.beside, handed.tail) = (Some(end), Some(end));
            return;
        }
        if let Some(next) = handed.next.replace(end).filter(|next| *next != first) {
            let text = format!("{} handed out records from {first} on; {next} was the next", self.name(node));
            return self.violate(Invariant::S2, t_us, node, text);
        }
        handed.received_max = handed.received_max.max(end);
    }

    /// Returns the most a node may believe that a replica has received, applied and persisted. Late acknowledgements on
    /// a link to a former upstream still count by the basis before the replica went back.
    pub(super) fn truths(&self, node: usize, peer: usize) -> Stages<u64> {
        let handed = &self.handed.nodes[peer];
        let (applied, durable) = (self.held(node, peer, false), self.held(node, peer, true));
        if !self.handed.is_told {
            return Stages { received: u64::MAX, applied, persisted: durable };
        }
        let here = self.handed.asked[node * self.nodes.len() + peer] == handed.rewinds;
        let applied = if here && handed.rewinds > 0 { handed.seen_max.min(applied) } else { applied };
        Stages { received: handed.received_max, applied, persisted: durable }
    }
}
