//! What a run ends with: a verdict, a hash, and the integers that pictures and statistics are made of.

use crate::oracle::Violation;
use towline_core::Role;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// As the plan expects.
    Pass,
    /// An invariant was violated (or the one the plan expects was not).
    Violation(Violation),
    /// A fault the scenario names, or every drawn one, changed nothing: the faults' places in the plan.
    Vacuous(Vec<usize>),
}

/// A node when the run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Final {
    /// Whether a process was there.
    pub alive: bool,
    /// What it was.
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

/// What a run ends with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// How it ended.
    pub verdict: Verdict,
    /// The hash over its facts.
    pub hash: u128,
    /// How many facts there were.
    pub facts: u64,
    /// How many calls into nodes (or, with the real driver, 0).
    pub calls: u64,
    /// When it ended.
    pub end_us: u64,
    /// Marks hit: bit `n` is [`Mark::ALL`](crate::oracle::marks::Mark::ALL)`[n]`.
    pub marks: u64,
    /// Which faults took effect, by their place in the plan.
    pub effects: Vec<bool>,
    /// How close it came.
    pub margins: Margins,
    /// The nodes at the end, by their number.
    pub finals: Vec<Final>,
}
