//! `shrink`: from a plan that fails to the fewest faults with which it fails the same way, as a plan, a test, a link.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use towline_sim::oracle::Invariant;
use towline_sim::plan::Plan;
use towline_sim::report::Verdict;
use towline_sim::shrink::{Progress, Shrunk, fragment, shrink as search, test_source};

use super::args::{Emit, On, ShrinkArgs};
use super::{failing, play, source};
use crate::failure::Failure;

/// Shrinks a plan and writes the result.
pub(crate) fn run(args: &ShrinkArgs) -> Result<(), Failure> {
    let plan = source::plan_only(&args.plan)?;
    let Shrunk { plan: small, invariant, runs } = shrink(&plan);
    let Some(invariant) = invariant else {
        return Err(Failure::Usage(
            "the plan violates nothing on fast: there is nothing to shrink".to_owned(),
        ));
    };
    let (before, left) = (plan.faults.len(), failing::faults(&small));
    let told = format!("{} in {runs} runs: from {before} faults to {left}\n", invariant.name());
    crate::print(told.as_bytes())?;
    let stem = args.output.clone().unwrap_or_else(|| {
        if source::is_link(&args.plan) {
            PathBuf::from(format!("{}-{}.shrunk", plan.name, plan.seed))
        } else {
            Path::new(&args.plan).with_extension("shrunk")
        }
    });
    for emit in &args.emit {
        let (path, text) = match emit {
            Emit::Plan => (with_ending(&stem, "plan"), small.to_text()),
            Emit::Rust => (with_ending(&stem, "rs"), test_source(&small, invariant, 0)),
            // The link can be used wherever a plan is asked for, and behind any address.
            Emit::Url => {
                crate::print(format!("{}\n", fragment(&small)).as_bytes())?;
                continue;
            }
        };
        super::write("--output", Some(&path), &text)?;
        crate::print(format!("{}\n", path.display()).as_bytes())?;
    }
    Ok(())
}

/// Shrinks a plan on the fast substrate; shows the progress at a terminal.
pub(crate) fn shrink(plan: &Plan) -> Shrunk {
    let live = std::io::stderr().is_terminal();
    let mut show = |progress: Progress| {
        if live {
            let Progress { runs, faults, .. } = progress;
            crate::lines::say_raw(&format!("\r\x1b[2Kshrinking: {runs} runs, {faults} faults left"));
        }
    };
    let shrunk = search(plan, &mut violated, &mut show);
    if live {
        crate::lines::say_raw("\r\x1b[2K");
    }
    shrunk
}

/// Returns the invariant that the run of a plan violates.
fn violated(plan: &Plan) -> Option<Invariant> {
    match play::play(plan, On::Fast, false).ok()?.report.verdict {
        Verdict::Violation(violation) => Some(violation.invariant),
        Verdict::Pass | Verdict::Vacuous(_) => None,
    }
}

/// Appends an ending: `a/mixed-3.shrunk` and `plan` are `a/mixed-3.shrunk.plan`.
fn with_ending(stem: &Path, ending: &str) -> PathBuf {
    let mut name = stem.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}
