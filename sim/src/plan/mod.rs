//! The plan: every decision of a run, made. It is the unit of replay, of shrinking, of the corpus; a scenario and a
//! seed are only its origin.
//!
//! Times are microseconds since the run begins, sizes are bytes, both integers. A plan leaves no draw open but one: the
//! latency of each segment follows from the plan's seed and the link's own stream, so that taking a fault out leaves
//! the links as they were.

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

/// The plan file's format. A plan of another format is refused.
pub const SCHEMA: u64 = 1;
/// The most nodes, as many as turmoil carries.
pub const NODES_MAX: usize = 10;
/// The most operations: each takes memory before the run begins.
pub const OPS_MAX: u64 = 10_000_000;
/// The most drawn faults.
pub const DRAWN_FAULTS_MAX: u64 = 1_000;

/// A substrate on which a plan can be played.
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
    /// All substrates.
    pub const ALL: [Self; 3] = [Self::Fast, Self::Turmoil, Self::Real];

    /// Returns its name in files and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Turmoil => "turmoil",
            Self::Real => "real",
        }
    }

    /// Returns the substrate of this name.
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
    /// The role it starts in.
    pub role: Role,
    /// The node it follows.
    pub upstream: Option<usize>,
    /// Set if its store outlives its process.
    pub disk: bool,
    /// The time of its first start.
    pub starts_us: u64,
    /// Set if it must converge after the heal; else it may stay as the faults left it.
    pub core: bool,
}

/// Operations at a steady pace; a burst is a train with no pause between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Train {
    /// The time of the first operation.
    pub at_us: u64,
    /// How many operations.
    pub count: u64,
    /// The pause from one to the next.
    pub every_us: u64,
    /// The length of each value.
    pub bytes: u64,
}

/// The expected verdict of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// All invariants hold.
    Pass,
    /// This invariant is violated: a test of the oracle itself.
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
    /// The substrates that can play it.
    pub on: Vec<Substrate>,
    /// Set if substrates must agree in more than verdict and final state.
    pub exact: bool,
    /// The latest end; after the heal it ends as soon as the core set has converged and calm is proven.
    pub duration_us: u64,
    /// The time when every fault ends and dead nodes of the core set start again.
    pub heal_us: u64,
    /// The expected verdict.
    pub expect: Expect,
    /// The sizes, times and switches of every node and link.
    pub knobs: Knobs,
    /// The nodes, in the order of their numbers.
    pub nodes: Vec<NodePlan>,
    /// The workload, in the order of its first operations.
    pub trains: Vec<Train>,
    /// The faults, in the order of their beginnings.
    pub faults: Vec<Fault>,
}

impl Plan {
    /// Returns the node that is primary when the run begins.
    #[must_use]
    pub fn primary(&self) -> usize {
        self.nodes.iter().position(|node| node.role == Role::Primary).unwrap_or(0)
    }

    /// Returns every operation: its time and the length of its value. Its place in this list, by time, is its number.
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
    /// The time when it is due. If no node takes writes then, it waits, and those behind it too.
    pub at_us: u64,
    /// The length of its value.
    pub bytes: u64,
}
