//! The real driver on loopback TCP, and its agreement with the other substrates.

#![cfg(not(target_family = "wasm"))]

mod common;

use common::{operations, passed, star};
use towline_sim::driver::Refused;
use towline_sim::plan::Substrate;
use towline_sim::{diff, fast, real};

const CUT: &str = "
    [[fault]]
    at = \"1s\"
    kind = \"cut\"
    node = \"r1\"
";

#[test]
fn a_star_with_a_cut_converges_and_agrees_with_the_event_queue() {
    let plan = star(CUT, 1);
    let report = real::run(&plan, 5, false).expect("it runs").report;
    passed(&report);
    assert_eq!(report.finals[0].offset, operations(&plan));
    let model = fast::run(&plan, false).report;
    diff::compare(&plan, &[(Substrate::Fast, &model), (Substrate::Real, &report)]).unwrap();
}

#[test]
fn a_named_fault_that_cannot_be_played_is_refused_by_name() {
    let plan = star("[[fault]]\nat = \"1s\"\nkind = \"clock-jump\"\nnode = \"r1\"\nby = \"1s\"\n", 1);
    let refused = real::run(&plan, 5, false).unwrap_err();
    assert_eq!(refused, Refused::Unsupported { on: Substrate::Real, kinds: vec!["clock-jump"] });
    assert!(refused.to_string().contains("clock-jump"), "{refused}");
}
