//! From a plan that fails to the smallest one that fails the same way.
//!
//! A candidate is kept if its run violates the same invariant. Stages, from what people want least to read on: faults
//! (halves, then one by one), trains, spans and counts, amounts, nodes, the duration, the knobs; again until a round
//! changes nothing. Each random choice has its own stream, so the parts that remain behave as they did.
//!
//! Bounds: at most [`RUNS_MAX`] runs. A plan within the atlas stays within it: a circle of replicas never converges,
//! which says nothing about a bug.

mod emit;
mod stages;

pub use emit::{fragment, plan_of_fragment, test_source};

use crate::oracle::Invariant;
use crate::plan::Plan;

/// The most runs of one shrinking.
pub const RUNS_MAX: u32 = 400;

/// The progress of a shrinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Runs so far.
    pub runs: u32,
    /// Faults of the smallest plan so far.
    pub faults: usize,
    /// Trains of the smallest plan so far.
    pub trains: usize,
}

/// The result of a shrinking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shrunk {
    /// The smallest plan found; the one that was given if it does not fail.
    pub plan: Plan,
    /// The invariant that both plans violate.
    pub invariant: Option<Invariant>,
    /// The number of runs it took.
    pub runs: u32,
}

/// Shrinks a plan. `run` returns the invariant that a plan's run violates; `progress` is called for every run.
pub fn shrink(
    plan: &Plan,
    run: &mut dyn FnMut(&Plan) -> Option<Invariant>,
    progress: &mut dyn FnMut(Progress),
) -> Shrunk {
    let Some(invariant) = run(plan) else {
        return Shrunk { plan: plan.clone(), invariant: None, runs: 1 };
    };
    let is_within_atlas = plan.is_within_atlas();
    let mut shrinker = Shrinker { best: plan.clone(), invariant, is_within_atlas, runs: 1, run, progress };
    loop {
        let before = shrinker.best.clone();
        shrinker.round();
        if shrinker.best == before || shrinker.is_out() {
            break;
        }
    }
    Shrunk { plan: shrinker.best, invariant: Some(invariant), runs: shrinker.runs }
}

/// A shrinking under way. The best plan always violates the invariant.
struct Shrinker<'a> {
    best: Plan,
    invariant: Invariant,
    is_within_atlas: bool,
    runs: u32,
    run: &'a mut dyn FnMut(&Plan) -> Option<Invariant>,
    progress: &'a mut dyn FnMut(Progress),
}

impl Shrinker<'_> {
    fn is_out(&self) -> bool {
        self.runs >= RUNS_MAX
    }

    /// Runs a changed copy of the best plan, and keeps it if it fails the same way.
    fn tries(&mut self, change: impl FnOnce(&mut Plan)) -> bool {
        let mut plan = self.best.clone();
        change(&mut plan);
        if plan == self.best || self.is_out() || (self.is_within_atlas && !plan.is_within_atlas()) {
            return false;
        }
        plan.duration_us = plan.over_us();
        self.runs += 1;
        let fails = (self.run)(&plan) == Some(self.invariant);
        if fails {
            self.best = plan;
        }
        let (faults, trains) = (self.best.faults.len(), self.best.trains.len());
        (self.progress)(Progress { runs: self.runs, faults, trains });
        fails
    }
}

#[cfg(test)]
mod tests;
