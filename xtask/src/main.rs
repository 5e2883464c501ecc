//! `cargo xtask`: set-up, checks, load, measurement and simulation with nothing but the Rust toolchain.
//!
//! Each command lives in the file of its name. All of them say what was wrong, where, and what to do about it; exit 0
//! means all was well, 1 that something was not, 2 that the command line was not understood.

#[macro_use]
mod print;

mod bench;
mod c;
mod checks;
mod clients;
mod emitted;
mod fuzz;
mod imports;
mod load;
mod mutants;
mod nightly;
mod redis_suite;
mod setup;
mod sim;
mod steps;
mod table;
mod test;
mod versions;
mod wasm;
mod watch;
mod workspace;

use std::process::ExitCode;

use clap::Parser;

/// Towline's set-up, checks, load, measurement and simulation.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
enum Command {
    /// Set up what is missing, then run every check and print what ran and how long it took
    Test(test::Args),
    /// Run what takes too long for every change: fuzzing, campaigns, planted bugs, benches
    Nightly(nightly::Args),
    /// Run real client libraries against the program: see tests/clients
    Clients(clients::Args),
    /// Put load on a server that speaks RESP: seeded random values, every key once, then overwrites
    Load(load::Args),
    /// Measure, and print the results beside their targets
    Bench(bench::Args),
    /// Build the simulator with every substrate and run `towline sim`
    #[command(disable_help_flag = true)]
    Sim(sim::Args),
    /// Build the simulator with planted bugs and show which invariant finds each
    #[command(disable_help_flag = true)]
    Mutants(sim::Args),
    /// Play seeds nobody has played before; plans of runs that fail go to target/sim-soak
    SimSoak(sim::SoakArgs),
    /// Fuzz: bytes and scripts against the core, its borders and its parsers
    Fuzz(fuzz::Args),
    /// Build the npm package and the browser's page into wasm/pkg, and say how large they are
    Wasm(wasm::Args),
    /// Build tests/imports for the browser and check that it needs nothing from its host
    Imports,
    /// Make the C header from the Rust sources
    Header(c::HeaderArgs),
    /// Build the C libraries and install them with headers, pkg-config and CMake files
    Install(c::InstallArgs),
    /// Run redis's own test suite against our server and compare with the list of what does not pass
    RedisSuite(redis_suite::Args),
    /// Check the C side: headers, libraries, ABI, tests in C under valgrind and sanitizers, examples
    CTest(c::CheckArgs),
}

fn main() -> ExitCode {
    let done = match Command::parse() {
        Command::Test(args) => test::run(&args),
        Command::Nightly(args) => nightly::run(&args),
        Command::Clients(args) => clients::run(&args),
        Command::Load(args) => load::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Sim(args) => sim::sim(&args),
        Command::Mutants(args) => mutants::run(&args),
        Command::SimSoak(args) => sim::soak(&args),
        Command::Fuzz(args) => fuzz::run(&args),
        Command::Wasm(args) => wasm::run(&args),
        Command::Imports => imports::run(),
        Command::Header(args) => c::header(&args),
        Command::Install(args) => c::install(&args),
        Command::RedisSuite(args) => redis_suite::run(&args),
        Command::CTest(args) => c::check(&args),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
