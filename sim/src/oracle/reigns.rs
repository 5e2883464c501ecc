//! Who wrote under which epoch: B2, nobody makes a replica discard the records of a newer reign than its own.

use super::history::State;
use super::*;

/// A run of records of one epoch.
#[derive(Debug, Clone, Copy)]
struct Reign {
    first: State,
    number: u64,
}

/// All of them, in the order in which they began.
#[derive(Debug, Clone, Default)]
pub(super) struct Reigns {
    rows: Vec<Reign>,
    /// The epoch each node wrote under last.
    last: Vec<u64>,
}

impl Reigns {
    pub(super) fn new(count: usize) -> Self {
        Self { rows: Vec::new(), last: vec![0; count] }
    }

    /// A primary of this epoch wrote the record that ends there.
    pub(super) fn writes(&mut self, node: usize, epoch: u64, end: State) {
        if std::mem::replace(&mut self.last[node], epoch) != epoch {
            self.rows.push(Reign { first: end, number: epoch >> 32 });
        }
    }
}

impl Oracle {
    /// A replica was told to go back, or to take a snapshot for what it has.
    pub(super) fn discards(&mut self, t_us: u64, node: usize, peer: usize) {
        let (ours, theirs) = (self.nodes[node].epoch >> 32, self.nodes[peer].end());
        let one_line = self.history.history_of(theirs) == self.history.history_of(self.nodes[node].end());
        if self.nodes[node].role != Role::Primary || !one_line {
            return;
        }
        let held = self.reigns.rows.iter().filter(|reign| self.history.leads_to(reign.first, theirs));
        if let Some(number) = held.map(|reign| reign.number).max().filter(|number| *number > ours) {
            let text = format!(
                "{}, of reign {ours}, makes {} discard records of reign {number}",
                self.name(node),
                self.name(peer)
            );
            self.violate(Invariant::B2, t_us, node, text);
        }
    }
}
