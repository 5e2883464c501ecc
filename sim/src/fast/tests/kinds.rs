//! Every kind of fault takes effect in some plan, and the run passes.

use super::*;

/// An amount that bites, for kinds that have one.
fn amount(kind: Kind) -> u64 {
    match kind {
        Kind::CutAfter | Kind::Flip => 777,
        Kind::Slow | Kind::SlowApplying | Kind::SlowDisk => 30 * MS,
        Kind::Rate => 8 << 10,
        Kind::Narrow => 100,
        Kind::Dribble => 7,
        Kind::Flap | Kind::RestartLoop => 3,
        Kind::Split => 0b10,
        Kind::SlowReading => 4 << 10,
        Kind::Edge => 1,
        Kind::Torn => 50,
        Kind::Rollback => 20,
        Kind::SlowCpu => 5 * MS,
        Kind::ClockJump | Kind::ClockBack => 3 * S,
        Kind::ClockDrift => 100_000,
        Kind::Speaks => 0x0202,
        _ => 0,
    }
}

/// A plan in which it happens to the first replica, or to the primary where only a sender feels it.
fn plan(kind: Kind) -> Plan {
    let mut plan = star(2);
    plan.knobs.backlog = 16 << 10;
    let node = if matches!(kind, Kind::ViewFails | Kind::ReadFails) { 0 } else { 1 };
    plan.faults = vec![Fault { amount: amount(kind), ..fault(kind, node, 0) }];
    match kind {
        // Dials and greetings must fall into its span; a view must be wanted, or open.
        Kind::Refuse | Kind::Hang | Kind::Speaks => {
            plan.faults.push(Fault { at_us: S + 50 * MS, ..fault(Kind::Cut, 1, 0) });
        }
        Kind::ViewFails => plan.nodes[2].starts_us = S + 100 * MS,
        Kind::ReadFails => {
            plan.knobs.piece = 64;
            plan.knobs.piece_window = 64;
            plan.nodes[2].starts_us = S - 50 * MS;
        }
        Kind::Follow => plan.faults[0].peer = 2,
        _ => {}
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
