//! Makes the plan's moves, watches the status of the nodes, and judges.
//!
//! States of a run: *chaos* (until the heal), *healing* (until the core set has converged, within the plan's budget),
//! *calm* (it must still agree two beats later), over. A substrate calls [`Director::advance`] as often as its time
//! allows, then `report` (`ending`).

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::mpsc;
use towline_core::{Role, Span};
use towline_server::{Options, StoreKind};

use super::desk::{Desk, View};
use super::feeders::Feeders;
use super::moves::{Move, moves};
use super::net::{CLIENTS, REPLICAS, name};
use super::operator::{Operator, Order};
use super::{Environment, Machines, Planted, Refused, check, simulates_store};
use crate::oracle::{Invariant, Violation};
use crate::plan::{Fault, Kind, Plan, Substrate};
use crate::stream::Stream;
use crate::trace::{Death, Fact, Tracer};

/// The Unix time at which every run begins.
const UNIX_ZERO_NS: u64 = 1_700_000_000_000_000_000;
/// The shortest scaled time: nodes refuse shorter ones.
const SHORTEST: Span = Span::from_millis(1);
/// The time a stop waits for its replicas, as on the fast tier.
const STOP_WAIT: Span = Span::from_secs(10);
/// An operation that no node has accepted for so long after the last was due counts as never accepted.
const WRITES_LAST_US: u64 = 10_000_000;

/// Plays one plan.
pub(crate) struct Director {
    pub(super) desk: Arc<Desk>,
    moves: Vec<(u64, Move)>,
    made: usize,
    /// How much faster than simulated time the processes' clocks run.
    scale: u64,
    /// The directory for the stores on real disks; it is removed after the run.
    disks: Option<tempfile::TempDir>,
    boots: Vec<u64>,
    wipes: Vec<u64>,
    /// The number of faults that keep each node down.
    downs: Vec<u32>,
    pub(super) tracer: Tracer,
    pub(super) healed_us: Option<u64>,
    written_us: Option<u64>,
    pub(super) converged_us: Option<u64>,
    pub(super) violation: Option<Violation>,
}

impl Director {
    /// Returns a director for a plan that can be played here, its shared state, and its operator.
    pub(crate) fn new(
        plan: &Plan,
        on: Substrate,
        environment: Arc<dyn Environment>,
        scale: u64,
        keeps_facts: bool,
        planted: Planted,
    ) -> Result<(Self, Operator), Refused> {
        check(plan, on)?;
        let machine = |error: std::io::Error| Refused::Machine(error.to_string());
        let on_a_real_disk = |node: &usize| plan.nodes[*node].disk && !simulates_store(plan, on, *node);
        let disks = (0..plan.nodes.len()).any(|node| on_a_real_disk(&node));
        let disks = disks.then(tempfile::tempdir).transpose().map_err(machine)?;
        let (orders, taken) = mpsc::unbounded_channel();
        let desk = Arc::new(Desk::new(plan, on, environment, orders, planted));
        let (nodes, machines) = (plan.nodes.len(), desk.machines());
        let director = Self {
            desk: Arc::clone(&desk),
            moves: moves(plan),
            made: 0,
            scale,
            disks,
            boots: vec![0; machines],
            wipes: vec![0; machines],
            downs: vec![0; nodes],
            tracer: Tracer::new(keeps_facts),
            healed_us: None,
            written_us: None,
            converged_us: None,
            violation: None,
        };
        let options = director.options(0);
        options.check().map_err(|error| Refused::Options(error.to_string()))?;
        Ok((director, Operator { desk, orders: taken }))
    }

    pub(crate) fn desk(&self) -> Arc<Desk> {
        Arc::clone(&self.desk)
    }

    /// Makes the moves that are due; returns true if the run is over.
    pub(crate) fn advance(&mut self, now_us: u64, machines: &mut dyn Machines) -> bool {
        while let Some((at_us, next)) = self.moves.get(self.made).copied().filter(|next| next.0 <= now_us) {
            self.hear();
            self.made += 1;
            self.make(at_us.max(now_us), next, machines);
        }
        self.hear();
        self.judge(now_us);
        self.is_over(now_us)
    }

    /// Returns the time of the next move, for a caller that sleeps until then.
    pub(crate) fn next_us(&self) -> Option<u64> {
        self.moves.get(self.made).map(|next| next.0)
    }

    // --- moves -----------------------------------------------------------------------------------------------------

