//! Runs checks: set-up first, then every step, then a table of budget, actual time and notes. A failure does not stop
//! the rest; the last line counts the failures. `cargo xtask test` and `cargo xtask nightly` are two lists of steps.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::setup::{Need, Plan};
use crate::steps::Step;
use crate::table::{Align, render};
use crate::watch::{End, watch};
use crate::workspace::{Workspace, command};

/// A step that runs this many times its budget is taken to hang.
const HUNG_AFTER_BUDGETS: u32 = 4;
/// How many lines of a failed step's log are shown; all of it stays in its file.
const SHOWN_LINES: usize = 200;

struct Row {
    name: &'static str,
    budget: Duration,
    actual: Duration,
    /// The failure, if there was one.
    fault: Option<String>,
    /// Further details, for the table.
    detail: String,
}

/// Sets up `needs`, then runs `steps`, then prints the table; the code is a failure if any of them failed.
pub(crate) fn run(needs: &[&Need], steps: &[&Step]) -> Result<ExitCode> {
    let workspace = Workspace::find()?;
    let logs = workspace.target.join("xtask");
    std::fs::create_dir_all(&logs).with_context(|| format!("cannot create {}", logs.display()))?;

    let total = needs.len() + steps.len();
    let mut rows: Vec<Row> = Vec::with_capacity(total);
    for need in needs {
        eprintln!("[{}/{total}] {}", rows.len() + 1, need.name);
        rows.push(timed(need.name, need.budget_s, || set_up(need, &logs)));
    }
    for step in steps {
        eprintln!("[{}/{total}] {}", rows.len() + 1, step.name);
        rows.push(timed(step.name, step.budget_s, || check(step, &workspace.root, &logs)));
    }
    let failed = rows.iter().filter(|row| row.fault.is_some()).count();
    print!("\n{}\n{} passed, {failed} failed\n", table(&rows), rows.len() - failed);
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn timed(name: &'static str, budget_s: u64, work: impl FnOnce() -> Result<String>) -> Row {
    let started = Instant::now();
    let done = work();
    let actual = started.elapsed();
    let budget = Duration::from_secs(budget_s);
    let (fault, detail) = match done {
        Ok(detail) => (None, detail),
        Err(error) => (Some(format!("{error:#}")), String::new()),
    };
    match &fault {
        None => eprintln!("    ok in {:.1} s", actual.as_secs_f64()),
        Some(fault) => eprintln!("    FAILED after {:.1} s: {fault}", actual.as_secs_f64()),
    }
    Row { name, budget, actual, fault, detail }
}

fn set_up(need: &Need, logs: &Path) -> Result<String> {
    match need.plan() {
        Plan::Nothing => Ok("there already".to_owned()),
        Plan::Ask(what) => anyhow::bail!(what),
        Plan::Run(mut command) => {
            let line = need.line();
            eprintln!("    {line}");
            finish(&mut command, need.name, need.budget_s, logs)
                .with_context(|| format!("could not set up; try by hand: {line}"))?;
            match need.plan() {
                Plan::Nothing => Ok("fetched".to_owned()),
                Plan::Run(_) | Plan::Ask(_) => {
                    anyhow::bail!("still missing after: {line}; is what it installs on PATH?")
                }
            }
        }
    }
}

fn check(step: &Step, root: &Path, logs: &Path) -> Result<String> {
    let (program, args) = step.argv.split_first().context("a step without a command")?;
    let mut command = command(program);
    command.args(args).envs(step.env.iter().copied()).current_dir(root);
    let log = finish(&mut command, step.name, step.budget_s, logs)?;
    if !step.note.is_empty() {
        eprintln!("    {}", step.note);
    }
    Ok([count_tests(&log), step.note.to_owned()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join("; "))
}

/// Runs one command and returns its log, or shows the log's end and fails.
fn finish(command: &mut Command, name: &str, budget_s: u64, logs: &Path) -> Result<String> {
    let path = logs.join(format!("{}.log", name.replace([' ', ':'], "-")));
    let end = watch(command, &path, Duration::from_secs(budget_s) * HUNG_AFTER_BUDGETS)?;
    let log = String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned();
    let fault = match end {
        End::Status(status) if status.success() => return Ok(log),
        End::Status(status) => status.to_string(),
        End::Hung => format!("stopped: still running after {HUNG_AFTER_BUDGETS} times its budget"),
    };
    let lines: Vec<&str> = log.lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LINES);
    if from > 0 {
        eprintln!("    | ({from} lines before these)");
    }
    for line in &lines[from..] {
        eprintln!("    | {line}");
    }
    anyhow::bail!("{fault}; the whole log: {}", path.display())
}

/// Adds up what the test harness printed, so that a run that tested nothing shows.
fn count_tests(log: &str) -> String {
    let (mut ran, mut ignored) = (0_u64, 0_u64);
    let mut any = false;
    for line in log.lines().filter_map(|line| line.strip_prefix("test result: ")) {
        any = true;
        let count = |what: &str| {
            let before = line.split(what).next().unwrap_or("").trim_end();
            before.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok()).unwrap_or(0)
        };
        ran += count("passed");
        ignored += count("ignored");
    }
    match (any, ignored) {
        (false, _) => String::new(),
        (true, 0) => format!("{ran} tests"),
        (true, _) => format!("{ran} tests, {ignored} ignored"),
    }
}

fn table(rows: &[Row]) -> String {
    let cells = |a: &str, b: String, c: String, d: String| vec![a.to_owned(), b, c, d];
    let mut lines = vec![cells("step", "budget".into(), "actual".into(), "result".into())];
    for row in rows {
        let late = row.actual > row.budget;
        let result = match (&row.fault, late) {
            (Some(_), _) => "FAILED".to_owned(),
            (None, true) => "ok, over budget".to_owned(),
            (None, false) => "ok".to_owned(),
        };
        let result = if row.detail.is_empty() { result } else { format!("{result} ({})", row.detail) };
        let actual = format!("{:.1} s", row.actual.as_secs_f64());
        lines.push(cells(row.name, format!("{} s", row.budget.as_secs()), actual, result));
    }
    let sum: Duration = rows.iter().map(|row| row.actual).sum();
    lines.push(cells("all", String::new(), format!("{:.1} s", sum.as_secs_f64()), String::new()));
    render(&[Align::Left, Align::Right, Align::Right, Align::Left], &lines)
}

#[cfg(test)]
mod tests {
    use super::count_tests;

    #[test]
    fn adds_up_what_the_harness_says() {
        let log = "running 3 tests\n\
            test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
            test result: ok. 14 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.10s\n";
        assert_eq!(count_tests(log), "17 tests, 2 ignored");
        assert_eq!(count_tests("nothing of the kind"), "");
    }
}
