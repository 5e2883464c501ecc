//! `towline sim`: the simulator on the command line. The program mounts [`SimArgs`] and [`run`], and nothing else.
//!
//! | file | contents |
//! |---|---|
//! | `args` | every subcommand, flag and help text |
//! | `run` | `run`, `resolve`, `scenarios` |
//! | `explore`, `campaign` | `explore`, `merge`: many seeds, many cores, many machines, one report |
//! | `replay`, `trace` | the events of one run, as lines, a diagram, a trace for a viewer |
//! | `shrink`, `failing` | from a run that fails to the fewest faults that make it fail |
//! | `determinism`, `diff` | the same run in two processes, on two substrates |
//! | `exhaust`, `mutants` | every state of a small scope; planted bugs |
//! | `stats`, `svg` | distributions, and pictures as text |
//! | `source`, `play`, `interrupt` | the subject of a run, its substrate, and its early end |
//!
//! The simulator is deterministic and counts in whole numbers; the clock, threads, files and people are here.

// A print macro panics where nothing can be written.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod args;
mod campaign;
mod determinism;
mod diff;
mod exhaust;
mod explore;
mod failing;
#[cfg(test)]
mod fixtures;
mod interrupt;
mod mutants;
mod play;
mod replay;
mod run;
mod shrink;
mod source;
mod stats;
mod svg;
#[cfg(test)]
mod tests;
mod trace;

use std::path::Path;

pub use args::SimArgs;
use args::SimCommand;
use towline_terminal::{failure, lines, paths, print, signals, units};

use crate::failure::Failure;

/// The version of the core in this program; plans name the one they were drawn for.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs a subcommand of the simulator.
pub fn run(args: &SimArgs) -> Result<(), Failure> {
    match &args.command {
        SimCommand::Scenarios(args) => run::scenarios(args),
        SimCommand::Resolve(args) => run::resolve(args),
        SimCommand::Run(args) => run::run(args),
        SimCommand::Explore(args) => explore::explore(args),
        SimCommand::Merge(args) => explore::merge(args),
        SimCommand::Replay(args) => replay::run(args),
        SimCommand::Mutants(args) => mutants::run(args),
        SimCommand::Diff(args) => diff::run(args),
        SimCommand::CheckDeterminism(args) => determinism::run(args),
        SimCommand::Trace(args) => trace::run(args),
        SimCommand::Stats(args) => stats::run(args),
        SimCommand::Shrink(args) => shrink::run(args),
        SimCommand::Exhaust(args) => exhaust::run(args),
    }
}

/// Writes to the file that `flag` names, or to stdout if there is none.
fn write(flag: &str, path: Option<&Path>, text: &str) -> Result<(), Failure> {
    let Some(path) = path else { return print(text.as_bytes()) };
    std::fs::write(path, text).map_err(|error| cannot_write(flag, path, &error))
}

/// Checks before the long work that its result can be written; leaves the file as it was.
fn check_writable(flag: &str, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(()) };
    let is_new = !path.exists();
    let opened = std::fs::OpenOptions::new().append(true).create(true).open(path);
    let left = opened.and_then(|_| if is_new { std::fs::remove_file(path) } else { Ok(()) });
    left.map_err(|error| cannot_write(flag, path, &error))
}

/// Returns exit code 2: no invariant was violated, and a batch that looks for exit code 1 must find none.
fn cannot_write(flag: &str, path: &Path, error: &std::io::Error) -> Failure {
    let path = path.display();
    Failure::Usage(format!("{flag}: cannot write {path}: {error}; name a file in an existing folder"))
}
