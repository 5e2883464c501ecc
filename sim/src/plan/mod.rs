//! The plan: every decision of a run, made. It is the unit of replay, of shrinking, of the corpus; a scenario and a
//! seed are only where it came from.
//!
//! Times are microseconds since the run begins, sizes are bytes, both integers. A plan names no draw that is still to
//! be made, but one: the latency of each segment follows from the plan's seed and the link's own stream, so that taking
//! a fault out leaves the links as they were.

mod budget;
mod chaos;
mod draw;
pub mod faults;
mod file;
pub mod knobs;
mod named;
mod scenario;
mod sheet;
mod text;
mod units;

use towline_core::Role;

pub use faults::{Fault, Kind};
pub use file::FileError;
pub use knobs::Knobs;
pub use named::named;
pub use scenario::Scenario;

/// The plan file's format. A plan of another is refused.
pub const SCHEMA: u64 = 1;
/// At most so many nodes: what turmoil carries.
pub const NODES_MAX: usize = 10;
/// At most so many operations: each takes memory before the run begins.
pub const OPS_MAX: u64 = 10_000_000;
/// At most so many faults are left to the dice.
pub const DRAWN_FAULTS_MAX: u64 = 1_000;

/// Where a plan can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Substrate {
    /// The event queue: core and host model, the seed-volume tier.
    Fast,
    /// The real driver on turmoil's sockets.
    Turmoil,
    /// The real driver on loopback TCP, in scaled wall time.
    Real,
}

impl Substrate {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Turmoil, Self::Real];

    /// Its name in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Turmoil => "turmoil",
            Self::Real => "real",
        }
    }

    /// The substrate of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|substrate| substrate.name() == name)
    }
}

/// A node of the plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlan {
    /// Its name in scenarios, traces and messages.
    pub name: String,
    /// Its node id.
    pub id: u64,
    /// What it starts as.
    pub role: Role,
    /// Whom it follows.
    pub upstream: Option<usize>,
    /// Whether its store outlives its process.
    pub disk: bool,
    /// When it starts for the first time.
    pub starts_us: u64,
    /// Whether it must converge after the heal; else it may stay as the faults left it.
    pub core: bool,
}

/// Operations at a steady pace; a burst is a train with no pause between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Train {
    /// When the first is written.
    pub at_us: u64,
    /// How many.
    pub count: u64,
    /// The pause from one to the next.
    pub every_us: u64,
    /// The length of each value.
    pub bytes: u64,
}

/// What a run is expected to end with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// All invariants hold.
    Pass,
    /// This invariant is violated: a canary of the oracle itself.
    Violation(crate::oracle::Invariant),
}

/// A run, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The scenario's name.
    pub name: String,
    /// The seed it was drawn with.
    pub seed: u64,
    /// The version of the core it was drawn for.
    pub core: String,
    /// Where it makes sense.
    pub on: Vec<Substrate>,
    /// Whether substrates must agree in more than verdict and final state.
    pub exact: bool,
    /// When it ends at the latest; after the heal it ends as soon as the core set has converged and calm is proven.
    pub duration_us: u64,
    /// When every fault ends and dead nodes of the core set start again.
    pub heal_us: u64,
    /// How it must end.
    pub expect: Expect,
    /// What every node and every link is made of.
    pub knobs: Knobs,
    /// The nodes, in the order of their numbers.
    pub nodes: Vec<NodePlan>,
    /// The workload, in the order of its first operations.
    pub trains: Vec<Train>,
    /// The faults, in the order of their beginnings.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// The node that is primary when the run begins.
    #[must_use]
    pub fn primary(&self) -> usize {
        self.nodes.iter().position(|node| node.role == Role::Primary).unwrap_or(0)
    }

    /// Every operation: when, and how long its value is. The place in this list, by time, is its number.
    #[must_use]
    pub fn ops(&self) -> Vec<Op> {
        let mut ops: Vec<Op> = Vec::new();
        for train in &self.trains {
            let at = |index: u64| train.at_us.saturating_add(index.saturating_mul(train.every_us));
            ops.extend((0..train.count).map(|index| Op { at_us: at(index), bytes: train.bytes }));
        }
        ops.sort_by_key(|op| op.at_us);
        ops
    }
}

/// One operation of the workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Op {
    /// When it is due. If nobody takes writes then, it waits, and those behind it too.
    pub at_us: u64,
    /// The length of its value.
    pub bytes: u64,
}
