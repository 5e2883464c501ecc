//! The C side: the header, the libraries, their installation and their checks.

mod abi;
mod check;
mod compile;
mod examples;
mod header;
mod install;
mod library;
mod newcomer;
pub(crate) mod towline;
mod vectors;

pub(crate) use check::{Args as CheckArgs, run as check, stream_program};
pub(crate) use header::{Args as HeaderArgs, run as header};
pub(crate) use install::{Args as InstallArgs, run as install};

use std::process::Command;

use anyhow::{Context, Result, bail};

/// Runs a command to its end; returns its standard output, or fails with all of its output.
fn output(command: &mut Command) -> Result<String> {
    let line = format!("{command:?}").replace('"', "");
    let output = command.output().with_context(|| format!("cannot start: {line}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if !output.status.success() {
        bail!("{line}\n{}\n{}\n({})", said(&output.stdout), said(&output.stderr), output.status);
    }
    Ok(said(&output.stdout))
}
