use super::*;
use crate::plan::Scenario;
use crate::report::Margins;

const STAR: &str = "
    scenario = 1
    name = \"star\"
    duration = \"4s\"
    heal = \"2s\"
    [nodes]
    p = { role = \"primary\" }
    r = { upstream = \"p\" }
    [workload]
    rate = 10
    value = \"16B\"
";

fn plan(faults: &str) -> Plan {
    Scenario::parse("star", &format!("{STAR}{faults}")).unwrap().draw(1)
}

fn report(offset: u64, snapshots: u64) -> Report {
    let last = |role| Final { alive: true, role, offset, digest: offset.into(), snapshots };
    Report {
        verdict: Verdict::Pass,
        hash: 0,
        facts: 0,
        calls: 0,
        end_us: 0,
        marks: 0,
        effects: Vec::new(),
        margins: Margins::default(),
        finals: vec![last(Role::Primary), last(Role::Replica)],
    }
}

fn told(plan: &Plan, here: &Report, there: &Report) -> Result<(), String> {
    compare(plan, &[(Substrate::Fast, here), (Substrate::Real, there)])
}

#[test]
fn what_differs_is_named_with_both_values() {
    let plan = plan("");
    assert_eq!(told(&plan, &report(9, 1), &report(9, 1)), Ok(()));
    let words = told(&plan, &report(9, 1), &report(8, 1)).unwrap_err();
    assert_eq!(words, "p: the last applied offset is 9 on fast, 8 on real");
    let words = told(&plan, &report(9, 1), &report(9, 0)).unwrap_err();
    assert_eq!(words, "p: the count of snapshots is some on fast, none on real");
    assert_eq!(told(&plan, &report(9, 3), &report(9, 1)), Ok(()), "in wall time one more may be needed");
    let simulated = |here: &Report, there: &Report| {
        compare(&plan, &[(Substrate::Fast, here), (Substrate::Turmoil, there)])
    };
    assert!(simulated(&report(9, 3), &report(9, 1)).is_err());
    assert_eq!(simulated(&report(9, 3), &report(9, 2)), Ok(()), "several are several");
}

#[test]
fn a_verdict_is_pass_or_an_invariant() {
    let violated = crate::oracle::Violation {
        invariant: crate::oracle::Invariant::V1,
        t_us: 1,
        node: 0,
        text: String::new(),
    };
    let failed = Report { verdict: Verdict::Violation(violated), ..report(9, 1) };
    assert_eq!(told(&plan(""), &report(9, 1), &failed).unwrap_err(), "fast says pass, real says V1 violated");
    let vacuous = Report { verdict: Verdict::Vacuous(vec![0]), ..report(9, 1) };
    assert_eq!(told(&plan(""), &report(9, 1), &vacuous), Ok(()));
}

#[test]
fn what_a_dying_primary_had_not_handed_on_is_not_compared() {
    let killed = plan("[[fault]]\nat = \"1s\"\nkind = \"kill\"\nnode = \"p\"\nfor = \"100ms\"\n");
    assert_eq!(told(&killed, &report(9, 1), &report(7, 2)), Ok(()));
    let other = plan("[[fault]]\nat = \"1s\"\nkind = \"kill\"\nnode = \"r\"\nfor = \"100ms\"\n");
    assert!(told(&other, &report(9, 1), &report(7, 1)).is_err());
}
