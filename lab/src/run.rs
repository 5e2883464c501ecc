//! `run`, `resolve` and `scenarios`: one run, its plan, and the list of scenarios.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use towline_sim::plan::{Plan, named};
use towline_sim::report::{Report, Verdict};

use super::args::{On, ResolveArgs, RunArgs, ScenariosArgs};
use super::campaign::node_name;
use super::campaign::page::percent;
use super::campaign::summary::Hash;
use super::trace::facts::role_name;
use super::trace::fault_name;
use super::{failing, play, source};
use crate::failure::Failure;
use crate::units::{bytes, grouped, micros, millis, several};

/// How many letters of a scenario's description are listed on a terminal, where a longer line would be broken.
const ABOUT: usize = 90;

/// Plays one run on each substrate asked for and judges it.
pub(crate) fn run(args: &RunArgs) -> Result<(), Failure> {
    crate::paths::folder("--failures", &args.failures.failures)?;
    let plan = source::plan(&args.source, args.seed)?;
    args.on.iter().try_for_each(|on| play::armed(*on))?;
    let mut worst = Ok(());
    for on in &args.on {
        let started = Instant::now();
        let report = play::play(&plan, *on, false)?.report;
        let text =
            if args.json { json(&plan, &report, *on) } else { page(&plan, &report, *on, started.elapsed()) };
        crate::print(text.as_bytes())?;
        let told = failing::tell(&plan, &report, *on, &args.failures.failures)?;
        if args.json {
            crate::lines::say_raw(&told)
        } else {
            crate::print(told.as_bytes())?
        }
        // A violation on any substrate outweighs a vacuous run on another.
        match (verdict(&plan, &report, *on), &worst) {
            (Ok(()), _) | (Err(Failure::Vacuous(_)), Err(_)) => {}
            (Err(failure), _) => worst = Err(failure),
        }
    }
    worst
}

/// Writes the plan of a scenario and a seed.
pub(crate) fn resolve(args: &ResolveArgs) -> Result<(), Failure> {
    let scenario = source::scenario(&args.scenario)?.scenario;
    let plan = scenario.draw(args.seed);
    let asked_us = scenario.duration_us();
    let changed = if plan.duration_us == asked_us {
        String::new()
    } else {
        format!(
            "# duration: the scenario says {}; all that may still happen after the heal takes up to {}\n",
            micros(asked_us),
            micros(plan.duration_us)
        )
    };
    super::write("--output", args.output.as_deref(), &(changed + &plan.to_text()))
}
/// Lists the built-in scenarios with the first sentence of each description.
/// Lists the built-in scenarios with the first sentence of what each says about itself.
pub(crate) fn scenarios(args: &ScenariosArgs) -> Result<(), Failure> {
    let mut page = String::new();
    let clips = std::io::stdout().is_terminal() && !args.json;
    for (name, text) in named() {
        let whole = about(text);
        let about = if clips { clipped(&whole) } else { whole };
        // Writing to a string does not fail.
        let _ = if args.json {
            writeln!(page, "{}", json!({"name": name, "about": about}))
        } else {
            writeln!(page, "{name:<20}{about}")
        };
    }
    crate::print(page.as_bytes())
}

/// Returns the first sentence of the comment that a scenario begins with.
pub(super) fn about(text: &str) -> String {
    let comment: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    let whole = comment.join(" ");
    let first = whole.split_once(". ").map_or(whole.as_str(), |(first, _)| first).trim_end_matches('.');
    first.to_owned()
}

fn clipped(text: &str) -> String {
    let clipped: String = text.chars().take(ABOUT).collect();
    let more = if clipped.len() < text.len() { "..." } else { "" };
    format!("{}{more}", clipped.trim_end())
}

fn verdict(plan: &Plan, report: &Report, on: On) -> Result<(), Failure> {
    match &report.verdict {
        Verdict::Pass => Ok(()),
        Verdict::Violation(violation) => {
            let name = violation.invariant.name();
            Err(Failure::failed(format!(
                "{}, seed {}, on {} violates {name}",
                plan.name,
                plan.seed,
                on.name()
            )))
        }
        Verdict::Vacuous(places) => {
            let faults: Vec<String> = places.iter().map(|place| idle(plan, *place)).collect();
            Err(Failure::Vacuous(format!("on {}, nothing changed by: {}", on.name(), faults.join("; "))))
        }
    }
}

