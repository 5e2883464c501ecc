//! Bars of a run, from the facts that begin and end them: processes, connections, snapshots, faults.
//!
//! A connection's bar is drawn by the facts of the replica, which dialled it; those of its other end are the same.

use towline_core::Role;
use towline_sim::plan::Plan;
use towline_sim::trace::{Answer, Cause, Death, Fact};

use super::facts::{death, role_name};

/// A fact with its time and node.
pub(crate) type TimedFact = (u64, usize, Fact);

/// A bar at a node, from a beginning to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) node: usize,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) kind: BarKind,
}

/// The kinds of a bar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BarKind {
    /// A process.
    Life(Role),
    /// A connection to this upstream.
    Link(usize),
    /// A snapshot cut at this offset comes in; set if it was installed.
    Snapshot { offset: u64, installed: bool },
    /// The fault at this place of the plan.
    Fault(usize),
}

/// An event without a duration that has a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) t_us: u64,
    pub(crate) node: usize,
    /// The node it came from or goes to, if any.
    pub(crate) peer: Option<usize>,
    pub(crate) kind: MomentKind,
    pub(crate) text: String,
}

/// The kinds of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MomentKind {
    /// A process begins, in this role.
    Birth(Role),
    /// A process ends.
    Death,
    /// The node dials its peer.
    Dial,
    /// The stream flows from the peer.
    Join,
    /// A snapshot from the peer begins, or is installed.
    Snapshot,
    /// A connection ends.
    End,
    /// The replica has caught up.
    Good,
    /// A role, a fork, an expiry: any other event that counts.
    Turn,
    /// A fault begins or ends.
    Fault,
    /// The heal.
    Heal,
}

/// A run, as a picture needs it.
#[derive(Debug)]
pub(crate) struct Timeline {
    pub(crate) bars: Vec<Bar>,
    pub(crate) moments: Vec<Moment>,
    pub(crate) end_us: u64,
}

/// The bars that are open at a node while the facts are read.
#[derive(Default, Clone)]
struct Open {
    life: Option<(u64, Role)>,
    links: Vec<(u32, usize, u64)>,
    snapshot: Option<(u64, u64, u64)>,
}

struct Reader<'a> {
    plan: &'a Plan,
    open: Vec<Open>,
    faults: Vec<Option<u64>>,
    timeline: Timeline,
}

impl Timeline {
    /// Reads the facts of a run, in the order of time.
    pub(crate) fn read(plan: &Plan, facts: &[TimedFact]) -> Self {
        let end_us = facts.last().map_or(0, |(t_us, ..)| *t_us);
        let mut reader = Reader {
            plan,
            open: vec![Open::default(); plan.nodes.len()],
            faults: vec![None; plan.faults.len()],
            timeline: Self { bars: Vec::new(), moments: Vec::new(), end_us },
        };
        for (t_us, node, fact) in facts {
            reader.read(*t_us, *node, fact);
        }
        for node in 0..reader.open.len() {
            reader.end_all(end_us, node);
        }
        for index in 0..reader.faults.len() {
            reader.end_fault(end_us, index);
        }
        reader.timeline
    }
}

