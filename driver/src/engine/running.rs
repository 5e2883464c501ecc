//! The start of an engine, and the handle of a running one.
//!
//! Order of a start: options are checked, addresses are bound, the node is made, the task runs. A failure before the
//! last step leaves nothing running.
//!
//! A dropped [`Running`] is a killed one: nothing is flushed.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use towline_core::{Boot, Config, Cursor, Input, Node, NodeId, Role};
use tracing::warn;

use super::Engine;
use super::application::Application;
use super::links::buffer_bytes_max;
use super::mailbox::{Arrival, Mailbox};
use super::receive::Receive;
use super::replicated::{Facts, ReplicatedStore};
use super::upstream::Upstream;
use crate::clock::Clock;
use crate::connection::Acceptor;
use crate::error::{RunError, StartError};
use crate::metrics::{self, Scraped};
use crate::options::Options;
use crate::store::{Spool, Store};
use crate::transport::{Listener, Net};

/// Connections to the replication address that the node refuses itself, beyond those it has room for.
const REFUSED: usize = 2;
/// The memory of a spool in a file.
const SPOOL_FILE_BYTES: u64 = 1 << 20;

/// A running engine with its application.
pub struct Running<A: Application> {
    engine: JoinSet<Result<(), RunError>>,
    /// Tasks that accept connections.
    acceptors: JoinSet<()>,
    mailbox: Mailbox<A>,
    replication_addr: Option<String>,
    metrics_addr: Option<String>,
    node: NodeId,
    memory_bound_bytes: u64,
    /// Set when a task that accepts connections is gone.
    half: bool,
}

impl<A: Application> std::fmt::Debug for Running<A> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Running").field("node", &self.node).finish_non_exhaustive()
    }
}

/// The listeners that options name.
struct Listeners {
    replicas: Option<Box<dyn Listener>>,
    metrics: Option<Box<dyn Listener>>,
}

impl<A: Application> Running<A>
where
    A::Report: Scraped,
{
    /// Starts an engine over a store that is open. `application` makes the program on top, once nothing can fail any
    /// more.
    ///
    /// # Errors
    /// The first option that cannot work, or address that cannot be listened on.
    pub async fn start(
        options: &Options,
        net: Arc<dyn Net>,
        store: A::Store,
        application: impl FnOnce(&Mailbox<A>) -> A,
    ) -> Result<Self, StartError> {
        let config = options.check_on(&*net)?;
        let seed = options.seed.map_or_else(random_seed, Ok)?;
        let listeners = Listeners::open(options, &*net).await?;
        let addr = |listener: &Option<Box<dyn Listener>>| listener.as_ref().map(|listener| listener.addr());
        let (replication_addr, metrics_addr) = (addr(&listeners.replicas), addr(&listeners.metrics));
        let replicated = open(options, config, seed, store, replication_addr.clone())?;
        let (mailbox, arrivals) = Mailbox::new();
        let mut running = Self {
            engine: JoinSet::new(),
            acceptors: JoinSet::new(),
            mailbox: mailbox.clone(),
            replication_addr,
            metrics_addr,
            node: replicated.node.stats().node,
            memory_bound_bytes: replicated.memory_bound_bytes(),
            half: false,
        };
        let application = application(&mailbox);
        let throttle = (options.join_hold, options.stop_wait);
        let engine = Engine::new(replicated, application, throttle, net, (mailbox, arrivals));
        running.engine.spawn(engine.run());
        running.serve(listeners, options, config.link_ids());
        Ok(running)
    }

    fn serve(&mut self, listeners: Listeners, options: &Options, links: u32) {
        if let Some(listener) = listeners.replicas {
            let room = options.accepted_max.unwrap_or(links) as usize + REFUSED;
            let acceptor =
                Acceptor::new(Arc::new(Semaphore::new(room)), None, options.accepted_max.is_some());
            let mailbox = self.mailbox.clone();
            self.spawn(acceptor.accept(listener, move |transport, peer| {
                let mailbox = mailbox.clone();
                async move { mailbox.connect_replica(transport, peer).await }
            }));
        }
        if let Some(listener) = listeners.metrics {
            let mailbox = self.mailbox.clone();
            self.spawn(metrics::serve(listener, mailbox));
        }
    }
}

