//! `cargo xtask sim` and `sim-soak`: the simulator, built with every substrate.
//!
//! The build has a folder of its own under the target folder, because the compiler flags differ: without
//! `--cfg tokio_unstable` turmoil swallows a panic in a task and the run passes, so the program refuses to play there.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::workspace::{Workspace, command};

/// The compiler flags of the build with every substrate.
const FLAGS: &str = "--cfg tokio_unstable";
/// More seeds than any soak plays.
const SOAK_SEEDS: u64 = 1 << 40;

/// The arguments of `towline sim`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// As for `towline sim`: `cargo xtask sim run mixed --seed 42 --on turmoil`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
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
    run(&args.args)
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
    run(&told)
}

/// Returns a first seed that no earlier soak had, far from the seeds that people type.
fn clock() -> Result<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock stands before 1970")?;
    Ok(now.as_secs() << 24)
}

/// Builds the program with every substrate and runs its `sim`; the exit code is the program's.
fn run(args: &[String]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let target = workspace.target.join("towline-sim");
    let program = build(&workspace.root, &target, FLAGS, &["--features", "turmoil"])?;
    hand_over(in_sim(&program, args)).context("the simulator did not start")
}

/// Returns the command `sim` of a program.
pub(crate) fn in_sim(program: &Path, args: &[String]) -> Command {
    let mut sim = command(&program.display().to_string());
    sim.arg("sim").args(args);
    sim
}

/// Replaces this process by the program, so that Ctrl-C reaches the program alone and it can print its findings first.
#[cfg(unix)]
pub(crate) fn hand_over(mut program: Command) -> std::io::Result<ExitCode> {
    Err(std::os::unix::process::CommandExt::exec(&mut program))
}

/// Waits for the program.
#[cfg(not(unix))]
pub(crate) fn hand_over(mut program: Command) -> std::io::Result<ExitCode> {
    let code = program.status()?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Builds the program from the source at `root` with these compiler flags, and returns its path.
pub(crate) fn build(root: &Path, target: &Path, flags: &str, features: &[&str]) -> Result<PathBuf> {
    let mut cargo = flagged(flags);
    cargo.args(["build", "--profile", "sim", "--package", "towline"]).args(features);
    cargo.arg("--target-dir").arg(target).current_dir(root);
    let status = cargo.status().context("cargo did not start")?;
    if !status.success() {
        bail!("the simulator does not build ({status}): see cargo's message above");
    }
    Ok(target.join("sim").join(format!("towline{}", std::env::consts::EXE_SUFFIX)))
}

/// Returns cargo, with compiler flags. RUSTFLAGS of the environment would replace ours, so ours are appended to them.
pub(crate) fn flagged(flags: &str) -> Command {
    let given = std::env::var("RUSTFLAGS").unwrap_or_default();
    let mut cargo = command("cargo");
    cargo.env("RUSTFLAGS", format!("{given} {flags}").trim());
    cargo
}
