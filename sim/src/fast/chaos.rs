//! The faults of the plan that are on, their sum for a machine and for a way, and which of them took effect.

use crate::plan::faults::Target;
use crate::plan::{Fault, Kind, Plan};

/// The faults of a machine now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ails {
    pub(super) stops_reading: bool,
    pub(super) reads_a_second: Option<u64>,
    pub(super) stops_taking: bool,
    pub(super) stops_applying: bool,
    pub(super) applies_each_us: Option<u64>,
    pub(super) paused: bool,
    pub(super) turn_us: u64,
    pub(super) sync_fails: bool,
    pub(super) sync_us: Option<u64>,
    pub(super) view_fails: bool,
    pub(super) speaks: Option<u64>,
}

impl Ails {
    /// Returns whether the store takes finished work.
    pub(super) const fn installs(&self) -> bool {
        !self.stops_taking && !self.stops_applying
    }
}

/// The faults of the way between a replica and its upstream now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Blocks {
    /// Set if there is any.
    pub(super) any: bool,
    /// Set where bytes wait: those that the replica sends, and those that the upstream sends.
    pub(super) held: [bool; 2],
    /// Set if dials hang, or are refused.
    pub(super) hangs: bool,
    pub(super) refuses: bool,
    pub(super) slow_us: u64,
    pub(super) rate: Option<u64>,
    pub(super) window: Option<u64>,
    pub(super) gulp: Option<u64>,
}

/// Kinds under which bytes wait, and dials hang.
pub(super) const HOLDS: &[Kind] = &[Kind::Hold, Kind::HoldUp, Kind::HoldDown, Kind::Split];
pub(super) const HANGS: &[Kind] =
    &[Kind::Hold, Kind::HoldUp, Kind::HoldDown, Kind::Split, Kind::BlackHole, Kind::Hang];

/// The plan's faults, on and off.
#[derive(Debug)]
pub(super) struct Chaos {
    pub(super) faults: Vec<Fault>,
    pub(super) active: Vec<bool>,
    pub(super) effects: Vec<bool>,
    /// Nodes that are cut off until their upstream's ring is where the fault wants it: the fault's place.
    pub(super) edges: Vec<usize>,
    /// The node that returns from such a cut: writers wait until it has.
    pub(super) returning: Option<usize>,
}

/// Returns whether a fault lies on the way between a replica and its upstream.
fn lies_between(fault: &Fault, replica: usize, upstream: usize) -> bool {
    let on_side = |node: usize| fault.amount >> node.min(63) & 1;
    if fault.kind == Kind::Split {
        on_side(replica) != on_side(upstream)
    } else if fault.kind == Kind::Edge {
        fault.node == replica
    } else {
        fault.kind.shape().target == Target::Pair && (fault.node, fault.peer) == (replica, upstream)
    }
}

impl Chaos {
    pub(super) fn new(plan: &Plan) -> Self {
        let count = plan.faults.len();
        let (active, effects) = (vec![false; count], vec![false; count]);
        Self { faults: plan.faults.clone(), active, effects, edges: Vec::new(), returning: None }
    }

    fn on(&self) -> impl Iterator<Item = &Fault> {
        self.faults.iter().zip(&self.active).filter(|(_, active)| **active).map(|(fault, _)| fault)
    }

    /// Returns the amount of the newest fault of this kind at a node, if one is on.
    fn at(&self, node: usize, kind: Kind) -> Option<u64> {
        self.on().filter(|fault| fault.kind == kind && fault.node == node).last().map(|fault| fault.amount)
    }

    /// Returns the same for a way.
    fn between(&self, replica: usize, upstream: usize, kind: Kind) -> Option<u64> {
        let here = |fault: &&Fault| fault.kind == kind && lies_between(fault, replica, upstream);
        self.on().filter(here).last().map(|fault| fault.amount)
    }

    /// Notes that the faults of this kind at a node took effect.
    pub(super) fn took_effect(&mut self, node: usize, kind: Kind) {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            self.effects[index] |= self.active[index] && fault.kind == kind && fault.node == node;
        }
    }

    /// Notes that the faults of these kinds on a way took effect.
    pub(super) fn took_effect_between(&mut self, replica: usize, upstream: usize, kinds: &[Kind]) {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            let meant = self.active[index] && kinds.contains(&fault.kind);
            self.effects[index] |= meant && lies_between(fault, replica, upstream);
        }
    }

    /// Returns the sum of the faults at a machine.
    pub(super) fn ails(&self, node: usize) -> Ails {
        let at = |kind| self.at(node, kind);
        Ails {
            stops_reading: at(Kind::StopReading).is_some(),
            reads_a_second: at(Kind::SlowReading).map(|rate| rate.max(1)),
            stops_taking: at(Kind::StopTaking).is_some(),
            stops_applying: at(Kind::StopApplying).is_some(),
            applies_each_us: at(Kind::SlowApplying),
            paused: at(Kind::Pause).is_some(),
            turn_us: at(Kind::SlowCpu).unwrap_or(0),
            sync_fails: at(Kind::SyncFails).is_some(),
            sync_us: at(Kind::SlowDisk),
            view_fails: at(Kind::ViewFails).is_some(),
            speaks: at(Kind::Speaks),
        }
    }

    /// Returns how fast a node's clock runs, and whether it stands.
    pub(super) fn clock(&self, node: usize) -> (u64, bool) {
        (self.at(node, Kind::ClockDrift).unwrap_or(0), self.at(node, Kind::ClockFreeze).is_some())
    }

    /// Returns the sum of the faults on the way between a replica and its upstream.
    pub(super) fn blocks(&self, replica: usize, upstream: usize) -> Blocks {
        let between = |kind| self.between(replica, upstream, kind);
        let any = |kinds: &[Kind]| kinds.iter().any(|kind| between(*kind).is_some());
        let both = any(&[Kind::Hold, Kind::Split]);
        let blocks = Blocks {
            any: false,
            held: [both || any(&[Kind::HoldUp]), both || any(&[Kind::HoldDown])],
            hangs: any(HANGS),
            refuses: any(&[Kind::Refuse, Kind::Edge]),
            slow_us: between(Kind::Slow).unwrap_or(0),
            rate: between(Kind::Rate).map(|rate| rate.max(1)),
            window: between(Kind::Narrow).map(|window| window.max(1)),
            gulp: between(Kind::Dribble).map(|gulp| gulp.max(1)),
        };
        Blocks { any: blocks != Blocks::default(), ..blocks }
    }
}
