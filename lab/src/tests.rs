use towline_sim::plan::faults::Target;
use towline_sim::plan::knobs::Unit;
use towline_sim::plan::{Kind, Knobs, Scenario, named};

const PAGE: &str = include_str!("../../docs/simulation.md");

/// Returns the unit of a key's value, as the page names it.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Bytes => "size",
        Unit::Time => "time",
        Unit::Count => "number",
        Unit::Switch => "switch",
    }
}

#[test]
fn the_page_has_every_knob_with_its_unit_and_default() {
    for (name, kind) in Knobs::ALL {
        let default = match (Knobs::default().get(name).unwrap(), kind) {
            (0, Unit::Bytes | Unit::Time) => "0".to_owned(),
            (value, kind) => kind.write(value).replace('"', ""),
        };
        let row = format!("| `{name}` | {} | {default} | ", unit(*kind));
        assert!(PAGE.contains(&row), "docs/simulation.md lacks the row\n{row}...");
    }
    let rows = PAGE.lines().filter(|line| line.starts_with("| `") && line.split('|').count() == 6);
    assert_eq!(rows.count(), Knobs::ALL.len(), "docs/simulation.md has a knob that is gone");
}

#[test]
fn the_page_has_every_kind_of_fault_as_the_simulator_says_it() {
    let rows = Kind::ALL.iter().map(|kind| {
        let shape = kind.shape();
        let target = match shape.target {
            Target::Node => "node",
            Target::Pair => "pair",
        };
        let lasts = if shape.lasts { "`for`" } else { "" };
        let amount =
            shape.amount.map_or_else(String::new, |(name, kind)| format!("`{name}`, {}", unit(kind)));
        format!("| `{}` | {target} | {lasts} | {amount} | {} |\n", shape.name, shape.words)
    });
    let rows: String = rows.collect();
    assert!(PAGE.contains(&rows), "docs/simulation.md does not have this table of faults:\n{rows}");
}

#[test]
fn the_page_says_a_scenario_that_plays() {
    let text = PAGE.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let plan = Scenario::parse("docs/simulation.md", text).unwrap().draw(1);
    assert_eq!(plan.nodes.len(), 3);
    assert_eq!(plan.faults.iter().filter(|fault| fault.explicit).count(), 2);
}

#[test]
fn every_built_in_scenario_says_what_it_is() {
    for (name, text) in named() {
        assert!(!super::run::about(text).is_empty(), "{name} must begin with a comment that describes it");
    }
}
