//! `cargo xtask fuzz`: builds the targets in `fuzz/` with plain cargo, runs them, and prints what each did.
//!
//! It runs under AddressSanitizer on the pinned nightly, or with `--plain` on the toolchain in use: five to eight times
//! as many executions, without the errors that only a sanitizer finds. New inputs are kept in `target/fuzz-found`; an
//! input that fails is named, and goes into `fuzz/corpus` with its fix. `docs/fuzzing.md` describes the process.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::table::{Align, render};
use crate::versions::NIGHTLY;
use crate::watch::{End, watch};
use crate::workspace::{Workspace, command};

/// The coverage that steers libFuzzer: which edges were taken, how often. Comparisons are left out: they cost two
/// thirds of the speed, and the targets mostly compare checksums.
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table --cfg fuzzing";
const ASAN: &str = "-Zsanitizer=address";
/// The time to start, to read a corpus and to report.
const BESIDE_FUZZING: Duration = Duration::from_secs(120);
/// How much of a failing target's log is shown.
const SHOWN_LINES: usize = 40;

/// The seed of a short run.
const SEED: u32 = 1;
/// The divisor of a short run's executions under a sanitizer, which takes five to eight times as long.
const SANITIZED: u32 = 4;

/// A target, and the longest input that is useful to it.
struct Target {
    name: &'static str,
    bytes_max: u32,
    /// Executions of a short run: about five seconds without a sanitizer.
    short: u32,
    /// The feature that it needs.
    feature: Option<&'static str>,
}

const fn target(name: &'static str, bytes_max: u32, short: u32) -> Target {
    Target { name, bytes_max, short, feature: None }
}

const TARGETS: &[Target] = &[
    target("native_decode", 1024, 300_000),
    target("roundtrip", 512, 40_000),
    target("node_script", 257, 4_000),
    target("snapshot_receive", 385, 40_000),
    target("server_resp", 1024, 300_000),
    Target { feature: Some("plan"), ..target("plan_file", 8192, 120_000) },
    Target { feature: Some("abi"), ..target("record_abi", 512, 60_000) },
];

/// The targets to fuzz, and how long.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Seconds for each target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// So many executions, from the corpus that everybody has and one seed: what it finds depends on the code alone
    #[arg(long, conflicts_with = "seconds")]
    short: bool,
    /// Without a sanitizer, on the toolchain in use
    #[arg(long)]
    plain: bool,
    /// One target [default: all, one after another]
    target: Option<String>,
}

/// Fuzzes; the code is a failure if anything was found.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let targets = chosen(args.target.as_deref())?;
    let workspace = Workspace::find()?;
    let folder = build(&workspace, &targets, args.plain)?;
    let mut lines: Vec<Vec<String>> =
        vec![["target", "executions", "a second", "edges", "features", "result"].map(str::to_owned).into()];
    let mut failed = 0;
    for target in targets {
        let (log, sound) = fuzz(&workspace, &folder, target, args)?;
        failed += u32::from(!sound);
        lines.push(row(target, &log, sound));
    }
    let right = Align::Right;
    println!("{}", render(&[Align::Left, right, right, right, right, Align::Left], &lines));
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn chosen(name: Option<&str>) -> Result<Vec<&'static Target>> {
    let chosen: Vec<_> =
        TARGETS.iter().filter(|target| name.is_none_or(|name| name == target.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.name).collect();
        bail!("no such target; there are: {}", names.join(", "));
    }
    Ok(chosen)
}

/// Builds the targets and returns their folder. The target triple is named even though it is the host's: without it,
/// build scripts and macros would be instrumented too.
fn build(workspace: &Workspace, targets: &[&Target], plain: bool) -> Result<PathBuf> {
    let (mut cargo, flags, name) = if plain {
        (command("cargo"), COVERAGE.to_owned(), "fuzz-plain")
    } else {
        let mut rustup = command("rustup");
        rustup.args(["run", NIGHTLY, "cargo"]);
        (rustup, format!("{COVERAGE} {ASAN}"), "fuzz-asan")
    };
    let (host, folder) = (host()?, workspace.target.join(name));
    cargo.args(["build", "--release", "--no-default-features", "--features", "libfuzzer", "--target", &host]);
    cargo.arg("--manifest-path").arg(workspace.root.join("fuzz/Cargo.toml"));
    cargo.arg("--target-dir").arg(&folder).env("RUSTFLAGS", flags);
    for target in targets {
        cargo.args(["--bin", target.name]);
        if let Some(feature) = target.feature {
            cargo.args(["--features", feature]);
        }
    }
    let status = cargo.status().context("neither cargo nor rustup started: are they on PATH?")?;
    if !status.success() {
        let fetch = format!("rustup toolchain install {NIGHTLY} --profile minimal");
        bail!("the targets do not build ({status}): see above; if the toolchain is missing: {fetch}");
    }
    Ok(folder.join(host).join("release"))
}

