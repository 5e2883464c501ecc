//! `cargo xtask test`: the checks of every change.

use std::process::ExitCode;

use anyhow::Result;

use crate::checks;
use crate::setup::{NEEDS, Need};
use crate::steps::{Mode, STEPS, Step};

/// The checks to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only format, lints, unit tests, tidy and transcripts: under three minutes
    #[arg(long)]
    quick: bool,
}

/// Runs the checks; the code is a failure if any of them failed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let needs: Vec<&Need> = NEEDS.iter().filter(|need| need.quick || !args.quick).collect();
    let other = if args.quick { Mode::Full } else { Mode::Quick };
    let steps: Vec<&Step> = STEPS.iter().filter(|step| step.mode != other).collect();
    checks::run(&needs, &steps)
}
