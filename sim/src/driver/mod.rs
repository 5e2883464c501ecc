//! The part that the two tiers with the real driver share: a [`Plan`] played against [`towline_server::Server`]s.
//!
//! | module | contents |
//! |---|---|
//! | `moves` | the plan as a list of moves, by time |
//! | `director`, `ending` | makes the moves, watches and judges; the report of a run |
//! | `desk` | the state that director, operator and processes share |
//! | `operator` | commands and clients: write, promote, change an upstream, read the status |
//! | `resp` | their RESP client |
//! | `waits` | clients that wait until replicas hold their write, and whether the answers are true |
//! | `chaos`, `weather` | the faults that are on; the conditions of each link, and every connection |
//! | `shaper` | a stream under those conditions |
//! | `feeders` | the upstream a node has, and the one it should have |
//! | `store` | a disk that a plan can damage, and the store on it |
//! | `net` | the [`Net`](towline_driver::transport::Net) a server is given |
//!
//! A substrate brings an `Environment` (time and sockets) and `Machines` (processes), and nothing else. Everything a
//! plan does to a link is done by the shaper around each replication connection, because no socket library does it
//! alike: turmoil's window counts writes, its partitions lose segments for ever, loopback TCP has no delay or loss to
//! set.
//!
//! [`supports`] names the faults that can be played here. Judged here: V1 (all core nodes converge in time: one digest,
//! one offset, the right roles, links up), X4 (no panic, no process that ends by itself), F7 (how long writers are
//! held) and O1 (the upstream of each node); on turmoil also A1 and A2 (the answers to clients that wait).

mod chaos;
mod desk;
mod director;
mod ending;
mod feeders;
mod moves;
mod net;
mod operator;
mod resp;
mod shaper;
mod store;
mod waits;
mod way;
mod weather;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use towline_driver::transport::{BoxFuture, BoxTransport};
use towline_server::Options;

use crate::plan::{Expect, Fault, Kind, Plan, Substrate};
use crate::report::Report;
use crate::trace::Fact;

pub(crate) use desk::{Desk, Ending, process};
pub(crate) use director::Director;
pub(crate) use net::PlanNet;
pub(crate) use operator::operate;

/// A run: its report, and the facts if they were kept (time in microseconds, node, fact).
#[derive(Debug, Clone)]
pub struct Run {
    /// The report of the run.
    pub report: Report,
    /// The facts, in order of time.
    pub facts: Vec<(u64, usize, Fact)>,
}

/// A bug planted in the code that only the driver tiers have, to show that it is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// No bug.
    Nothing,
    /// A task beside each listener panics.
    Panic,
    /// A store reports a commit as durable before its sync has ended.
    EarlySync,
    /// The store of the plan's second node does not keep what it applies.
    Forgets,
    /// Dials lead to the plan's first node, whichever name was dialled.
    OldAddress,
}

/// The reason why a plan is not played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// This program was built without the option that makes a panic in a spawned task end the run.
    Unarmed,
    /// The scenario names a fault that only the fast tier can play.
    Unsupported {
        /// The substrate that was asked for.
        on: Substrate,
        /// The faults' names.
        kinds: Vec<&'static str>,
    },
    /// The plan expects a violation that only the oracle of the fast tier sees.
    Canary,
    /// The knobs are not valid options of a node.
    Options(String),
    /// The machine failed: no directory, or no runtime.
    Machine(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unarmed => out.write_str(
                "this program was built without --cfg tokio_unstable, and would not notice a panic in a spawned \
                 task: run `cargo xtask sim`",
            ),
            Self::Unsupported { on, kinds } => {
                let kinds = kinds.join(", ");
                write!(out, "the scenario names faults that cannot be played on {}: {kinds}", on.name())
            }
            Self::Canary => out.write_str("the plan expects a violation that is only seen on fast"),
            Self::Options(why) => write!(out, "the plan's knobs make no node: {why}"),
            Self::Machine(why) => write!(out, "the machine: {why}"),
        }
    }
}

impl std::error::Error for Refused {}

/// Returns true if the tiers with the real driver can play faults of this kind.
#[must_use]
pub const fn supports(kind: Kind) -> bool {
    kind.shape().on_driver
}

/// Returns true if this fault of this plan is played.
pub(crate) fn plays(plan: &Plan, index: usize) -> bool {
    supports(plan.faults[index].kind)
}

/// Returns true if a node's store is the simulation's: always on turmoil, where a real disk would keep another time,
/// and wherever the plan damages the disk in ways that no real directory allows.
pub(crate) fn simulates_store(plan: &Plan, on: Substrate, node: usize) -> bool {
    let reaches_in = |fault: &Fault| fault.node == node && fault.kind.shape().in_store;
    on == Substrate::Turmoil || plan.faults.iter().any(reaches_in)
}

/// Checks a plan before anything runs.
pub(crate) fn check(plan: &Plan, on: Substrate) -> Result<(), Refused> {
    if plan.expect != Expect::Pass {
        return Err(Refused::Canary);
    }
    let mut kinds: Vec<&'static str> = (0..plan.faults.len())
        .filter(|index| plan.faults[*index].explicit && !plays(plan, *index))
        .map(|index| plan.faults[index].kind.shape().name)
        .collect();
    kinds.dedup();
    if kinds.is_empty() { Ok(()) } else { Err(Refused::Unsupported { on, kinds }) }
}

/// The time and the sockets of a substrate.
pub(crate) trait Environment: Send + Sync + 'static {
    /// Returns the simulated microseconds since the run began.
    fn now_us(&self) -> u64;
    /// Returns how long the runtime must sleep for so many simulated microseconds.
    fn lasts(&self, us: u64) -> Duration;
    /// The resolution of the substrate's timers: what is due within so many microseconds is due now.
    fn grain_us(&self) -> u64;
    /// Begins to listen at one of a node's two ports.
    fn bind(&self, node: usize, port: u16) -> BoxFuture<'_, io::Result<(Box<dyn Door>, SocketAddr)>>;
    /// Connects, and returns the local address too.
    fn connect(&self, addr: SocketAddr) -> BoxFuture<'_, io::Result<(BoxTransport, SocketAddr)>>;
}

/// A listener of a substrate.
pub(crate) trait Door: Send {
    /// Waits for the next connection, and returns its remote address too.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, SocketAddr)>>;
}

/// The processes of a substrate.
pub(crate) trait Machines {
    /// Starts a process; one that is still there is killed first.
    fn start(&mut self, node: usize, options: Options);
    /// Kills the process as `kill -9` does.
    fn kill(&mut self, node: usize);
    /// Stops the process in order, which may take time.
    fn stop(&mut self, node: usize);
}

/// Returns the message of a panic.
pub(crate) fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    said.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// Sleeps for so much simulated time.
pub(crate) async fn pass(environment: &dyn Environment, us: u64) {
    tokio::time::sleep(environment.lasts(us)).await;
}

#[cfg(test)]
mod tests;
