//! The turmoil tier: the real driver on simulated sockets, with panics armed.

#![cfg(all(feature = "turmoil", tokio_unstable))]

mod common;

use std::process::Command;

use common::{named, operations, passed, star};
use towline_core::{Level, Role};
use towline_sim::driver::Planted;
use towline_sim::oracle::Invariant;
use towline_sim::plan::{self, Plan, Scenario, Substrate};
use towline_sim::report::{Report, Verdict};
use towline_sim::trace::Fact;
use towline_sim::turmoil;

/// Set in the process that a test starts to compare itself with.
const TWIN: &str = "TOWLINE_TEST_TWIN";

fn run(plan: &Plan) -> Report {
    turmoil::run(plan, false).unwrap_or_else(|refused| panic!("{}: {refused}", plan.name)).report
}

#[test]
fn a_star_converges() {
    let plan = star("", 1);
    let report = run(&plan);
    passed(&report);
    assert_eq!(report.finals[0].offset, operations(&plan), "every write, once");
    assert_eq!(report.finals[0].role, Role::Primary);
    assert_eq!([0, 1, 1], [0, 1, 2].map(|node| report.finals[node].snapshots), "one each, to begin with");
}

#[test]
fn a_cut_link_resumes_without_a_snapshot() {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"cut\"
        node = \"r1\"
        [[fault]]
        at = \"1500ms\"
        kind = \"flap\"
        node = \"r2\"
        for = \"1s\"
        count = 5
    ";
    let report = run(&star(faults, 2));
    passed(&report);
    assert_eq!(report.effects, [true, true]);
    assert_eq!([report.finals[1].snapshots, report.finals[2].snapshots], [1, 1]);
}

#[test]
fn a_replica_is_killed_and_returns() {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"kill\"
        node = \"r1\"
        for = \"500ms\"
    ";
    let report = run(&star(faults, 3));
    passed(&report);
    assert_eq!(report.finals[2].snapshots, 1, "the other one never notices");
}

/// Returns the same star with every node on a disk, and power that fails twice: a replica's, then the primary's in the
/// middle of a write to disk.
fn power_fails(seed: u64) -> Plan {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"power-loss\"
        node = \"r1\"
        for = \"400ms\"
        [[fault]]
        at = \"2s\"
        kind = \"torn\"
        node = \"p\"
        for = \"300ms\"
        kept = 50
    ";
    let mut plan = star(faults, seed);
    plan.nodes.iter_mut().for_each(|node| node.disk = true);
    plan.knobs.sync = 100_000;
    plan
}

#[test]
fn what_was_not_synced_is_gone_with_the_power_and_everybody_still_converges() {
    let plan = power_fails(6);
    let report = run(&plan);
    passed(&report);
    assert_eq!(report.effects, [true, true]);
    assert!(report.finals[0].offset < operations(&plan), "the primary lost writes: {report:#?}");
    assert_eq!(report.finals[0].role, Role::Primary);
}

#[test]
fn a_promoted_replica_is_followed_by_everybody() {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"promote\"
        node = \"r1\"
    ";
    let report = run(&star(faults, 4));
    passed(&report);
    let roles = [0, 1, 2].map(|node| report.finals[node].role);
    assert_eq!(roles, [Role::Replica, Role::Primary, Role::Replica]);
}

#[test]
fn a_stalled_replica_catches_up_when_it_reads_again() {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"stop-reading\"
        node = \"r1\"
        for = \"1500ms\"
    ";
    let report = run(&star(faults, 5));
    passed(&report);
    assert_eq!(report.effects, [true]);
}

