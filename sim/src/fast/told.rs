//! The way of every fact to the oracle and the trace.

use crate::oracle::{Gauge, Oracle};
use crate::plan::Plan;
use crate::trace::{Fact, Tracer};

/// The oracle and the trace. A process whose number is none of the plan's (a twin) is left out.
pub(super) struct Told {
    pub(super) oracle: Oracle,
    pub(super) tracer: Tracer,
    nodes: usize,
}

impl Told {
    pub(super) fn new(plan: &Plan, keeps_facts: bool) -> Self {
        Self { oracle: Oracle::new(plan), tracer: Tracer::new(keeps_facts), nodes: plan.nodes.len() }
    }

    #[inline(always)]
    pub(super) fn fact(&mut self, t_us: u64, node: usize, fact: &Fact) {
        if node < self.nodes {
            self.tracer.record(t_us, node, fact);
            self.oracle.observe(t_us, node, fact);
        }
    }

    /// Reports a fact about a peer.
    #[inline(always)]
    pub(super) fn of_peer(&mut self, t_us: u64, node: usize, peer: usize, fact: &Fact) {
        if peer < self.nodes {
            self.fact(t_us, node, fact);
        }
    }

    #[inline(always)]
    pub(super) fn gauge(&mut self, t_us: u64, node: usize, gauge: Gauge) {
        if node < self.nodes {
            self.oracle.gauge(t_us, node, gauge);
        }
    }
}
