//! The last proof of `cargo xtask mutants`: a test that the board wrote fails with the planted bug, and passes without
//! it. They are built as anybody would build them: in a package of their own that depends on the simulator.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::mutants::{FLAGS, Woven};
use crate::sim::flagged;
use crate::workspace::Workspace;

/// Bugs that random tests are known to miss, each in its own way: a boundary, two snapshots, silence.
const PROVEN: [u16; 3] = [2, 12, 26];
/// How `cargo test` ends when a test fails.
const TEST_FAILED: i32 = 101;

/// Proves the tests in `plans` of those of [`PROVEN`] that were hunted.
pub(crate) fn prove(workspace: &Workspace, woven: &Woven, plans: &Path) -> Result<()> {
    let hunted: Vec<u16> = PROVEN.into_iter().filter(|number| source(plans, *number).is_file()).collect();
    if hunted.is_empty() {
        return Ok(());
    }
    let package = workspace.target.join("mutants-emitted");
    for (root, target, flags) in
        [(&woven.root, &woven.target, FLAGS), (&workspace.root, &workspace.target, "")]
    {
        let bug = root == &woven.root;
        write(root, &package, plans, &hunted)?;
        // They must build first: a test that does not build fails as well.
        if cargo(&package, target, flags, &["--no-run", "--quiet"])? != 0 {
            bail!("the tests that the board wrote do not build: see cargo's message above");
        }
        for number in &hunted {
            let name = name(*number);
            let code = cargo(&package, target, flags, &["--quiet", "--test", &name])?;
            if code != if bug { TEST_FAILED } else { 0 } {
                let with = if bug { "with" } else { "without" };
                bail!("{name}, the test that the board wrote, ends with {code} {with} the bug");
            }
        }
    }
    println!("the emitted tests of {hunted:?} fail with the bug and pass without it");
    Ok(())
}

fn name(number: u16) -> String {
    format!("mutant-{number}")
}

fn source(plans: &Path, number: u16) -> std::path::PathBuf {
    plans.join(name(number)).with_extension("rs")
}

fn write(root: &Path, package: &Path, plans: &Path, hunted: &[u16]) -> Result<()> {
    let cannot = || format!("cannot write into {}", package.display());
    let sim = root.join("sim");
    let manifest = format!(
        "[package]\nname = \"emitted\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\ntowline-sim = {{ path = {:?} }}\n\n[workspace]\n",
        sim.display().to_string()
    );
    if package.exists() {
        std::fs::remove_dir_all(package).with_context(cannot)?;
    }
    for folder in ["src", "tests"] {
        std::fs::create_dir_all(package.join(folder)).with_context(cannot)?;
    }
    std::fs::write(package.join("Cargo.toml"), manifest).with_context(cannot)?;
    std::fs::write(package.join("src/lib.rs"), "").with_context(cannot)?;
    // The same versions as here, so that the crates are built already and no network is needed.
    std::fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).with_context(cannot)?;
    for number in hunted {
        let test = package.join("tests").join(name(*number)).with_extension("rs");
        std::fs::copy(source(plans, *number), test).with_context(cannot)?;
    }
    Ok(())
}

/// Runs `cargo test` in the package; returns its exit code.
fn cargo(package: &Path, target: &Path, flags: &str, args: &[&str]) -> Result<i32> {
    let mut cargo = flagged(flags);
    cargo.args(["test", "--offline"]).args(args).arg("--manifest-path").arg(package.join("Cargo.toml"));
    cargo.arg("--target-dir").arg(target);
    // A test that is meant to fail prints a lot.
    let builds = args.contains(&"--no-run");
    if !builds {
        cargo.stdout(Stdio::null()).stderr(Stdio::null());
    }
    let status = cargo.status().context("cargo did not start")?;
    status.code().with_context(|| format!("cargo was ended: {status}"))
}
