//! The board of planted bugs: hunted on all cores, or their recorded killing plans played again.
//!
//! Each is hunted in the scenario its row names, then in `mixed`, for the budget each. The plan that killed it is
//! shrunk: the bug must still be noticed by an invariant of its row, and the core without it must pass.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use towline_sim::fast;
use towline_sim::mutants;
use towline_sim::mutants::campaign::{End, Hunt, hunt};
use towline_sim::mutants::registry::{MUTANTS, Mutant, Room};
use towline_sim::oracle::Invariant;
use towline_sim::plan::Plan;
use towline_sim::report::Verdict;
use towline_sim::shrink::{shrink, test_source};

use crate::args::{MutantsArgs, Seeds};
use crate::campaign::pool::{Pool, jobs};
use crate::failure::Failure;
use crate::units::grouped;
use crate::{play, source};

/// The most faults of a shrunk plan in the streaming list: a plan with more explains nothing. A rule of the protocol
/// may need a longer plan.
const FAULTS_MAX: usize = 3;
/// The last number of the streaming list.
const STREAMING_END: u16 = 40;

/// The result of one bug.
struct Row {
    mutant: &'static Mutant,
    /// Set if it ended as its row demands.
    good: bool,
    /// The result in words.
    told: String,
    by: Option<Invariant>,
    scenario: String,
    seeds: u64,
    elapsed: Duration,
    /// Faults of the killing plan before and after shrinking.
    faults: Option<(usize, usize)>,
    plan: Option<Plan>,
}

/// Hunts every bug and prints the table. Fails if a bug survived or there was a false kill.
pub(super) fn run(args: &MutantsArgs) -> Result<(), Failure> {
    let chosen: Vec<&'static Mutant> =
        MUTANTS.iter().filter(|mutant| args.only.is_empty() || args.only.contains(&mutant.number)).collect();
    if let Some(unknown) =
        args.only.iter().find(|number| !chosen.iter().any(|mutant| mutant.number == **number))
    {
        return Err(Failure::Usage(format!("--only: no bug has the number {unknown}")));
    }
    crate::check_writable("--json", args.json.as_deref())?;
    for (flag, folder) in [("--plans", &args.plans), ("--replay", &args.replay)] {
        folder.as_deref().map_or(Ok(()), |folder| crate::paths::folder(flag, folder))?;
    }
    let budget = Duration::from_nanos(args.budget.0.0);
    let stop = AtomicBool::new(false);
    let seeds = Seeds { from: 0, to: chosen.len() as u64 };
    let pool = Pool { seeds, jobs: jobs(None), deadline: None, stop: &stop };
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = None;
    let shows = args.json.as_deref() != Some(Path::new("-"));
    let one = |index: u64| {
        let mutant = chosen[usize::try_from(index).unwrap_or(usize::MAX)];
        match &args.replay {
            Some(folder) => replayed(mutant, folder),
            None => hunted(mutant, budget),
        }
    };
    pool.play(one, |_, row| match row {
        Ok(row) => {
            if shows && let Err(failure) = crate::print(line(&row).as_bytes()) {
                failed = Some(failure);
            }
            rows.push(row);
        }
        Err(failure) => failed = Some(failure),
    });
    if let Some(failure) = failed {
        return Err(failure);
    }
    if let Some(folder) = &args.plans {
        record(&rows, folder)?;
    }
    let bad: Vec<String> =
        rows.iter().filter(|row| !row.good).map(|row| row.mutant.number.to_string()).collect();
    if let Some(path) = &args.json {
        let told: Vec<Value> = rows.iter().map(json).collect();
        let text = format!("{}\n", json!({ "bugs": told, "not_as_it_should": bad.len() }));
        crate::write("--json", (path != Path::new("-")).then_some(path), &text)?;
    }
    if shows {
        let good = rows.len() - bad.len();
        crate::print(format!("\n{good} of {} ended as they should\n", rows.len()).as_bytes())?;
    }
    if bad.is_empty() {
        Ok(())
    } else {
        Err(Failure::failed(format!("not as they should: {}", bad.join(", "))))
    }
}

fn hunted(mutant: &'static Mutant, budget: Duration) -> Result<Row, Failure> {
    let mut row = None;
    // A row with a proof has no scenario of its own.
    for name in [mutant.scenario, "mixed"].into_iter().filter(|name| !name.is_empty()) {
        let scenario = source::scenario(name)?.scenario;
        let started = Instant::now();
        let (hunt, _) =
            play::hushed(|| hunt(mutant, &scenario, 0..u64::MAX, &mut || started.elapsed() >= budget));
        let survived = hunt.end == End::Survived;
        row = Some(row_of(mutant, name, &hunt, started.elapsed()));
        if !survived || mutant.kills.is_empty() || mutant.scenario == "mixed" {
            break;
        }
    }
    row.ok_or_else(|| Failure::failed("a bug without a scenario"))
}

