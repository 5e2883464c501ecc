//! The oracle: invariants over a shadow history of its own. It gets facts and gauges, and never asks the core whether
//! it is right.
//!
//! Each run has one oracle. Each fact first meets the invariants about it (`stores`, `admission`, `acks`, `snapshots`,
//! `links`), then changes the shadow. Time-bound invariants (`calm`) are judged over the shadow at an interval. The
//! first violation counts; later ones follow from it.

mod acks;
mod admission;
mod calm;
mod disturbance;
mod endings;
mod epochs;
mod gauge;
mod handed;
mod history;
mod holds;
pub mod invariant;
mod links;
pub mod marks;
mod orders;
mod shadow;
mod snapshots;
mod stores;
mod under_way;
mod views;

pub use gauge::Gauge;
pub use invariant::Invariant;
pub(crate) use links::misunderstanding;

use crate::plan::{Kind, Plan};
use crate::report::Margins;
use crate::trace::{Answer, At, Cause, Death, Fact};
use calm::Calm;
use disturbance::Disturbance;
use endings::Sleepers;
use epochs::Epochs;
use handed::HandedOut;
use history::History;
use holds::Holds;
use marks::Mark;
use shadow::Shadow;
use towline_core::{Fault, Role, Stages};
use under_way::UnderWay;
use views::Views;

/// The first violation of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The violated invariant.
    pub invariant: Invariant,
    /// The time in the run.
    pub t_us: u64,
    /// The node's number.
    pub node: usize,
    /// The observation, and what should have been.
    pub text: String,
}

/// The judge of one run.
pub struct Oracle {
    plan: Plan,
    bounds: Bounds,
    history: History,
    nodes: Vec<Shadow>,
    disturbance: Disturbance,
    calm: Calm,
    handed: HandedOut,
    holds: Holds,
    views: Views,
    under_way: UnderWay,
    sleepers: Sleepers,
    epochs: Epochs,
    /// The length of each operation's value.
    ops: Vec<u64>,
    ops_written: u64,
    marks: u64,
    margins: Margins,
    violation: Option<Violation>,
}

/// Bounds that follow from the plan's knobs.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    backlog: u64,
    batch: u64,
    window: u64,
    piece_window: u64,
    frame: u64,
    piece_frame: u64,
    spool: u64,
    reconnect_window_us: u64,
    idle_us: u64,
    handshake_us: u64,
    redial_min_us: u64,
    redial_max_us: u64,
    /// The time in which a record is at an undisturbed replica.
    reach_us: u64,
    converge_us: u64,
}

impl Bounds {
    fn new(plan: &Plan) -> Self {
        let knobs = &plan.knobs;
        let options = knobs.options().check().map_or_else(|_| knobs.options(), |config| *config.options());
        let frame = u64::from(options.record_bytes_max) + 76;
        let way_us = knobs.latency + 16 * knobs.jitter + 1_000;
        // The bytes that one round trip lets through, and the time of a full ring at that pace.
        let through = options.window_bytes.min(knobs.socket).min(knobs.gulp.saturating_mul(8)).max(1);
        let turns = 2 * options.backlog_bytes / through + 4;
        let rate_us = options.backlog_bytes.saturating_mul(2_000_000).checked_div(knobs.rate).unwrap_or(0);
        let batches = options.backlog_bytes / 128 + 1;
        let reach_us = 2_000_000 + turns * 2 * way_us + rate_us + batches * knobs.apply;
        Self {
            backlog: options.backlog_bytes,
            batch: options.batch_bytes.into(),
            window: options.window_bytes,
            piece_window: options.piece_window_bytes,
            frame,
            piece_frame: u64::from(options.piece_bytes_max) + 64,
            spool: knobs.spool,
            reconnect_window_us: knobs.reconnect_window,
            idle_us: knobs.idle,
            handshake_us: knobs.handshake,
            redial_min_us: knobs.redial_min,
            redial_max_us: knobs.redial_max,
            reach_us,
            converge_us: plan.converge_budget_us(),
        }
    }
}