/// The real host slows its writers down to the replica's pace.
#[test]
fn a_slow_joiner_needs_one_snapshot() {
    let (_, text) = plan::named().iter().find(|(name, _)| *name == "slow-joiner").expect("a named scenario");
    let scenario = Scenario::parse("slow-joiner", text).unwrap_or_else(|error| panic!("{error}"));
    for seed in 0..6 {
        let plan = scenario.draw(seed);
        let report = run(&plan);
        passed(&report);
        assert_eq!(report.finals[0].offset, operations(&plan), "seed {seed}: every write, once");
        assert_eq!(report.finals[1].snapshots, 1, "seed {seed}: {report:#?}");
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the test starts itself a second time, and tells it so")]
fn one_plan_is_one_run_here_and_in_another_process() {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"cut-after\"
        node = \"r1\"
        bytes = \"1000B\"
        [[fault]]
        at = \"1200ms\"
        kind = \"kill\"
        node = \"r2\"
        for = \"300ms\"
    ";
    let plans = || (0..3).map(|seed| star(faults, seed)).chain((0..2).map(power_fails));
    let hashes = || -> Vec<String> { plans().map(|plan| format!("{:032x}", run(&plan).hash)).collect() };
    let here = hashes();
    if std::env::var_os(TWIN).is_some() {
        println!("{}", here.join("\n"));
        return;
    }
    assert_eq!(here, hashes(), "again in this process");
    let mut twin = Command::new(std::env::current_exe().expect("this program has a path"));
    twin.args(["--exact", "one_plan_is_one_run_here_and_in_another_process", "--nocapture"]).env(TWIN, "1");
    let told = String::from_utf8(twin.output().expect("it starts").stdout).expect("text");
    for hash in &here {
        assert!(told.contains(hash), "{hash} is not among\n{told}");
    }
    assert_ne!(here[0], here[1]);
}

#[test]
fn a_panic_in_a_spawned_task_fails_the_run() {
    let report = turmoil::run_planted(&star("", 1), Planted::Panic).expect("it runs").report;
    let Verdict::Violation(violation) = report.verdict else { panic!("swallowed: {report:#?}") };
    assert_eq!(violation.invariant, Invariant::X4);
}

/// Checks that the run of a plan with a planted bug ends with this violation, and without it passes.
fn found(plan: &Plan, planted: Planted, invariant: Invariant) {
    passed(&run(plan));
    let report = turmoil::run_planted(plan, planted).expect("it runs").report;
    let Verdict::Violation(violation) = report.verdict else { panic!("{planted:?} passes: {report:#?}") };
    assert_eq!(violation.invariant, invariant, "{planted:?}: {violation:?}");
}

#[test]
fn who_waits_is_told_the_truth() {
    let plan = power_fails(8);
    let played = turmoil::run(&plan, true).expect("it runs");
    passed(&played.report);
    let told = |of: Level, by: u32| {
        let is = |fact: &Fact| matches!(*fact, Fact::Granted { level, replicas, .. } if level == of && replicas >= by);
        played.facts.iter().any(|(_, _, fact)| is(fact))
    };
    assert!(told(Level::Applied, 2) && told(Level::Persisted, 2), "by both replicas, at both levels");
    found(&plan, Planted::EarlySync, Invariant::A1);
    found(&star("", 9), Planted::Forgets, Invariant::A1);
}

#[test]
fn who_feeds_a_node_is_whom_its_operator_named() {
    let faults = "
        [[fault]]
        at = \"1s\"
        kind = \"follow\"
        node = \"r2\"
        peer = \"r1\"
        adopt = false
    ";
    found(&star(faults, 10), Planted::OldAddress, Invariant::O1);
}

#[test]
fn a_tail_that_the_loading_store_does_not_keep_waits_in_the_spool() {
    let (_, text) = plan::named().iter().find(|(name, _)| *name == "spooled-tail").expect("a named scenario");
    let scenario = Scenario::parse("spooled-tail", text).unwrap_or_else(|error| panic!("{error}"));
    for seed in 0..4 {
        let played = turmoil::run(&scenario.draw(seed), true).expect("it runs");
        passed(&played.report);
        let waits = |fact: &Fact| matches!(fact, Fact::TailWaits { .. });
        assert!(played.facts.iter().any(|(_, node, fact)| *node == 1 && waits(fact)), "seed {seed}");
    }
}

#[test]
fn the_named_scenarios_pass() {
    let mut wrong = Vec::new();
    for plan in named(Substrate::Turmoil, 1) {
        match turmoil::run(&plan, false) {
            Ok(run) => {
                if run.report.verdict != Verdict::Pass && plan.faults.iter().all(|fault| fault.explicit) {
                    wrong.push(format!("{}: {:?}", plan.name, run.report.verdict));
                } else if let Verdict::Violation(violation) = run.report.verdict {
                    wrong.push(format!("{}: {violation:?}", plan.name));
                }
            }
            Err(refused) => wrong.push(format!("{}: {refused}", plan.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_was_answered_before_a_stop_in_order_is_on_the_replica_that_takes_over() {
    // A burst is answered and waits behind a thin line when the primary is asked to stop; then its replica is promoted.
    let faults = "
        [[train]]
        at = \"1500ms\"
        count = 100
        every = \"0us\"
        value = \"100B\"
        [[fault]]
        at = \"1200ms\"
        kind = \"rate\"
        node = \"r1\"
        for = \"1500ms\"
        rate = \"20KiB\"
        [[fault]]
        at = \"1600ms\"
        kind = \"stop\"
        node = \"p\"
        for = \"1400ms\"
        [[fault]]
        at = \"2900ms\"
        kind = \"promote\"
        node = \"r1\"
    ";
    let plan = star(faults, 7);
    let report = run(&plan);
    passed(&report);
    assert_eq!(report.finals[1].role, Role::Primary);
    assert_eq!(
        report.finals[1].offset,
        operations(&plan),
        "every write that was answered, once: {report:#?}"
    );
}
