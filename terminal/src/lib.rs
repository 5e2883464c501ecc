//! A command and the person at its terminal: the same lines, quantities, refusals and exit codes in every command.
//!
//! | file | what |
//! |---|---|
//! | `failure` | how a command ends when it does not end well: one line, an exit code |
//! | `lines` | lines on stderr, which nobody who reads them or does not can hold up |
//! | `units` | `64MiB`, `5s`, as they are written and as they are shown |
//! | `paths` | folders that flags name |
//! | `signals` | SIGINT, SIGTERM and the others that ask for the end |
//!
//! Nothing here knows a command: the program and the simulator's command line stand on it, and it stands on neither.

// A print macro panics where nothing can be written: see `lines` and `print`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod failure;
pub mod lines;
pub mod paths;
pub mod signals;
pub mod units;

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes to stdout; a reader that has gone has seen enough.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    is_read(bytes).map(drop)
}

/// Writes to stdout, and returns whether anybody still reads there.
pub fn is_read(bytes: &[u8]) -> Result<bool, Failure> {
    // Earlier lines come before it.
    lines::flush();
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot write to stdout: {error}"))),
    }
}
