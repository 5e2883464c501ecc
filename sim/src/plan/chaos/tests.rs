use super::*;
use crate::plan::Scenario;

const CHAIN: &str = r#"
scenario = 1
name = "chain"
duration = "10s"
heal = "8s"
[nodes]
p = { role = "primary" }
r1 = { upstream = "p" }
r2 = { upstream = "r1" }
m = { upstream = "p", store = "memory" }
"#;

fn nodes() -> Vec<NodePlan> {
    Scenario::parse("chain.toml", CHAIN).expect("sound").draw(1).nodes
}

fn fault(kind: Kind, at_us: u64, node: usize, peer: usize) -> Fault {
    Fault { kind, at_us, for_us: 0, node, peer, amount: 0, explicit: false }
}

#[test]
fn a_link_that_is_hit_is_one_that_stands_then() {
    let nodes = nodes();
    let promoted = [fault(Kind::Promote, 5_000, 1, 1)];
    assert_eq!(Atlas::new(&nodes, &promoted, 4_999).targets(Kind::Cut), [(1, 0), (2, 1), (3, 0)]);
    assert_eq!(Atlas::new(&nodes, &promoted, 5_000).targets(Kind::Cut), [(0, 1), (2, 1), (3, 1)]);
}

#[test]
fn who_ever_rules_keeps_its_disk() {
    let nodes = nodes();
    let none = Atlas::new(&nodes, &[], 0);
    assert_eq!(none.targets(Kind::Wipe), [(1, 1), (2, 2), (3, 3)]);
    let later = [fault(Kind::Promote, 5_000, 1, 1)];
    assert_eq!(Atlas::new(&nodes, &later, 0).targets(Kind::Wipe), [(2, 2), (3, 3)]);
}

#[test]
fn a_memory_store_is_not_made_primary() {
    assert_eq!(Atlas::new(&nodes(), &[], 0).targets(Kind::Promote), [(1, 1), (2, 2)]);
}

#[test]
fn nobody_is_sent_in_a_circle() {
    let nodes = nodes();
    let follow = Atlas::new(&nodes, &[], 0).targets(Kind::Follow);
    assert!(!follow.contains(&(1, 2)) && follow.contains(&(2, 3)) && follow.contains(&(1, 3)));
    assert!(follow.iter().all(|pair| pair.0 != 0), "the primary follows nobody");
    let promoted = [fault(Kind::Promote, 9_000, 1, 1)];
    assert!(Atlas::new(&nodes, &promoted, 0).targets(Kind::Follow).is_empty());
}

#[test]
fn taking_one_drawn_fault_out_leaves_the_others() {
    let text = CHAIN.to_owned() + "[chaos]\nmax = 9\nkinds = [\"cut\", \"hold\", \"pause\"]\n";
    let more = text.replace("max = 9", "max = 8");
    let draw = |text: &str| Scenario::parse("chain.toml", text).expect("sound").draw(3).faults;
    let (nine, eight) = (draw(&text), draw(&more));
    let common = eight.iter().filter(|fault| nine.contains(fault)).count();
    assert_eq!(common, eight.len().min(nine.len()));
}

#[test]
fn one_drawn_fault_at_least_finds_something_to_spoil() {
    let text =
        CHAIN.to_owned() + "[chaos]\nmax = 3\nkinds = [\"refuse\", \"view-fails\", \"hang\", \"cut\"]\n";
    let scenario = Scenario::parse("chain.toml", &text).expect("sound");
    for seed in 0..200 {
        let faults = scenario.draw(seed).faults;
        assert!((1..=3).contains(&faults.len()) && faults.iter().any(|fault| fault.kind == Kind::Cut));
    }
}
