//! File descriptors: how many a server may need, and how many clients and replicas a limit leaves room for.
//!
//! Every accepted socket counts against its kind's part of the limit ([`Room`]), from its acceptance until it is
//! closed. So no kind can take the descriptors of another: clients cannot keep status, metrics or replicas from being
//! served.

use std::sync::Arc;

use tokio::sync::Semaphore;
use towline_driver::application::SCRAPES;
use towline_driver::connection::Acceptor;
use tracing::warn;

use crate::command::reply;
use crate::options::Options;
use crate::service::surplus::PLACES;
use crate::web::VISITS;

/// The process's own: streams, runtime, listeners, the store's files, a dial, a probe, and connections that are being
/// refused with a reason.
const OWN: u64 = 32 + Acceptor::REFUSED_MAX as u64;
/// Clients beyond the limit, which read the status, and clients whose last replies still leave.
const LEAVING: u64 = 4 + 2 * PLACES as u64;
/// Connections to the replication address that are being refused.
const REFUSED: u64 = 2;

/// The connections there is room for.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    /// Clients at the same time: the promised number, or what the limit leaves of it.
    pub(crate) clients_max: u32,
    /// The reason why a further client is refused.
    pub(crate) why: String,
    pub(crate) clients: Arc<Semaphore>,
    /// Replication connections, if there is a limit at all.
    pub(crate) replicas: Option<u32>,
}

impl Room {
    /// Returns the error that a further client gets.
    pub(crate) fn refusal(&self) -> Vec<u8> {
        let mut out = Vec::new();
        reply::error(&mut out, &format!("ERR max number of clients reached: {}", self.why));
        out
    }

    /// Returns the room that the limit leaves for the options, and logs a line if that is less than promised. `links`
    /// is the most replication connections there may be.
    pub(crate) fn new(options: &Options, links: u32) -> Self {
        let (promised, links) = (u64::from(options.clients_max), u64::from(links));
        let (clients, replicas) = match options.descriptors {
            None => (promised, links),
            Some(limit) => part(limit, beside(options), promised, links),
        };
        let clients_max = u32::try_from(clients).unwrap_or(u32::MAX);
        let mut why = format!("{clients_max} clients are connected, the most that clients_max allows");
        if let Some(limit) = options.descriptors
            && (clients < promised || replicas < links)
        {
            let needed = beside(options) + promised + links;
            warn!(
                "{limit} file descriptors where {needed} may be needed: room for {clients} of {promised} clients and \
                 {replicas} of {links} replication links; raise the hard limit (ulimit -Hn) or lower clients_max"
            );
            why = format!(
                "{clients_max} clients are connected, all that {limit} file descriptors leave room for"
            );
        }
        let permits =
            |number: u64| Arc::new(Semaphore::new(usize::try_from(number).unwrap_or(Semaphore::MAX_PERMITS)));
        Self {
            clients_max,
            why,
            clients: permits(clients + LEAVING),
            replicas: options.descriptors.map(|_| u32::try_from(replicas).unwrap_or(u32::MAX)),
        }
    }
}

/// Returns how many are needed beside clients and replication links.
fn beside(options: &Options) -> u64 {
    let watchers = |there: bool, number: usize| if there { number as u64 } else { 0 };
    OWN + LEAVING
        + REFUSED
        + watchers(options.driver.metrics.is_some(), SCRAPES)
        + watchers(options.web.is_some(), VISITS)
}

/// Returns clients and replication links within a limit; where it is too small for all, the links get a quarter.
fn part(limit: u64, beside: u64, clients: u64, links: u64) -> (u64, u64) {
    let left = limit.saturating_sub(beside);
    if left >= clients + links {
        return (clients, links);
    }
    let links = links.min((left / 4).max(2));
    (clients.min(left.saturating_sub(links).max(1)), links)
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_limit_is_parted_between_clients_and_links() {
        assert_eq!(part(2_000, 50, 1_000, 64), (1_000, 64));
        assert_eq!(part(1_114, 50, 1_000, 64), (1_000, 64));
        assert_eq!(part(1_113, 50, 1_000, 64), (999, 64));
        assert_eq!(part(90, 50, 1_000, 64), (30, 10));
        assert_eq!(part(20, 50, 1_000, 64), (1, 2));
    }
}
