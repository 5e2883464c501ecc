//! The plan's faults that are on, their sum for one way of a link, and the record of those that took effect.

use super::weather::Gate;
use crate::plan::{Fault, Kind, Knobs, Plan};

/// The conditions of one way of a link now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Conditions {
    /// Bytes wait on the way, or the reader does not read.
    pub(super) held: bool,
    pub(super) slow_us: u64,
    pub(super) reads_a_second: Option<u64>,
    pub(super) rate: u64,
    pub(super) window: u64,
    pub(super) gulp: u64,
}

/// The plan's faults, and which of them are on.
#[derive(Debug)]
pub(super) struct Chaos {
    pub(super) faults: Vec<Fault>,
    pub(super) active: Vec<usize>,
    pub(super) effects: Vec<bool>,
}

/// Returns true if a fault lies between a replica and its upstream.
fn lies_between(fault: &Fault, (replica, upstream): (usize, usize)) -> bool {
    let on_side = |node: usize| fault.amount >> node.min(63) & 1;
    if fault.kind == Kind::Split {
        return on_side(replica) != on_side(upstream);
    }
    (fault.node, fault.peer) == (replica, upstream)
}

impl Chaos {
    pub(super) fn new(plan: &Plan) -> Self {
        let faults = plan.faults.clone();
        let effects = vec![false; faults.len()];
        Self { faults, active: Vec::new(), effects }
    }

    /// Returns the conditions of way 0 (up) or 1 (down) of a pair, and marks every fault found there as having taken
    /// effect if there is a connection for it to act on.
    pub(super) fn conditions(
        &mut self,
        knobs: &Knobs,
        pair: (usize, usize),
        way: usize,
        felt: bool,
    ) -> Conditions {
        let mut now = Conditions {
            held: false,
            slow_us: 0,
            reads_a_second: None,
            rate: knobs.rate,
            window: knobs.socket.max(1),
            gulp: knobs.gulp.max(1),
        };
        let (reader, holds) = if way == 0 { (pair.1, Kind::HoldUp) } else { (pair.0, Kind::HoldDown) };
        for index in &self.active {
            let fault = &self.faults[*index];
            let (kind, amount) = (fault.kind, fault.amount.max(1));
            let between = |kinds: &[Kind]| kinds.contains(&kind) && lies_between(fault, pair);
            let at_reader = |one: Kind| kind == one && fault.node == reader;
            let held = between(&[Kind::Hold, Kind::Split, holds]) || at_reader(Kind::StopReading);
            now.held |= held;
            if between(&[Kind::Slow]) {
                now.slow_us += fault.amount;
            } else if between(&[Kind::Rate]) {
                now.rate = amount;
            } else if between(&[Kind::Narrow]) {
                now.window = amount;
            } else if between(&[Kind::Dribble]) {
                now.gulp = amount;
            } else if at_reader(Kind::SlowReading) {
                now.reads_a_second = Some(amount);
            } else if !held {
                continue;
            }
            self.effects[*index] |= felt;
        }
        now
    }

    /// Returns how a dial fares, and marks every fault it meets as having taken effect.
    pub(super) fn gate(&mut self, pair: (usize, usize)) -> Gate {
        let hangs = [Kind::Hold, Kind::HoldUp, Kind::HoldDown, Kind::BlackHole, Kind::Hang, Kind::Split];
        let mut gate = Gate::Open;
        for index in &self.active {
            let fault = &self.faults[*index];
            let (hang, refuse) = (hangs.contains(&fault.kind), fault.kind == Kind::Refuse);
            if !lies_between(fault, pair) || !(hang || refuse) {
                continue;
            }
            gate = if hang || gate == Gate::Hangs { Gate::Hangs } else { Gate::Refuses };
            self.effects[*index] = true;
        }
        gate
    }

    /// Returns the amount of the newest fault of this kind at a node, if one is on, and marks each as having taken
    /// effect.
    pub(super) fn ails(&mut self, node: usize, kind: Kind) -> Option<u64> {
        let mut amount = None;
        for index in &self.active {
            let fault = &self.faults[*index];
            if (fault.kind, fault.node) == (kind, node) {
                amount = Some(fault.amount);
                self.effects[*index] = true;
            }
        }
        amount
    }

    /// Marks a fault that was waiting for so many bytes to pass to a replica as having taken effect.
    pub(super) fn struck(&mut self, kind: Kind, pair: (usize, usize)) {
        for (fault, effect) in self.faults.iter().zip(&mut self.effects) {
            *effect |= fault.kind == kind && (fault.node, fault.peer) == pair;
        }
    }
}