fn row_of(mutant: &'static Mutant, scenario: &str, hunt: &Hunt, elapsed: Duration) -> Row {
    let mut row = Row {
        mutant,
        good: hunt.is_as_it_should(mutant),
        told: String::new(),
        by: None,
        scenario: scenario.to_owned(),
        seeds: hunt.seeds,
        elapsed,
        faults: None,
        plan: None,
    };
    row.told = match &hunt.end {
        End::Killed(kill) => {
            let (small, _) =
                play::hushed(|| shrink(&kill.plan, &mut |plan| notices(mutant, plan), &mut |_| ()).plan);
            row.by = Some(kill.violation.invariant);
            row.faults = Some((kill.plan.faults.len(), small.faults.len()));
            row.good &= small.faults.len() <= FAULTS_MAX || mutant.number >= STREAMING_END;
            row.plan = Some(small);
            format!("killed by {}", kill.violation.invariant.name())
        }
        End::Survived => match &hunt.first_elsewhere {
            Some(other) => format!("survived; {} noticed something", other.violation.invariant.name()),
            None => "survived".to_owned(),
        },
        End::Proven(proof) => format!("impossible: {proof}"),
        End::OutOfReach => "in the store of the host: turmoil and real".to_owned(),
    };
    if let Some(seed) = hunt.false_kills.first() {
        let _ = write!(row.told, "; {} false kills, first seed {seed}", hunt.false_kills.len());
    }
    row
}

/// Returns the invariant of its row that notices a bug in a plan; none if the core without it fails too.
fn notices(mutant: &Mutant, plan: &Plan) -> Option<Invariant> {
    let run = mutants::with(mutant.number, || fast::run(plan, false));
    let Verdict::Violation(told) = run.report.verdict else { return None };
    let clean = matches!(fast::run(plan, false).report.verdict, Verdict::Pass | Verdict::Vacuous(_));
    (clean && mutant.kills.contains(&told.invariant)).then_some(told.invariant)
}

/// Plays the plan that once killed a bug.
fn replayed(mutant: &'static Mutant, folder: &Path) -> Result<Row, Failure> {
    let started = Instant::now();
    let path = plan_path(folder, mutant);
    let hunts = mutant.proof.is_none() && mutant.room != Room::Store && !mutant.kills.is_empty();
    let plan = (hunts && path.is_file()).then(|| source::plan_only(&path.to_string_lossy())).transpose()?;
    let (by, _) = play::hushed(|| plan.as_ref().and_then(|plan| notices(mutant, plan)));
    let told = match (by, hunts) {
        (Some(by), _) => format!("killed by {}", by.name()),
        (None, true) => format!("{} does not kill it", path.display()),
        (None, false) => "not hunted here".to_owned(),
    };
    let faults = plan.as_ref().map(|plan| (plan.faults.len(), plan.faults.len()));
    let scenario = plan.as_ref().map_or_else(String::new, |plan| plan.name.clone());
    let (good, elapsed) = (by.is_some() || !hunts, started.elapsed());
    Ok(Row { mutant, good, told, by, scenario, seeds: u64::from(plan.is_some()), elapsed, faults, plan })
}

fn plan_path(folder: &Path, mutant: &Mutant) -> PathBuf {
    folder.join(format!("mutant-{}.plan", mutant.number))
}

fn record(rows: &[Row], folder: &Path) -> Result<(), Failure> {
    let cannot = |error| Failure::failed(format!("--plans: cannot write into {}: {error}", folder.display()));
    std::fs::create_dir_all(folder).map_err(cannot)?;
    for row in rows {
        if let (Some(plan), Some(by)) = (&row.plan, row.by) {
            let path = plan_path(folder, row.mutant);
            std::fs::write(&path, plan.to_text()).map_err(cannot)?;
            let test = test_source(plan, by, row.mutant.number);
            std::fs::write(path.with_extension("rs"), test).map_err(cannot)?;
        }
    }
    Ok(())
}

fn line(row: &Row) -> String {
    let mark = if row.good { "ok " } else { "BAD" };
    let faults =
        row.faults.map_or_else(String::new, |(before, after)| format!(", {before} -> {after} faults"));
    let (seeds, seconds) = (grouped(row.seeds), row.elapsed.as_secs_f64());
    let Row { mutant, told, scenario, .. } = row;
    let (number, words) = (mutant.number, mutant.words);
    format!("{mark} {number:>4}  {told}; {scenario}, {seeds} seeds, {seconds:.1} s{faults}  ({words})\n")
}

fn json(row: &Row) -> Value {
    json!({
        "number": row.mutant.number, "words": row.mutant.words, "good": row.good, "told": row.told,
        "by": row.by.map(Invariant::name), "scenario": row.scenario, "seeds": row.seeds,
        "seconds": row.elapsed.as_secs_f64(), "faults": row.faults.map(|(before, _)| before),
        "faults_shrunk": row.faults.map(|(_, after)| after),
    })
}
