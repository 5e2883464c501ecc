//! The oracle: invariants over a shadow history of its own. It is told facts and gauges, and never asks the core
//! whether it is right.

pub mod invariant;
pub mod marks;

pub use invariant::Invariant;

use crate::plan::Plan;
use crate::trace::Fact;

/// A number read at a node at some moment, for bounds. Not part of the trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gauge {
    /// The ring as the node shows it: bytes used, oldest offset, end.
    Ring {
        /// Bytes of frames in it.
        used_bytes: u64,
        /// The oldest offset.
        start: u64,
        /// The end.
        end: u64,
    },
    /// What is between a sender (this node) and the host of a replica, taken by nobody: as the wire and the replica's
    /// host show it.
    Flight {
        /// The replica.
        peer: usize,
        /// Bytes of batch frames.
        stream_bytes: u64,
        /// Bytes of piece frames.
        piece_bytes: u64,
    },
    /// The node's tables.
    Tables {
        /// Links open.
        links: u64,
        /// Slots in use.
        slots: u64,
        /// Views open.
        views: u64,
    },
    /// Bytes a replica's host keeps beside a snapshot.
    Spool {
        /// How many.
        bytes: u64,
    },
    /// A frame left the node's transmit side: how long its first byte had waited, and whether it was control.
    Waited {
        /// Microseconds between the frame's turn and its leaving.
        us: u64,
        /// Whether it was control.
        control: bool,
    },
    /// The host called the node; `idle` if nothing came of it.
    Called {
        /// Whether the call changed nothing, told nothing and moved no byte.
        idle: bool,
    },
}

/// The first thing that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// When.
    pub t_us: u64,
    /// At which node.
    pub node: usize,
    /// What was seen and what should have been.
    pub text: String,
}

/// The invariants' judge over one run.
pub struct Oracle {
    violation: Option<Violation>,
}

impl Oracle {
    /// A judge for a plan.
    #[must_use]
    pub fn new(_plan: &Plan) -> Self {
        Self { violation: None }
    }

    /// Takes a fact.
    pub fn observe(&mut self, _t_us: u64, _node: usize, _fact: &Fact) {}

    /// Takes a gauge.
    pub fn gauge(&mut self, _t_us: u64, _node: usize, _gauge: Gauge) {}

    /// Whether the run may end: healed, the core set has converged, and it has been calm long enough since.
    #[must_use]
    pub fn is_over(&self, _t_us: u64) -> bool {
        false
    }

    /// The end of the run: what had to have happened by now.
    pub fn finish(&mut self, _t_us: u64) {}

    /// The first violation.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }
}
