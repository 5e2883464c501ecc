//! `check-determinism`: the same seeds in this process and in another one must be the same runs, fact by fact.
//!
//! The other process is this program again. It finds differences that only a second process shows: addresses, the seeds
//! of hash tables, the clock, the environment.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::Context;
use serde_json::json;

use super::args::{DeterminismArgs, On};
use super::campaign::summary::Hash;
use super::source::Drawn;
use super::{play, source};
use crate::failure::Failure;
use crate::units::grouped;

/// Compares, or is the other process.
pub(crate) fn run(args: &DeterminismArgs) -> Result<(), Failure> {
    play::armed(args.on)?;
    if args.on == On::Real {
        let told = "--on real: no two runs on loopback TCP are the same; name fast or turmoil";
        return Err(Failure::Usage(told.to_owned()));
    }
    let scenario = source::scenario(&args.scenario)?;
    let hash =
        |seed| Ok::<_, Failure>(Hash(play::play(&scenario.scenario.draw(seed), args.on, false)?.report.hash));
    if args.tell {
        for seed in args.seeds.from..args.seeds.to {
            crate::print(format!("{seed} {}\n", hash(seed)?).as_bytes())?;
        }
        return Ok(());
    }
    let seeds = format!("{}..{}", args.seeds.from, args.seeds.to);
    let mut other = myself()?;
    other.args([
        "sim",
        "check-determinism",
        &args.scenario,
        "--seeds",
        &seeds,
        "--on",
        args.on.name(),
        "--tell",
    ]);
    let mut child = other.stdout(Stdio::piped()).spawn().context("cannot start a second process")?;
    let output = child.stdout.take().context("a second process has an output")?;
    let mut lines = BufReader::new(output).lines();
    let mut differs = None;
    for seed in args.seeds.from..args.seeds.to {
        let theirs = lines.next().transpose().context("reading what the second process says")?;
        let Some(theirs) = theirs else { break };
        let ours = format!("{seed} {}", hash(seed)?);
        if ours != theirs {
            differs = Some((seed, ours, theirs));
            break;
        }
    }
    if differs.is_some() {
        // It may still be at work; its output no longer matters.
        child.kill().ok();
    }
    let status = child.wait().context("waiting for the second process")?;
    if !status.success() && differs.is_none() {
        return Err(Failure::failed(format!("the second process failed: {status}")));
    }
    tell(args, &scenario, differs)
}

/// Reports the result: success, or the first seed whose lines differ, here and there.
fn tell(
    args: &DeterminismArgs,
    drawn: &Drawn,
    differs: Option<(u64, String, String)>,
) -> Result<(), Failure> {
    let (from, to) = (args.seeds.from, args.seeds.to);
    if args.json {
        let told = json!({
            "scenario": drawn.scenario.name(), "on": args.on.name(), "asked": [from, to],
            "same": differs.is_none(), "first_difference": differs.as_ref().map(|(seed, ..)| seed),
        });
        crate::print(format!("{told}\n").as_bytes())?;
    } else if differs.is_none() {
        let count = grouped(to - from);
        crate::print(format!("{count} seeds, 2 processes, the same hashes\n").as_bytes())?;
    }
    let Some((seed, ours, theirs)) = differs else { return Ok(()) };
    let record = divergence(args, drawn, seed)?;
    Err(Failure::failed(format!("two runs of one plan differ (X3): {ours} here, {theirs} there; {record}")))
}

fn myself() -> Result<Command, Failure> {
    let program = std::env::current_exe().context("cannot find the path of this program")?;
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    Ok(command)
}

/// Returns the first fact in which the runs of a seed differ.
fn divergence(args: &DeterminismArgs, drawn: &Drawn, seed: u64) -> Result<String, Failure> {
    if args.on != On::Fast {
        return Ok("no facts are kept there".to_owned());
    }
    let plan = drawn.scenario.draw(seed);
    let ours = super::trace::lines(&plan)?;
    let mut other = myself()?;
    other.args(["sim", "trace", &args.scenario, "--seed", &seed.to_string(), "--format", "jsonl"]);
    let output = other.output().context("cannot start a second process")?;
    let theirs = String::from_utf8_lossy(&output.stdout);
    Ok(first_difference(&ours, &theirs))
}

fn first_difference(ours: &str, theirs: &str) -> String {
    let (mut ours, mut theirs) = (ours.lines(), theirs.lines());
    for number in 1_u64.. {
        match (ours.next(), theirs.next()) {
            (None, None) => break,
            (one, other) if one == other => {}
            (one, other) => {
                let show = |line: Option<&str>| line.map_or_else(|| "the end".to_owned(), str::to_owned);
                return format!("first in fact {number}:\n  here:  {}\n  there: {}", show(one), show(other));
            }
        }
    }
    "but not when played once more".to_owned()
}

#[cfg(test)]
mod tests {
    use super::first_difference;

    #[test]
    fn the_first_record_that_differs_is_named() {
        let told = first_difference("a\nb\nc\n", "a\nX\nc\n");
        assert_eq!(told, "first in fact 2:\n  here:  b\n  there: X");
        assert!(first_difference("a\n", "a\nb\n").ends_with("here:  the end\n  there: b"));
        assert!(first_difference("a\n", "a\n").contains("once more"));
    }
}
