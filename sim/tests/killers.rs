//! Each planted bug meets the plan that killed it: it must die of an invariant of its row, and the shipped core must
//! pass the same plan. Built with `--cfg towline_mutants` only; `cargo xtask mutants` finds such plans anew.
#![cfg(towline_mutants)]

use towline_sim::fast::run_mutant;
use towline_sim::mutants::registry::{self, MUTANTS, Mutant};
use towline_sim::oracle::Invariant;
use towline_sim::plan::Plan;
use towline_sim::report::Verdict;

const IDENTITY: u16 = 9001;
const PANIC: u16 = 9002;

/// The recorded plans, by the number of the bug they kill.
fn killers() -> Vec<(&'static Mutant, Plan)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/killers");
    let mut killers = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the folder of killing plans") {
        let path = entry.expect("a file").path();
        let Some(stem) = path.file_stem().filter(|_| path.extension().is_some_and(|is| is == "plan")) else {
            continue;
        };
        let number = stem.to_string_lossy().parse().expect("a killing plan is named by its bug's number");
        let mutant = registry::find(number).expect("a bug of the registry");
        let text = std::fs::read_to_string(&path).expect("a plan");
        killers.push((mutant, Plan::parse(&path.to_string_lossy(), &text).expect("a sound plan")));
    }
    killers.sort_by_key(|(mutant, _)| mutant.number);
    killers
}

fn dies_of(plan: &Plan, mutant: u16) -> Option<Invariant> {
    match run_mutant(plan, mutant, false).report.verdict {
        Verdict::Violation(violation) => Some(violation.invariant),
        Verdict::Pass | Verdict::Vacuous(_) => None,
    }
}

#[test]
fn every_recorded_plan_kills_its_bug_and_nothing_else() {
    let killers = killers();
    let mut wrong = Vec::new();
    let canary = |mutant: &&Mutant| matches!(mutant.number, IDENTITY | PANIC);
    for mutant in MUTANTS.iter().filter(|mutant| mutant.proof.is_none() && !canary(mutant)) {
        if !killers.iter().any(|(killed, _)| killed.number == mutant.number) {
            wrong.push(format!("{} ({}) has no plan that kills it", mutant.number, mutant.words));
        }
    }
    for (mutant, plan) in &killers {
        let found = dies_of(plan, mutant.number);
        if !found.is_some_and(|invariant| mutant.kills.contains(&invariant)) {
            wrong.push(format!("{} ({}): {found:?}, not {:?}", mutant.number, mutant.words, mutant.kills));
        }
        if let Some(invariant) = dies_of(plan, IDENTITY) {
            wrong.push(format!("{}: its plan violates {} without it", mutant.number, invariant.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(dies_of(&killers[0].1, PANIC), Some(Invariant::X4), "a panic is seen");
}
