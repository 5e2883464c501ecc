//! Planted bugs and the plans that kill them.
//!
//! In every build the core passes each recorded plan. Where bugs are woven in (`cargo xtask mutants --killers`), each
//! bug dies of its plan, by an invariant of its row; and the campaign, the search of all states and a panic prove that
//! they notice what they must.

use towline_sim::exhaust::{Scope, search};
use towline_sim::fast::run;
use towline_sim::mutants::campaign::{End, Hunt, hunt};
use towline_sim::mutants::registry::{self, MUTANTS, Mutant};
use towline_sim::mutants::{WOVEN, with};
use towline_sim::oracle::Invariant;
use towline_sim::plan::{Plan, Scenario, named};
use towline_sim::report::Verdict;

const IDENTITY: u16 = 9001;
const PANIC: u16 = 9002;

/// Returns the recorded plans, by the number of the bug they kill.
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
    match with(mutant, || run(plan, false)).report.verdict {
        Verdict::Violation(violation) => Some(violation.invariant),
        Verdict::Pass | Verdict::Vacuous(_) => None,
    }
}

#[test]
fn every_bug_has_a_plan_and_the_core_passes_it() {
    let killers = killers();
    let mut wrong = Vec::new();
    let canary = |mutant: &&Mutant| matches!(mutant.number, IDENTITY | PANIC);
    for mutant in MUTANTS.iter().filter(|mutant| mutant.proof.is_none() && !canary(mutant)) {
        if !killers.iter().any(|(killed, _)| killed.number == mutant.number) {
            wrong.push(format!("{} ({}) has no plan that kills it", mutant.number, mutant.words));
        }
    }
    for (mutant, plan) in &killers {
        if let Some(invariant) = dies_of(plan, 0) {
            wrong.push(format!("{}: its plan violates {} without it", mutant.number, invariant.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recorded_plan_kills_its_bug() {
    if !WOVEN {
        return;
    }
    let mut wrong = Vec::new();
    for (mutant, plan) in &killers() {
        let found = dies_of(plan, mutant.number);
        if !found.is_some_and(|invariant| mutant.kills.contains(&invariant)) {
            wrong.push(format!("{} ({}): {found:?}, not {:?}", mutant.number, mutant.words, mutant.kills));
        }
        if let Some(invariant) = dies_of(plan, IDENTITY) {
            wrong.push(format!("{}: its plan violates {} without it", mutant.number, invariant.name()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert_eq!(dies_of(&killers()[0].1, PANIC), Some(Invariant::X4), "a panic is seen");
}

fn scenario(name: &str) -> Scenario {
    let (_, text) = named().iter().find(|(known, _)| *known == name).expect("a named scenario");
    Scenario::parse(name, text).expect("a scenario that ships can be read")
}

fn hunted(number: u16, seeds: u64) -> (&'static Mutant, Hunt) {
    let mutant = registry::find(number).expect("a planted bug has a row");
    (mutant, hunt(mutant, &scenario(mutant.scenario), 0..seeds, &mut || false))
}

#[test]
fn in_a_campaign_the_panic_dies_and_the_identity_lives() {
    let (identity, hunt) = hunted(IDENTITY, 3);
    assert_eq!((&hunt.end, hunt.elsewhere), (&End::Survived, 0), "{:?}", hunt.first_elsewhere);
    assert!(hunt.is_as_it_should(identity));
    let (panic, hunt) = hunted(PANIC, 1);
    assert_eq!(hunt.is_as_it_should(panic), WOVEN, "{:?}", hunt.first_elsewhere);
}

#[test]
fn time_ends_a_hunt() {
    let mutant = registry::find(IDENTITY).expect("the identity");
    let mut left = 2;
    let hunt = hunt(mutant, &scenario("mixed"), 0..1_000, &mut || {
        left -= 1;
        left == 0
    });
    assert_eq!(hunt.seeds, 1);
}

/// Checks that the search of a small system finds the planted bug, by an invariant that its row names.
fn found(scope: Scope, mutant: u16) {
    let outcome = with(mutant, || search(&scope, &mut |_| ()));
    let row = registry::find(mutant).expect("a planted bug has a row");
    let (invariant, words) = outcome.violated.expect("found");
    assert!(row.kills.contains(&invariant), "{mutant} died of another cause: {invariant:?} {words}");
}

#[test]
fn planted_bugs_have_short_counterexamples() {
    if !WOVEN {
        return;
    }
    let scope = Scope { resets: 1, crashes: 0, promotions: 0, waits: 2, ..Scope::default() };
    for mutant in [1, 2, 17] {
        found(scope, mutant);
    }
    found(Scope { ops: 2, crashes: 1, ..scope }, 3);
    found(Scope { ops: 3, resets: 0, crashes: 1, waits: 1, fresh: true, ..scope }, 12);
}
