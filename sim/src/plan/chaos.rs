//! Drawn faults, within the atlas: the faults that the protocol claims to survive.
//!
//! Each fault has a stream of its own, which decides first its kind and its time, then its target and its amount; the
//! targets follow from the upstreams at that time. If all of them are of kinds that may wait in vain, one more comes
//! that does not. The atlas:
//!
//! - A node that is ever primary keeps its disk: no wipe and no rollback of one, and no end of one whose store is
//!   memory. Otherwise another history takes the old one's place, which only an operator may wish.
//! - Only a node with a disk, of the core set, is made primary: what a primary wrote in memory dies with it.
//! - Operators send nobody in a circle, and no primary to an upstream. A plan with promotions has no other orders:
//!   whether each promotion succeeds is known only in the run, and with it the possible upstreams.

use super::faults::{Hits, Range};
use super::scenario::Scenario;
use super::sheet::FaultSheet;
use super::{Fault, Kind, NodePlan, Plan};
use crate::stream::Stream;
use towline_core::Role;

/// The shortest span of a fault.
const SPAN_US_MIN: u64 = 1_000;

/// A fault that is partly drawn.
struct Half {
    kind: Kind,
    at_us: u64,
    for_us: u64,
    stream: Stream,
}

/// Returns whether a kind always finds something to disturb. Others wait, maybe in vain: for a dial, a view, a full
/// window.
const fn is_sure(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Cut
            | Kind::Fin
            | Kind::BlackHole
            | Kind::Stop
            | Kind::Kill
            | Kind::PowerLoss
            | Kind::Torn
            | Kind::Wipe
            | Kind::Rollback
            | Kind::ClockJump
            | Kind::ClockBack
            | Kind::ClockDrift
            | Kind::ClockFreeze
    )
}

/// Returns the faults of a seed, written out and drawn, in the order of their beginnings.
pub(crate) fn draw(scenario: &Scenario, seed: u64) -> Vec<Fault> {
    let (sheet, nodes) = (&scenario.sheet, &scenario.sheet.nodes);
    let heal_us = sheet.heal_us;
    let explicit = |(index, fault): (usize, &FaultSheet)| {
        written(fault, nodes, heal_us, &mut Stream::new(seed, &format!("fault:written:{index}")))
    };
    let mut faults: Vec<Fault> = sheet.faults.iter().enumerate().map(explicit).collect();
    faults.sort_by_key(|fault| fault.at_us);
    let Some(chaos) = &scenario.chaos else { return faults };
    // Some faults find nothing to disturb; a run with one fault would often test nothing.
    let count = Stream::new(seed, "fault").between(chaos.max.div_ceil(4), chaos.max);
    let half = |name: &str, kinds: &[Kind]| {
        let mut stream = Stream::new(seed, &format!("fault:{name}"));
        let kind = *stream.pick(kinds);
        let at_us = stream.between(heal_us / 20, heal_us);
        let longest = heal_us.saturating_sub(at_us);
        let for_us =
            if kind.shape().lasts { stream.log_between(SPAN_US_MIN.min(longest), longest) } else { 0 };
        Half { kind, at_us, for_us, stream }
    };
    let mut halves: Vec<Half> = (0..count).map(|index| half(&index.to_string(), &chaos.kinds)).collect();
    let sure: Vec<Kind> = chaos.kinds.iter().copied().filter(|kind| is_sure(*kind)).collect();
    if count > 0 && !sure.is_empty() && !halves.iter().any(|half| is_sure(half.kind)) {
        halves.truncate(usize::try_from(chaos.max - 1).unwrap_or(usize::MAX));
        halves.push(half("sure", &sure));
    }
    halves.sort_by_key(|half| half.at_us);
    // Promotions first: the nodes that are ever primary decide which targets are possible.
    for promotes in [true, false] {
        for half in halves.iter_mut().filter(|half| (half.kind == Kind::Promote) == promotes) {
            let atlas = Atlas::new(nodes, &faults, half.at_us);
            let targets = atlas.targets(half.kind);
            if targets.is_empty() {
                continue;
            }
            let (node, peer) = *half.stream.pick(&targets);
            let amount = amount(half.kind, nodes.len(), &mut half.stream);
            let (kind, at_us, for_us) = (half.kind, half.at_us, half.for_us);
            faults.push(Fault { kind, at_us, for_us, node, peer, amount, explicit: false });
            faults.sort_by_key(|fault| fault.at_us);
        }
    }
    faults
}

