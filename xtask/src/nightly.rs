//! `cargo xtask nightly`: the checks that take too long for every change. It prints the table of `cargo xtask test`.
//!
//! A step names what it needs of the set-up, so that `--only` fetches nothing else. Budgets are from cold, on two
//! cores. All of them together take less than two hours, so that the whole table is really run.

use std::process::ExitCode;

use anyhow::{Result, bail};

use crate::checks;
use crate::setup::{BY_NIGHT, NEEDS, Need};
use crate::steps::{Mode, Step, step};

/// The checks to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this step; may be given again [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Print the names of the steps and run nothing
    #[arg(long, conflicts_with = "only")]
    list: bool,
}

/// A step, and the names of the set-up it needs.
type Nightly = (Step, &'static [&'static str]);

const fn nightly(name: &'static str, budget_s: u64, argv: &'static [&'static str]) -> Step {
    step(name, budget_s, Mode::Full, argv)
}

const NIGHTLY: &[Nightly] = &[
    // New random inputs, from all that was found here before: 300 s for each of seven targets, and their build.
    (nightly("fuzz", 2_700, &["cargo", "xtask", "fuzz", "--seconds", "300"]), &["set-up: nightly"]),
    // The search for plans that kill each planted bug, whole; every change only replays the plans that were found.
    (nightly("mutants", 1_800, &["cargo", "xtask", "mutants"]), &[]),
    // The packages as a registry would get them, each built from its package alone.
    (
        nightly(
            "packages",
            300,
            &[
                "cargo",
                "package",
                "--offline",
                "--allow-dirty",
                "--exclude-lockfile",
                "-p",
                "towline-core",
                "-p",
                "towline-kv",
                "-p",
                "towline-driver",
            ],
        ),
        &[],
    ),
    // redis's own tests; it fetches what it needs by itself.
    (nightly("redis-suite", 1_200, &["cargo", "xtask", "redis-suite"]), &[]),
    // A scope that ends: one write, one reset, one crash, one promotion, in every order; 1.2 GB.
    (
        nightly(
            "exhaust: whole",
            600,
            &[
                "cargo",
                "xtask",
                "sim",
                "exhaust",
                "--ops",
                "1",
                "--resets",
                "1",
                "--crashes",
                "1",
                "--states",
                "20000000",
            ],
        ),
        &[],
    ),
    (nightly("exhaust", 900, &["cargo", "xtask", "sim", "exhaust", "--partial", "--states", "6000000"]), &[]),
    (
        nightly(
            "campaign",
            1_200,
            &["cargo", "xtask", "sim", "explore", "mixed", "--seeds", "0..30000", "--require-marks"],
        ),
        &[],
    ),
    // The clock chooses the seeds: every night others.
    (nightly("soak", 420, &["cargo", "xtask", "sim-soak", "--minutes", "5"]), &[]),
    (
        nightly(
            "campaign: turmoil",
            900,
            &["cargo", "xtask", "sim", "explore", "mixed", "--seeds", "0..300", "--on", "turmoil"],
        ),
        &[],
    ),
    (
        nightly(
            "determinism",
            300,
            &["cargo", "xtask", "sim", "check-determinism", "mixed", "--seeds", "2000"],
        ),
        &[],
    ),
    (nightly("django", 120, &["cargo", "xtask", "clients", "django"]), &["set-up: python"]),
    (
        nightly("exporter", 120, &["cargo", "xtask", "clients", "exporter"]),
        &["set-up: packages", "set-up: python", "set-up: exporter"],
    ),
    // The results are compared with targets, so nothing else should run on the machine.
    (
        nightly("bench", 900, &["cargo", "xtask", "bench"]),
        &["set-up: targets", "set-up: C", "set-up: node", "set-up: browser"],
    ),
];

/// Runs the steps; the code is a failure if any of them failed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        for (step, _) in NIGHTLY {
            println!("{}", step.name);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = chosen(&args.only)?;
    let needed = |need: &Need| chosen.iter().any(|(_, needs)| needs.contains(&need.name));
    let needs: Vec<&Need> = NEEDS.iter().chain(BY_NIGHT).filter(|need| needed(need)).collect();
    let steps: Vec<&Step> = chosen.iter().map(|(step, _)| step).collect();
    checks::run(&needs, &steps)
}

/// Returns the steps of these names, in the list's order; all when none is named.
fn chosen(only: &[String]) -> Result<Vec<&'static Nightly>> {
    let names: Vec<&str> = NIGHTLY.iter().map(|(step, _)| step.name).collect();
    if let Some(name) = only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("--only {name:?}: no such step; there are: {}", names.join(", "));
    }
    let wanted = |step: &Step| only.is_empty() || only.iter().any(|name| name == step.name);
    Ok(NIGHTLY.iter().filter(|(step, _)| wanted(step)).collect())
}

#[cfg(test)]
mod tests {
    use super::{BY_NIGHT, NEEDS, NIGHTLY, chosen};

    #[test]
    fn a_step_needs_what_the_set_up_has() {
        for (step, needs) in NIGHTLY {
            for name in *needs {
                let known = NEEDS.iter().chain(BY_NIGHT).any(|need| need.name == *name);
                assert!(known, "{} needs {name:?}", step.name);
            }
        }
    }

    #[test]
    fn steps_are_chosen_by_name() {
        assert_eq!(chosen(&[]).unwrap().len(), NIGHTLY.len());
        let names = ["bench", "fuzz"].map(str::to_owned);
        let found: Vec<&str> = chosen(&names).unwrap().iter().map(|(step, _)| step.name).collect();
        assert_eq!(found, ["fuzz", "bench"]);
        let told = chosen(&["fuz".to_owned()]).map(|_| ()).unwrap_err().to_string();
        assert!(told.contains("\"fuz\"") && told.contains("fuzz, mutants"), "{told}");
    }
}
