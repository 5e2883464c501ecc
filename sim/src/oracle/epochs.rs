//! The epoch of every write: B2, no primary makes a replica discard records of a higher epoch than its own.

use super::history::State;
use super::*;

/// A run of records of one epoch.
#[derive(Debug, Clone, Copy)]
struct EpochRun {
    first: State,
    number: u64,
}

/// All such runs, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub(super) struct Epochs {
    rows: Vec<EpochRun>,
    /// The epoch under which each node wrote last.
    last: Vec<u64>,
}

impl Epochs {
    pub(super) fn new(count: usize) -> Self {
        Self { rows: Vec::new(), last: vec![0; count] }
    }

    /// Notes that a primary of this epoch wrote the record that ends there.
    pub(super) fn writes(&mut self, node: usize, epoch: u64, end: State) {
        if std::mem::replace(&mut self.last[node], epoch) != epoch {
            self.rows.push(EpochRun { first: end, number: epoch >> 32 });
        }
    }
}

impl Oracle {
    /// Judges an order to a replica to go back, or to take a snapshot in place of its records.
    pub(super) fn discards(&mut self, t_us: u64, node: usize, peer: usize) {
        let (ours, theirs) = (self.nodes[node].epoch >> 32, self.nodes[peer].end());
        let one_line = self.history.history_of(theirs) == self.history.history_of(self.nodes[node].end());
        if self.nodes[node].role != Role::Primary || !one_line {
            return;
        }
        let held = self.epochs.rows.iter().filter(|run| self.history.leads_to(run.first, theirs));
        if let Some(number) = held.map(|run| run.number).max().filter(|number| *number > ours) {
            let text = format!(
                "{}, of epoch {ours}, makes {} discard records of epoch {number}",
                self.name(node),
                self.name(peer)
            );
            self.violate(Invariant::B2, t_us, node, text);
        }
    }
}