impl<A: Application> Running<A> {
    /// Runs a task that the driver needs: if it panics, the driver stops.
    pub fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.acceptors.spawn(task);
    }

    /// Returns the address at which replicas connect.
    #[must_use]
    pub fn replication_addr(&self) -> Option<&str> {
        self.replication_addr.as_deref()
    }

    /// Returns the address at which Prometheus asks.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<&str> {
        self.metrics_addr.as_deref()
    }

    /// Returns this node's id.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Returns the most memory the driver took or was allowed to take when it started, in bytes; the status shows the
    /// bound as it moves.
    #[must_use]
    pub const fn memory_bound_bytes(&self) -> u64 {
        self.memory_bound_bytes
    }

    /// Returns a mailbox, by which other tasks reach engine and application.
    #[must_use]
    pub const fn mailbox(&self) -> &Mailbox<A> {
        &self.mailbox
    }

    /// Waits until it stops, by itself or on request. May be dropped and called again.
    ///
    /// # Errors
    /// The reason why it stopped.
    pub async fn wait(&mut self) -> Result<(), RunError> {
        let ended = loop {
            tokio::select! {
                biased;
                ended = self.engine.join_next() => break match ended {
                    Some(Ok(verdict)) => verdict,
                    Some(Err(_)) | None => Err(RunError::Gone),
                },
                // Without one of its ports it would be half a driver: it stops in order, and reports that it failed.
                Some(Err(_)) = self.acceptors.join_next() => {
                    self.half = true;
                    self.stop().await;
                }
            }
        };
        self.acceptors.shutdown().await;
        if self.half { ended.and(Err(RunError::Gone)) } else { ended }
    }

    /// Begins to stop in order; [`wait`](Self::wait) ends when it has. Nothing new is begun. It waits for the own disk
    /// as long as that accepts writes, for connected replicas at most [`Options::stop_wait`].
    pub async fn stop(&self) {
        // If the channel is closed, it has stopped.
        self.mailbox.sender.send(Arrival::Stop).await.ok();
    }

    /// Ends a stop's waits; [`wait`](Self::wait) returns the rest as left over.
    pub async fn give_up(&self) {
        // If the channel is closed, it has stopped.
        self.mailbox.sender.send(Arrival::GiveUp).await.ok();
    }

    /// Stops in order: see [`stop`](Self::stop).
    ///
    /// # Errors
    /// It had stopped for a reason of its own, or something that was answered is not kept or not received.
    pub async fn shutdown(mut self) -> Result<(), RunError> {
        self.stop().await;
        self.wait().await
    }

    /// Stops at once, as `kill -9` would: nothing is flushed, no peer gets a goodbye.
    pub async fn kill(mut self) {
        self.engine.shutdown().await;
        self.acceptors.shutdown().await;
    }
}

// --- parts of a start --------------------------------------------------------------------------------------------

impl Listeners {
    async fn open(options: &Options, net: &dyn Net) -> Result<Self, StartError> {
        let mut opened = Self { replicas: None, metrics: None };
        for (option, addr, listener) in [
            ("replication", &options.replication, &mut opened.replicas),
            ("metrics", &options.metrics, &mut opened.metrics),
        ] {
            let Some(addr) = addr else { continue };
            let failed = |source| StartError::Listen { option, addr: addr.clone(), source };
            *listener = Some(net.listen(addr).await.map_err(failed)?);
        }
        if let Some(addr) = options.exposed(net) {
            warn!(
                "insecure: replication {addr}: no password is asked for, all who can reach it may read and write"
            );
        }
        Ok(opened)
    }
}

/// Returns a seed from the operating system.
///
/// # Errors
/// The operating system has no random numbers.
pub fn random_seed() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Random(error.to_string()))?;
    Ok(seed)
}

/// Returns a word of the seed, for ids and numbers that only need to differ each time.
#[must_use]
pub fn seed_word(seed: &[u8; 32], at: usize) -> u64 {
    seed[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// Makes the node over its store.
fn open<S: Store>(
    options: &Options,
    config: Config,
    seed: [u8; 32],
    mut store: S,
    replication_addr: Option<String>,
) -> Result<ReplicatedStore<S>, StartError> {
    if config.options().persists && store.persistence().is_none() {
        let why = "persists: this store has no persistence, so nothing could ever be reported as persisted";
        return Err(StartError::Store(why.to_owned()));
    }
    let spool = match &options.spool_dir {
        Some(dir) => {
            Spool::file(dir, options.spool_bytes).map_err(|error| StartError::Store(error.to_string()))?
        }
        None => Spool::memory(options.spool_bytes),
    };
    let spool_memory_bytes = match options.spool_dir {
        Some(_) => SPOOL_FILE_BYTES,
        // Batches that were under way when it was full are kept too.
        None => options.spool_bytes + config.options().window_bytes + u64::from(config.frame_bytes_max()),
    };
    let clock = Clock::start(options.unix_zero_ns, options.wall_clock);
    let role = if options.upstream.is_some() { Role::Replica } else { Role::Primary };
    let name = NodeId(options.node.unwrap_or(seed_word(&seed, 24).max(1)));
    let boot = Boot { node: name, seed, role, unix_zero: clock.unix_zero_ns(), cursor: store.cursor() };
    let damaged =
        |error| StartError::Store(format!("the store's own place in its history is damaged: {error}"));
    let mut node = Node::new(config, boot).map_err(damaged)?;
    if role == Role::Replica && options.adopt {
        // A node that has just been made refuses nothing.
        node.handle(clock.now(), Input::Follow { adopt: true }).ok();
    }
    let newest = store.cursor().and_then(Cursor::newest).unwrap_or_default();
    let facts = Facts {
        replication_addr,
        peers: vec![None; config.link_ids() as usize],
        persisted: config.options().persists.then_some(newest),
        buffers_bytes_max: buffer_bytes_max(&config) + spool_memory_bytes,
    };
    let upstream = Upstream::new(options.upstream.clone(), options.stop_if_foreign);
    Ok(ReplicatedStore::new(node, store, clock, Receive::new(spool), upstream, facts))
}
