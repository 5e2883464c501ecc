//! The state that director, operator and processes share, behind one lock.
//!
//! The operator's choice of the primary and of each node's upstream is here (`upstreams`, `primary`): it changes when a
//! node has said OK to the command, and a process that starts anew is configured with it.
//!
//! The first machines are the plan's nodes; those behind them are twins, one for each such fault, which nobody watches
//! or commands.

#![expect(
    clippy::disallowed_types,
    reason = "shared by the director and the tasks of one thread; never held while waiting"
)]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;
use towline_core::Role;
use towline_driver::RunError;
use towline_driver::transport::Net;
use towline_server::{Options, Server};

use super::operator::Order;
use super::store::Disk;
use super::waits::Durable;
use super::weather::Weather;
use super::{Environment, PlanNet, Planted, simulates_store};
use crate::oracle::{Invariant, Violation};
use crate::plan::{Kind, Plan, Substrate};
use crate::trace::{At, Death, Fact};

/// The status of a node, by its own report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct View {
    pub(super) t_us: u64,
    pub(super) role: Role,
    pub(super) offset: u64,
    pub(super) digest: u128,
    pub(super) epoch: u64,
    /// The link to its upstream, which should be `streaming`, and its last fault. Empty on a primary.
    pub(super) link: String,
    pub(super) installed: u64,
    /// The milliseconds for which it has held its clients' writes so far.
    pub(super) held_ms: u64,
    /// The longest of these pauses.
    pub(super) longest_ms: u64,
}

/// The part that changes.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) facts: Vec<(u64, usize, Fact)>,
    /// The last status of each node, by its newest process.
    pub(super) views: Vec<Option<View>>,
    /// Snapshots installed by its earlier processes.
    pub(super) installed_before: Vec<u64>,
    pub(super) upstreams: Vec<Option<usize>>,
    pub(super) primary: usize,
    /// Operations accepted, in order: the number of the next.
    pub(super) written: u64,
    /// The writes that were acknowledged as durable.
    pub(super) durable: Vec<Durable>,
    /// The first violation.
    pub(super) violated: Option<Violation>,
}

/// The shared state of a run.
pub(crate) struct Desk {
    pub(super) plan: Plan,
    pub(super) environment: Arc<dyn Environment>,
    pub(super) weather: Arc<Weather>,
    pub(super) orders: UnboundedSender<Order>,
    /// The simulated disks.
    pub(super) disks: Vec<Option<Arc<Disk>>>,
    /// Set where time is simulated, so that nothing takes time except by the plan.
    pub(super) exact: bool,
    planted: Planted,
    twins: Vec<usize>,
    sheet: Mutex<Sheet>,
}

impl Desk {
    pub(super) fn new(
        plan: &Plan,
        on: Substrate,
        environment: Arc<dyn Environment>,
        orders: UnboundedSender<Order>,
        planted: Planted,
    ) -> Self {
        let nodes = plan.nodes.len();
        let sheet = Sheet {
            facts: Vec::new(),
            views: vec![None; nodes],
            installed_before: vec![0; nodes],
            upstreams: plan.nodes.iter().map(|node| node.upstream).collect(),
            primary: plan.primary(),
            written: 0,
            durable: Vec::new(),
            violated: None,
        };
        let twins: Vec<usize> =
            plan.faults.iter().filter(|fault| fault.kind == Kind::Twin).map(|fault| fault.node).collect();
        let weather = Arc::new(Weather::new(plan, nodes + twins.len()));
        let disk = |(machine, node)| {
            let simulated = simulates_store(plan, on, node);
            simulated.then(|| Arc::new(Disk::new(plan, (machine, node), &environment, &weather, planted)))
        };
        let disks = (0..nodes).chain(twins.iter().copied()).enumerate().map(disk).collect();
        let (plan, exact, sheet) = (plan.clone(), on == Substrate::Turmoil, Mutex::new(sheet));
        Self { plan, environment, weather, orders, disks, exact, planted, twins, sheet }
    }

