use towline_core::{Fault, Role};
use towline_sim::report::Verdict;
use towline_sim::trace::{At, Cause, Death, Fact};

use super::bars::TimedFact;
use super::{applied_at, diagram, fault_name, jsonl, perfetto, view};
use crate::fixtures::{ended, plan, report, violation};

const fn at(offset: u64) -> At {
    At { offset, chain: offset * 3 }
}

/// Returns the facts of a run: `r1` joins `p`, `r2` joins `r1` by a snapshot, `r1` is held up, then killed and comes
/// back.
pub(crate) fn facts() -> Vec<TimedFact> {
    let primary = Fact::Booted { role: Role::Primary, at: at(0) };
    let replica = Fact::Booted { role: Role::Replica, at: at(0) };
    vec![
        (0, 0, primary),
        (0, 1, replica),
        (0, 2, replica),
        (1_000, 1, Fact::Dialled { attempt: 0 }),
        (2_000, 1, Fact::Opened { link: 1, peer: 0, upstream: true }),
        (2_000, 0, Fact::Opened { link: 9, peer: 1, upstream: false }),
        (3_000, 0, Fact::Joined { link: 9, peer: 1, from: 0 }),
        (4_000, 1, Fact::Joined { link: 1, peer: 0, from: 0 }),
        (5_000, 2, Fact::Opened { link: 1, peer: 1, upstream: true }),
        (10_000, 0, Fact::Wrote { op: 0, at: at(1) }),
        (10_000, 0, Fact::Visible { at: at(1), cause: Cause::Written }),
        (12_000, 1, Fact::Visible { at: at(1), cause: Cause::Applied }),
        (20_000, 2, Fact::Begun { snapshot: 77, offset: 1 }),
        (90_000, 2, Fact::Piece { snapshot: 77, piece: 0, last: true }),
        (95_000, 2, Fact::Visible { at: at(1), cause: Cause::Installed }),
        (96_000, 2, Fact::CaughtUp),
        (1_000_000, 1, Fact::FaultBegan { index: 0 }),
        (2_000_000, 1, Fact::FaultEnded { index: 0 }),
        (3_000_000, 1, Fact::FaultBegan { index: 1 }),
        (3_000_000, 1, Fact::Died { how: Death::Killed }),
        (3_000_100, 2, Fact::Lost { link: 1, peer: 1 }),
        (3_000_100, 0, Fact::Closed { link: 9, peer: 1, fault: Fault::Idle, by_peer: false, retry_us: 0 }),
        (5_000_000, 1, Fact::FaultEnded { index: 1 }),
        (5_000_000, 1, Fact::Booted { role: Role::Replica, at: at(1) }),
        (5_000_000, 0, Fact::Healed),
        (6_000_000, 1, Fact::Content { offset: 1, digest: 5 }),
    ]
}

#[test]
fn lines_name_nodes_and_values() {
    let text = jsonl(&plan(), &facts());
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), facts().len());
    assert_eq!(lines[7]["fact"], "joined");
    assert_eq!(lines[7]["node"], "r1");
    assert_eq!(lines[7]["peer"], "p");
    assert_eq!(lines[7]["from"], 0);
    assert_eq!(lines[19]["how"], "killed");
}

#[test]
fn a_viewer_gets_a_row_for_each_node_and_one_for_the_faults() {
    let told: serde_json::Value = serde_json::from_str(&perfetto::write(&plan(), &facts())).unwrap();
    let events = told["traceEvents"].as_array().unwrap();
    let rows: Vec<_> = events.iter().filter(|event| event["name"] == "thread_name").collect();
    assert_eq!(rows.len(), 4);
    let snapshot = events.iter().find(|event| event["name"] == "snapshot of 1").unwrap();
    assert_eq!((snapshot["ts"].as_u64(), snapshot["dur"].as_u64()), (Some(20_000), Some(75_000)));
    assert!(events.iter().any(|event| event["ph"] == "C" && event["args"]["records"] == 1));
    assert!(events.iter().any(|event| event["name"] == "hold r1-p" && event["dur"] == 1_000_000));
}

#[test]
fn a_diagram_has_every_column_every_fault_and_the_verdict() {
    let plan = plan();
    let whole = diagram::draw(&plan, &facts(), &view(&plan, &report(), 0, u64::MAX));
    for part in [
        "fixture, seed 7: all invariants hold",
        ">p<",
        ">r1<",
        ">r2<",
        "follows r1",
        "hold r1-p",
        "kill r1",
        "killed",
        "snapshot of 1, installed",
        "joins at 0",
        "connection lost",
        "heal",
    ] {
        assert!(whole.contains(part), "{part}");
    }
    let failed = ended(Verdict::Violation(violation()));
    let told = diagram::draw(&plan, &facts(), &view(&plan, &failed, 0, u64::MAX));
    assert!(told.contains("seed 7: S2 violated") && told.contains("records are applied in order"));
    assert!(told.contains("S2 violated at r1: record 8 after record 6"), "what was seen, and where");
    let part = diagram::draw(&plan, &facts(), &view(&plan, &report(), 2_500_000, 4_000_000));
    assert!(part.contains("killed") && !part.contains("joins at 0") && part.len() < whole.len());
}

#[test]
fn names_in_a_diagram_cannot_break_it() {
    let mut plan = plan();
    plan.name = "<a & \"b\">".to_owned();
    plan.nodes[0].name = "</svg>".to_owned();
    let told = diagram::draw(&plan, &facts(), &view(&plan, &report(), 0, u64::MAX));
    assert_eq!(told.matches("</svg>").count(), 1);
    assert!(told.contains("&lt;a &amp; &quot;b&quot;&gt;"));
}

#[test]
fn faults_are_named_with_target_and_amount() {
    let mut plan = plan();
    assert_eq!(fault_name(&plan, 0), "hold r1-p");
    assert_eq!(fault_name(&plan, 1), "kill r1");
    plan.faults[0].kind = towline_sim::plan::Kind::Slow;
    plan.faults[0].amount = 30_000;
    assert_eq!(fault_name(&plan, 0), "slow r1-p, delay 30 ms");
    assert_eq!(fault_name(&plan, 9), "fault 9");
}

#[test]
fn what_a_reader_sees_is_the_latest_and_nothing_while_dead() {
    let facts = facts();
    assert_eq!(applied_at(&facts, 11_000, 0), Some(1));
    assert_eq!(applied_at(&facts, 11_000, 1), Some(0));
    assert_eq!(applied_at(&facts, 4_000_000, 1), None);
    assert_eq!(applied_at(&facts, 5_000_000, 1), Some(1));
}
