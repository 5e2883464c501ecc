//! `cargo xtask c-test`: all checks of the C side, one after another; a failure does not stop the rest.

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::compile::{Link, Program, STRICT, hygiene, installed};
use super::library::{Libraries, build};
use super::{abi, examples, header, install, newcomer, output, vectors};
use crate::versions::ON_NIGHTLY;
use crate::workspace::{Workspace, command};

/// The checks to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the checks whose name holds this
    only: Option<String>,
}

/// The state that the checks share.
struct Bench {
    workspace: Workspace,
    ffi: PathBuf,
    /// The folder for the output of all checks.
    folder: PathBuf,
    /// The prefix of the installation.
    prefix: PathBuf,
    libraries: Libraries,
    planted: Libraries,
}

type Check = fn(&Bench) -> Result<String>;

const CHECKS: &[(&str, Check)] = &[
    ("header is current", |bench| header::check(&bench.ffi)),
    ("libraries", |bench| bench.libraries.judge()),
    ("headers in every dialect", |bench| hygiene(&bench.ffi, &bench.folder)),
    ("every item is documented", doxygen),
    ("ABI", |bench| abi::compare(&bench.ffi, &bench.libraries.exports, &bench.folder)),
    ("installed", |bench| installed(&bench.prefix, &bench.folder)),
    ("refusals", refusals),
    ("vectors", |bench| {
        let vectors = bench.workspace.root.join("tests/vectors");
        vectors::play(&bench.ffi, &vectors, &bench.folder, Link::Static(&bench.libraries))
    }),
    ("threads", |bench| bench.run("threads", &["tests/threads.c"], Link::Static(&bench.libraries), &[])),
    ("roles", roles),
    ("beside another Rust library", beside),
    ("stream", |bench| bench.run("stream", STREAM, Link::Static(&bench.libraries), &["200"])),
    ("valgrind", valgrind),
    ("helgrind", helgrind),
    ("sanitizers", sanitizers),
    ("newcomer", |bench| {
        let folder = bench.folder.join("newcomer");
        newcomer::play(&bench.workspace, &bench.libraries, &bench.towline()?, &folder)
    }),
    ("examples", against_towline),
];

const STREAM: &[&str] = &["bench/stream.c"];
const SANITIZED: &str = "x86_64-unknown-linux-gnu";

/// Runs the checks; the code is a failure if any failed.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let bench = Bench::new()?;
    let mut failed = 0;
    for (name, check) in CHECKS {
        if args.only.as_ref().is_some_and(|only| !name.contains(only.as_str())) {
            continue;
        }
        let started = Instant::now();
        let done = check(&bench);
        let seconds = started.elapsed().as_secs_f64();
        match done {
            Ok(detail) => println!("ok {seconds:5.1} s  {name}: {}", detail.replace('\n', "; ")),
            Err(why) => {
                failed += 1;
                println!("FAILED {seconds:5.1} s  {name}: {why:#}");
            }
        }
    }
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Bench {
    fn new() -> Result<Self> {
        let workspace = Workspace::find()?;
        let planted = build(&workspace, true)?;
        let libraries = build(&workspace, false)?;
        let home = workspace.target.join("towline-c");
        let (folder, prefix) = (home.join("check"), home.join("installed"));
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        install::lay_out(&workspace, &libraries, &prefix, &prefix)?;
        Ok(Self { ffi: workspace.root.join("ffi"), workspace, folder, prefix, libraries, planted })
    }

    fn make(&self, name: &str, sources: &[&str], link: Link<'_>, more: &[&str]) -> Result<PathBuf> {
        let out = self.folder.join(name);
        Program { ffi: &self.ffi, sources, more }.make("gcc", &link.args(), &out)?;
        Ok(out)
    }

    /// Builds the program together with all others: a build of the program alone is another build than the tests'.
    fn towline(&self) -> Result<PathBuf> {
        let mut cargo = command("cargo");
        cargo.args(["build", "--quiet", "--workspace", "--bins"]).current_dir(&self.workspace.root);
        output(&mut cargo)?;
        Ok(self.workspace.target.join("debug/towline"))
    }

    fn run(&self, name: &str, sources: &[&str], link: Link<'_>, args: &[&str]) -> Result<String> {
        let program = self.make(name, sources, link, &["-lpthread"])?;
        output(Command::new(program).args(args))
    }
}

/// Runs doxygen with `ffi/Doxyfile` and an output folder.
fn doxygen(bench: &Bench) -> Result<String> {
    let (made, style) = (bench.folder.join("doxygen"), bench.folder.join("Doxyfile"));
    std::fs::create_dir_all(&made).with_context(|| made.display().to_string())?;
    let text = std::fs::read_to_string(bench.ffi.join("Doxyfile")).context("Doxyfile")?;
    let text = format!("{text}OUTPUT_DIRECTORY = {}\n", made.display());
    std::fs::write(&style, text).with_context(|| style.display().to_string())?;
    output(Command::new("doxygen").arg(&style).current_dir(&bench.ffi))?;
    Ok(made.join("html/index.html").display().to_string())
}

/// Runs `tests/refusals.c` with the static library, with the shared one, and with the function that panics.
fn refusals(bench: &Bench) -> Result<String> {
    let sources = &["tests/refusals.c"][..];
    bench.run("refusals", sources, Link::Static(&bench.libraries), &[])?;
    bench.run("refusals-shared", sources, Link::Shared(&bench.libraries), &[])?;
    let planted =
        bench.make("refusals-planted", sources, Link::Static(&bench.planted), &["-DTOW_PLANTED"])?;
    output(&mut Command::new(planted))
}

