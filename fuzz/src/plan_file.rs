//! A simulator's plan, or a scenario: one that can be read is written as text that reads as the same.
//!
//! A scenario is drawn once, and its plan must hold to the same. Nothing is played.

use towline_sim::plan::{Plan, Scenario};

use crate::Marks;

/// The longest file; a longer one finds nothing new.
const BYTES_MAX: usize = 16 << 10;

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &["plan", "plan refused", "scenario drawn", "scenario refused"];

/// Reads the bytes as a plan and as a scenario.
pub fn run(data: &[u8]) -> Marks {
    let mut marks = Marks::default();
    let Ok(text) = std::str::from_utf8(&data[..data.len().min(BYTES_MAX)]) else { return marks };
    match Plan::parse("fuzzed.plan", text) {
        Ok(plan) => {
            reads_as_itself(&plan);
            marks.hit("plan");
        }
        Err(error) => {
            marks.hit_if(!error.to_string().is_empty(), "plan refused");
        }
    }
    match Scenario::parse("fuzzed.toml", text) {
        Ok(scenario) => {
            reads_as_itself(&scenario.draw(7));
            marks.hit("scenario drawn");
        }
        Err(error) => {
            marks.hit_if(!error.to_string().is_empty(), "scenario refused");
        }
    }
    marks
}

fn reads_as_itself(plan: &Plan) {
    let text = plan.to_text();
    let again = Plan::parse("written.plan", &text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(again == *plan, "another plan:\n{text}");
    assert_eq!(again.to_text(), text);
}