    fn make(&mut self, now_us: u64, next: Move, machines: &mut dyn Machines) {
        match next {
            Move::Start(node) => self.start(node, machines),
            Move::Begin(index) => self.begin(now_us, index, machines),
            Move::End(index) => {
                self.desk.weather.end(index);
                if self.fault(index).kind == Kind::Twin {
                    self.end_twin(index, machines);
                }
                let node = self.fault(index).node;
                self.record(now_us, node, &Fact::FaultEnded { index });
            }
            Move::Cut(index) => self.desk.weather.strike(index),
            Move::Down(index) => self.down(now_us, index, machines),
            Move::Up(index) => {
                let node = self.fault(index).node;
                self.downs[node] = self.downs[node].saturating_sub(1);
                if self.downs[node] == 0 {
                    self.start(node, machines);
                }
            }
            Move::Heal => {
                self.desk.weather.calm();
                self.healed_us = Some(now_us);
                self.record(now_us, 0, &Fact::Healed);
            }
        }
    }

    fn fault(&self, index: usize) -> Fault {
        self.desk.plan.faults[index]
    }

    fn begin(&mut self, now_us: u64, index: usize, machines: &mut dyn Machines) {
        let fault = self.fault(index);
        self.record(now_us, fault.node, &Fact::FaultBegan { index });
        if fault.kind.shape().lasts {
            self.desk.weather.begin(index);
        }
        if matches!(fault.kind, Kind::Cut | Kind::CutAfter | Kind::Fin | Kind::BlackHole | Kind::Flip) {
            self.desk.weather.strike(index);
        }
        if fault.kind == Kind::Twin {
            self.start(self.desk.twin(index), machines);
        }
        let node = fault.node;
        if matches!(fault.kind, Kind::Promote | Kind::Usurp) {
            let tells = fault.kind == Kind::Promote;
            // The operator lives until the run ends.
            self.desk.orders.send(Order::Promote { node, fault: index, tells }).ok();
        }
        if fault.kind == Kind::Follow {
            self.desk.orders.send(Order::Follow { node, upstream: fault.peer, fault: Some(index) }).ok();
        }
    }

    fn down(&mut self, now_us: u64, index: usize, machines: &mut dyn Machines) {
        let fault = self.fault(index);
        let node = fault.node;
        self.downs[node] += 1;
        if !self.desk.weather.is_alive(node) {
            return;
        }
        self.desk.weather.took_effect(index);
        if fault.kind == Kind::Stop {
            machines.stop(node);
            return;
        }
        let dark = matches!(fault.kind, Kind::PowerLoss | Kind::Torn);
        let how = if dark { Death::PowerLoss } else { Death::Killed };
        self.desk.weather.set_alive(node, false);
        self.desk.weather.set_dark(node, dark);
        machines.kill(node);
        self.desk.disks[node].iter().for_each(|disk| disk.end(fault.kind, fault.amount));
        self.wipes[node] += u64::from(fault.kind == Kind::Wipe);
        self.record(now_us, node, &Fact::Died { how });
    }

    /// Ends the second process; the operator makes the first dial again, or starts it.
    fn end_twin(&mut self, index: usize, machines: &mut dyn Machines) {
        let (twin, node) = (self.desk.twin(index), self.fault(index).node);
        self.desk.weather.set_alive(twin, false);
        machines.kill(twin);
        self.desk.disks[twin].iter().for_each(|disk| disk.end(Kind::Twin, 0));
        let upstream = self.desk.sheet().upstreams[node];
        if !self.desk.weather.is_alive(node) && self.downs[node] == 0 && self.boots[node] > 0 {
            self.start(node, machines);
        } else if let Some(upstream) = upstream {
            // The operator lives until the run ends.
            self.desk.orders.send(Order::Follow { node, upstream, fault: None }).ok();
        }
    }

    fn start(&mut self, node: usize, machines: &mut dyn Machines) {
        if node < self.desk.plan.nodes.len() {
            let mut sheet = self.desk.sheet();
            let installed = sheet.views[node].take().map_or(0, |view| view.installed);
            sheet.installed_before[node] += installed;
        }
        if node < self.desk.plan.nodes.len() {
            let (now_us, upstream) = (self.desk.environment.now_us(), self.desk.sheet().upstreams[node]);
            self.desk.weather.feeders(|feeders| feeders.starts(now_us, node, upstream));
        }
        self.desk.weather.set_dark(node, false);
        self.boots[node] += 1;
        machines.start(node, self.options(node));
    }

    fn store(&self, machine: usize) -> StoreKind {
        let node = self.desk.node_of(machine);
        match &self.disks {
            _ if !self.desk.plan.nodes[node].disk => StoreKind::Memory,
            // A wiped node gets another directory: the process that is killed may still close its files.
            Some(disks) => StoreKind::Disk(disks.path().join(format!("n{machine}-{}", self.wipes[machine]))),
            // No store is opened there.
            None => StoreKind::Disk(PathBuf::new()),
        }
    }

