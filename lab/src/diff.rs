//! `diff`: one plan on several substrates must end alike; a difference shows a mistake in a model.

use serde_json::json;
use towline_sim::diff::compare;
use towline_sim::plan::{Plan, Substrate};
use towline_sim::report::{Report, Verdict};

use super::args::{DiffArgs, On};
use super::campaign::node_name;
use super::run::{finals, word};
use super::trace::facts::role_name;
use super::{play, source};
use crate::failure::Failure;
use crate::units::several;

/// Plays the plan and compares the ends.
pub(crate) fn run(args: &DiffArgs) -> Result<(), Failure> {
    if args.on.len() < 2 {
        return Err(Failure::Usage("--on names one substrate: there is nothing to compare".to_owned()));
    }
    args.on.iter().try_for_each(|on| play::armed(*on))?;
    let plan = source::plan(&args.source, args.seed)?;
    let mut played: Vec<(Substrate, Report)> = Vec::new();
    for on in &args.on {
        let report = play::play(&plan, *on, false)?.report;
        if !args.json {
            crate::print(page(&plan, &report, *on).as_bytes())?;
        }
        played.push((substrate(*on), report));
    }
    let reports: Vec<(Substrate, &Report)> = played.iter().map(|(on, report)| (*on, report)).collect();
    let compared = compare(&plan, &reports);
    if args.json {
        crate::print(json(&plan, &reports, compared.as_ref().err()).as_bytes())?;
    }
    match compared {
        Ok(()) if args.json => Ok(()),
        Ok(()) => crate::print(b"they end alike\n"),
        Err(difference) => Err(Failure::failed(difference)),
    }
}

fn page(plan: &Plan, report: &Report, on: On) -> String {
    let word = match &report.verdict {
        Verdict::Pass => "pass".to_owned(),
        Verdict::Violation(told) => format!("{} violated: {}", told.invariant.name(), told.text),
        Verdict::Vacuous(_) => "vacuous".to_owned(),
    };
    let mut page = format!("{:<10}{word}\n", on.name());
    for (number, end) in report.finals.iter().enumerate() {
        let dead = if end.alive { "" } else { ", dead" };
        page.push_str(&format!(
            "  {:<8}{}{dead}, {}, digest {:032x}, {}\n",
            node_name(plan, number),
            role_name(end.role),
            several(end.offset, "record"),
            end.digest,
            several(end.snapshots, "snapshot")
        ));
    }
    page
}

fn json(plan: &Plan, reports: &[(Substrate, &Report)], difference: Option<&String>) -> String {
    let played: Vec<_> = reports
        .iter()
        .map(|(on, report)| json!({"on": on.name(), "verdict": word(report), "nodes": finals(plan, report)}))
        .collect();
    let told = json!({
        "scenario": plan.name, "seed": plan.seed, "alike": difference.is_none(), "difference": difference,
        "played": played,
    });
    format!("{told}\n")
}

const fn substrate(on: On) -> Substrate {
    match on {
        On::Fast => Substrate::Fast,
        On::Turmoil => Substrate::Turmoil,
        On::Real => Substrate::Real,
    }
}
