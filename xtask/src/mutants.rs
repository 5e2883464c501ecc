//! `cargo xtask mutants`: weaves the planted bugs into a copy of the source, builds it, and hunts them there.
//!
//! Copy and build are under `target/towline-mutants`: what has bugs in it must never be mistaken for the program. Bugs
//! are hunted on the fast substrate alone, so the build goes without turmoil.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

use crate::emitted;
use crate::sim::{Args, build, flagged, hand_over, in_sim};
use crate::workspace::Workspace;

/// Code that is wrong on purpose is not to be warned of.
pub(crate) const FLAGS: &str = "-Awarnings";
/// Plays the recorded plans, as tests, instead of a hunt.
const KILLERS: &str = "--killers";
/// Flags with which nothing is hunted, or which say where the plans go.
const NO_PROOF: [&str; 4] = ["--replay", "--plans", "--help", "-h"];

/// Where to look when rustc finds an error in the copy.
const NOT_BUILT: &str = "the copy with the bugs does not build: above each error in it stands the record whose `+` \
                         lines are to be mended";

/// The copy with the bugs, and where it is built.
pub(crate) struct Woven {
    pub(crate) root: PathBuf,
    pub(crate) target: PathBuf,
}

/// Runs `towline sim mutants` in a build that has them, and proves the tests that come of it.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let woven = weave(&workspace)?;
    if args.args.iter().any(|arg| arg == KILLERS) {
        if args.args.len() > 1 {
            bail!("{KILLERS} stands alone: it plays every recorded plan");
        }
        return killers(&woven);
    }
    let program = build(&woven.root, &woven.target, FLAGS, &[]).context(NOT_BUILT)?;
    let mut all = vec!["mutants".to_owned()];
    all.extend(args.args.iter().cloned());
    let named = |arg: &String| NO_PROOF.iter().any(|name| arg.split('=').next() == Some(name));
    if args.args.iter().any(named) {
        return hand_over(in_sim(&program, &all)).context("the simulator did not start");
    }
    let plans = workspace.target.join("mutants");
    if plans.exists() {
        std::fs::remove_dir_all(&plans).with_context(|| format!("cannot empty {}", plans.display()))?;
    }
    all.extend(["--plans".to_owned(), plans.display().to_string()]);
    let status = in_sim(&program, &all).status().context("the simulator did not start")?;
    if status.success() {
        emitted::prove(&workspace, &woven, &plans)?;
    }
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(1)))
}

/// Writes the copy of the source that has all bugs in it.
fn weave(workspace: &Workspace) -> Result<Woven> {
    let target = workspace.target.join("towline-mutants");
    let root = target.join("tree");
    if let Err(problems) = towline_weave::weave(&workspace.root, &root) {
        bail!("planted bugs do not fit the source:\n{}", problems.join("\n"));
    }
    Ok(Woven { root, target })
}

/// Each bug meets the plan that killed it: `sim/tests/killers.rs`, in the copy.
fn killers(woven: &Woven) -> Result<ExitCode> {
    let mut cargo = flagged(FLAGS);
    cargo.args(["test", "--package", "towline-sim", "--no-default-features", "--test", "killers"]);
    cargo.arg("--target-dir").arg(&woven.target).current_dir(&woven.root);
    if !cargo.status().context("cargo did not start")?.success() {
        bail!("a bug survived its plan, or {NOT_BUILT}");
    }
    Ok(ExitCode::SUCCESS)
}
