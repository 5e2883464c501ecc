//! `explore` and `merge`: a campaign, or the parts of one joined.

use std::path::Path;
use std::time::{Duration, Instant};

use towline_sim::plan::Plan;
use towline_sim::report::{Report, Verdict};

use super::args::{ExploreArgs, MergeArgs, On, Seeds, Shard};
use super::campaign::pool::{Pool, jobs};
use super::campaign::summary::{Hash, Subject};
use super::campaign::{Progress, Summary};
use super::interrupt::Interrupt;
use super::source::{self, Drawn};
use super::{failing, play};
use crate::failure::Failure;

/// The work of a campaign.
pub(crate) struct Campaign<'a> {
    pub(crate) scenario: &'a str,
    pub(crate) seeds: Seeds,
    pub(crate) shard: Shard,
    pub(crate) jobs: Option<u16>,
    pub(crate) length: Option<Duration>,
    pub(crate) on: On,
}

/// Plays a campaign and judges it.
pub(crate) fn explore(args: &ExploreArgs) -> Result<(), Failure> {
    let campaign = Campaign {
        scenario: &args.scenario,
        seeds: args.seeds,
        shard: args.shard,
        jobs: args.jobs,
        length: args.length.map(|length| Duration::from_nanos(length.0.0)),
        on: args.on,
    };
    super::check_writable("--json", args.json.as_deref())?;
    crate::paths::folder("--failures", &args.failures.failures)?;
    let (summary, first) = campaign.play()?;
    let to_stdout = args.json.as_deref() == Some(Path::new("-"));
    if !to_stdout {
        crate::print(summary.page(args.require_marks).as_bytes())?;
    }
    write_json(&summary, args.json.as_deref())?;
    if let Some((plan, report)) = first {
        match failing::tell(&plan, &report, args.on, &args.failures.failures) {
            Ok(told) if to_stdout => crate::lines::say_raw(&format!("\n{told}")),
            Ok(told) => crate::print(format!("\n{told}").as_bytes())?,
            // The failed seed is reported even if its plan cannot be written.
            Err(failure) => crate::lines::say(&format!("error: {failure}")),
        }
    }
    verdict(&summary, args.require_marks)
}

/// Joins reports and judges them as one.
pub(crate) fn merge(args: &MergeArgs) -> Result<(), Failure> {
    let mut joined: Option<Summary> = None;
    for file in &args.files {
        let name = file.display();
        let text = std::fs::read_to_string(file).map_err(|error| {
            Failure::Usage(format!("FILE: cannot read {name}: {error}; name a report of `explore --json`"))
        })?;
        let part: Summary = serde_json::from_str(&text).map_err(|error| {
            let line = error.line();
            Failure::Usage(format!(
                "{name}:{line}: no report that `explore --json` of this version wrote: {error}"
            ))
        })?;
        match &mut joined {
            None => joined = Some(part),
            Some(joined) => {
                joined
                    .join(&part)
                    .map_err(|why| Failure::Usage(format!("{name} cannot be joined: {why}")))?;
            }
        }
    }
    let Some(summary) = joined else { return Err(Failure::Usage("no report to join".to_owned())) };
    if args.json.as_deref() != Some(Path::new("-")) {
        crate::print(summary.page(args.require_marks).as_bytes())?;
    }
    write_json(&summary, args.json.as_deref())?;
    verdict(&summary, args.require_marks)
}

impl Campaign<'_> {
    /// Plays it until its end, its time or an interrupt; returns its report, and the first run that failed.
    pub(crate) fn play(&self) -> Result<(Summary, Option<(Plan, Report)>), Failure> {
        play::armed(self.on)?;
        let Drawn { scenario, digest } = source::scenario(self.scenario)?;
        let interrupt = Interrupt::listen()?;
        let seeds = self.shard.of(self.seeds);
        let pool = Pool {
            seeds,
            jobs: jobs(self.jobs),
            deadline: self.length.and_then(|length| Instant::now().checked_add(length)),
            stop: interrupt.flag(),
        };
        let subject = Subject {
            scenario: scenario.name().to_owned(),
            digest: Hash(digest),
            core: super::VERSION.to_owned(),
            on: self.on.name().to_owned(),
            // The tiers with the real driver report no marks.
            promises_marks: self.on == On::Fast && scenario.draws_every_kind(),
        };
        let mut summary = Summary::new(subject, self.seeds);
        let mut progress = Progress::start(seeds.to - seeds.from, self.length);
        let mut first = None;
        let one = |seed| {
            let plan = scenario.draw(seed);
            let report = play::play(&plan, self.on, false).map(|run| run.report);
            (plan, report)
        };
        let mut refused = None;
        pool.play(one, |seed, (plan, report)| match report {
            Ok(report) => {
                summary.add(seed, &plan, &report);
                if first.is_none() && matches!(report.verdict, Verdict::Violation(_)) {
                    first = Some((plan, report));
                }
                progress.show(summary.seeds, summary.violations);
            }
            Err(failure) => refused = Some(failure),
        });
        progress.finish();
        summary.finish(progress.elapsed().as_secs_f64());
        if interrupt.is_set() {
            crate::lines::say(&format!("interrupted: the report is of the first {} seeds", summary.seeds));
        }
        refused.map_or(Ok((summary, first)), Err)
    }
}

fn write_json(summary: &Summary, path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    let text = serde_json::to_string(summary).map_err(|error| Failure::Failed(error.into()))? + "\n";
    let stdout = path == Path::new("-");
    super::write("--json", (!stdout).then_some(path), &text)
}

/// Returns the failure for a campaign's exit code, if any.
fn verdict(summary: &Summary, require_marks: bool) -> Result<(), Failure> {
    if let Some(found) = summary.first_violations.first() {
        let more = summary.violations - 1;
        let others = if more > 0 { format!(", and {more} more runs") } else { String::new() };
        return Err(Failure::failed(format!("seed {} violates {}{others}", found.seed, found.invariant)));
    }
    if summary.seeds == 0 {
        return Err(Failure::Vacuous("no run was played".to_owned()));
    }
    if let Some(inert) = &summary.inert {
        let told =
            format!("seed {}: a fault that the scenario names changed nothing: {}", inert.seed, inert.fault);
        return Err(Failure::Vacuous(told));
    }
    let missed = summary.missed().count();
    if missed > 0 && summary.enforces_marks(require_marks) {
        return Err(Failure::Vacuous(format!("{missed} marks were never hit: nothing is proved about them")));
    }
    Ok(())
}
