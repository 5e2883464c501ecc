//! `towline`: a replicated key-value store on the command line.
//!
//! | file | contents |
//! |---|---|
//! | `args` | every command, flag and help text |
//! | `config` | flags and config file to the server's options |
//! | `run`, `ready_file` | `serve` and `follow`: a server, its first line, its ready file, its signals |
//! | `status` | `status`: a node's report, as a page |
//! | `demo` | `demo`: a fleet in one process, and the failures it survives |
//! | `descriptors` | the limit of file descriptors |
//! | `client` | a small redis client, for `status` and `demo` |
//! | `logs` | the logs of a server on stderr |
//!
//! `sim` is `towline-lab`; lines, quantities, exit codes and signals are those of `towline-terminal`.

// A print macro panics where nothing can be written: see `lines` and `print`.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod args;
mod client;
mod config;
mod demo;
mod descriptors;
mod logs;
mod page;
mod ready_file;
#[cfg(test)]
mod refusals;
mod run;
mod status;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use towline_terminal::{failure, is_read, lines, paths, print, signals, units};

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

/// Runs a command.
fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => config::serve(args.settings).and_then(run::run),
        Command::Follow(args) => config::follow(args).and_then(run::run),
        Command::Status(args) => status::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Sim(args) => towline_lab::run(&args),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "towline", &mut script);
            print(&script)
        }
    }
}

/// Makes the async runtime.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::failed(format!("cannot start the async runtime: {error}")))
}
