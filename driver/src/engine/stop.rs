//! The orderly end: nothing new is executed, and answered records are kept and received before the node says goodbye.
//!
//! States: *waiting* (until every replica that was connected when the stop began has received everything, and the own
//! disk has it), *leaving* (the node sends GOODBYE on every link), over.
//!
//! How long it waits: for replicas, until `stop_wait` has passed since the stop began; a replica that said goodbye
//! itself is not waited for, one whose connection broke may come back. For the own disk, as long as it accepts writes;
//! a disk that refuses gets the same time as replicas, and a broken store none. [`Stop::give_up`] ends all waiting.
//! Each second a log line names what is waited for. Anything left over is the result of the stop.
//!
//! Invariants: the goals are those of the moment the stop began. A replica that stops goes on receiving, and need not
//! pass on anything that came later; if its history was replaced meanwhile, its goal is no more than what it has.

use towline_core::{LinkId, NodeId, Offset, ReplicaState, Span, Time};
use tracing::{info, warn};

use super::replicated::ReplicatedStore;
use crate::error::{Lacking, LeftOver, Unkept};
use crate::store::Store;

/// The time between two log lines.
const LINE_EVERY: Span = Span::from_secs(1);
/// The time for goodbyes and the last replies, once everything else is done.
const GOODBYES: Span = Span::from_secs(5);

/// A stop under way.
#[derive(Debug)]
pub(crate) struct Stop {
    /// Replicas are waited for until then.
    until: Time,
    timed_out: bool,
    next_line: Time,
    given_up: bool,
    /// Every record before it was answered, or received to be kept here.
    end: Offset,
    /// Set if this store has persistence.
    keeps: bool,
    /// Replicas that were connected when it began and have not received everything.
    owed: Vec<Owed>,
    /// Set while goodbyes are under way: the time at which they end at the latest.
    leaving: Option<Time>,
}

/// A replica that is waited for.
#[derive(Debug)]
struct Owed {
    node: NodeId,
    addr: String,
    link: Option<LinkId>,
    /// Set when it said goodbye.
    left: bool,
}

/// The result of a look at a stop.
#[derive(Debug)]
pub(crate) enum Looked {
    /// It waits, or goodbyes are under way.
    Waits,
    /// Nothing is left to wait for: time to say goodbye. The rest is left over.
    Leaves(Option<LeftOver>),
    /// No link is left.
    Over,
}

impl Stop {
    /// Begins a stop now, with everything written committed.
    pub(crate) fn begin<S: Store>(replicated: &ReplicatedStore<S>, stop_wait: Span) -> Self {
        let stats = replicated.node.stats();
        let mut owed = Vec::new();
        // Without a complete state there is nothing that a replica could lack.
        for replica in replicated.node.replicas().filter(|replica| replica.link.is_some() && stats.base) {
            let addr = replica.link.and_then(|link| replicated.facts.peers.get(link.0 as usize)?.clone());
            let addr = addr.unwrap_or_default();
            owed.push(Owed { node: replica.node, addr, link: replica.link, left: false });
        }
        Self {
            until: replicated.now + stop_wait,
            timed_out: false,
            next_line: replicated.now + LINE_EVERY,
            given_up: false,
            end: if stats.base { stats.end } else { Offset(0) },
            keeps: replicated.persisted_place().is_some(),
            owed,
            leaving: None,
        }
    }

    /// Ends all waiting.
    pub(crate) fn give_up(&mut self) {
        self.given_up = true;
    }

    /// Records that a replica ended its link itself, to stop or to follow another.
    pub(crate) fn note_left(&mut self, link: LinkId) {
        for owed in self.owed.iter_mut().filter(|owed| owed.link == Some(link)) {
            owed.left = true;
        }
    }

    /// Returns when to look again at the latest.
    pub(crate) fn next(&self) -> Time {
        let next = if self.timed_out { self.next_line } else { self.next_line.min(self.until) };
        self.leaving.unwrap_or(next)
    }

