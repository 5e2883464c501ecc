//! `cargo xtask redis-suite`: redis's own test suite, in its external single-database mode, against our server.
//!
//! Each unit runs against a server of its own, on loopback. A test that cannot pass is in `known.txt` with a reason;
//! the list only shrinks: a listed test that passes fails the run, and so does one that no longer exists. A unit that
//! breaks off shows by the number of tests that must pass in it. All output is in `target/redis-suite`: the source
//! package, and for each unit the suite's output and the server's log.
//!
//! Bounds: a unit is stopped after [`UNIT_LIMIT`].

mod fetch;
mod known;
mod play;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use self::known::Known;
use self::play::{Played, Suite};
use crate::versions::REDIS_SUITE;
use crate::workspace::{Workspace, command};

/// The suite's units whose tests our types allow, and how many tests of each pass at least.
const UNITS: &[(&str, usize)] = &[
    ("type/string", 69),
    ("type/incr", 21),
    ("expire", 55),
    ("scan", 5),
    ("keyspace", 33),
    ("other", 11),
    ("protocol", 15),
    ("info", 0),
    ("info-command", 3),
    ("introspection", 19),
    ("introspection-2", 24),
    ("bitops", 44),
    ("bitfield", 16),
    ("dump", 8),
    ("multi", 23),
    ("quit", 3),
];

/// The percentage of tests that must pass, of those that our types and families of commands allow.
const SHARE: usize = 95;
/// The time limit of one unit; the longest takes a minute on two cores.
const UNIT_LIMIT: Duration = Duration::from_secs(300);

/// The tests to run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only this unit, as `type/string`; may be given again [default: all]
    #[arg(long, value_name = "UNIT")]
    only: Vec<String>,
}

/// Fetches the suite, builds the server, runs the units and compares with the list.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let names: Vec<&str> = UNITS.iter().map(|(name, _)| *name).collect();
    if let Some(name) = args.only.iter().find(|name| !names.contains(&name.as_str())) {
        bail!("--only {name:?}: no such unit; there are: {}", names.join(", "));
    }
    let workspace = Workspace::find()?;
    let folder = workspace.target.join("redis-suite");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let source = fetch::source(&folder)?;
    let built = command("cargo").args(["build", "--bin", "towline"]).current_dir(&workspace.root).status();
    if !built.context("cargo did not start")?.success() {
        bail!("the program does not build: see above");
    }
    let program = workspace.target.join("debug/towline");
    let known = Known::read(&workspace.root.join("xtask/src/redis_suite/known.txt"))?;
    let suite = Suite { source: &source, program: &program, folder: &folder, limit: UNIT_LIMIT };
    let mut total = Total::default();
    println!(
        "redis {REDIS_SUITE}: {:<18} {:>6} {:>6} {:>6} {:>7}",
        "unit", "passed", "listed", "other", "seconds"
    );
    for (unit, least) in UNITS {
        if args.only.is_empty() || args.only.iter().any(|name| name == unit) {
            let started = Instant::now();
            let played = suite.play(unit, &known.alone(unit))?;
            total.add(unit, *least, &played, &known, started.elapsed());
        }
    }
    total.finish(&folder, args.only.is_empty())
}

/// The result of all units.
#[derive(Default)]
struct Total {
    passed: usize,
    /// Tests that failed and are listed with another reason than a missing type or family.
    lacking: usize,
    /// Tests that failed and are listed because of a missing type or family.
    foreign: usize,
    problems: Vec<String>,
}

impl Total {
    fn add(&mut self, unit: &str, least: usize, played: &Played, known: &Known, took: Duration) {
        let before = self.problems.len();
        // A name that several tests share fails if one of them does.
        let mut results: BTreeMap<&str, bool> = BTreeMap::new();
        for (name, passed) in &played.tests {
            let all = results.entry(name).or_insert(true);
            *all &= passed;
        }
        let mut listed = 0;
        for (name, passed) in &results {
            match (passed, known.reason(unit, name)) {
                (true, None) => {}
                (true, Some(_)) => {
                    self.problems.push(format!("{unit}: passes now, take it off the list: {name}"));
                }
                (false, None) => self.problems.push(format!("{unit}: fails, and is not listed: {name}")),
                (false, Some(reason)) => {
                    listed += 1;
                    *(if reason.is_foreign() { &mut self.foreign } else { &mut self.lacking }) += 1;
                }
            }
        }
        let passed = results.values().filter(|passed| **passed).count();
        for name in known.names(unit).filter(|name| !results.contains_key(name)) {
            self.problems.push(format!("{unit}: listed, but it was not run: {name}"));
        }
        if let Some(end) = &played.broken {
            self.problems.push(format!("{unit}: {end}"));
        }
        if passed < least {
            self.problems.push(format!("{unit}: {passed} passed, at least {least} must"));
        }
        self.passed += passed;
        let (other, seconds) = (self.problems.len() - before, took.as_secs());
        println!("redis {REDIS_SUITE}: {unit:<18} {passed:>6} {listed:>6} {other:>6} {seconds:>7}");
    }

    /// Prints the problems. The share is over all units together: in some, our types allow few tests.
    fn finish(self, folder: &Path, is_whole: bool) -> Result<ExitCode> {
        let (passed, lacking, foreign) = (self.passed, self.lacking, self.foreign);
        let allowed = passed + lacking;
        let tenths = (passed * 1000).checked_div(allowed).unwrap_or(1000);
        println!(
            "{passed} of {allowed} tests that our types allow pass: {}.{} %; {foreign} need other types or families",
            tenths / 10,
            tenths % 10
        );
        for problem in &self.problems {
            println!("  {problem}");
        }
        if !self.problems.is_empty() {
            println!("the output is in {}", folder.display());
            return Ok(ExitCode::FAILURE);
        }
        if is_whole && passed * 100 < allowed * SHARE {
            println!("fewer than {SHARE} %");
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}