fn host() -> Result<String> {
    let output = command("rustc").arg("-vV").output().context("rustc did not start")?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = told.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// Runs one target. Returns its log, and whether it found nothing.
fn fuzz(workspace: &Workspace, folder: &Path, target: &Target, args: &Args) -> Result<(String, bool)> {
    let failures = workspace.target.join("fuzz-failures");
    std::fs::create_dir_all(&failures).with_context(|| format!("cannot create {}", failures.display()))?;
    let path = failures.join(format!("{}.log", target.name));
    let mut program = Command::new(folder.join(target.name));
    program.args([
        format!("-max_len={}", target.bytes_max),
        format!("-artifact_prefix={}/{}-", failures.display(), target.name),
        "-print_final_stats=1".to_owned(),
        "-timeout=20".to_owned(),
        "-len_control=20".to_owned(),
    ]);
    if args.short {
        play_short(&mut program, workspace, target, args.plain)?;
    } else {
        play_for(&mut program, workspace, target, args.seconds)?;
    }
    let end = watch(&mut program, &path, Duration::from_secs(args.seconds) + BESIDE_FUZZING)?;
    let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
    let sound = matches!(end, End::Status(status) if status.success());
    if !sound {
        let lines: Vec<&str> = log.lines().collect();
        let panic = lines.iter().position(|line| line.contains("panicked") || line.contains("ERROR"));
        for line in lines.iter().skip(panic.unwrap_or(0)).take(SHOWN_LINES) {
            eprintln!("    | {line}");
        }
        eprintln!("    {} failed: its input and its log lie in {}", target.name, failures.display());
    }
    Ok((log, sound))
}

/// Fuzzes for some seconds with a new seed, from all inputs that were ever found here.
fn play_for(program: &mut Command, workspace: &Workspace, target: &Target, seconds: u64) -> Result<()> {
    eprintln!("{} for {seconds} s", target.name);
    let found = workspace.target.join("fuzz-found").join(target.name);
    std::fs::create_dir_all(&found).with_context(|| format!("cannot create {}", found.display()))?;
    program.arg(format!("-max_total_time={seconds}")).arg(&found).arg(corpus(workspace, target));
    Ok(())
}

/// Makes the same executions on every machine. The inputs are listed by name, because folders have no fixed order.
fn play_short(program: &mut Command, workspace: &Workspace, target: &Target, plain: bool) -> Result<()> {
    let runs = if plain { target.short } else { target.short / SANITIZED };
    eprintln!("{}: {runs} executions with seed {SEED}", target.name);
    let folder = corpus(workspace, target);
    let named = |entry: std::io::Result<DirEntry>| Ok(entry?.path().display().to_string());
    let read = std::fs::read_dir(&folder).and_then(|entries| entries.map(named).collect());
    let mut inputs: Vec<String> = read.with_context(|| format!("cannot read {}", folder.display()))?;
    inputs.sort();
    let inputs = format!("-seed_inputs={}", inputs.join(","));
    program.args([format!("-runs={runs}"), format!("-seed={SEED}"), "-reload=0".to_owned(), inputs]);
    Ok(())
}

fn corpus(workspace: &Workspace, target: &Target) -> PathBuf {
    workspace.root.join("fuzz/corpus").join(target.name)
}

fn row(target: &Target, log: &str, sound: bool) -> Vec<String> {
    let stat = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name));
        line.map_or_else(|| "?".to_owned(), |value| value.trim().to_owned())
    };
    let last = |name: &str| {
        let words: Vec<&str> =
            log.lines().rfind(|line| line.contains(name)).unwrap_or("").split(' ').collect();
        let at = words.iter().position(|word| *word == name);
        at.and_then(|at| words.get(at + 1)).map_or_else(|| "?".to_owned(), |value| (*value).to_owned())
    };
    vec![
        target.name.to_owned(),
        stat("stat::number_of_executed_units:"),
        stat("stat::average_exec_per_sec:"),
        last("cov:"),
        last("ft:"),
        if sound { "nothing found" } else { "FAILED" }.to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::{TARGETS, row};

    #[test]
    fn reads_what_libfuzzer_says() {
        let log = "#20\tNEW    cov: 10 ft: 12 corp: 2/2b\n#30\tDONE   cov: 11 ft: 15 corp: 3/4b\n\
            stat::number_of_executed_units: 30\nstat::average_exec_per_sec:     7\n";
        assert_eq!(row(&TARGETS[0], log, true)[1..5], ["30", "7", "11", "15"]);
        assert_eq!(row(&TARGETS[0], "", false)[1..], ["?", "?", "?", "?", "FAILED"]);
    }
}
