//! Small plans, played whole: the promises of the tier to its users.

use super::{Run, World, run};
use crate::plan::{Expect, Fault, Kind, Knobs, NodePlan, Plan, Substrate, Train};
use crate::report::Verdict;
use towline_core::Role;

mod kinds;

const MS: u64 = 1_000;
const S: u64 = 1_000 * MS;

fn node(number: usize) -> NodePlan {
    NodePlan {
        name: if number == 0 { "p".to_owned() } else { format!("r{number}") },
        id: number as u64 + 1,
        role: if number == 0 { Role::Primary } else { Role::Replica },
        upstream: (number > 0).then_some(0),
        disk: true,
        starts_us: 0,
        core: true,
    }
}

/// Returns a plan: a primary and replicas, 100 operations a second for two seconds, chaos until the third.
fn star(replicas: usize) -> Plan {
    Plan {
        name: "star".to_owned(),
        seed: 1,
        core: "test".to_owned(),
        on: vec![Substrate::Fast],
        exact: true,
        duration_us: 60 * S,
        heal_us: 3 * S,
        expect: Expect::Pass,
        knobs: Knobs::default(),
        nodes: (0..=replicas).map(node).collect(),
        trains: vec![Train { at_us: 100 * MS, count: 200, every_us: 10 * MS, bytes: 100 }],
        faults: Vec::new(),
    }
}

fn fault(kind: Kind, node: usize, peer: usize) -> Fault {
    Fault { kind, at_us: S, for_us: 500 * MS, node, peer, amount: 0, explicit: true }
}

/// Plays a plan; it must pass with every node holding the same.
fn converges(plan: &Plan) -> Run {
    let run = run(plan, true);
    assert_eq!(run.report.verdict, Verdict::Pass);
    let first = run.report.finals[0];
    for last in &run.report.finals {
        assert_eq!((last.offset, last.digest), (first.offset, first.digest));
    }
    run
}

#[test]
fn a_star_converges() {
    let run = converges(&star(3));
    assert_eq!(run.report.finals[0].offset, 200);
    assert!(run.report.end_us < 20 * S, "it ends when it is over, not when time is up");
}

#[test]
fn the_same_plan_is_the_same_run() {
    let mut plan = star(2);
    plan.faults = vec![fault(Kind::Kill, 1, 0), fault(Kind::Cut, 2, 0)];
    let (one, other) = (run(&plan, false).report, run(&plan, true).report);
    assert_eq!(one.hash, other.hash);
    assert_eq!(one, other);
    plan.seed = 2;
    assert_ne!(
        run(&plan, false).report.hash,
        one.hash,
        "another seed gives other latencies and random numbers"
    );
}

#[test]
fn a_cut_resumes_without_a_snapshot() {
    let mut plan = star(1);
    plan.faults = vec![fault(Kind::Cut, 1, 0)];
    assert_eq!(converges(&plan).report.finals[1].snapshots, converges(&star(1)).report.finals[1].snapshots);
}

#[test]
fn an_overrun_is_one_snapshot() {
    let mut plan = star(1);
    plan.knobs.backlog = 4 << 10;
    plan.faults = vec![Fault { for_us: 300 * MS, ..fault(Kind::Hold, 1, 0) }];
    let without = converges(&star(1)).report.finals[1].snapshots;
    assert_eq!(converges(&plan).report.finals[1].snapshots, without + 1);
}

#[test]
fn what_is_on_a_slow_line_comes_when_it_is_fast_again() {
    let mut plan = star(1);
    plan.faults = vec![Fault { amount: 100, ..fault(Kind::Rate, 1, 0) }];
    assert!(converges(&plan).report.end_us < 20 * S, "9 KB were on a line of 100 bytes a second");
}

#[test]
fn a_power_cut_takes_what_was_not_synced_and_no_more() {
    let mut plan = star(1);
    plan.knobs.sync = 40 * MS;
    plan.faults = vec![fault(Kind::PowerLoss, 1, 0)];
    converges(&plan);
}

#[test]
fn a_promoted_replica_is_followed_by_all() {
    let mut plan = star(2);
    plan.faults = vec![fault(Kind::Promote, 1, 0)];
    let run = converges(&plan);
    assert_eq!(run.report.finals[1].role, Role::Primary);
    assert_eq!(run.report.finals[0].role, Role::Replica);
}

#[test]
fn a_fault_that_changes_nothing_is_vacuous() {
    let mut plan = star(1);
    plan.faults = vec![Fault { at_us: 0, ..fault(Kind::Cut, 1, 0) }];
    assert_eq!(run(&plan, false).report.verdict, Verdict::Vacuous(vec![0]));
    plan.faults[0].explicit = false;
    assert_eq!(run(&plan, false).report.verdict, Verdict::Vacuous(vec![0]), "none of the drawn ones did");
    plan.faults.push(Fault { explicit: false, ..fault(Kind::Cut, 1, 0) });
    assert_eq!(run(&plan, false).report.verdict, Verdict::Pass, "one of the drawn ones did");
}

#[test]
fn one_changed_byte_is_another_run() {
    let plan = star(1);
    let mut other = star(1);
    other.trains[0].bytes += 1;
    assert_ne!(run(&plan, false).report.hash, run(&other, false).report.hash);
}

#[test]
fn a_world_can_be_stepped_and_looked_at() {
    let mut world = World::new(&star(1));
    world.play_until(2 * S);
    assert!((S..=2 * S).contains(&world.now_us()), "as far as asked, no farther");
    let text = world.dump(1);
    for words in ["r1 at", "records", "replica", "up to p", "sent"] {
        assert!(text.contains(words), "{words:?} in\n{text}");
    }
}
