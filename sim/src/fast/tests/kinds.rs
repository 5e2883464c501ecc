//! Every kind of fault takes effect in some plan, and the run passes.

use super::*;

/// Amounts with an effect, for kinds that need one.
const AMOUNTS: &[(Kind, u64)] = &[
    (Kind::CutAfter, 777),
    (Kind::Flip, 777),
    (Kind::Slow, 30 * MS),
    (Kind::SlowApplying, 30 * MS),
    (Kind::SlowDisk, 30 * MS),
    (Kind::Rate, 8 << 10),
    (Kind::Narrow, 100),
    (Kind::Dribble, 7),
    (Kind::Flap, 3),
    (Kind::RestartLoop, 3),
    (Kind::Split, 0b10),
    (Kind::SlowReading, 4 << 10),
    (Kind::Edge, 1),
    (Kind::Torn, 50),
    (Kind::Rollback, 20),
    (Kind::SlowCpu, 5 * MS),
    (Kind::ClockJump, 3 * S),
    (Kind::ClockBack, 3 * S),
    (Kind::ClockDrift, 100_000),
    (Kind::Speaks, 0x0202),
];

/// Returns a plan with the fault at the first replica, or at the primary where only a sender is affected.
fn plan(kind: Kind) -> Plan {
    let mut plan = star(2);
    plan.knobs.backlog = 16 << 10;
    let node = if matches!(kind, Kind::ViewFails | Kind::ReadFails) { 0 } else { 1 };
    let amount = AMOUNTS.iter().find(|row| row.0 == kind).map_or(0, |row| row.1);
    let peer = if kind == Kind::Follow { 2 } else { 0 };
    plan.faults = vec![Fault { amount, ..fault(kind, node, peer) }];
    if matches!(kind, Kind::Refuse | Kind::Hang | Kind::Speaks) {
        // Dials and greetings must fall into its span.
        plan.faults.push(Fault { at_us: S + 50 * MS, ..fault(Kind::Cut, 1, 0) });
    }
    if kind == Kind::ViewFails {
        plan.nodes[2].starts_us = S + 100 * MS;
    }
    if kind == Kind::ReadFails {
        plan.knobs.piece = 64;
        plan.knobs.piece_window = 64;
        plan.nodes[2].starts_us = S - 50 * MS;
    }
    plan
}

#[test]
fn every_kind_takes_effect_somewhere() {
    let wrong: Vec<String> = Kind::ALL
        .iter()
        .filter_map(|kind| {
            let run = run(&plan(*kind), true);
            let text = format!("{}: {:?}", kind.shape().name, run.report.verdict);
            (run.report.verdict != Verdict::Pass).then_some(text)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