    /// Returns the node of the plan that a machine stands for.
    pub(super) fn node_of(&self, machine: usize) -> usize {
        machine.checked_sub(self.plan.nodes.len()).map_or(machine, |twin| self.twins[twin])
    }

    /// Returns true if another process has this node's id for a while.
    pub(super) fn has_twin(&self, node: usize) -> bool {
        self.twins.contains(&node)
    }

    /// Returns the machine of a fault that makes a twin.
    pub(super) fn twin(&self, fault: usize) -> usize {
        let before = &self.plan.faults[..fault];
        self.plan.nodes.len() + before.iter().filter(|fault| fault.kind == Kind::Twin).count()
    }

    pub(super) fn sheet(&self) -> MutexGuard<'_, Sheet> {
        self.sheet.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tell(&self, node: usize, fact: Fact) {
        if node >= self.plan.nodes.len() {
            return;
        }
        let t_us = self.environment.now_us();
        self.sheet().facts.push((t_us, node, fact));
    }

    fn broke(&self, node: usize, why: String) {
        let t_us = self.environment.now_us();
        self.weather.set_alive(node, false);
        if node >= self.plan.nodes.len() {
            return;
        }
        let violation = Violation { invariant: Invariant::X4, t_us, node, text: why };
        self.sheet().violated.get_or_insert(violation);
    }

    pub(crate) fn machines(&self) -> usize {
        self.disks.len()
    }

    /// Returns the net as one node sees it.
    pub(crate) fn net(&self, node: usize) -> PlanNet {
        let (environment, weather) = (Arc::clone(&self.environment), Arc::clone(&self.weather));
        PlanNet { environment, weather, node, planted: self.planted }
    }
}

/// The way a process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In order.
    Stop,
    /// At once.
    Kill,
}

/// Runs one process: starts it, watches it, ends it as asked.
pub(crate) async fn process(
    desk: Arc<Desk>,
    net: Arc<dyn Net>,
    node: usize,
    options: Options,
    ending: oneshot::Receiver<Ending>,
) {
    let started = match &desk.disks[node] {
        Some(disk) => Server::start_over(options, net, disk.open()).await,
        None => Server::start_on(options, net).await,
    };
    let mut server = match started {
        Ok(server) => server,
        Err(error) => return desk.broke(node, format!("did not start: {error}")),
    };
    let Ok(inspection) = server.inspect().await else { return desk.broke(node, "panicked".to_owned()) };
    let stats = inspection.status.driver.stats;
    desk.tell(node, Fact::Booted { role: stats.role, at: At { offset: stats.applied.0, chain: 0 } });
    desk.weather.set_alive(node, true);
    let ending = tokio::select! {
        biased;
        ending = ending => ending.unwrap_or(Ending::Kill),
        ended = server.wait() => {
            let clash = matches!(ended, Err(RunError::IdentityClash { .. }));
            if clash && desk.weather.ails(node, Kind::Twin).is_some() {
                // As it should: refused before it had joined, it stays away until its operator starts it again.
                desk.weather.set_alive(node, false);
                return desk.tell(node, Fact::Died { how: Death::Stopped });
            }
            let why = ended.err().map_or("stopped".to_owned(), |error| error.to_string());
            return desk.broke(node, format!("ended by itself: {why}"));
        }
    };
    match ending {
        // A new connection is refused while the node says goodbye.
        Ending::Stop => {
            desk.weather.set_alive(node, false);
            match server.shutdown().await {
                // A replica that was cut off lacks the rest.
                Ok(()) | Err(RunError::LeftOver(_)) => {}
                Err(error) => return desk.broke(node, format!("could not stop: {error}")),
            }
            desk.tell(node, Fact::Died { how: Death::Stopped });
        }
        Ending::Kill => server.kill().await,
    }
}