/// Returns a fault that a file writes out. One without an end lasts to the heal, and for ever where nothing heals.
pub(crate) fn written(sheet: &FaultSheet, nodes: &[NodePlan], heal_us: u64, stream: &mut Stream) -> Fault {
    let at_us = sheet.at.draw(stream).min(heal_us);
    let lasts_us = sheet.lasts.draw(stream);
    let heals = nodes[sheet.node].core && nodes[sheet.peer].core;
    Fault {
        kind: sheet.kind,
        at_us,
        for_us: if heals { lasts_us.min(heal_us - at_us) } else { lasts_us },
        node: sheet.node,
        peer: sheet.peer,
        amount: sheet.amount.draw(stream),
        explicit: sheet.explicit,
    }
}

/// The upstreams at a moment, and the nodes that are primary at any.
pub(crate) struct Atlas<'a> {
    nodes: &'a [NodePlan],
    upstream: Vec<Option<usize>>,
    rulers: Vec<bool>,
    promotes: bool,
}

impl<'a> Atlas<'a> {
    /// Returns the atlas after the faults before a moment.
    pub(crate) fn new(nodes: &'a [NodePlan], faults: &[Fault], at_us: u64) -> Self {
        let upstream = nodes.iter().map(|node| node.upstream).collect();
        let rulers = nodes.iter().map(|node| node.role == Role::Primary).collect();
        let mut atlas = Self { nodes, upstream, rulers, promotes: false };
        for fault in faults {
            atlas.take(fault, fault.at_us <= at_us);
        }
        atlas
    }

    fn take(&mut self, fault: &Fault, began: bool) {
        let Fault { kind, node, peer, .. } = *fault;
        if kind == Kind::Promote || kind == Kind::Usurp {
            (self.rulers[node], self.promotes) = (true, true);
        }
        if !began {
            return;
        }
        if kind == Kind::Promote {
            self.upstream.fill(Some(node));
        }
        if kind == Kind::Promote || kind == Kind::Usurp {
            self.upstream[node] = None;
        }
        if kind == Kind::Follow {
            self.upstream[node] = Some(peer);
        }
    }

    fn leads_to(&self, from: usize, to: usize) -> bool {
        let up = |node: &usize| self.upstream[*node];
        std::iter::successors(Some(from), up).take(self.nodes.len() + 1).any(|node| node == to)
    }

    /// Returns the targets of a kind: a node, or a node and its peer.
    pub(crate) fn targets(&self, kind: Kind) -> Vec<(usize, usize)> {
        let all = 0..self.nodes.len();
        let pairs = |node: usize| self.upstream[node].map(|upstream| (node, upstream));
        let those = |may: &dyn Fn(usize) -> bool| {
            all.clone().filter(|node| may(*node)).map(|node| (node, node)).collect()
        };
        let replica = |node: usize| self.upstream[node].is_some();
        let disk = |node: usize| self.nodes[node].disk;
        match kind.shape().hits {
            Hits::Link => all.filter_map(pairs).collect(),
            Hits::Order => {
                let others = |node: usize| all.clone().map(move |peer| (node, peer));
                all.clone().flat_map(others).filter(|pair| self.may_follow(*pair)).collect()
            }
            Hits::Heir => those(&|node| replica(node) && disk(node) && self.nodes[node].core),
            Hits::Replica => those(&replica),
            Hits::Follower => those(&|node| !self.rulers[node]),
            Hits::Restartable => those(&|node| disk(node) || !self.rulers[node]),
            Hits::Disk => those(&disk),
            Hits::Upstream => those(&|node| self.upstream.contains(&Some(node))),
            Hits::Any => those(&|_| true),
        }
    }

    fn may_follow(&self, (node, peer): (usize, usize)) -> bool {
        let stays_core = self.nodes[peer].core || !self.nodes[node].core;
        !self.promotes && !self.rulers[node] && stays_core && !self.leads_to(peer, node)
    }
}

impl Plan {
    /// Returns whether the faults stay within those that the protocol claims to survive. Scenarios may go beyond on
    /// purpose; a shrinker must not go further than they did.
    #[must_use]
    pub fn is_within_atlas(&self) -> bool {
        let deep = [Kind::Follow, Kind::Promote, Kind::Wipe, Kind::Rollback, Kind::Kill, Kind::PowerLoss];
        self.faults.iter().enumerate().filter(|(_, fault)| deep.contains(&fault.kind)).all(
            |(index, fault)| {
                let others = [&self.faults[..index], &self.faults[index + 1..]].concat();
                let atlas = Atlas::new(&self.nodes, &others, fault.at_us);
                atlas.targets(fault.kind).contains(&(fault.node, fault.peer))
            },
        )
    }
}

/// Draws the amount of a fault.
fn amount(kind: Kind, nodes: usize, stream: &mut Stream) -> u64 {
    match kind.shape().range {
        Range::None => 0,
        Range::Log(low, high) => stream.log_between(low, high),
        Range::Upto(most) => stream.below(most + 1),
        Range::OneOf(values) => *stream.pick(values),
        Range::Side => stream.between(1, (1 << nodes) - 2),
    }
}

#[cfg(test)]
mod tests;
