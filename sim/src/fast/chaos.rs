//! Which faults of the plan are on, what they come to for a machine and for a way, and which of them took effect.

use crate::plan::{Fault, Kind, Plan};

/// What is wrong with a machine now.
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

/// What is wrong with the way between a replica and its upstream now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Blocks {
    /// What the replica sends waits; what the upstream sends waits.
    pub(super) held: [bool; 2],
    /// Dials hang, or are refused.
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

/// The plan's faults at work.
#[derive(Debug)]
pub(super) struct Chaos {
    pub(super) faults: Vec<Fault>,
    pub(super) active: Vec<bool>,
    pub(super) effects: Vec<bool>,
    /// Nodes that are cut off until their upstream's ring stands right: the fault's place.
    pub(super) edges: Vec<usize>,
    /// A node that was at the edge returns: writers wait so long.
    pub(super) returning: Option<usize>,
}

/// Whether a fault lies on the way between a replica and its upstream.
fn lies_between(fault: &Fault, replica: usize, upstream: usize) -> bool {
    let on_side = |node: usize| fault.amount >> node.min(63) & 1;
    match fault.kind {
        Kind::Split => on_side(replica) != on_side(upstream),
        Kind::Edge => fault.node == replica,
        _ => (fault.node, fault.peer) == (replica, upstream),
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

    /// The faults of these kinds at a node took effect.
    pub(super) fn took_effect(&mut self, node: usize, kind: Kind) {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            self.effects[index] |= self.active[index] && fault.kind == kind && fault.node == node;
        }
    }

    /// The faults of these kinds on a way took effect.
    pub(super) fn took_effect_between(&mut self, replica: usize, upstream: usize, kinds: &[Kind]) {
        for index in 0..self.faults.len() {
            let fault = &self.faults[index];
            let meant = self.active[index] && kinds.contains(&fault.kind);
            self.effects[index] |= meant && lies_between(fault, replica, upstream);
        }
    }

    /// What a machine suffers from.
    pub(super) fn ails(&self, node: usize) -> Ails {
        let mut ails = Ails::default();
        for fault in self.on().filter(|fault| fault.node == node) {
            match fault.kind {
                Kind::StopReading => ails.stops_reading = true,
                Kind::SlowReading => ails.reads_a_second = Some(fault.amount.max(1)),
                Kind::StopTaking => ails.stops_taking = true,
                Kind::StopApplying => ails.stops_applying = true,
                Kind::SlowApplying => ails.applies_each_us = Some(fault.amount),
                Kind::Pause => ails.paused = true,
                Kind::SlowCpu => ails.turn_us = fault.amount,
                Kind::SyncFails => ails.sync_fails = true,
                Kind::SlowDisk => ails.sync_us = Some(fault.amount),
                Kind::ViewFails => ails.view_fails = true,
                Kind::Speaks => ails.speaks = Some(fault.amount),
                _ => {}
            }
        }
        ails
    }

    /// How fast a node's clock runs, and whether it stands.
    pub(super) fn clock(&self, node: usize) -> (u64, bool) {
        let mut on = (0, false);
        for fault in self.on().filter(|fault| fault.node == node) {
            if fault.kind == Kind::ClockDrift {
                on.0 += fault.amount;
            }
            on.1 |= fault.kind == Kind::ClockFreeze;
        }
        on
    }

    /// What lies on the way between a replica and its upstream.
    pub(super) fn blocks(&self, replica: usize, upstream: usize) -> Blocks {
        let mut blocks = Blocks::default();
        for fault in self.on().filter(|fault| lies_between(fault, replica, upstream)) {
            match fault.kind {
                Kind::Hold | Kind::Split => (blocks.held, blocks.hangs) = ([true; 2], true),
                Kind::HoldUp => (blocks.held[0], blocks.hangs) = (true, true),
                Kind::HoldDown => (blocks.held[1], blocks.hangs) = (true, true),
                Kind::BlackHole | Kind::Hang => blocks.hangs = true,
                Kind::Refuse | Kind::Edge => blocks.refuses = true,
                Kind::Slow => blocks.slow_us += fault.amount,
                Kind::Rate => blocks.rate = Some(fault.amount.max(1)),
                Kind::Narrow => blocks.window = Some(fault.amount.max(1)),
                Kind::Dribble => blocks.gulp = Some(fault.amount.max(1)),
                _ => {}
            }
        }
        blocks
    }
}
