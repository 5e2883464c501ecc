//! The nodes and connections that a fault touches now, and the time since when each has been left alone.
//!
//! Bounds that only hold in peace (a beat arrives, a record comes through in time) are judged for undisturbed pairs
//! alone.

use crate::plan::faults::Target;
use crate::plan::{Kind, Plan};

/// The nodes that a fault touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Touch {
    Everyone,
    Node(usize),
    Pair(usize, usize),
}

/// The faults that are on, and the time when the last one ended.
#[derive(Debug, Clone)]
pub(crate) struct Disturbance {
    touches: Vec<Touch>,
    active: Vec<bool>,
    everyone_us: u64,
    nodes_us: Vec<u64>,
    pairs_us: Vec<u64>,
    count: usize,
}

/// Returns the nodes that a kind touches: its target, or all where it changes roles or parts the net.
fn touch(kind: Kind, node: usize, peer: usize) -> Touch {
    if kind == Kind::Split || kind.shape().moves_roles {
        return Touch::Everyone;
    }
    match kind.shape().target {
        Target::Node => Touch::Node(node),
        Target::Pair => Touch::Pair(node, peer),
    }
}

impl Disturbance {
    pub(crate) fn new(plan: &Plan) -> Self {
        let count = plan.nodes.len();
        Self {
            touches: plan.faults.iter().map(|fault| touch(fault.kind, fault.node, fault.peer)).collect(),
            active: vec![false; plan.faults.len()],
            everyone_us: 0,
            nodes_us: vec![0; count],
            pairs_us: vec![0; count * count],
            count,
        }
    }

    fn mark(&mut self, index: usize, t_us: u64) {
        match self.touches[index] {
            Touch::Everyone => self.everyone_us = t_us,
            Touch::Node(node) => self.nodes_us[node] = self.nodes_us[node].max(t_us),
            Touch::Pair(a, b) => {
                for place in [a * self.count + b, b * self.count + a] {
                    self.pairs_us[place] = t_us;
                }
            }
        }
    }

    pub(crate) fn begins(&mut self, plan: &Plan, index: usize, t_us: u64) {
        let kind = plan.faults[index].kind;
        self.active[index] = kind.shape().lasts || kind.shape().waits;
        self.mark(index, t_us);
        if kind == Kind::ClockBack {
            // The process sees no time pass until the clock is back at its old reading: it owes nobody a beat.
            self.nodes_us[plan.faults[index].node] += plan.faults[index].amount;
        }
    }

    pub(crate) fn ends(&mut self, index: usize, t_us: u64) {
        self.active[index] = false;
        self.mark(index, t_us);
    }

    /// Ends the chaos. Faults on nodes that need not converge stay.
    pub(crate) fn heals(&mut self, plan: &Plan, t_us: u64) {
        self.everyone_us = t_us;
        for index in 0..self.active.len() {
            self.active[index] &= match self.touches[index] {
                Touch::Everyone => false,
                Touch::Node(node) => !plan.nodes[node].core,
                Touch::Pair(a, b) => !(plan.nodes[a].core && plan.nodes[b].core),
            };
        }
    }

    /// Notes that a node that no fault names started or ended.
    pub(crate) fn note(&mut self, node: usize, t_us: u64) {
        self.nodes_us[node] = t_us;
    }

    /// Returns the time since when no fault of its own has touched a node; none while one does.
    pub(crate) fn sound_since(&self, node: usize) -> Option<u64> {
        let mut on = self.touches.iter().zip(&self.active).filter(|(_, active)| **active);
        (!on.any(|(touch, _)| *touch == Touch::Node(node))).then_some(self.nodes_us[node])
    }

    /// Returns the time since when nothing has touched a node, or the way between two; none while something does.
    pub(crate) fn calm_since(&self, a: usize, b: usize) -> Option<u64> {
        let meets = |touch: &Touch| match *touch {
            Touch::Everyone => true,
            Touch::Node(node) => node == a || node == b,
            Touch::Pair(one, other) => (one, other) == (a, b) || (one, other) == (b, a),
        };
        if self.touches.iter().zip(&self.active).any(|(touch, active)| *active && meets(touch)) {
            return None;
        }
        let pair = self.pairs_us[a * self.count + b];
        Some(pair.max(self.everyone_us).max(self.nodes_us[a]).max(self.nodes_us[b]))
    }
}
