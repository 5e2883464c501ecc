//! The output of a run that fails: its plan, the plan shrunk, and the one command that plays it again.

use std::fmt::Write;
use std::path::Path;

use towline_sim::plan::Plan;
use towline_sim::report::{Report, Verdict};

use super::args::On;
use super::campaign::node_name;
use super::trace::fault_name;
use crate::failure::Failure;
use crate::units::micros;

/// How many faults of a shrunk plan are named.
const NAMED: usize = 4;

/// Writes the plans into `folder` and returns the page; empty if nothing was violated.
pub(crate) fn tell(plan: &Plan, report: &Report, on: On, folder: &Path) -> Result<String, Failure> {
    let Verdict::Violation(violation) = &report.verdict else { return Ok(String::new()) };
    let cannot = |path: &Path, error: &std::io::Error| {
        Failure::failed(format!("--failures: cannot write {}: {error}", path.display()))
    };
    std::fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let stem = format!("{}-{}", plan.name, plan.seed);
    let whole = folder.join(format!("{stem}.plan"));
    std::fs::write(&whole, plan.to_text()).map_err(|error| cannot(&whole, &error))?;

    let mut page = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:<12}{value}");
    };
    let invariant = violation.invariant;
    line("violated", format!("{}: {}", invariant.name(), invariant.words()));
    line("where", format!("{}, {}", node_name(plan, violation.node), micros(violation.t_us)));
    line("seen", violation.text.clone());
    line("seed", plan.seed.to_string());
    line("plan", format!("{} ({} faults)", whole.display(), plan.faults.len()));
    let mut again = whole;
    if on == On::Fast {
        let shrunk = super::shrink::shrink(plan);
        if shrunk.invariant.is_some() {
            again = folder.join(format!("{stem}.shrunk.plan"));
            std::fs::write(&again, shrunk.plan.to_text()).map_err(|error| cannot(&again, &error))?;
            line("shrunk", format!("{} ({})", again.display(), faults(&shrunk.plan)));
        }
        line("again", format!("towline sim replay {}", again.display()));
    } else {
        line("again", format!("towline sim run {} --on {}", again.display(), on.name()));
    }
    Ok(page)
}

/// Returns the faults of a plan, in words.
pub(crate) fn faults(plan: &Plan) -> String {
    let count = plan.faults.len();
    let mut names: Vec<String> = (0..count.min(NAMED))
        .map(|index| format!("{} at {}", fault_name(plan, index), micros(plan.faults[index].at_us)))
        .collect();
    if count > NAMED {
        names.push(format!("{} more", count - NAMED));
    }
    match count {
        0 => "no faults at all".to_owned(),
        1 => format!("1 fault: {}", names.join("; ")),
        _ => format!("{count} faults: {}", names.join("; ")),
    }
}
