//! Shared by the tests of the driver tiers: small scenarios, and a run that must pass.

#![allow(dead_code, reason = "each test file uses its own part")]

use towline_sim::plan::{Plan, Scenario, Substrate};
use towline_sim::report::{Report, Verdict};

/// Returns a plan of one primary and two replicas for three seconds, with these faults.
pub(crate) fn star(faults: &str, seed: u64) -> Plan {
    let head = "
        scenario = 1
        name = \"star\"
        duration = \"8s\"
        heal = \"3s\"
        [nodes]
        p = { role = \"primary\", store = \"memory\" }
        r1 = { upstream = \"p\", store = \"memory\" }
        r2 = { upstream = \"p\", store = \"memory\" }
        [knobs]
        beat = \"200ms\"
        idle = \"1s\"
        [workload]
        rate = 200
        value = \"100B\"
        until = \"3500ms\"
    ";
    plan(&format!("{head}{faults}"), seed)
}

/// Returns the plan of a scenario.
pub(crate) fn plan(text: &str, seed: u64) -> Plan {
    Scenario::parse("test", text).expect("a scenario").draw(seed)
}

/// Returns a plan of each named scenario that the substrate can play.
pub(crate) fn named(on: Substrate, seed: u64) -> Vec<Plan> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("scenarios").map(|entry| entry.expect("a file").path()).collect();
    paths.sort();
    let plans = paths.iter().map(|path| {
        let text = std::fs::read_to_string(path).expect("a scenario");
        Scenario::parse(&path.to_string_lossy(), &text).expect("a scenario").draw(seed)
    });
    plans.filter(|plan| plan.on.contains(&on)).collect()
}

/// Returns how many writes a plan has.
pub(crate) fn operations(plan: &Plan) -> u64 {
    plan.trains.iter().map(|train| train.count).sum()
}

/// Checks the claims that hold of every run that passes.
pub(crate) fn passed(report: &Report) {
    assert_eq!(report.verdict, Verdict::Pass, "{report:#?}");
    let first = report.finals[0];
    for last in &report.finals {
        assert!(last.alive);
        assert_eq!((last.offset, last.digest), (first.offset, first.digest), "{report:#?}");
    }
}
