//! `cargo xtask sim`, `mutants` and `sim-soak`: the simulator, built with all it can have.
//!
//! Each build has a folder of its own under the target folder, because the compiler flags differ: without
//! `--cfg tokio_unstable` turmoil swallows a panic in a task and the run passes, so the program refuses to play there;
//! with `--cfg towline_mutants` there are planted bugs in it, so it must never be mistaken for the program. Bugs are
//! hunted on the fast substrate alone, so that build goes without turmoil.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::emitted;
use crate::workspace::{Workspace, command};

/// A build of the program: the folder it has to itself, compiler flags, features.
struct Build {
    folder: &'static str,
    flags: &'static str,
    features: &'static str,
}

const SIM: Build = Build { folder: "towline-sim", flags: "--cfg tokio_unstable", features: "turmoil" };
const MUTANTS: Build = Build { folder: "towline-mutants", flags: emitted::FLAGS, features: "" };
/// Flags with which nothing is hunted, or which say where the plans go.
const NO_PROOF: [&str; 4] = ["--replay", "--plans", "--help", "-h"];
/// More seeds than any soak plays.
const SOAK_SEEDS: u64 = 1 << 40;

/// The arguments of `towline sim`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// As for `towline sim`: `cargo xtask sim run mixed --seed 42 --on turmoil`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// The duration and the seeds of a soak.
#[derive(clap::Args)]
pub(crate) struct SoakArgs {
    /// How long
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// A built-in scenario or a file
    #[arg(long, default_value = "mixed")]
    scenario: String,
    /// Where the seeds begin [default: by the clock]
    #[arg(long)]
    seed: Option<u64>,
}

/// Runs `towline sim` with every substrate.
pub(crate) fn sim(args: &Args) -> Result<ExitCode> {
    run(&SIM, &args.args)
}

/// Runs `towline sim mutants` in a build that has them, and proves the tests that come of it.
pub(crate) fn mutants(args: &Args) -> Result<ExitCode> {
    let mut all = vec!["mutants".to_owned()];
    all.extend(args.args.iter().cloned());
    let named = |arg: &String| NO_PROOF.iter().any(|name| arg.split('=').next() == Some(name));
    if args.args.iter().any(named) {
        return run(&MUTANTS, &all);
    }
    let workspace = Workspace::find()?;
    let plans = workspace.target.join("mutants");
    if plans.exists() {
        std::fs::remove_dir_all(&plans).with_context(|| format!("cannot empty {}", plans.display()))?;
    }
    all.extend(["--plans".to_owned(), plans.display().to_string()]);
    let status = program(&MUTANTS, &all)?.status().context("the simulator did not start")?;
    if status.success() {
        emitted::prove(&workspace, &plans)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Plays seeds nobody has played before, for as long as asked.
pub(crate) fn soak(args: &SoakArgs) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let from = args.seed.map_or_else(clock, Ok)?;
    let folder = workspace.target.join("sim-soak");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    eprintln!("soaking {} from seed {from} for {} min", args.scenario, args.minutes);
    let to = from.checked_add(SOAK_SEEDS).context("--seed leaves no room for others")?;
    let told = [
        "explore".to_owned(),
        args.scenario.clone(),
        "--seeds".to_owned(),
        format!("{from}..{to}"),
        "--for".to_owned(),
        format!("{}min", args.minutes),
        "--json".to_owned(),
        folder.join("report.json").display().to_string(),
        "--failures".to_owned(),
        folder.display().to_string(),
    ];
    run(&SIM, &told)
}

/// Returns a first seed that no earlier soak had, far from the seeds that people type.
fn clock() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(now.as_secs() << 24)
}

/// Builds the program in this way and runs its `sim`; the exit code is the program's.
fn run(how: &Build, args: &[String]) -> Result<ExitCode> {
    hand_over(program(how, args)?).context("the simulator did not start")
}

/// Returns the command `sim` of the program, built in this way.
fn program(how: &Build, args: &[String]) -> Result<Command> {
    let mut sim = command(&build(how)?.display().to_string());
    sim.arg("sim").args(args);
    Ok(sim)
}

/// Replaces this process by the program, so that Ctrl-C reaches the program alone and it can print its findings first.
#[cfg(unix)]
fn hand_over(mut program: Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut program))
}

/// Waits for the program.
#[cfg(not(unix))]
fn hand_over(mut program: Command) -> std::io::Result<ExitCode> {
    let code = program.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

fn build(how: &Build) -> Result<PathBuf> {
    let workspace = Workspace::find()?;
    let target = workspace.target.join(how.folder);
    // RUSTFLAGS of the environment would replace ours, so ours are appended to them.
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut cargo = command("cargo");
    cargo
        .args(["build", "--profile", "sim", "--package", "towline", "--features", how.features])
        .arg("--target-dir")
        .arg(&target)
        .env("RUSTFLAGS", format!("{given} {}", how.flags).trim())
        .current_dir(&workspace.root);
    let status = cargo.status().context("cargo did not start")?;
    if !status.success() {
        bail!("the simulator does not build ({status}): see cargo's message above");
    }
    Ok(target.join("sim").join(format!("towline{}", std::env::consts::EXE_SUFFIX)))
}