    /// Returns true if goodbyes are under way.
    pub(crate) fn leaving(&self) -> bool {
        self.leaving.is_some()
    }

    /// Looks how far disk and replicas are. `said` is set when no connection is left to write to.
    pub(crate) fn look<S: Store>(&mut self, replicated: &ReplicatedStore<S>, said: bool) -> Looked {
        if let Some(until) = self.leaving {
            let over = said || self.given_up || replicated.now >= until;
            return if over { Looked::Over } else { Looked::Waits };
        }
        self.forget_who_has_all(replicated);
        let unkept = self.unkept(replicated);
        self.timed_out = replicated.now >= self.until;
        let own =
            unkept > 0 && !replicated.store_is_broken() && (replicated.failed().is_none() || !self.timed_out);
        let others = !self.timed_out && self.owed.iter().any(|owed| !owed.left);
        if (own || others) && !self.given_up {
            if replicated.now >= self.next_line {
                self.next_line = replicated.now + LINE_EVERY;
                self.progress(replicated, unkept);
            }
            return Looked::Waits;
        }
        debug_assert!(self.leaving.is_none(), "it leaves once");
        self.leaving = Some(replicated.now + GOODBYES);
        Looked::Leaves(self.left_over(replicated, unkept))
    }

    fn goal<S: Store>(&self, replicated: &ReplicatedStore<S>) -> Offset {
        self.end.min(replicated.node.stats().end)
    }

    /// Drops the replicas that have received everything, whatever comes later.
    fn forget_who_has_all<S: Store>(&mut self, replicated: &ReplicatedStore<S>) {
        let goal = self.goal(replicated);
        for replica in replicated.node.replicas() {
            let Some(at) = self.owed.iter().position(|owed| owed.node == replica.node) else { continue };
            let streams = replica.state == ReplicaState::Streaming;
            if streams && replica.acked.received.is_some_and(|received| received >= goal) {
                self.owed.swap_remove(at);
            } else if replica.link.is_some() && replica.link != self.owed[at].link {
                // The replica came back.
                (self.owed[at].link, self.owed[at].left) = (replica.link, false);
            }
        }
    }

    /// Returns how many records the own disk lacks.
    fn unkept<S: Store>(&self, replicated: &ReplicatedStore<S>) -> u64 {
        let kept = replicated.kept().unwrap_or_default();
        if self.keeps { self.goal(replicated).0.saturating_sub(kept.0) } else { 0 }
    }

    /// Returns the replicas that have not received everything, and how much each lacks.
    fn lacking<S: Store>(&self, replicated: &ReplicatedStore<S>) -> Vec<Lacking> {
        let goal = self.goal(replicated);
        let lacks = |owed: &Owed| {
            let row = replicated.node.replicas().find(|replica| replica.node == owed.node);
            let received = row.and_then(|replica| replica.acked.received);
            let records = received.map(|received| goal.0.saturating_sub(received.0));
            Lacking { node: owed.node, addr: owed.addr.clone(), records }
        };
        self.owed.iter().map(lacks).collect()
    }

    fn progress<S: Store>(&self, replicated: &ReplicatedStore<S>, unkept: u64) {
        for lacking in self.lacking(replicated) {
            info!("stopping: {lacking} yet");
        }
        match replicated.failed() {
            _ if unkept == 0 => {}
            None => info!("stopping: {unkept} records are not on disk yet"),
            Some(why) => warn!("stopping: {unkept} records cannot be written to disk: {why}"),
        }
    }

    fn left_over<S: Store>(&self, replicated: &ReplicatedStore<S>, unkept: u64) -> Option<LeftOver> {
        let kept = replicated.kept().unwrap_or_default();
        let why = || replicated.failed().unwrap_or("the stop was not waited for").to_owned();
        let unkept = (unkept > 0).then(|| Unkept { from: kept.0, end: kept.0 + unkept, why: why() });
        let left = LeftOver { unkept, lacking: self.lacking(replicated) };
        (!left.is_empty()).then_some(left)
    }
}
