//! The terminal side of a command: the same lines, quantities, refusals and exit codes in every command.
//!
//! | file | contents |
//! |---|---|
//! | `failure` | failures of a command: one line, an exit code |
//! | `lines` | lines on stderr, which no reader can delay by not reading |
//! | `units` | `64MiB`, `5s`, as people write them and as they are shown |
//! | `paths` | folders that flags name |
//! | `signals` | SIGINT, SIGTERM and the others that ask for the end |
//!
//! No command is known here: the program and the simulator's command line depend on this crate, and it on neither.

// A print macro panics where nothing can be written: use `lines` and `print`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod failure;
pub mod lines;
pub mod paths;
pub mod signals;
pub mod units;

use std::io::{self, Write};

use crate::failure::Failure;

/// Writes to stdout. A reader that closed the pipe is no failure.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    is_read(bytes).map(drop)
}

/// Writes to stdout, and returns whether it still has a reader.
pub fn is_read(bytes: &[u8]) -> Result<bool, Failure> {
    // Lines on stderr that were written earlier come first.
    lines::flush();
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot write to stdout: {error}"))),
    }
}
