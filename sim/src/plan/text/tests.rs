use super::*;
use crate::plan::Scenario;

#[test]
fn a_drawn_plan_reads_back_as_it_was() {
    let text = include_str!("../../../scenarios/mixed.toml");
    let scenario = Scenario::parse("mixed.toml", text).expect("a scenario of ours");
    for seed in 0..200 {
        let plan = scenario.draw(seed);
        let text = plan.to_text();
        assert_eq!(Plan::parse("a plan", &text).as_ref(), Ok(&plan), "seed {seed}\n{text}");
    }
}