/// Runs `tests/roles.cpp`, one of two programs in C++.
fn roles(bench: &Bench) -> Result<String> {
    let program = bench.folder.join("roles");
    let mut compiler = Command::new("g++");
    compiler.args(STRICT).args(["-std=c++17", "-O1", "-g", "-I"]).arg(bench.ffi.join("include"));
    compiler.arg(bench.ffi.join("tests/roles.cpp")).arg("-o").arg(&program);
    output(compiler.args(Link::Static(&bench.libraries).args()))?;
    output(&mut Command::new(program))
}

/// Runs a program that links another Rust static library too.
fn beside(bench: &Bench) -> Result<String> {
    let second = bench.folder.join("libsecond.a");
    let mut rustc = Command::new("rustc");
    rustc.args(["--edition", "2024", "--crate-type", "staticlib", "-C", "opt-level=2", "-o"]).arg(&second);
    output(rustc.arg(bench.ffi.join("tests/second.rs")))?;
    let second = second.display().to_string();
    let link = Link::Static(&bench.planted);
    let program =
        bench.make("beside", &["tests/beside.c"], link, &[&second, "-lpthread", "-lgcc_s", "-lc"])?;
    output(&mut Command::new(program))
}

fn valgrind(bench: &Bench) -> Result<String> {
    let refusals = bench.make(
        "refusals-valgrind",
        &["tests/refusals.c"],
        Link::Static(&bench.planted),
        &["-DTOW_PLANTED"],
    )?;
    let stream = bench.make("stream-valgrind", STREAM, Link::Static(&bench.libraries), &[])?;
    for (program, args) in [(refusals, &[][..]), (stream, &["20"][..])] {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--quiet", "--leak-check=full", "--error-exitcode=9"]).arg(program).args(args);
        output(&mut valgrind)?;
    }
    Ok("no errors, no leaks".to_owned())
}

/// Runs the permitted calls of several threads under helgrind, and a forbidden one, which helgrind must report.
fn helgrind(bench: &Bench) -> Result<String> {
    let link = Link::Static(&bench.libraries);
    let program = bench.make("threads-helgrind", &["tests/threads.c"], link, &["-lpthread"])?;
    let run = |args: &[&str]| {
        let mut helgrind = Command::new("valgrind");
        helgrind.args(["--tool=helgrind", "--quiet", "--error-exitcode=9"]).arg(&program).args(args);
        helgrind
    };
    let told = output(&mut run(&["lawful"]))?;
    let caught = run(&[]).output().context("valgrind")?;
    if !String::from_utf8_lossy(&caught.stderr).contains("Possible data race") {
        bail!("helgrind did not report the planted concurrent calls");
    }
    Ok(told)
}

/// Runs both sides of the border under AddressSanitizer and C's under UBSan; planted errors prove that they work.
fn sanitizers(bench: &Bench) -> Result<String> {
    let target = bench.workspace.target.join("towline-asan");
    let mut cargo = command("cargo");
    cargo.arg(ON_NIGHTLY).args(["rustc", "--quiet", "-p", "towline-capi", "--features", "planted"]);
    cargo.args(["--crate-type", "staticlib", "--target", SANITIZED]).arg("--target-dir").arg(&target);
    cargo.env("RUSTFLAGS", "-Zsanitizer=address").current_dir(&bench.workspace.root);
    output(&mut cargo)?;
    let archive = target.join(SANITIZED).join("debug/libtowline.a").display().to_string();
    let link = [vec![archive], bench.libraries.native.clone()].concat();
    let more =
        &["-DTOW_PLANTED", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-lpthread"][..];
    let make = |name: &str, source: &str| {
        let out = bench.folder.join(format!("{name}-asan"));
        Program { ffi: &bench.ffi, sources: &[source], more }.make("gcc", &link, &out)?;
        Ok::<_, anyhow::Error>(out)
    };
    output(&mut Command::new(make("refusals", "tests/refusals.c")?))?;
    output(&mut Command::new(make("threads", "tests/threads.c")?))?;
    output(Command::new(make("stream", "bench/stream.c")?).arg("50"))?;
    let caught = Command::new(make("after_free", "tests/after_free.c")?).output().context("after_free")?;
    if caught.status.success() || !String::from_utf8_lossy(&caught.stderr).contains("heap-use-after-free") {
        bail!("AddressSanitizer did not report the planted use after free");
    }
    Ok("clean, and the planted use after free was reported".to_owned())
}

/// Plays the examples against each other and against the program.
fn against_towline(bench: &Bench) -> Result<String> {
    let folder = bench.folder.join("examples");
    let examples = examples::build(&bench.ffi, Link::Static(&bench.libraries), bench.towline()?, folder)?;
    let (waits, led, stopped) = (examples.c_acknowledges()?, examples.c_leads()?, examples.c_stops()?);
    let leads = examples.towline_leads()?;
    let second = examples.a_second_snapshot_comes()?;
    let told = [
        format!("waits.c: {waits}"),
        format!("primary.c leads: {led}"),
        format!("it stops {stopped}"),
        format!("towline leads: {leads}"),
        format!("a second snapshot: {second}"),
    ];
    Ok(told.join("; "))
}

/// Builds `ffi/bench/stream.c` for the bench table.
pub(crate) fn stream_program(workspace: &Workspace) -> Result<Command> {
    let libraries = build(workspace, false)?;
    let out = workspace.target.join("towline-c/stream");
    let ffi = workspace.root.join("ffi");
    Program { ffi: &ffi, sources: STREAM, more: &["-O2"] }.make(
        "gcc",
        &Link::Static(&libraries).args(),
        &out,
    )?;
    Ok(Command::new(out))
}
