use super::*;
use crate::oracle::Invariant;
use crate::plan::{Kind, OPS_MAX, Scenario, Substrate};
use proptest::prelude::*;

fn drawn(seed: u64) -> Plan {
    let text = include_str!("../../../scenarios/mixed.toml");
    Scenario::parse("mixed.toml", text).expect("a scenario of ours").draw(seed)
}

prop_compose! {
    fn any_node(number: usize)(
        upstream in 0..number.max(1), disk: bool, starts_us: u64, core: bool,
    ) -> NodePlan {
        let first = number == 0;
        NodePlan {
            name: format!("n-{number}"),
            id: 7 * number as u64 + 1,
            role: if first { Role::Primary } else { Role::Replica },
            upstream: (!first).then_some(upstream),
            disk,
            starts_us,
            core: core || first,
        }
    }
}

/// Makes everyone converge above a node that must, as the file would otherwise be refused.
fn settled(mut nodes: Vec<NodePlan>) -> Vec<NodePlan> {
    for number in 1..nodes.len() {
        let upstream = nodes[number].upstream.expect("a replica");
        nodes[number].core &= nodes[upstream].core;
    }
    nodes
}

prop_compose! {
    fn any_fault(nodes: Vec<NodePlan>, heal_us: u64)(
        kind in prop::sample::select(Kind::ALL), node in 0..nodes.len(), peer in 0..nodes.len(),
        at_us in 0..=heal_us, for_us: u64, amount: u64, explicit: bool,
    ) -> Fault {
        let shape = kind.shape();
        let peer = if shape.target == Target::Pair { peer } else { node };
        let heals = nodes[node].core && nodes[peer].core;
        let for_us = if heals { for_us.min(heal_us - at_us) } else { for_us };
        let amount = match shape.amount {
            None => 0,
            Some((_, Unit::Switch)) => amount & 1,
            Some((_, Unit::Bytes | Unit::Time | Unit::Count)) => amount,
        };
        Fault { kind, at_us, for_us: if shape.lasts { for_us } else { 0 }, node, peer, amount, explicit }
    }
}

fn any_train() -> impl Strategy<Value = Train> {
    // Three of them are within the bound of a plan.
    (any::<[u64; 3]>(), 0..=OPS_MAX / 3).prop_map(|([at_us, every_us, bytes], count)| Train {
        at_us,
        count,
        every_us,
        bytes,
    })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let nodes =
        (1..=10_usize).prop_flat_map(|count| (0..count).map(any_node).collect::<Vec<_>>()).prop_map(settled);
    let rest = (any::<[u64; 3]>(), 0..1_000_u64, any::<bool>(), prop::collection::vec(any_train(), 0..4));
    (nodes, rest).prop_flat_map(|(nodes, ([seed, one, other], knobs, exact, trains))| {
        let (heal_us, duration_us) = (one.min(other), one.max(other));
        let plan = Plan {
            name: "any_1".to_owned(),
            seed,
            core: "0.1.0".to_owned(),
            on: Substrate::ALL[..1 + (seed % 3) as usize].to_vec(),
            exact,
            duration_us,
            heal_us,
            expect: if exact { Expect::Pass } else { Expect::Violation(Invariant::N6) },
            knobs: drawn(knobs).knobs,
            nodes: nodes.clone(),
            trains,
            faults: Vec::new(),
        };
        prop::collection::vec(any_fault(nodes, heal_us), 0..6)
            .prop_map(move |faults| Plan { faults, ..plan.clone() })
    })
}

proptest! {
    #[test]
    fn any_plan_reads_back_as_it_was(plan in any_plan()) {
        let text = plan.to_text();
        let read = Plan::parse("a plan", &text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(&read, &plan);
        prop_assert_eq!(read.to_text(), text);
    }
}

#[test]
fn a_drawn_plan_reads_back_as_it_was() {
    for seed in 0..200 {
        let plan = drawn(seed);
        assert_eq!(Plan::parse("a plan", &plan.to_text()).as_ref(), Ok(&plan), "seed {seed}");
    }
}