    /// Returns the options of a process that starts now on this machine.
    fn options(&self, machine: usize) -> Options {
        let plan = &self.desk.plan;
        let node = self.desk.node_of(machine);
        let mut core = plan.knobs.options();
        for span in [
            &mut core.beat,
            &mut core.idle,
            &mut core.handshake,
            &mut core.linger,
            &mut core.reconnect_window,
            &mut core.redial_min,
            &mut core.redial_max,
        ] {
            *span = Span((span.0 / self.scale).max(span.0.min(SHORTEST.0)));
        }
        let boot = self.boots[machine];
        let frame = core.check().map_or(0, |config| u64::from(config.frame_bytes_max()));
        let driver = towline_driver::Options {
            replication: Some(name(machine, REPLICAS)),
            upstream: self.desk.sheet().upstreams[node].map(|upstream| name(upstream, REPLICAS)),
            core,
            node: Some(plan.nodes[node].id),
            spool_bytes: plan.knobs.spool.max(frame),
            seed: Some(Stream::new(plan.seed, &format!("driver:{machine}:{boot}")).seed()),
            unix_zero_ns: Some(UNIX_ZERO_NS + self.desk.environment.now_us() * 1_000),
            stop_wait: Span(STOP_WAIT.0 / self.scale),
            ..towline_driver::Options::default()
        };
        let (listen, store) = (vec![name(machine, CLIENTS)], self.store(machine));
        Options { driver, listen, store, ..Options::default() }
    }

    // --- watching and judging --------------------------------------------------------------------------------------

    pub(super) fn record(&mut self, t_us: u64, node: usize, fact: &Fact) {
        self.tracer.record(t_us, node, fact);
    }

    /// Takes the facts that operator, processes and disks have reported.
    pub(super) fn hear(&mut self) {
        let facts = std::mem::take(&mut self.desk.sheet().facts);
        for (t_us, node, fact) in facts {
            self.record(t_us, node, &fact);
        }
        for node in 0..self.desk.plan.nodes.len() {
            let facts = self.desk.disks[node].as_ref().map(|disk| disk.facts());
            for (t_us, fact) in facts.unwrap_or_default() {
                self.record(t_us, node, &fact);
            }
        }
    }

    fn judge(&mut self, now_us: u64) {
        if self.violation.is_some() {
            return;
        }
        let misfed = self.desk.weather.feeders(Feeders::wrong).map(|(t_us, node, from)| {
            let name = |node: usize| &self.desk.plan.nodes[node].name;
            let text = format!("{} follows {}, and its operator named another", name(node), name(from));
            Violation { invariant: Invariant::O1, t_us, node, text }
        });
        self.violation = self.desk.sheet().violated.take().or(misfed);
        if self.violation.is_some() {
            return;
        }
        let Some(healed_us) = self.healed_us else { return };
        let ops = self.desk.plan.trains.iter().map(|train| train.count).sum::<u64>();
        if self.written_us.is_none() && self.desk.sheet().written >= ops {
            self.written_us = Some(now_us);
        }
        let due_us = healed_us.max(self.desk.plan.ops_end_us());
        let since_us = self.written_us.unwrap_or(due_us + WRITES_LAST_US).max(due_us);
        let apart = match self.written_us {
            None => Some((self.desk.sheet().primary, "an operation is not accepted".to_owned())),
            Some(_) => self.apart(since_us),
        };
        match apart {
            None => self.converged_us = self.converged_us.or(Some(now_us)),
            Some((node, text)) => {
                self.converged_us = None;
                if now_us > since_us + self.desk.plan.converge_budget_us() {
                    self.violation = Some(Violation { invariant: Invariant::V1, t_us: now_us, node, text });
                }
            }
        }
    }

    /// Returns the first core node that differs from what all must agree on, and how; by statuses read after
    /// `since_us`.
    fn apart(&self, since_us: u64) -> Option<(usize, String)> {
        let sheet = self.desk.sheet();
        let plan = &self.desk.plan;
        let fresh = |node: usize| sheet.views[node].as_ref().filter(|view| view.t_us > since_us);
        let Some(leader) = fresh(sheet.primary) else {
            return Some((sheet.primary, "the primary does not report its status".to_owned()));
        };
        for node in (0..plan.nodes.len()).filter(|node| plan.nodes[*node].core) {
            let Some(view) = fresh(node) else {
                return Some((node, "it does not report its status".to_owned()));
            };
            let role = if sheet.upstreams[node].is_none() { Role::Primary } else { Role::Replica };
            let View { offset, digest, link, .. } = view;
            let same = (*offset, *digest) == (leader.offset, leader.digest);
            let linked = view.role == Role::Primary || link.starts_with("streaming");
            if !same || view.role != role || !linked || !self.desk.weather.is_alive(node) {
                let text = format!(
                    "{:?} at {offset}, digest {digest:032x}, link {link}; it should be {role:?} at {}, {:032x}",
                    view.role, leader.offset, leader.digest
                );
                return Some((node, text));
            }
        }
        None
    }

    fn is_over(&self, now_us: u64) -> bool {
        let calm_us = 2 * self.desk.plan.knobs.beat;
        self.violation.is_some() || self.converged_us.is_some_and(|since_us| now_us > since_us + calm_us)
    }
}