/// Describes a fault that changed nothing: when it was on, and what it would have needed.
pub(super) fn idle(plan: &Plan, place: usize) -> String {
    let name = fault_name(plan, place);
    let Some(fault) = plan.faults.get(place) else { return name };
    format!("{name} at {}, which needs {}", micros(fault.at_us), fault.kind.shape().needs)
}

/// Returns a verdict in a word.
pub(super) fn word(report: &Report) -> &'static str {
    match report.verdict {
        Verdict::Pass => "pass",
        Verdict::Violation(_) => "violation",
        Verdict::Vacuous(_) => "vacuous",
    }
}

fn page(plan: &Plan, report: &Report, on: On, took: Duration) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:<12}{value}");
    };
    line("run", format!("{}, seed {}, on {}: {}", plan.name, plan.seed, on.name(), word(report)));
    line("hash", format!("{} over {} facts", Hash(report.hash), grouped(report.facts)));
    let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    line(
        "time",
        format!("{} played in {}, {} calls", micros(report.end_us), millis(took), grouped(report.calls)),
    );
    if plan.duration_us < plan.over_us() {
        line(
            "duration",
            format!(
                "{}, and convergence may take until {}: a shorter one, written by hand, can end a sound run as a \
                 violation",
                micros(plan.duration_us),
                micros(plan.over_us())
            ),
        );
    }
    let effective = report.effects.iter().filter(|effective| **effective).count();
    line("faults", format!("{effective} of {} changed something", report.effects.len()));
    let margins = &report.margins;
    let (took, part) = (millis(margins.converge_us / 1_000), percent(margins.converge_permille));
    line("converged", format!("{took} after the heal, {part} of the time allowed"));
    line(
        "margins",
        format!(
            "{} records behind at most, {} of ring left at least, {}",
            grouped(margins.lag_max),
            bytes(margins.ring_left_min),
            several(margins.snapshots, "snapshot")
        ),
    );
    for (number, end) in report.finals.iter().enumerate() {
        let dead = if end.alive { "" } else { ", dead" };
        line(
            &node_name(plan, number),
            format!(
                "{}{dead}, {}, digest {}, {}",
                role_name(end.role),
                several(end.offset, "record"),
                Hash(end.digest),
                several(end.snapshots, "snapshot")
            ),
        );
    }
    page
}

/// Returns the nodes' ends, as JSON.
pub(super) fn finals(plan: &Plan, report: &Report) -> Value {
    let finals = report.finals.iter().enumerate();
    finals
        .map(|(number, end)| {
            json!({
                "node": node_name(plan, number), "alive": end.alive, "role": role_name(end.role),
                "offset": end.offset, "digest": Hash(end.digest), "snapshots": end.snapshots,
            })
        })
        .collect()
}

fn json(plan: &Plan, report: &Report, on: On) -> String {
    let violation = match &report.verdict {
        Verdict::Violation(told) => json!({
            "invariant": told.invariant.name(), "words": told.invariant.words(), "t_us": told.t_us,
            "node": node_name(plan, told.node), "text": told.text,
        }),
        Verdict::Pass | Verdict::Vacuous(_) => Value::Null,
    };
    let effects: Vec<_> = report
        .effects
        .iter()
        .enumerate()
        .map(|(index, effective)| json!({"fault": fault_name(plan, index), "effective": effective}))
        .collect();
    let margins = &report.margins;
    let told = json!({
        "scenario": plan.name, "seed": plan.seed, "on": on.name(), "verdict": word(report), "violation": violation,
        "hash": Hash(report.hash), "facts": report.facts, "calls": report.calls, "end_us": report.end_us,
        "faults": effects, "nodes": finals(plan, report), "lag_max": margins.lag_max,
        "converge_us": margins.converge_us, "converge_permille": margins.converge_permille,
        "snapshots": margins.snapshots, "ring_left_min": margins.ring_left_min,
    });
    format!("{told}\n")
}
