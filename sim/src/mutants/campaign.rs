//! The hunt for one planted bug: plans of a scenario, seed after seed, until an invariant notices it.
//!
//! A kill counts only if the violated invariant is one that the bug's row names, the unmutated core passes the same
//! plan, and the plan was not vacuous. Anything else is counted apart: a violation of another invariant, a false kill
//! (the plan fails without the bug too), a plan that proved nothing. Time is not read here: the caller decides when it
//! is up. No threads: shards are ranges of seeds.

use std::ops::Range;

use super::registry::{Mutant, Room};
use super::with;
use crate::fast;
use crate::oracle::Violation;

use crate::plan::{Plan, Scenario};
use crate::report::Verdict;

/// A violation, and the plan that led to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kill {
    /// The seed of the plan.
    pub seed: u64,
    /// The plan itself.
    pub plan: Plan,
    /// The violation that was noticed.
    pub violation: Violation,
}

/// The end of a hunt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// The bug was found.
    Killed(Box<Kill>),
    /// Seeds or time are up.
    Survived,
    /// The design makes it impossible, for this reason.
    Proven(&'static str),
    /// It is planted where this tier does not reach.
    OutOfReach,
}

/// A hunt for one bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunt {
    /// The bug's number.
    pub mutant: u16,
    /// The end of the hunt.
    pub end: End,
    /// Plans played with the bug.
    pub seeds: u64,
    /// Plans that violated an invariant the row does not name; the first of them.
    pub elsewhere: u64,
    /// The first violation of that sort.
    pub first_elsewhere: Option<Box<Kill>>,
    /// Seeds of plans that the unmutated core does not pass either: the oracle or the core is wrong.
    pub false_kills: Vec<u64>,
    /// Plans whose faults changed nothing.
    pub vacuous: u64,
}

impl Hunt {
    /// Returns whether it ended as the row demands: killed, or proven impossible; the identity survives. And there was
    /// no false kill.
    #[must_use]
    pub fn is_as_it_should(&self, mutant: &Mutant) -> bool {
        let ended = match self.end {
            End::Killed(_) => !mutant.kills.is_empty(),
            End::Survived => mutant.kills.is_empty() && self.elsewhere == 0,
            End::Proven(_) => true,
            End::OutOfReach => mutant.room == Room::Store,
        };
        ended && self.false_kills.is_empty()
    }
}

/// Hunts a bug through the plans of these seeds, until `is_over`.
pub fn hunt(
    mutant: &Mutant,
    scenario: &Scenario,
    seeds: Range<u64>,
    is_over: &mut dyn FnMut() -> bool,
) -> Hunt {
    let mut hunt = Hunt {
        mutant: mutant.number,
        end: End::Survived,
        seeds: 0,
        elsewhere: 0,
        first_elsewhere: None,
        false_kills: Vec::new(),
        vacuous: 0,
    };
    if let Some(proof) = mutant.proof {
        hunt.end = End::Proven(proof);
    } else if mutant.room == Room::Store {
        hunt.end = End::OutOfReach;
    } else {
        for seed in seeds {
            if is_over() || hunt.play(mutant, scenario, seed) {
                break;
            }
        }
    }
    hunt
}

impl Hunt {
    /// Plays one plan. Returns whether the bug is found.
    fn play(&mut self, mutant: &Mutant, scenario: &Scenario, seed: u64) -> bool {
        let plan = scenario.draw(seed);
        self.seeds += 1;
        let violation = match with(mutant.number, || fast::run(&plan, false)).report.verdict {
            Verdict::Pass => return false,
            Verdict::Vacuous(_) => {
                self.vacuous += 1;
                return false;
            }
            Verdict::Violation(violation) => violation,
        };
        match fast::run(&plan, false).report.verdict {
            Verdict::Pass => {}
            Verdict::Vacuous(_) => {
                self.vacuous += 1;
                return false;
            }
            Verdict::Violation(_) => {
                self.false_kills.push(seed);
                return false;
            }
        }
        let counts = mutant.kills.contains(&violation.invariant);
        let kill = Box::new(Kill { seed, plan, violation });
        if counts {
            self.end = End::Killed(kill);
        } else {
            self.elsewhere += 1;
            self.first_elsewhere.get_or_insert(kill);
        }
        counts
    }
}
