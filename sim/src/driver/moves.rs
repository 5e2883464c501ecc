//! A plan as the director's moves, by time. Pure.
//!
//! A fault becomes the moves it is made of (a flap is cuts, a restart loop is kills), between the moment it begins and
//! the moment it ends: at the heal at the latest, beyond it only outside the core set, and then never.

use super::plays;
use crate::plan::faults::Target;
use crate::plan::{Fault, Kind, Plan};

/// One move. A number is the place of a fault in the plan, or of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Move {
    /// A node starts for the first time.
    Start(usize),
    /// A fault begins.
    Begin(usize),
    /// The node's process goes down.
    Down(usize),
    /// The node's process may come up again.
    Up(usize),
    /// The connections of a pair are reset.
    Cut(usize),
    /// A fault ends.
    End(usize),
    /// Chaos ends.
    Heal,
}

/// Returns every move of a plan, by time.
pub(super) fn moves(plan: &Plan) -> Vec<(u64, Move)> {
    let mut moves: Vec<(u64, Move)> = Vec::new();
    for index in (0..plan.faults.len()).filter(|index| plays(plan, *index)) {
        let fault = &plan.faults[index];
        let ends_us = ends_us(plan, fault);
        moves.push((fault.at_us, Move::Begin(index)));
        if fault.kind.shape().ends_process {
            moves.push((fault.at_us, Move::Down(index)));
            moves.extend(ends_us.map(|at_us| (at_us, Move::Up(index))));
        }
        if fault.kind == Kind::RestartLoop {
            for at_us in spread(fault) {
                let half_us = fault.for_us / fault.amount.max(1) / 2;
                moves.push((at_us, Move::Down(index)));
                let up_us = ends_us.map(|ends_us| ends_us.min(at_us + half_us));
                moves.extend(up_us.map(|at_us| (at_us, Move::Up(index))));
            }
        }
        if fault.kind == Kind::Flap {
            moves.extend(spread(fault).map(|at_us| (at_us, Move::Cut(index))));
        }
        moves.extend(ends_us.filter(|_| fault.kind.shape().lasts).map(|at_us| (at_us, Move::End(index))));
    }
    moves.retain(|(at_us, _)| *at_us <= plan.heal_us);
    moves.extend(plan.nodes.iter().enumerate().map(|(node, of)| (of.starts_us, Move::Start(node))));
    moves.push((plan.heal_us, Move::Heal));
    // Stable: moves that are due at the same moment keep the order of the plan, the heal last.
    moves.sort_by_key(|(at_us, _)| *at_us);
    moves
}

/// Returns the moments of a fault that happens several times while it lasts.
fn spread(fault: &Fault) -> impl Iterator<Item = u64> {
    let (at_us, for_us, count) = (fault.at_us, fault.for_us, fault.amount.max(1));
    (0..count).map(move |turn| at_us + for_us / count * turn)
}

/// Returns when a fault ends, if it does.
fn ends_us(plan: &Plan, fault: &Fault) -> Option<u64> {
    let core = |node: usize| plan.nodes[node].core;
    let whole = match fault.kind.shape().target {
        Target::Node => core(fault.node),
        Target::Pair => core(fault.node) && core(fault.peer),
    };
    if fault.end_us() <= plan.heal_us {
        return Some(fault.end_us());
    }
    whole.then_some(plan.heal_us)
}
