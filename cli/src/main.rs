//! `towline`: a replicated key-value store on the command line.
//!
//! | file | what |
//! |---|---|
//! | `args` | every command, flag and help text |
//! | `config`, `units`, `paths` | flags and config file to the server's options; `64MiB`, `5s`; folders |
//! | `run`, `ready_file` | `serve` and `follow`: a server, its first line, its ready file, its signals |
//! | `status` | `status`: what a node answers, as a page |
//! | `demo` | `demo`: a fleet in one process, and what happens to it |
//! | `sim` | `sim`: the simulator's command line |
//! | `descriptors` | the limit of file descriptors |
//! | `signals` | SIGINT and SIGTERM |
//! | `client` | a small redis client, for `status` and `demo` |
//! | `logs`, `lines`, `failure` | what is said on stderr, and with which exit code it ends |

// A print macro panics where nothing can be written: see `lines` and `print`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod args;
mod client;
mod config;
mod demo;
mod descriptors;
mod failure;
mod lines;
mod logs;
mod page;
mod paths;
mod ready_file;
#[cfg(test)]
mod refusals;
mod run;
mod signals;
mod sim;
mod status;
mod units;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::failure::Failure;

fn main() -> ExitCode {
    let code = match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            lines::say(&format!("error: {failure}"));
            failure.code()
        }
    };
    lines::flush();
    code
}

/// Does what a command line asks for.
fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => config::serve(args.settings).and_then(run::run),
        Command::Follow(args) => config::follow(args).and_then(run::run),
        Command::Status(args) => status::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Sim(args) => sim::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "towline", &mut script);
            print(&script)
        }
    }
}

/// Writes to stdout; whoever stopped reading has seen enough.
fn print(bytes: &[u8]) -> Result<(), Failure> {
    is_read(bytes).map(drop)
}

/// Writes to stdout, and returns whether anybody still reads there.
fn is_read(bytes: &[u8]) -> Result<bool, Failure> {
    // Earlier lines come before it.
    lines::flush();
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot write to stdout: {error}"))),
    }
}

/// The runtime everything runs on.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))
}
