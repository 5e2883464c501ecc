//! What lasts in a run, out of the facts that say where it begins and ends: lives, connections, snapshots, faults.
//!
//! A connection is told from the side of the replica, who dialled it; its other end says the same.

use towline_core::Role;
use towline_sim::plan::Plan;
use towline_sim::trace::{Answer, Cause, Death, Fact};

use super::facts::{death, role_name};

/// A fact with its time and node.
pub(crate) type Told = (u64, usize, Fact);

/// From when to when, at which node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) node: usize,
    pub(crate) from_us: u64,
    pub(crate) to_us: u64,
    pub(crate) what: What,
}

/// What lasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A process.
    Life(Role),
    /// A connection to this upstream.
    Link(usize),
    /// A snapshot cut at this offset comes in; whether it was installed.
    Snapshot { offset: u64, installed: bool },
    /// The fault at this place of the plan.
    Fault(usize),
}

/// What happens at once and is worth a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) t_us: u64,
    pub(crate) node: usize,
    /// Whom it came from or goes to, if anybody.
    pub(crate) peer: Option<usize>,
    pub(crate) mood: Mood,
    pub(crate) text: String,
}

/// What kind of news it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// A process begins, as this.
    Birth(Role),
    /// A process ends.
    Death,
    /// The node dials its peer.
    Dial,
    /// The stream flows from the peer.
    Join,
    /// A snapshot begins to come from the peer, or is there.
    Snapshot,
    /// A connection ends.
    End,
    /// Everything is here.
    Good,
    /// Roles, forks, expiry: the rest that counts.
    Turn,
    /// A fault begins or ends.
    Fault,
    /// Chaos is over.
    Heal,
}

/// A run as a picture has it.
#[derive(Debug)]
pub(crate) struct Spans {
    pub(crate) spans: Vec<Span>,
    pub(crate) moments: Vec<Moment>,
    pub(crate) end_us: u64,
}

/// What is open at a node while the facts are read.
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
    told: Spans,
}

impl Spans {
    /// Reads the facts of a run, in the order of time.
    pub(crate) fn read(plan: &Plan, facts: &[Told]) -> Self {
        let end_us = facts.last().map_or(0, |(t_us, ..)| *t_us);
        let mut reader = Reader {
            plan,
            open: vec![Open::default(); plan.nodes.len()],
            faults: vec![None; plan.faults.len()],
            told: Self { spans: Vec::new(), moments: Vec::new(), end_us },
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
        reader.told
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
                self.say(t_us, node, None, Mood::Turn, format!("outranked by epoch {number}"));
            }
            Fact::Opened { link, peer, upstream: true } => {
                self.open[node].links.push((link, peer, t_us));
                self.say(t_us, node, Some(peer), Mood::Dial, "connects".to_owned());
            }
            Fact::Joined { link, peer, from } if self.open[node].links.iter().any(|open| open.0 == link) => {
                self.say(t_us, node, Some(peer), Mood::Join, format!("joins at {from}"));
            }
            Fact::Closed { link, fault, by_peer, .. } => {
                let text = if by_peer { format!("told: {fault}") } else { fault.to_string() };
                self.end_link(t_us, node, link, text);
            }
            Fact::Lost { link, .. } => self.end_link(t_us, node, link, "connection lost".to_owned()),
            Fact::Asked { peer, answer, have, start, end } => {
                self.asked(t_us, node, &name(peer), answer, (have, start, end));
            }
            Fact::Forked { offset, rewinds } => {
                let then = if rewinds { "rewinds" } else { "a snapshot follows" };
                self.say(t_us, node, None, Mood::Turn, format!("forked at {offset}: {then}"));
            }
            Fact::Begun { snapshot, offset } => self.begun(t_us, node, snapshot, offset),
            Fact::Visible { at, cause: Cause::Installed } => self.installed(t_us, node, at.offset),
            Fact::Visible { at, cause: Cause::Rewound } => {
                self.say(t_us, node, None, Mood::Turn, format!("rewound to {}", at.offset));
            }
            Fact::CaughtUp => self.say(t_us, node, None, Mood::Good, "caught up".to_owned()),
            Fact::Expired { peer, lag } => {
                self.say(t_us, node, None, Mood::Turn, format!("forgets {}, {lag} behind", name(peer)));
            }
            Fact::FaultBegan { index } => self.begin_fault(t_us, index),
            Fact::FaultEnded { index } => self.end_fault(t_us, index),
            Fact::Healed => self.say(t_us, node, None, Mood::Heal, "heal".to_owned()),
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

    fn say(&mut self, t_us: u64, node: usize, peer: Option<usize>, mood: Mood, text: String) {
        self.told.moments.push(Moment { t_us, node, peer, mood, text });
    }

    fn span(&mut self, node: usize, from_us: u64, to_us: u64, what: What) {
        self.told.spans.push(Span { node, from_us, to_us, what });
    }

    fn booted(&mut self, t_us: u64, node: usize, role: Role, offset: u64) {
        self.open[node].life = Some((t_us, role));
        self.say(t_us, node, None, Mood::Birth(role), format!("starts as {}, at {offset}", role_name(role)));
    }

    fn died(&mut self, t_us: u64, node: usize, how: Death) {
        self.end_all(t_us, node);
        self.say(t_us, node, None, Mood::Death, death(how).to_owned());
    }

    /// That the stream goes on needs no line: the join has one.
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
        self.say(t_us, node, None, Mood::Turn, text);
    }