impl Reader<'_> {
    fn read(&mut self, t_us: u64, node: usize, fact: &Fact) {
        if node >= self.open.len() {
            return;
        }
        let name = |node: usize| super::super::campaign::node_name(self.plan, node);
        match *fact {
            Fact::Booted { role, at } => self.booted(t_us, node, role, at.offset),
            Fact::Died { how } => self.died(t_us, node, how),
            Fact::Ruled { role, offset, .. } => self.ruled(t_us, node, role, offset),
            Fact::Outranked { number } => {
                self.add(t_us, node, None, MomentKind::Turn, format!("outranked by epoch {number}"));
            }
            Fact::Opened { link, peer, upstream: true } => {
                self.open[node].links.push((link, peer, t_us));
                self.add(t_us, node, Some(peer), MomentKind::Dial, "connects".to_owned());
            }
            Fact::Joined { link, peer, from } if self.open[node].links.iter().any(|open| open.0 == link) => {
                self.add(t_us, node, Some(peer), MomentKind::Join, format!("joins at {from}"));
            }
            Fact::Closed { link, fault, by_peer, .. } => {
                let text = if by_peer { format!("by the peer: {fault}") } else { fault.to_string() };
                self.end_link(t_us, node, link, text);
            }
            Fact::Lost { link, .. } => self.end_link(t_us, node, link, "connection lost".to_owned()),
            Fact::Asked { peer, answer, have, start, end } => {
                self.asked(t_us, node, &name(peer), answer, (have, start, end));
            }
            Fact::Forked { offset, rewinds } => {
                let then = if rewinds { "rewinds" } else { "a snapshot follows" };
                self.add(t_us, node, None, MomentKind::Turn, format!("forked at {offset}: {then}"));
            }
            Fact::Begun { snapshot, offset } => self.begun(t_us, node, snapshot, offset),
            Fact::Visible { at, cause: Cause::Installed } => self.installed(t_us, node, at.offset),
            Fact::Visible { at, cause: Cause::Rewound } => {
                self.add(t_us, node, None, MomentKind::Turn, format!("rewound to {}", at.offset));
            }
            Fact::CaughtUp => self.add(t_us, node, None, MomentKind::Good, "caught up".to_owned()),
            Fact::Expired { peer, lag } => {
                self.add(t_us, node, None, MomentKind::Turn, format!("forgets {}, {lag} behind", name(peer)));
            }
            Fact::FaultBegan { index } => self.begin_fault(t_us, index),
            Fact::FaultEnded { index } => self.end_fault(t_us, index),
            Fact::Healed => self.add(t_us, node, None, MomentKind::Heal, "heal".to_owned()),
            // The other end of a connection, and the steady stream.
            Fact::Opened { upstream: false, .. }
            | Fact::Joined { .. }
            | Fact::Visible { cause: Cause::Written | Cause::Applied, .. }
            | Fact::Wrote { .. }
            | Fact::Durable { .. }
            | Fact::Dialled { .. }
            | Fact::Acked { .. }
            | Fact::Wanted { .. }
            | Fact::Viewed { .. }
            | Fact::Freed { .. }
            | Fact::Piece { .. }
            | Fact::Granted { .. }
            | Fact::TailWaits { .. }
            | Fact::Content { .. } => {}
        }
    }

    fn add(&mut self, t_us: u64, node: usize, peer: Option<usize>, kind: MomentKind, text: String) {
        self.timeline.moments.push(Moment { t_us, node, peer, kind, text });
    }

    fn bar(&mut self, node: usize, from_us: u64, to_us: u64, kind: BarKind) {
        self.timeline.bars.push(Bar { node, from_us, to_us, kind });
    }

    fn booted(&mut self, t_us: u64, node: usize, role: Role, offset: u64) {
        self.open[node].life = Some((t_us, role));
        self.add(
            t_us,
            node,
            None,
            MomentKind::Birth(role),
            format!("starts as {}, at {offset}", role_name(role)),
        );
    }

    fn died(&mut self, t_us: u64, node: usize, how: Death) {
        self.end_all(t_us, node);
        self.add(t_us, node, None, MomentKind::Death, death(how).to_owned());
    }

    /// Adds an answer to a JOIN. A stream that goes on needs no line: the join has one.
    fn asked(
        &mut self,
        t_us: u64,
        node: usize,
        peer: &str,
        answer: Answer,
        (have, start, end): (u64, u64, u64),
    ) {
        let have = if have == u64::MAX { "nothing".to_owned() } else { have.to_string() };
        let ring = format!("{peer} has {have}, ring {start}..{end}");
        let text = match answer {
            Answer::Continue => return,
            Answer::Forked => format!("forked: {ring}"),
            Answer::Snapshot => format!("snapshot: {ring}"),
            Answer::Wait => format!("wait: {ring}"),
            Answer::Refused => format!("refuses {peer}"),
        };
        self.add(t_us, node, None, MomentKind::Turn, text);
    }

    fn begun(&mut self, t_us: u64, node: usize, snapshot: u64, offset: u64) {
        self.end_snapshot(t_us, node, false);
        self.open[node].snapshot = Some((snapshot, offset, t_us));
        let peer = self.open[node].links.last().map(|open| open.1);
        self.add(t_us, node, peer, MomentKind::Snapshot, format!("snapshot of {offset} begins"));
    }

    fn installed(&mut self, t_us: u64, node: usize, offset: u64) {
        self.end_snapshot(t_us, node, true);
        self.add(t_us, node, None, MomentKind::Snapshot, format!("installed, at {offset}"));
    }

    /// Adds a role if it is a new one: a node reports its role again and again.
    fn ruled(&mut self, t_us: u64, node: usize, role: Role, offset: u64) {
        let Some((from_us, before)) = self.open[node].life else { return };
        if before != role {
            self.bar(node, from_us, t_us, BarKind::Life(before));
            self.open[node].life = Some((t_us, role));
            self.add(t_us, node, None, MomentKind::Turn, format!("is {} from {offset}", role_name(role)));
        }
    }

    fn end_link(&mut self, t_us: u64, node: usize, link: u32, text: String) {
        let links = &mut self.open[node].links;
        let Some(place) = links.iter().position(|open| open.0 == link) else { return };
        let (_, peer, from_us) = links.remove(place);
        self.bar(node, from_us, t_us, BarKind::Link(peer));
        self.add(t_us, node, Some(peer), MomentKind::End, text);
    }

    fn end_snapshot(&mut self, t_us: u64, node: usize, installed: bool) {
        if let Some((_, offset, from_us)) = self.open[node].snapshot.take() {
            self.bar(node, from_us, t_us, BarKind::Snapshot { offset, installed });
        }
    }

    /// Ends everything at a node with its process.
    fn end_all(&mut self, t_us: u64, node: usize) {
        self.end_snapshot(t_us, node, false);
        for (_, peer, from_us) in std::mem::take(&mut self.open[node].links) {
            self.bar(node, from_us, t_us, BarKind::Link(peer));
        }
        if let Some((from_us, role)) = self.open[node].life.take() {
            self.bar(node, from_us, t_us, BarKind::Life(role));
        }
    }

    fn begin_fault(&mut self, t_us: u64, index: usize) {
        let Some(fault) = self.plan.faults.get(index) else { return };
        self.faults[index] = Some(t_us);
        self.add(t_us, fault.node, None, MomentKind::Fault, super::fault_name(self.plan, index));
    }

    fn end_fault(&mut self, t_us: u64, index: usize) {
        let Some(from_us) = self.faults.get_mut(index).and_then(Option::take) else { return };
        let Some(fault) = self.plan.faults.get(index) else { return };
        let lasts = fault.kind.shape().lasts;
        let node = fault.node;
        self.bar(node, from_us, if lasts { t_us } else { from_us }, BarKind::Fault(index));
        if lasts && t_us < self.timeline.end_us {
            self.add(
                t_us,
                node,
                None,
                MomentKind::Fault,
                format!("{} ends", super::fault_name(self.plan, index)),
            );
        }
    }
}

#[cfg(test)]
mod tests;
