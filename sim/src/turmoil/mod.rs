//! The real driver on turmoil's sockets: one simulated host per node, one more for the operator.
//!
//! turmoil gives time, scheduling and sockets; the shaper ([`crate::driver`]) applies the plan's faults of links, so
//! that little of turmoil is used and a successor can take its place: hosts, `crash`, `bounce`, listener and stream.
//! Its own `hold` and `partition` are not used: the latter loses segments for ever.
//!
//! **Without `--cfg tokio_unstable` a panic in a spawned task is swallowed, and the run would pass.** A program built
//! without it refuses ([`Refused::Unarmed`]): it never runs without that flag.
//!
//! Determinism: the plan's seed decides; two runs give one hash, in one process or in two. Disks are simulated too: a
//! real one syncs in real time.

use crate::driver::{Planted, Refused, Run};
use crate::plan::Plan;

#[cfg(tokio_unstable)]
mod play;

#[cfg(tokio_unstable)]
use play::play;

#[cfg(not(tokio_unstable))]
fn play(_: &Plan, _: bool, _: Planted) -> Result<Run, Refused> {
    Err(Refused::Unarmed)
}

/// Plays a plan on turmoil.
///
/// # Errors
/// The plan cannot be played here, or this program was not built to.
pub fn run(plan: &Plan, keeps_facts: bool) -> Result<Run, Refused> {
    play(plan, keeps_facts, Planted::Nothing)
}

/// Plays a plan with a planted bug. If it passed, no run here would mean anything.
///
/// # Errors
/// As [`run`].
#[doc(hidden)]
pub fn run_planted(plan: &Plan, planted: Planted) -> Result<Run, Refused> {
    play(plan, false, planted)
}
