//! How fast the simulator is, as counts a second of one core: seeds of the event queue, states of the search.
//!
//! Printed on lines of their own (`counted: NAME = NUMBER`) for the table of `cargo xtask bench`. The best of a few
//! rounds counts, so that other programs on the machine do not.
#![expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
#![expect(clippy::cast_precision_loss, reason = "a measurement")]

use std::time::Instant;

use towline_sim::exhaust::{Scope, search};
use towline_sim::fast;
use towline_sim::plan::Scenario;
use towline_sim::report::Verdict;

/// A primary and three replicas on disk, a minute, a hundred operations a second; nothing happens to them.
const PACE: &str = r#"
scenario = 1
name = "pace"
on = ["fast"]
duration = "60s"
heal = "45s"

[nodes]
p = { role = "primary" }
r1 = { upstream = "p" }
r2 = { upstream = "p" }
r3 = { upstream = "p" }

[workload]
rate = 100
value = "100B"
until = "58s"
"#;

/// The size of a measurement.
struct Size {
    rounds: u64,
    seeds: u64,
    states: u32,
}

const MEASURED: Size = Size { rounds: 5, seeds: 20, states: 1_000_000 };
/// The size outside `cargo bench`: enough to show that it still works.
const TRIED: Size = Size { rounds: 1, seeds: 1, states: 10_000 };

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let size = if is_measured { MEASURED } else { TRIED };
    let seeds = (0..size.rounds).map(|round| seeds_a_second(round, size.seeds)).fold(0.0, f64::max);
    println!("counted: seeds_a_second = {seeds:.1}");
    let states = (0..size.rounds.min(2)).map(|_| million_states_a_second(size.states)).fold(0.0, f64::max);
    println!("counted: million_states_a_second = {states:.3}");
}

fn seeds_a_second(round: u64, seeds: u64) -> f64 {
    let scenario = Scenario::parse("pace", PACE).expect("it is written above");
    let begin = Instant::now();
    for seed in round * seeds..(round + 1) * seeds {
        let report = fast::run(&scenario.draw(seed), false).report;
        assert_eq!(report.verdict, Verdict::Pass, "seed {seed}");
    }
    seeds as f64 / begin.elapsed().as_secs_f64()
}

fn million_states_a_second(states_max: u32) -> f64 {
    let begin = Instant::now();
    let outcome = search(&Scope { states_max, ..Scope::default() }, &mut |_| ());
    assert_eq!(outcome.violated, None, "the shipped core has no counterexample");
    outcome.states as f64 / 1e6 / begin.elapsed().as_secs_f64()
}
