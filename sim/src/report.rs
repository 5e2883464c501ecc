//! The result of a run: a verdict, a hash, and the integers for pictures and statistics.

use crate::oracle::Violation;
use towline_core::Role;

/// The verdict on a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The run ended as the plan expects.
    Pass,
    /// An invariant was violated (or the one the plan expects was not).
    Violation(Violation),
    /// A fault that the scenario names, or every drawn one, changed nothing: the faults' places in the plan.
    Vacuous(Vec<usize>),
}

/// A node at the end of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Final {
    /// Set if a process was running.
    pub alive: bool,
    /// The node's role.
    pub role: Role,
    /// Records applied.
    pub offset: u64,
    /// The content digest of its store, as the reference store computes it.
    pub digest: u128,
    /// Snapshots installed.
    pub snapshots: u64,
}

/// How close the run came to its bounds; for distributions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Margins {
    /// The most records a connected replica lacked.
    pub lag_max: u64,
    /// From the heal until the core set had converged.
    pub converge_us: u64,
    /// The part of the budget for that which was used, in thousandths.
    pub converge_permille: u64,
    /// Snapshots begun.
    pub snapshots: u64,
    /// The least bytes of ring that were left before a connected replica would have been overtaken.
    pub ring_left_min: u64,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The verdict on the run.
    pub verdict: Verdict,
    /// The hash over the run's facts.
    pub hash: u128,
    /// The number of facts.
    pub facts: u64,
    /// The number of calls into nodes; 0 with the real driver.
    pub calls: u64,
    /// The time of the end.
    pub end_us: u64,
    /// Marks hit: bit `n` is [`Mark::ALL`](crate::oracle::marks::Mark::ALL)`[n]`.
    pub marks: u64,
    /// Set for each fault that took effect, by its place in the plan.
    pub effects: Vec<bool>,
    /// The margins to the bounds.
    pub margins: Margins,
    /// The nodes at the end, by their number.
    pub finals: Vec<Final>,
}
