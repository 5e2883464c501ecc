//! Plans and reports made by hand, for tests.

use towline_core::Role;
use towline_sim::oracle::{Invariant, Violation};
use towline_sim::plan::{Expect, Fault, Kind, Knobs, NodePlan, Plan, Substrate, Train};
use towline_sim::report::{Margins, Report, Verdict};

/// Returns a plan: a primary `p`, a replica `r1` of it, a replica `r2` of that; `p` is cut off for a second, `r1`
/// killed for two.
pub(crate) fn plan() -> Plan {
    let node = |name: &str, id, role, upstream| NodePlan {
        name: name.to_owned(),
        id,
        role,
        upstream,
        disk: false,
        starts_us: 0,
        core: true,
    };
    let fault = |kind, at_us, for_us, node, peer| Fault {
        kind,
        at_us,
        for_us,
        node,
        peer,
        amount: 0,
        explicit: kind == Kind::Kill,
    };
    Plan {
        name: "fixture".to_owned(),
        seed: 7,
        core: "0.1.0".to_owned(),
        on: vec![Substrate::Fast],
        exact: true,
        duration_us: 10_000_000,
        heal_us: 5_000_000,
        expect: Expect::Pass,
        knobs: Knobs::default(),
        nodes: vec![
            node("p", 1, Role::Primary, None),
            node("r1", 2, Role::Replica, Some(0)),
            node("r2", 3, Role::Replica, Some(1)),
        ],
        trains: vec![Train { at_us: 0, count: 100, every_us: 10_000, bytes: 64 }],
        faults: vec![
            fault(Kind::Hold, 1_000_000, 1_000_000, 1, 0),
            fault(Kind::Kill, 3_000_000, 2_000_000, 1, 0),
        ],
    }
}

/// Returns a run of it that held.
pub(crate) fn report() -> Report {
    Report {
        verdict: Verdict::Pass,
        hash: 0x1234,
        facts: 40,
        calls: 400,
        end_us: 6_000_000,
        marks: 1,
        effects: vec![true, true],
        margins: Margins {
            lag_max: 30,
            converge_us: 250_000,
            converge_permille: 90,
            snapshots: 1,
            ring_left_min: 4_000,
        },
        finals: Vec::new(),
    }
}

/// Returns the same run with another verdict.
pub(crate) fn ended(verdict: Verdict) -> Report {
    Report { verdict, ..report() }
}

/// Returns a violation at `r1`.
pub(crate) fn violation() -> Violation {
    Violation {
        invariant: Invariant::S2,
        t_us: 3_250_000,
        node: 1,
        text: "record 8 after record 6".to_owned(),
    }
}
