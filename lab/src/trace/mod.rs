//! `trace`: the events of a run, as lines of JSON, as a message diagram, or as a trace for a viewer.
//!
//! | file | contents |
//! |---|---|
//! | `facts` | a fact as a name and named values |
//! | `bars` | bars from a beginning to an end, and moments that have a line |
//! | `scale`, `diagram` | the message diagram |
//! | `perfetto` | the trace |

mod bars;
mod diagram;
pub(crate) mod facts;
mod perfetto;
mod scale;

use serde_json::{Map, Value};
use towline_sim::plan::Plan;
use towline_sim::plan::faults::Target;
use towline_sim::plan::knobs::Unit;
use towline_sim::report::{Report, Verdict};
use towline_sim::trace::Fact;

use super::args::{Format, On, TraceArgs};
use super::campaign::node_name;
use super::{play, source};
use crate::failure::Failure;
use crate::units::{Length, bytes};
use bars::TimedFact;

/// The part of a run that is shown.
struct View {
    title: String,
    from_us: u64,
    until_us: u64,
    /// The time of the violation; its invariant, place and text; the rule.
    violation: Option<(u64, [String; 2])>,
}

/// Plays a run and writes its events.
pub(crate) fn run(args: &TraceArgs) -> Result<(), Failure> {
    let plan = source::plan(&args.source, args.seed)?;
    let run = play::play(&plan, On::Fast, true)?;
    let us = |length: &Option<Length>| length.map(|length| length.0.0 / 1_000);
    let (from_us, until_us) = (us(&args.from).unwrap_or(0), us(&args.until).unwrap_or(u64::MAX));
    let text = match args.format {
        Format::Jsonl => jsonl(&plan, &cut(run.facts, from_us, until_us)),
        Format::Perfetto => perfetto::write(&plan, &cut(run.facts, from_us, until_us)),
        // A picture of a part must know what began before it.
        Format::Svg => diagram::draw(&plan, &run.facts, &view(&plan, &run.report, from_us, until_us)),
    };
    super::write("--output", args.output.as_deref(), &text)
}

/// Returns a run's facts as lines.
pub(crate) fn lines(plan: &Plan) -> Result<String, Failure> {
    Ok(jsonl(plan, &play::play(plan, On::Fast, true)?.facts))
}

fn cut(mut facts: Vec<TimedFact>, from_us: u64, until_us: u64) -> Vec<TimedFact> {
    facts.retain(|(t_us, ..)| (from_us..=until_us).contains(t_us));
    facts
}

fn view(plan: &Plan, report: &Report, from_us: u64, until_us: u64) -> View {
    let (end, violation) = match &report.verdict {
        Verdict::Pass => ("all invariants hold".to_owned(), None),
        Verdict::Vacuous(_) => ("vacuous".to_owned(), None),
        Verdict::Violation(told) => {
            let name = told.invariant.name();
            let seen = format!("{name} violated at {}: {}", node_name(plan, told.node), told.text);
            (format!("{name} violated"), Some((told.t_us, [seen, told.invariant.words().to_owned()])))
        }
    };
    View { title: format!("{}, seed {}: {end}", plan.name, plan.seed), from_us, until_us, violation }
}

fn jsonl(plan: &Plan, facts: &[TimedFact]) -> String {
    let mut text = String::new();
    for (t_us, node, fact) in facts {
        let (what, fields) = facts::named(fact, &|node| node_name(plan, node));
        let mut object = Map::new();
        object.insert("t_us".to_owned(), (*t_us).into());
        object.insert("node".to_owned(), node_name(plan, *node).into());
        object.insert("fact".to_owned(), what.into());
        object.extend(fields);
        text.push_str(&Value::Object(object).to_string());
        text.push('\n');
    }
    text
}

/// Describes a fault of a plan in a few words: `slow r1-p, delay 30 ms`.
pub(crate) fn fault_name(plan: &Plan, index: usize) -> String {
    let Some(fault) = plan.faults.get(index) else { return format!("fault {index}") };
    let shape = fault.kind.shape();
    let node = node_name(plan, fault.node);
    let target = match shape.target {
        Target::Node => node,
        Target::Pair => format!("{node}-{}", node_name(plan, fault.peer)),
    };
    match shape.amount {
        None => format!("{} {target}", shape.name),
        Some((name, unit)) => format!("{} {target}, {name} {}", shape.name, amount(fault.amount, unit)),
    }
}

fn amount(amount: u64, unit: Unit) -> String {
    match unit {
        Unit::Bytes => bytes(amount),
        Unit::Time if amount.is_multiple_of(1_000) => format!("{} ms", amount / 1_000),
        Unit::Time => format!("{amount} us"),
        Unit::Count => amount.to_string(),
        Unit::Switch => if amount == 0 { "off" } else { "on" }.to_owned(),
    }
}

/// Returns the offset that a reader of a node saw at a time; nothing while no process is running.
fn applied_at(facts: &[TimedFact], t_us: u64, node: usize) -> Option<u64> {
    let seen = facts.partition_point(|(when, ..)| *when <= t_us);
    facts[..seen].iter().rev().filter(|(_, at, _)| *at == node).find_map(|(_, _, fact)| match fact {
        Fact::Booted { at, .. } | Fact::Visible { at, .. } => Some(Some(at.offset)),
        Fact::Died { .. } => Some(None),
        Fact::Ruled { .. }
        | Fact::Outranked { .. }
        | Fact::Wrote { .. }
        | Fact::Durable { .. }
        | Fact::Dialled { .. }
        | Fact::Opened { .. }
        | Fact::Joined { .. }
        | Fact::Closed { .. }
        | Fact::Lost { .. }
        | Fact::Asked { .. }
        | Fact::Acked { .. }
        | Fact::Forked { .. }
        | Fact::Wanted { .. }
        | Fact::Viewed { .. }
        | Fact::Freed { .. }
        | Fact::Begun { .. }
        | Fact::Piece { .. }
        | Fact::CaughtUp
        | Fact::Expired { .. }
        | Fact::FaultBegan { .. }
        | Fact::FaultEnded { .. }
        | Fact::Healed
        | Fact::Granted { .. }
        | Fact::TailWaits { .. }
        | Fact::Content { .. } => None,
    })?
}

#[cfg(test)]
pub(crate) mod tests;
