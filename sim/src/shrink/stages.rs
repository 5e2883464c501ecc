//! The stages of a shrinking, each a walk over one part of the plan.

use super::Shrinker;
use crate::plan::faults::Target;
use crate::plan::{Fault, Kind, Knobs, Plan};
use towline_core::Role;

/// A part of a plan that is a list.
type Part<T> = fn(&mut Plan) -> &mut Vec<T>;
/// A number of a plan.
type Number = Box<dyn Fn(&mut Plan) -> &mut u64>;

impl Shrinker<'_> {
    pub(super) fn round(&mut self) {
        self.drop_from::<Fault>(|plan| &mut plan.faults);
        self.drop_from(|plan| &mut plan.trains);
        self.shorten();
        self.lessen();
        self.drop_nodes();
        self.cut();
        self.calm_knobs();
    }

    /// Removes runs of neighbours: half of the list at first, then fewer, at last one by one.
    fn drop_from<T>(&mut self, part: Part<T>) {
        let mut step = part(&mut self.best).len();
        while step > 0 {
            let mut from = 0;
            while from < part(&mut self.best).len() {
                let gone = self.tries(|plan| {
                    let list = part(plan);
                    let to = (from + step).min(list.len());
                    list.drain(from..to);
                });
                from += if gone { 0 } else { step };
            }
            step /= 2;
        }
    }

    /// Makes spans shorter, and operations fewer.
    fn shorten(&mut self) {
        for index in 0..self.best.faults.len() {
            if self.best.faults[index].kind.shape().lasts {
                self.reduce(Box::new(move |plan| &mut plan.faults[index].for_us), 1_000);
            }
        }
        for index in 0..self.best.trains.len() {
            self.reduce(Box::new(move |plan| &mut plan.trains[index].count), 1);
        }
    }

    /// Makes amounts smaller, and values shorter. Sides, edges and versions are names, not amounts.
    fn lessen(&mut self) {
        for index in 0..self.best.faults.len() {
            let kind = self.best.faults[index].kind;
            if kind.shape().amount.is_some() && !kind.shape().is_a_name {
                self.reduce(Box::new(move |plan| &mut plan.faults[index].amount), 0);
            }
        }
        for index in 0..self.best.trains.len() {
            let least = crate::workload::VALUE_BYTES_MIN;
            self.reduce(Box::new(move |plan| &mut plan.trains[index].bytes), least);
        }
    }

    /// Finds the least of a number that still fails, from `least` up: at once, else half by half.
    fn reduce(&mut self, number: Number, least: u64) {
        let now = *number(&mut self.best);
        if now <= least || self.tries(|plan| *number(plan) = least) {
            return;
        }
        while self.tries(|plan| {
            let value = number(plan);
            *value = least + (*value - least) / 2;
        }) {}
    }

    /// Removes nodes that nobody follows and no fault names.
    fn drop_nodes(&mut self) {
        for node in (0..self.best.nodes.len()).rev() {
            let plan = &self.best;
            let follows = plan.nodes.iter().any(|other| other.upstream == Some(node));
            let named = |fault: &Fault| {
                fault.node == node || (fault.kind.shape().target == Target::Pair && fault.peer == node)
            };
            if follows || plan.faults.iter().any(named) || plan.nodes[node].role == Role::Primary {
                continue;
            }
            self.tries(|plan| remove_node(plan, node));
        }
    }

    /// Heals earlier: right after the last fault, or sooner by halves.
    fn cut(&mut self) {
        let end = |fault: &Fault| {
            fault.at_us.saturating_add(if fault.for_us == u64::MAX { 0 } else { fault.for_us })
        };
        let last_us = self.best.faults.iter().map(end).max().unwrap_or(0);
        self.tries(|plan| plan.heal_us = plan.heal_us.min(last_us));
        for part in [2, 3, 4] {
            self.tries(|plan| heal_at(plan, plan.heal_us / part * (part - 1)));
        }
    }

    /// Sets knobs to their defaults: all at once, else one by one.
    fn calm_knobs(&mut self) {
        let calm = Knobs::default();
        if self.tries(|plan| plan.knobs = calm) {
            return;
        }
        for (name, _) in Knobs::ALL {
            let value = calm.get(name).expect("a knob of the list");
            let mut knobs = self.best.knobs;
            if knobs.set(name, value) && knobs.options().check().is_ok() {
                self.tries(|plan| plan.knobs = knobs);
            }
        }
    }
}

/// Moves the heal to an earlier time, and ends all faults by then.
fn heal_at(plan: &mut Plan, heal_us: u64) {
    plan.heal_us = heal_us;
    for fault in &mut plan.faults {
        fault.at_us = fault.at_us.min(heal_us);
        if fault.for_us != u64::MAX {
            fault.for_us = fault.for_us.min(heal_us - fault.at_us);
        }
    }
}

fn remove_node(plan: &mut Plan, node: usize) {
    plan.nodes.remove(node);
    let closer = |number: &mut usize| *number -= usize::from(*number > node);
    for other in &mut plan.nodes {
        other.upstream.iter_mut().for_each(closer);
    }
    for fault in &mut plan.faults {
        closer(&mut fault.node);
        closer(&mut fault.peer);
        if fault.kind == Kind::Split {
            // The sides lose the node's bit, as the numbers above it shift.
            let below = fault.amount & ((1 << node) - 1);
            fault.amount = (fault.amount >> (node + 1)) << node | below;
        }
    }
}