impl Oracle {
    /// Makes the oracle of a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let count = plan.nodes.len();
        let margins = Margins { ring_left_min: plan.knobs.backlog, ..Margins::default() };
        Self {
            plan: plan.clone(),
            bounds: Bounds::new(plan),
            history: History::new(),
            nodes: plan.nodes.iter().map(|node| Shadow::new(node, count)).collect(),
            disturbance: Disturbance::new(plan),
            calm: Calm::new(),
            handed: HandedOut::new(count),
            holds: Holds::new(count, plan.ops().len()),
            views: Views::new(count),
            under_way: UnderWay::new(count),
            sleepers: Sleepers::new(count),
            epochs: Epochs::new(count),
            ops: plan.ops().iter().map(|op| op.bytes).collect(),
            ops_written: 0,
            marks: 0,
            margins,
            violation: None,
        }
    }

    /// Takes a fact. Inlined, so that a caller that knows the kind pays for that kind alone.
    #[inline(always)]
    pub fn observe(&mut self, t_us: u64, node: usize, fact: &Fact) {
        if self.violation.is_some() {
            return;
        }
        self.look(t_us);
        match *fact {
            Fact::Booted { role, at } => self.booted(t_us, node, role, at),
            Fact::Died { how } => self.died(t_us, node, how),
            Fact::Ruled { role, epoch, offset: _ } => self.ruled(node, role, epoch),
            Fact::Outranked { number: _ } => self.mark(Mark::Outranked),
            Fact::Wrote { op, at } => self.wrote(t_us, node, op, at),
            Fact::Visible { at, cause } => self.visible(t_us, node, at, cause),
            Fact::Durable { at } => self.durable(t_us, node, at),
            Fact::Dialled { attempt } => self.dialled(t_us, node, attempt),
            Fact::Opened { link, peer, upstream } => self.opened(t_us, node, link, peer, upstream),
            Fact::Joined { link, peer, from: _ } => self.joined(t_us, node, link, peer),
            Fact::Closed { link, peer, fault, by_peer, retry_us: _ } => {
                self.views.excuse(node);
                if !by_peer {
                    self.ends(t_us, node, link, peer, fault);
                }
                self.closed(t_us, node, link, peer, fault, by_peer);
            }
            Fact::Lost { link, peer } => {
                self.views.excuse(node);
                self.link_gone(t_us, node, link, peer);
            }
            Fact::Asked { peer, have, start, end, answer } => {
                self.asked(t_us, node, peer, (have, start, end), answer);
            }
            Fact::Acked { peer, received, applied, persisted } => {
                self.acked(t_us, node, peer, Stages { received, applied, persisted });
            }
            Fact::Forked { offset, rewinds } => self.forked(t_us, node, offset, rewinds),
            Fact::Wanted { snapshot: _, from: _ } => self.wanted(t_us, node),
            Fact::Viewed { snapshot, at } => self.viewed(t_us, node, snapshot, at),
            Fact::Freed { snapshot } => self.freed(t_us, node, snapshot),
            Fact::Begun { snapshot, offset } => self.begun(t_us, node, snapshot, offset),
            Fact::Piece { snapshot, piece, last } => self.piece(t_us, node, snapshot, piece, last),
            Fact::CaughtUp => self.caught_up(node),
            Fact::Expired { peer, lag } => self.expired(t_us, node, peer, lag),
            Fact::FaultBegan { index } => self.fault_began(t_us, index),
            Fact::FaultEnded { index } => self.fault_ended(t_us, index),
            Fact::Healed => self.healed(t_us),
            Fact::Content { offset: _, digest: _ } | Fact::TailWaits { offset: _ } => {}
            Fact::Granted { op, replicas, level, own } => {
                self.granted(t_us, node, op, replicas, level, own);
            }
        }
    }

    /// Takes a gauge.
    #[inline(always)]
    pub fn gauge(&mut self, t_us: u64, node: usize, gauge: Gauge) {
        if self.violation.is_some() {
            return;
        }
        match gauge {
            Gauge::Ring { used_bytes, start, end } => self.ring(t_us, node, used_bytes, start, end),
            Gauge::Flight { peer, stream_bytes, piece_bytes } => {
                self.under_way.flies(t_us, node, peer, stream_bytes, piece_bytes);
                self.flight(t_us, node, peer, stream_bytes, piece_bytes);
            }
            Gauge::Tables { links, slots: _, views } => self.nodes[node].tables = Some((links, views)),
            Gauge::Handed { first, end, beside } => self.handed_out(t_us, node, first, end, beside),
            Gauge::Spool { bytes } => self.spool(t_us, node, bytes),
            Gauge::Away { peer, ns } => self.away(t_us, node, peer, ns),
            Gauge::Called { idle } => self.called(t_us, node, idle),
            Gauge::Credit { peer, stream, pieces } => self.under_way.believes(node, peer, [stream, pieces]),
            Gauge::Named { upstream } => self.nodes[node].named = Some(upstream),
            Gauge::Stops => self.stops(t_us, node),
            Gauge::GivesUp => self.nodes[node].stops = None,
        }
    }

    /// Lets time pass without a fact, and judges the invariants that depend on time alone.
    pub fn pass(&mut self, t_us: u64) {
        if self.violation.is_none() {
            self.look(t_us);
        }
    }

    /// Returns whether the run may end: healed, the core set has converged, and it has been calm long enough since.
    #[must_use]
    pub fn is_over(&self, t_us: u64) -> bool {
        self.violation.is_some() || self.calm.is_proven(t_us, self.bounds.idle_us)
    }

    /// Ends the run: judges everything that had to happen by now.
    pub fn finish(&mut self, t_us: u64) {
        if self.violation.is_none() {
            self.look(t_us);
            self.finish_calm(t_us);
        }
    }

    /// Returns the first violation.
    #[must_use]
    pub fn violation(&self) -> Option<&Violation> {
        self.violation.as_ref()
    }

    /// Returns the marks hit, as bits.
    #[must_use]
    pub const fn marks(&self) -> u64 {
        self.marks
    }

    /// Returns how close the run came to its bounds.
    #[must_use]
    pub const fn margins(&self) -> Margins {
        self.margins
    }

    // --- shared by the files below ---------------------------------------------------------------------------------

    fn mark(&mut self, mark: Mark) {
        self.marks |= mark.bit();
    }

    fn violate(&mut self, invariant: Invariant, t_us: u64, node: usize, text: String) {
        if self.violation.is_none() {
            self.violation = Some(Violation { invariant, t_us, node, text });
        }
    }

    fn name(&self, node: usize) -> &str {
        &self.plan.nodes[node].name
    }

    /// Returns whether the node's clock may lie.
    fn has_odd_clock(&self, node: usize) -> bool {
        self.plan.faults.iter().any(|fault| fault.node == node && fault.kind.shape().odd_clock)
    }

    fn fault_began(&mut self, t_us: u64, index: usize) {
        let fault = self.plan.faults[index];
        if fault.kind == Kind::Follow && fault.amount == 1 {
            self.nodes[fault.node].consents = true;
        }
        if fault.kind == Kind::BlackHole {
            self.dead_wire(t_us, fault.node, fault.peer);
        }
        self.sleepers.disturbs(fault.kind, fault.node);
        if fault.kind == Kind::Pause {
            self.sleeps(t_us, fault.node);
        }
        self.disturbance.begins(&self.plan, index, t_us);
    }

    fn fault_ended(&mut self, t_us: u64, index: usize) {
        let fault = self.plan.faults[index];
        if fault.kind == Kind::Pause {
            self.wakes(t_us, fault.node);
        } else {
            self.sleepers.disturbs(fault.kind, fault.node);
        }
        self.disturbance.ends(index, t_us);
    }

    fn healed(&mut self, t_us: u64) {
        // From here on an operator lets everyone follow, and consents where a history was refused.
        self.nodes.iter_mut().for_each(|shadow| shadow.consents = true);
        self.disturbance.heals(&self.plan, t_us);
        let last = |train: &crate::plan::Train| train.at_us + train.count.saturating_sub(1) * train.every_us;
        let ops_end_us = self.plan.trains.iter().map(last).max().unwrap_or(0);
        self.calm.heal(t_us, ops_end_us);
    }

    fn ruled(&mut self, node: usize, role: Role, epoch: u64) {
        let shadow = &mut self.nodes[node];
        let promoted = shadow.role == Role::Replica && role == Role::Primary;
        (shadow.role, shadow.epoch) = (role, epoch);
        if promoted {
            shadow.log = shadow.visible;
            self.mark(Mark::Promoted);
        }
    }
}

#[cfg(test)]
mod tests;
