//! `exhaust`: every state of the core within a small scope, and the shortest way to a wrong one.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use serde_json::json;
use towline_sim::exhaust::{Outcome, Progress, Scope, search};

use super::args::ExhaustArgs;
use crate::failure::Failure;
use crate::units::grouped;

/// The interval of progress lines where stderr is no terminal.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// Searches and reports.
pub(crate) fn run(args: &ExhaustArgs) -> Result<(), Failure> {
    let (ops, resets, crashes, states_max) = (args.ops, args.resets, args.crashes, args.states);
    let scope = Scope { ops, resets, crashes, states_max, ..Scope::default() };
    let started = Instant::now();
    let live = std::io::stderr().is_terminal();
    let mut said = started;
    let outcome = search(&scope, &mut |progress| {
        let due = live || said.elapsed() >= SAY_EVERY;
        if due {
            said = Instant::now();
            let (begin, end) = if live { ("\r\x1b[2K", "") } else { ("", "\n") };
            crate::lines::say_raw(&format!("{begin}{}{end}", line(progress, started.elapsed())));
        }
    });
    if live {
        crate::lines::say_raw("\r\x1b[2K");
    }
    let text = if args.json { json(&outcome, started.elapsed()) } else { page(&outcome, started.elapsed()) };
    crate::print(text.as_bytes())?;
    match &outcome.violated {
        Some((invariant, _)) => {
            let moves = outcome.counterexample.as_ref().map_or(0, Vec::len);
            Err(Failure::failed(format!("{} is violated after {moves} moves", invariant.name())))
        }
        // States that were not visited prove nothing.
        None if !outcome.complete && !args.partial => Err(Failure::Vacuous(format!(
            "--states {states_max} ended the search before every state of the scope was seen: nothing is proved of \
             the rest; raise it, narrow the scope (--ops, --resets, --crashes), or ask for a part (--partial)"
        ))),
        None => Ok(()),
    }
}

fn line(progress: Progress, elapsed: Duration) -> String {
    let rate = rate(progress.states, elapsed);
    format!("{} states, {rate} states/s, {} moves deep", grouped(progress.states), progress.depth)
}

fn rate(states: u64, elapsed: Duration) -> String {
    let rate = u128::from(states) * 1_000 / elapsed.as_millis().max(1);
    grouped(u64::try_from(rate).unwrap_or(u64::MAX))
}

fn page(outcome: &Outcome, elapsed: Duration) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:<12}{value}");
    };
    let (states, transitions) = (grouped(outcome.states), grouped(outcome.transitions));
    line("states", format!("{states} of {transitions} moves tried, {} deep", outcome.depth));
    line("speed", format!("{} states/s, {:.1} s", rate(outcome.states, elapsed), elapsed.as_secs_f64()));
    let whole = match (outcome.complete, outcome.cut_off) {
        (true, 0) => "every state of the scope was seen".to_owned(),
        (true, cut_off) => {
            format!("every state was seen but for {} moves with too many frames on the way", grouped(cut_off))
        }
        (false, _) if outcome.violated.is_some() => "it ends at the first violation".to_owned(),
        (false, _) => "--states ended it before all were seen".to_owned(),
    };
    line("scope", whole);
    match (&outcome.violated, &outcome.counterexample) {
        (Some((invariant, text)), moves) => {
            line("violated", format!("{}: {}", invariant.name(), invariant.words()));
            line("seen", text.clone());
            for (number, step) in moves.iter().flatten().enumerate() {
                line(if number == 0 { "shortest" } else { "" }, format!("{:>3}. {}", number + 1, step.words));
            }
        }
        (None, _) => line("violated", "nothing".to_owned()),
    }
    page
}

fn json(outcome: &Outcome, elapsed: Duration) -> String {
    let moves: Vec<&str> = outcome.counterexample.iter().flatten().map(|step| step.words.as_str()).collect();
    let violated = outcome.violated.as_ref().map(|(invariant, text)| {
        json!({"invariant": invariant.name(), "words": invariant.words(), "text": text, "moves": moves})
    });
    let told = json!({
        "states": outcome.states, "transitions": outcome.transitions, "depth": outcome.depth,
        "complete": outcome.complete, "cut_off": outcome.cut_off, "seconds": elapsed.as_secs_f64(),
        "violated": violated,
    });
    format!("{told}\n")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use towline_sim::exhaust::{Choice, Move, Outcome};
    use towline_sim::oracle::Invariant;

    use super::page;

    #[test]
    fn a_counterexample_is_told_in_words_and_in_order() {
        let step = |choice, words: &str| Move { choice, words: words.to_owned() };
        let outcome = Outcome {
            states: 1_234,
            transitions: 5_678,
            depth: 2,
            complete: false,
            cut_off: 0,
            kept: [1, 2, 3],
            counterexample: Some(vec![
                step(Choice::Write(0), "node 0 writes"),
                step(Choice::Reset(1), "the connection of node 1 is reset"),
            ]),
            violated: Some((Invariant::B2, "it goes on below the ring".to_owned())),
        };
        let told = page(&outcome, Duration::from_secs(1));
        assert!(told.contains("1,234 states/s") && told.contains("B2: admission is exact"), "{told}");
        let first = told.find("  1. node 0 writes").unwrap();
        assert!(first < told.find("  2. the connection of node 1 is reset").unwrap());
    }
}