    fn begun(&mut self, t_us: u64, node: usize, snapshot: u64, offset: u64) {
        self.end_snapshot(t_us, node, false);
        self.open[node].snapshot = Some((snapshot, offset, t_us));
        let peer = self.open[node].links.last().map(|open| open.1);
        self.say(t_us, node, peer, Mood::Snapshot, format!("snapshot of {offset} begins"));
    }

    fn installed(&mut self, t_us: u64, node: usize, offset: u64) {
        self.end_snapshot(t_us, node, true);
        self.say(t_us, node, None, Mood::Snapshot, format!("installed, at {offset}"));
    }

    /// A node says what it is again and again; a change is news.
    fn ruled(&mut self, t_us: u64, node: usize, role: Role, offset: u64) {
        let Some((from_us, before)) = self.open[node].life else { return };
        if before != role {
            self.span(node, from_us, t_us, What::Life(before));
            self.open[node].life = Some((t_us, role));
            self.say(t_us, node, None, Mood::Turn, format!("is {} from {offset}", role_name(role)));
        }
    }

    fn end_link(&mut self, t_us: u64, node: usize, link: u32, text: String) {
        let links = &mut self.open[node].links;
        let Some(place) = links.iter().position(|open| open.0 == link) else { return };
        let (_, peer, from_us) = links.remove(place);
        self.span(node, from_us, t_us, What::Link(peer));
        self.say(t_us, node, Some(peer), Mood::End, text);
    }

    fn end_snapshot(&mut self, t_us: u64, node: usize, installed: bool) {
        if let Some((_, offset, from_us)) = self.open[node].snapshot.take() {
            self.span(node, from_us, t_us, What::Snapshot { offset, installed });
        }
    }

    /// With its process everything at a node ends.
    fn end_all(&mut self, t_us: u64, node: usize) {
        self.end_snapshot(t_us, node, false);
        for (_, peer, from_us) in std::mem::take(&mut self.open[node].links) {
            self.span(node, from_us, t_us, What::Link(peer));
        }
        if let Some((from_us, role)) = self.open[node].life.take() {
            self.span(node, from_us, t_us, What::Life(role));
        }
    }

    fn begin_fault(&mut self, t_us: u64, index: usize) {
        let Some(fault) = self.plan.faults.get(index) else { return };
        self.faults[index] = Some(t_us);
        self.say(t_us, fault.node, None, Mood::Fault, super::fault_name(self.plan, index));
    }

    fn end_fault(&mut self, t_us: u64, index: usize) {
        let Some(from_us) = self.faults.get_mut(index).and_then(Option::take) else { return };
        let Some(fault) = self.plan.faults.get(index) else { return };
        let lasts = fault.kind.shape().lasts;
        let node = fault.node;
        self.span(node, from_us, if lasts { t_us } else { from_us }, What::Fault(index));
        if lasts && t_us < self.told.end_us {
            self.say(t_us, node, None, Mood::Fault, format!("{} ends", super::fault_name(self.plan, index)));
        }
    }
}

#[cfg(test)]
mod tests;
