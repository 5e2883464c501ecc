//! The simulator as a module for browsers and node: a scenario and a seed become a plan, a plan a run, a run one hash.
//!
//! The hash is over every fact of the run, so equal hashes here and in the `towline` program say that the core does the
//! same in both, step by step. The module draws and plays; the rest of the simulator is not in it.

use towline_sim::fast;
use towline_sim::plan::{Plan, Scenario, named};
use wasm_bindgen::prelude::wasm_bindgen;

/// Returns the plan of a built-in scenario and a seed, every draw made: as `towline sim resolve` writes it.
///
/// # Errors
/// If there is no such scenario.
#[wasm_bindgen]
pub fn resolve(scenario: &str, seed: u64) -> Result<String, String> {
    let found = named().iter().find(|(name, _)| *name == scenario);
    let (name, text) = found.ok_or_else(|| format!("no built-in scenario is called {scenario}"))?;
    let scenario = Scenario::parse(name, text).map_err(|error| error.to_string())?;
    Ok(scenario.draw(seed).to_text())
}

/// Plays a plan and returns the hash over its facts, 32 hex digits.
///
/// # Errors
/// If the text is no plan.
#[wasm_bindgen]
pub fn trace_hash(plan: &str) -> Result<String, String> {
    let plan = Plan::parse("plan", plan).map_err(|error| error.to_string())?;
    Ok(format!("{:032x}", fast::run(&plan, false).report.hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_one_plan_and_a_plan_one_hash() {
        let plan = resolve("mixed", 1).unwrap();
        assert_eq!(resolve("mixed", 1).as_ref(), Ok(&plan));
        let hash = trace_hash(&plan).unwrap();
        assert_eq!((hash.len(), trace_hash(&plan)), (32, Ok(hash)));
        assert!(resolve("no such", 1).unwrap_err().contains("no such"));
        assert!(trace_hash("not a plan").is_err());
    }
}
