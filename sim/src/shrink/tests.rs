use super::*;
use crate::plan::{Kind, Scenario};

fn mixed(seed: u64) -> Plan {
    let text = include_str!("../../scenarios/mixed.toml");
    Scenario::parse("mixed.toml", text).expect("a scenario of ours").draw(seed)
}

/// Returns the first plan of `mixed` with at least so many faults, all different.
fn busy(count: usize) -> Plan {
    let different = |plan: &Plan| {
        let mut kinds: Vec<Kind> = plan.faults.iter().map(|fault| fault.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds.len() == plan.faults.len() && kinds.len() >= count
    };
    (0..).map(mixed).find(different).expect("such a seed")
}

#[test]
fn two_faults_that_only_fail_together_are_what_is_left() {
    let plan = busy(9);
    let two = [plan.faults[2].kind, plan.faults[7].kind];
    let mut runs = 0;
    let mut run = |plan: &Plan| {
        runs += 1;
        let has = |kind: &Kind| plan.faults.iter().any(|fault| fault.kind == *kind);
        two.iter().all(has).then_some(Invariant::N6)
    };
    let mut told = Vec::new();
    let shrunk = shrink(&plan, &mut run, &mut |progress| told.push(progress.faults));
    let mut kinds: Vec<Kind> = shrunk.plan.faults.iter().map(|fault| fault.kind).collect();
    kinds.sort_by_key(|kind| two.iter().position(|one| one == kind));
    assert_eq!(kinds, two);
    assert_eq!((shrunk.invariant, shrunk.runs), (Some(Invariant::N6), runs));
    assert!(runs < 150, "{runs} runs");
    assert!(shrunk.plan.trains.is_empty() && shrunk.plan.knobs == crate::plan::Knobs::default());
    assert!(told.is_sorted_by(|one, next| one >= next), "it never grows again");
    let again = Plan::parse("shrunk", &shrunk.plan.to_text());
    assert_eq!(again, Ok(shrunk.plan));
}

#[test]
fn another_invariant_is_not_the_same_failure() {
    let plan = busy(6);
    let all = plan.faults.len();
    let mut run = |plan: &Plan| Some(if plan.faults.len() == all { Invariant::S1 } else { Invariant::V1 });
    let shrunk = shrink(&plan, &mut run, &mut |_| {});
    assert_eq!((shrunk.plan.faults.len(), shrunk.invariant), (all, Some(Invariant::S1)));
}

#[test]
fn numbers_go_down_to_where_it_still_fails() {
    let plan = mixed(12);
    let ops = |plan: &Plan| plan.trains.iter().map(|train| train.count).sum::<u64>();
    let longest = |plan: &Plan| plan.trains.iter().map(|train| train.bytes).max().unwrap_or(0);
    let mut run = |plan: &Plan| (ops(plan) >= 20 && longest(plan) >= 1_000).then_some(Invariant::B1);
    let shrunk = shrink(&plan, &mut run, &mut |_| {}).plan;
    assert!((20..60).contains(&ops(&shrunk)) && (1_000..2_200).contains(&longest(&shrunk)));
    assert!(shrunk.faults.is_empty() && shrunk.heal_us == 0);
    assert_eq!(shrunk.nodes.len(), 1, "only the primary is left");
}

#[test]
fn it_ends_however_stubborn_the_failure_is() {
    let mut count = 0;
    let mut coin = |_: &Plan| {
        count += 1;
        (count % 3 == 1).then_some(Invariant::V1)
    };
    assert!(shrink(&mixed(1), &mut coin, &mut |_| {}).runs <= RUNS_MAX);
}

#[test]
fn a_plan_that_does_not_fail_is_left_alone() {
    let plan = mixed(1);
    let shrunk = shrink(&plan, &mut |_| None, &mut |_| {});
    assert_eq!((shrunk.plan, shrunk.invariant, shrunk.runs), (plan, None, 1));
}

#[test]
fn a_node_that_goes_takes_its_bit_of_a_split_along() {
    let text = r#"
        scenario = 1
        name = "split"
        duration = "2s"
        heal = "1s"
        fault = [{ at = "0s", kind = "split", node = "p", side = 10 }]
        [nodes]
        p = { role = "primary" }
        r1 = { upstream = "p" }
        r2 = { upstream = "p" }
        r3 = { upstream = "p" }
    "#;
    let plan = Scenario::parse("split.toml", text).expect("sound").draw(1);
    let mut run = |plan: &Plan| {
        let names: Vec<&str> = plan.nodes.iter().map(|node| &*node.name).collect();
        let needs = names.contains(&"r3") && names.contains(&"r1") && !plan.faults.is_empty();
        needs.then_some(Invariant::V1)
    };
    let shrunk = shrink(&plan, &mut run, &mut |_| {}).plan;
    assert_eq!(shrunk.nodes.len(), 3);
    assert_eq!(shrunk.faults[0].amount, 0b110, "p on one side, r1 and r3 on the other");
}

#[test]
fn a_link_carries_a_plan_there_and_back() {
    let plan = mixed(3);
    let fragment = fragment(&plan);
    assert!(fragment.strip_prefix("#plan=").is_some_and(|rest| {
        rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    }));
    assert_eq!(plan_of_fragment(&fragment), Some(plan.to_text()));
    assert_eq!(plan_of_fragment("#plan=%%"), None);
    assert_eq!(plan_of_fragment("plan"), None);
}

#[test]
fn an_emitted_test_holds_its_plan() {
    let plan = mixed(3);
    let source = test_source(&plan, Invariant::N6, 13);
    assert!(
        source.contains("fn mixed_3_n6() {")
            && source.contains("with(13, || towline_sim::fast::run(&plan, false))")
    );
    let text = source.split("r#\"").nth(1).and_then(|rest| rest.split("\"#;").next());
    assert_eq!(text, Some(&*plan.to_text()));
}
