//! The operator: its choice of the primary and of every upstream, and the orders that follow.
//!
//! During the chaos it does what the plan says and no more. Once chaos is over it looks after the core set until the
//! end: dead nodes start, one primary is chosen (the one it has, if possible), all others follow, as the plan has them
//! where that leads to the primary; a node that was refused for its history may take over the primary's.

use super::queue::What;
use super::{TEND_US, World};
use crate::oracle::Gauge;
use crate::plan::Plan;
use crate::trace::Fact;
use towline_core::Role;

/// The operator's view. The first numbers are the plan's nodes, those behind them twins.
#[derive(Debug)]
pub(super) struct Operator {
    pub(super) primary: usize,
    /// The upstream that each machine dials.
    pub(super) upstream: Vec<Option<usize>>,
    /// The role in which each machine's process starts.
    pub(super) roles: Vec<Role>,
    nodes: usize,
    twins: Vec<usize>,
}

impl Operator {
    pub(super) fn new(plan: &Plan, twins: &[usize]) -> Self {
        let all = (0..plan.nodes.len()).chain(twins.iter().copied());
        let upstream = all.map(|node| plan.nodes[node].upstream).collect();
        let roles =
            plan.nodes.iter().map(|node| node.role).chain(twins.iter().map(|_| Role::Replica)).collect();
        Self { primary: plan.primary(), upstream, roles, nodes: plan.nodes.len(), twins: twins.to_vec() }
    }

    /// Returns whether a machine may be another's twin.
    pub(super) fn has_twins(&self) -> bool {
        !self.twins.is_empty()
    }

    /// Returns the original of a machine that is a twin.
    pub(super) fn original_of(&self, machine: usize) -> Option<usize> {
        machine.checked_sub(self.nodes).map(|twin| self.twins[twin])
    }

    /// Returns the machine of the next twin of a node that is not in use, as `in_use` says.
    pub(super) fn twin_of(&self, node: usize, in_use: impl Fn(usize) -> bool) -> Option<usize> {
        let of_node = |twin: &usize| self.twins[*twin] == node;
        let machines = (0..self.twins.len()).filter(of_node).map(|twin| self.nodes + twin);
        machines.into_iter().find(|machine| !in_use(*machine))
    }
}

impl World {
    fn turn_to(&mut self, node: usize, upstream: usize) {
        self.shared.operator.upstream[node] = Some(upstream);
        self.shared.operator.roles[node] = Role::Replica;
        self.shared.told.gauge(self.shared.t_us, node, Gauge::Named { upstream });
    }

    /// Makes a node primary; returns whether it could be.
    pub(super) fn promote(&mut self, node: usize) -> bool {
        let promoted = self.with_turn(node, |turn| turn.promote()) == Some(true);
        if promoted {
            self.shared.operator.roles[node] = Role::Primary;
            self.shared.operator.upstream[node] = None;
        }
        promoted
    }

    /// Makes a node the primary; all others follow it.
    pub(super) fn promote_for_all(&mut self, node: usize) -> bool {
        if !self.promote(node) {
            return false;
        }
        self.shared.operator.primary = node;
        for other in (0..self.shared.plan.nodes.len()).filter(|other| *other != node) {
            self.follow(other, node, false);
        }
        true
    }

    pub(super) fn follow(&mut self, node: usize, upstream: usize, adopt: bool) -> bool {
        self.turn_to(node, upstream);
        self.with_turn(node, |turn| turn.follow(adopt)) == Some(true)
    }

    // --- after the chaos -------------------------------------------------------------------------------------------

    pub(super) fn heal(&mut self) {
        self.shared.healed = true;
        self.shared.chaos.returning = None;
        self.end_all_faults();
        self.shared.told.fact(self.shared.t_us, 0, &Fact::Healed);
        for node in self.core() {
            if self.shared.plan.nodes[node].starts_us <= self.shared.t_us {
                self.start(node);
            }
        }
        self.tend();
    }

    pub(super) fn core(&self) -> Vec<usize> {
        let nodes = &self.shared.plan.nodes;
        (0..nodes.len()).filter(|node| nodes[*node].core).collect()
    }

    /// Looks after the nodes, again and again until the run is over.
    pub(super) fn tend(&mut self) {
        self.choose_primary();
        let primary = self.shared.operator.primary;
        let process = self.machines[primary].process.as_deref_mut();
        if process.is_some_and(|process| std::mem::take(&mut process.outranked)) {
            self.promote(primary);
        }
        for node in self.core().into_iter().filter(|node| *node != primary) {
            let upstream = self.wanted_upstream(node);
            let Some(process) = self.machines[node].process.as_deref() else {
                self.turn_to(node, upstream);
                continue;
            };
            let rules = process.node.stats().role == Role::Primary;
            let astray = self.shared.operator.upstream[node] != Some(upstream);
            if rules || astray || process.stopped || process.refused {
                let adopt = process.refused;
                self.follow(node, upstream, adopt);
            }
        }
        self.shared.queue.push(self.shared.t_us + TEND_US, What::Tend);
    }

    /// Chooses a primary of the core set, unless one of it is primary.
    fn choose_primary(&mut self) {
        let role = |world: &Self, node: usize| {
            world.machines[node].process.as_deref().map(|process| process.node.stats().role)
        };
        let mut candidates = self.core();
        let current = self.shared.operator.primary;
        // First the one it has; then one that is primary; then the one that holds most.
        candidates.sort_by_key(|node| {
            let rules = role(self, *node) == Some(Role::Primary);
            (*node != current, !rules, std::cmp::Reverse(self.machines[*node].store.committed), *node)
        });
        for node in candidates {
            if role(self, node) == Some(Role::Primary) || self.promote(node) {
                self.shared.operator.primary = node;
                self.shared.operator.roles[node] = Role::Primary;
                self.shared.operator.upstream[node] = None;
                self.shared.net.dirty |= 1 << node;
                return;
            }
        }
    }

    /// Returns the plan's upstream, where that leads to the primary through the core set; else the primary.
    fn wanted_upstream(&self, node: usize) -> usize {
        let (nodes, primary) = (&self.shared.plan.nodes, self.shared.operator.primary);
        let mut at = node;
        for _ in 0..nodes.len() {
            match nodes[at].upstream.filter(|upstream| nodes[*upstream].core) {
                Some(upstream) if upstream == primary => return nodes[node].upstream.unwrap_or(primary),
                Some(upstream) => at = upstream,
                None => break,
            }
        }
        primary
    }
}
