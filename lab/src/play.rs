//! Plays one plan on one substrate. A panic in a run ends it and is a violation (X4); its message and its place go into
//! the report, not to stderr.

use std::cell::{Cell, RefCell};
use std::sync::Once;

use towline_sim::driver::{self, Refused};
use towline_sim::oracle::Invariant;
use towline_sim::plan::Plan;
use towline_sim::report::{Report, Verdict};
use towline_sim::trace::Fact;

use super::args::On;
use crate::failure::Failure;

/// A run: its report, and its facts if they were asked for.
pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) facts: Vec<(u64, usize, Fact)>,
}

/// Simulated seconds in one real second, on loopback TCP. A busy machine still keeps up.
const SCALE: u64 = 5;

/// Plays a plan; fails only where this program or that substrate cannot play it.
pub(crate) fn play(plan: &Plan, on: On, keeps_facts: bool) -> Result<Run, Failure> {
    armed(on)?;
    let refused = |why: Refused| Failure::Usage(format!("{} on {}: {why}", plan.name, on.name()));
    let (mut run, panic) = match on {
        On::Fast => hushed(|| {
            let run = towline_sim::fast::run(plan, keeps_facts);
            Run { report: run.report, facts: run.facts }
        }),
        On::Turmoil => (turmoil(plan, keeps_facts).map_err(refused)?, None),
        On::Real => (towline_sim::real::run(plan, SCALE, keeps_facts).map_err(refused)?.into(), None),
    };
    if let (Verdict::Violation(told), Some(panic)) = (&mut run.report.verdict, panic)
        && told.invariant == Invariant::X4
    {
        told.text = panic;
    }
    Ok(run)
}

/// Checks that this program can play there; if not, the error names one that can.
pub(crate) fn armed(on: On) -> Result<(), Failure> {
    match on {
        On::Turmoil if !cfg!(all(feature = "turmoil", tokio_unstable)) => Err(Failure::Usage(
            "this program cannot play on turmoil; build and run one that can: \
             cargo xtask sim run SCENARIO --on turmoil"
                .to_owned(),
        )),
        On::Fast | On::Turmoil | On::Real => Ok(()),
    }
}

#[cfg(feature = "turmoil")]
fn turmoil(plan: &Plan, keeps_facts: bool) -> Result<Run, Refused> {
    towline_sim::turmoil::run(plan, keeps_facts).map(Run::from)
}

#[cfg(not(feature = "turmoil"))]
const fn turmoil(_: &Plan, _: bool) -> Result<Run, Refused> {
    Err(Refused::Unarmed)
}

impl From<driver::Run> for Run {
    fn from(run: driver::Run) -> Self {
        Self { report: run.report, facts: run.facts }
    }
}

thread_local! {
    /// The panic that ended the run of this thread, while one is played.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
    static PLAYING: Cell<bool> = const { Cell::new(false) };
}

/// Returns the result of `play`, and the message of the last panic it caught. Panics outside of runs are reported as
/// usual.
pub(crate) fn hushed<T>(play: impl FnOnce() -> T) -> (T, Option<String>) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if PLAYING.get() {
                PANIC.set(Some(panic.to_string().replace('\n', " ")));
            } else {
                before(panic);
            }
        }));
    });
    PLAYING.set(true);
    let played = play();
    PLAYING.set(false);
    (played, PANIC.take())
}

#[cfg(test)]
mod tests {
    use super::hushed;

    #[test]
    fn a_panic_in_a_run_is_told_with_its_place() {
        let (caught, panic) = hushed(|| std::panic::catch_unwind(|| -> u8 { panic!("the ring is\nempty") }));
        let panic = panic.unwrap();
        assert!(
            caught.is_err() && panic.contains("the ring is empty") && panic.contains("play.rs"),
            "{panic}"
        );
        assert_eq!(hushed(|| 5), (5, None));
    }
}
