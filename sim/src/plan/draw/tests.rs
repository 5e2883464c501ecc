use super::super::{Kind, Scenario};
use super::*;

fn mixed() -> Scenario {
    Scenario::parse("mixed.toml", include_str!("../../../scenarios/mixed.toml")).expect("a scenario of ours")
}

#[test]
fn every_plan_of_mixed_has_options_the_core_takes_and_values_that_fit() {
    let scenario = mixed();
    for seed in 0..10_000 {
        let plan = scenario.draw(seed);
        let config = plan.knobs.options().check().unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let fits = |train: &Train| {
            record_bytes(train.bytes, plan.knobs.keys) <= u64::from(config.options().record_bytes_max)
        };
        assert!(plan.trains.iter().all(fits), "seed {seed}");
        assert!(plan.faults.iter().all(|fault| fault.at_us <= plan.heal_us), "seed {seed}");
        assert!((1..=12).contains(&plan.faults.len()) || plan.faults.is_empty(), "seed {seed}");
        assert!(plan.is_within_atlas(), "seed {seed}: {:?}", plan.faults);
        let budget_us = plan.converge_budget_us();
        assert!(budget_us < 3_600_000_000, "seed {seed}: {budget_us}");
        assert!(
            plan.faults.is_sorted_by_key(|fault| fault.at_us)
                && plan.trains.is_sorted_by_key(|train| train.at_us)
        );
    }
}

#[test]
fn a_seed_is_one_plan() {
    let scenario = mixed();
    assert_eq!(scenario.draw(7), scenario.draw(7));
    assert_ne!(scenario.draw(7).knobs, scenario.draw(8).knobs);
}

#[test]
fn every_kind_that_all_names_is_drawn() {
    let scenario = mixed();
    let drawn: Vec<Kind> =
        (0..500).flat_map(|seed| scenario.draw(seed).faults).map(|fault| fault.kind).collect();
    for kind in Kind::ALL {
        assert_eq!(drawn.contains(kind), *kind != Kind::Usurp, "{kind:?}");
    }
}
