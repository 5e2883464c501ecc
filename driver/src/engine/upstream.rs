//! The upstream as the operator sees it: its address, the state of the link to it, and the last fault.
//!
//! A fault that repeats at every attempt is logged once, and again when its reason changes or after a join. The result
//! of a dial counts only while the address is still the same (`generation`).

use std::io;
use std::sync::Arc;

use tokio::task::JoinSet;
use towline_core::{Fault, NodeId, Role, Span, Stats};
use tracing::{info, warn};

use super::application::Application;
use super::mailbox::{Arrival, Mailbox};
use crate::error::RunError;
use crate::status::UpstreamState;
use crate::transport::Net;

/// The longest time for a dial.
const DIAL_TIMEOUT: Span = Span::from_secs(5);

/// Beats of an upstream without news of a primary, after which it counts as having none.
const STALE_BEATS: u32 = 4;

/// The upstream and the state of the link to it.
#[derive(Debug, Default)]
pub(crate) struct Upstream {
    addr: Option<String>,
    generation: u64,
    /// A fault that stays until a join or the operator's next command.
    latched: Option<UpstreamState>,
    fault: Option<String>,
    said: Option<String>,
    joined: bool,
    /// Set when it was logged that no primary is above.
    rootless: bool,
    stop_if_foreign: bool,
    /// The reason why the driver must stop.
    pub(crate) stop: Option<RunError>,
}

impl Upstream {
    pub(crate) fn new(addr: Option<String>, stop_if_foreign: bool) -> Self {
        Self { addr, stop_if_foreign, ..Self::default() }
    }

    /// Records that this node is a primary.
    pub(crate) fn none(&mut self) {
        *self = Self { generation: self.generation + 1, ..Self::default() };
    }

    /// Sets another upstream, on the operator's command.
    pub(crate) fn turn_to(&mut self, addr: &str) {
        *self = Self { addr: Some(addr.to_owned()), generation: self.generation + 1, ..Self::default() };
    }

    pub(crate) fn addr(&self) -> Option<&str> {
        self.addr.as_deref()
    }

    pub(crate) fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }

    pub(crate) fn is_current(&self, generation: u64) -> bool {
        self.generation == generation
    }

    pub(crate) fn state(&self, stats: &Stats) -> UpstreamState {
        match stats.role {
            Role::Primary => return UpstreamState::None,
            Role::Replica => {}
        }
        if let Some(latched) = self.latched {
            return latched;
        }
        let rootless = stats.stale_beats >= STALE_BEATS;
        match (stats.upstream, stats.receiving_pieces, stats.streaming) {
            (None, _, _) => UpstreamState::Connecting,
            (Some(_), Some(_), _) => UpstreamState::Snapshot,
            (Some(_), None, _) if rootless => UpstreamState::NoPrimary,
            (Some(_), None, true) => UpstreamState::Streaming,
            (Some(_), None, false) => UpstreamState::Waiting,
        }
    }

    /// Logs once that no primary is above, and once that one is again.
    pub(crate) fn watch(&mut self, stats: &Stats) {
        let addr = self.addr.as_deref().unwrap_or("the upstream");
        match self.state(stats) {
            UpstreamState::NoPrimary if !self.rootless => {
                warn!(
                    "no primary upstream: {addr} is connected, and passes on no news of a primary; \
                     the nodes above follow each other, or have lost theirs"
                );
                self.rootless = true;
            }
            UpstreamState::Streaming | UpstreamState::Snapshot if self.rootless => {
                info!("{addr} has a primary upstream again");
                self.rootless = false;
            }
            UpstreamState::None
            | UpstreamState::Connecting
            | UpstreamState::Waiting
            | UpstreamState::Snapshot
            | UpstreamState::Streaming
            | UpstreamState::NoPrimary
            | UpstreamState::HistoryDiffers
            | UpstreamState::IdentityClash => {}
        }
    }

    /// Connects, on a task of its own.
    pub(crate) fn dial<A: Application>(
        &self,
        net: &Arc<dyn Net>,
        tasks: &mut JoinSet<()>,
        mailbox: &Mailbox<A>,
    ) {
        let Some(addr) = self.addr.clone() else { return };
        let (net, arrivals, generation) = (Arc::clone(net), mailbox.sender.clone(), self.generation);
        tasks.spawn(async move {
            let limit = std::time::Duration::from_nanos(DIAL_TIMEOUT.0);
            let result = match tokio::time::timeout(limit, net.dial(&addr)).await {
                Ok(Ok(transport)) => Ok(transport),
                Ok(Err(error)) => Err(plain(&error)),
                Err(_) => Err("no answer in time".to_owned()),
            };
            // If the channel is closed, the engine has stopped.
            arrivals.send(Arrival::Dialled { generation, addr, result }).await.ok();
        });
    }

    /// Records that a dial failed.
    pub(crate) fn unreachable(&mut self, addr: &str, why: &str) {
        let text = format!("cannot reach {addr}: {why}");
        if self.news(&text) {
            warn!("{text}; trying again");
        }
    }

    pub(crate) fn joined(&mut self, node: NodeId, from: u64) {
        let addr = self.addr.as_deref().unwrap_or("the upstream");
        info!("joined {addr} (node {node}) at {from}");
        (self.latched, self.fault, self.said, self.joined) = (None, None, None, true);
    }

    /// Records that the link to the upstream was ended by a node.
    pub(crate) fn closed(&mut self, fault: Fault, by_peer: bool, stats: &Stats) {
        let addr = self.addr.clone().unwrap_or_default();
        let text = if by_peer { format!("{addr} says: {fault}") } else { format!("{addr}: {fault}") };
        let first = self.news(&text);
        if fault == Fault::HistoryDiffers {
            self.foreign(addr, stats, first);
        } else if fault == Fault::IdentityClash {
            self.clash(stats.node, first);
        } else if fault == Fault::SameNode && self.generation == 0 {
            self.stop = Some(RunError::FollowsItself { upstream: addr });
        } else if first {
            warn!("{text}; trying again");
        }
    }

    /// Records that the link broke.
    pub(crate) fn lost(&mut self, why: &str) {
        let addr = self.addr.as_deref().unwrap_or_default();
        let text = format!("lost {addr}: {why}");
        if self.news(&text) {
            warn!("{text}; trying again");
        }
    }

    fn foreign(&mut self, addr: String, stats: &Stats, first: bool) {
        let (ours, theirs) = (stats.history, stats.upstream_history);
        self.latched = Some(UpstreamState::HistoryDiffers);
        if self.stop_if_foreign && !self.joined {
            self.stop = Some(RunError::HistoryDiffers { upstream: addr, ours, theirs });
        } else if first {
            warn!(
                "history differs: {addr} has {theirs}, the data here {ours}, which stays and is served; \
                 REPLICAOF or --adopt replaces it"
            );
        }
    }

    fn clash(&mut self, node: NodeId, first: bool) {
        self.latched = Some(UpstreamState::IdentityClash);
        if !self.joined {
            self.stop = Some(RunError::IdentityClash { node });
        } else if first {
            warn!("another process uses node id {node}: not dialling again until REPLICAOF");
        }
    }

    /// Remembers a fault; returns true if it differs from the last one.
    fn news(&mut self, text: &str) -> bool {
        self.fault = Some(text.to_owned());
        let news = self.said.as_deref() != Some(text);
        self.said = Some(text.to_owned());
        news
    }
}

/// Returns an error's text without the system's number.
pub(crate) fn plain(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ConnectionRefused {
        return "connection refused".to_owned();
    }
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}
