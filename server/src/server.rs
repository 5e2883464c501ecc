//! A server: opened from options, running as one task, stopped in an orderly way or not at all.
//!
//! Order of a start: options are checked, the store is opened (which claims its directory), addresses are bound, the
//! node is made. Whatever fails before the last step leaves nothing running.
//!
//! A dropped [`Server`] is a killed one: nothing is flushed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use towline_core::{Boot, Config, Cursor, EpochOffset, Input, Node, NodeId, Role};

use crate::doors::Doors;
use crate::engine::Engine;
use crate::engine::arrival::{ARRIVALS_MAX, Arrival, Inspection};
use crate::engine::clients::Clients;
use crate::engine::heart::Heart;
use crate::engine::links::buffer_bytes_max;
use crate::engine::probe;
use crate::engine::receive::Receive;
use crate::engine::tally::Tally;
use crate::engine::turn::SPOOL_FILE_BYTES;
use crate::engine::upstream::Upstream;
use crate::metrics;
use crate::name;
use crate::options::{Options, ServeError, StartError, StoreKind};
use crate::store::{DiskOptions, DiskStore, MemoryStore, Store};
use towline_driver::Clock;
use towline_driver::store::Spool;
use towline_driver::transport::{Listener, Net, Tcp};

/// A running server.
#[derive(Debug)]
pub struct Server {
    engine: JoinSet<Result<(), ServeError>>,
    acceptors: JoinSet<()>,
    sender: mpsc::Sender<Arrival>,
    client_addr: Option<String>,
    replication_addr: Option<String>,
    metrics_addr: Option<String>,
    web_addr: Option<String>,
    node: NodeId,
    memory_bound_bytes: u64,
    /// A task that accepts connections is gone.
    half: bool,
}

/// What was opened for a server.
struct Opened {
    store: Box<dyn Store>,
    spool: Spool,
    node: NodeId,
    kind: &'static str,
    store_extra_bytes: u64,
    spool_memory_bytes: u64,
    persisted: Option<EpochOffset>,
}

impl Server {
    /// Starts a server on the machine's network.
    ///
    /// # Errors
    /// Why it cannot: one clear line.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let net = Tcp::with_keepalive(options.tcp_keepalive);
        Self::start_on(options, Arc::new(net)).await
    }

    /// Starts a server on any network.
    ///
    /// # Errors
    /// Why it cannot: one clear line.
    pub async fn start_on(options: Options, net: Arc<dyn Net>) -> Result<Self, StartError> {
        Self::begin(options, net, None).await
    }

    /// Starts a server over a store that is open already. What [`Options::store`] names is not touched, but its kind
    /// still says whether anything survives a power cut.
    ///
    /// # Errors
    /// Why it cannot: one clear line.
    #[doc(hidden)]
    pub async fn start_over(
        options: Options,
        net: Arc<dyn Net>,
        store: Box<dyn Store>,
    ) -> Result<Self, StartError> {
        Self::begin(options, net, Some(store)).await
    }

    async fn begin(
        options: Options,
        net: Arc<dyn Net>,
        store: Option<Box<dyn Store>>,
    ) -> Result<Self, StartError> {
        let config = options.check_on(&*net)?;
        let seed = options.seed.map_or_else(dice, Ok)?;
        let opened = open(&options, &config, &seed, store)?;
        let doors = Doors::open(&options, config.link_ids(), &*net).await?;
        let clock = Clock::start(options.unix_zero_ns, options.wall_clock);
        let addr = |listener: &Option<Box<dyn Listener>>| listener.as_ref().map(|listener| listener.addr());
        let clients = Clients::new(&options, &doors.room, config.options().record_bytes_max);
        let tally = counters(&options, &config, &opened, &doors, &clients);
        let node = boot(&options, config, &opened, &clock, seed)?;
        let upstream = Upstream::new(options.upstream.clone(), options.stop_if_foreign);
        let heart = Heart::new(
            node,
            opened.store,
            clock,
            Receive::new(opened.spool),
            upstream,
            tally,
            word(&seed, 8),
        );
        let (sender, arrivals) = mpsc::channel(ARRIVALS_MAX);
        let mut server = Self {
            engine: JoinSet::new(),
            acceptors: JoinSet::new(),
            sender: sender.clone(),
            client_addr: addr(&doors.clients),
            replication_addr: addr(&doors.replicas),
            metrics_addr: addr(&doors.metrics),
            web_addr: doors.web.as_ref().map(|(listener, _)| listener.addr()),
            node: opened.node,
            memory_bound_bytes: heart.status().memory_bound_bytes,
            half: false,
        };
        let engine = Engine::new(
            heart,
            clients,
            (options.join_hold, options.stop_wait),
            net,
            (sender.clone(), arrivals),
        );
        server.engine.spawn(engine.run());
        doors.serve(&mut server.acceptors, &sender);
        Ok(server)
    }

    /// Looks whether what the options name as upstream can be one, before anything is started: an address that nobody
    /// answers on can, for somebody may later.
    ///
    /// # Errors
    /// It never will; the text says why, and names the right address where one is known.
    pub async fn look_at_upstream(options: &Options) -> Result<(), String> {
        let (Some(addr), Ok(config)) = (&options.upstream, options.check()) else { return Ok(()) };
        let seed = dice().map_err(|error| error.to_string())?;
        let node = options.node.unwrap_or(word(&seed, 24).max(1));
        probe::look_at(Arc::new(Tcp::default()), addr, &config, NodeId(node)).await
    }

    /// Where clients connect.
    #[must_use]
    pub fn client_addr(&self) -> Option<&str> {
        self.client_addr.as_deref()
    }

    /// Where replicas connect.
    #[must_use]
    pub fn replication_addr(&self) -> Option<&str> {
        self.replication_addr.as_deref()
    }

    /// Where Prometheus asks.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<&str> {
        self.metrics_addr.as_deref()
    }

    /// Where browsers ask.
    #[must_use]
    pub fn web_addr(&self) -> Option<&str> {
        self.web_addr.as_deref()
    }

    /// This node's name.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// The most memory this server took or was allowed to take when it started; status shows the bound as it moves.
    #[must_use]
    pub const fn memory_bound_bytes(&self) -> u64 {
        self.memory_bound_bytes
    }

    /// How it stands now.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn inspect(&self) -> Result<Inspection, ServeError> {
        metrics::inspect(&self.sender).await.ok_or(ServeError::Gone)
    }

    /// Waits until it stops by itself: a client said SHUTDOWN, or there is a reason. May be given up and called again.
    ///
    /// # Errors
    /// Why it stopped.
    pub async fn wait(&mut self) -> Result<(), ServeError> {
        let ended = loop {
            tokio::select! {
                biased;
                ended = self.engine.join_next() => break match ended {
                    Some(Ok(verdict)) => verdict,
                    Some(Err(_)) | None => Err(ServeError::Gone),
                },
                // Without one of its ports a server only looks whole: it stops in order, and says that it failed.
                Some(Err(_)) = self.acceptors.join_next() => {
                    self.half = true;
                    self.stop().await;
                }
            }
        };
        self.acceptors.shutdown().await;
        if self.half { ended.and(Err(ServeError::Gone)) } else { ended }
    }

    /// Begins to stop in order; [`wait`](Self::wait) ends when it has. Nothing new is executed. The own disk is waited
    /// for as long as it takes, connected replicas for [`Options::stop_wait`] at most.
    pub async fn stop(&self) {
        // If nobody takes it, it has stopped.
        self.sender.send(Arrival::Shutdown).await.ok();
    }

    /// Stops, waiting for nothing more; what is left over is how [`wait`](Self::wait) ends.
    pub async fn give_up(&self) {
        // The same.
        self.sender.send(Arrival::GiveUp).await.ok();
    }

    /// Stops in order: see [`stop`](Self::stop).
    ///
    /// # Errors
    /// It had stopped for a reason of its own, or something that was answered is not kept or not received.
    pub async fn shutdown(mut self) -> Result<(), ServeError> {
        self.stop().await;
        self.wait().await
    }

    /// Stops at once, as `kill -9` would: nothing is flushed, nobody is told.
    pub async fn kill(mut self) {
        self.engine.shutdown().await;
        self.acceptors.shutdown().await;
    }
}

// --- what a start is made of ---------------------------------------------------------------------------------

fn dice() -> Result<[u8; 32], StartError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| StartError::Dice(error.to_string()))?;
    Ok(seed)
}

/// A word of the seed, for what needs to differ each time and no more.
fn word(seed: &[u8; 32], at: usize) -> u64 {
    seed[at..].first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

fn open(
    options: &Options,
    config: &Config,
    seed: &[u8; 32],
    given: Option<Box<dyn Store>>,
) -> Result<Opened, StartError> {
    // Core, store and node name share the seed: the core alone needs it to be hard to guess.
    let (dice, drawn) = (word(seed, 16), word(seed, 24).max(1));
    let failed = |error: std::io::Error| StartError::Store(error.to_string());
    let newest = |store: &dyn Store| store.cursor().and_then(Cursor::newest).unwrap_or_default();
    match (&options.store, given) {
        (StoreKind::Disk(dir), None) => {
            let disk = DiskOptions::new(dice);
            let store = DiskStore::open(dir, disk).map_err(failed)?;
            Ok(Opened {
                spool: Spool::file(dir, options.spool_bytes).map_err(failed)?,
                node: NodeId(name::of_directory(dir, options.node, drawn)?),
                kind: "disk",
                store_extra_bytes: disk.cache_bytes as u64,
                spool_memory_bytes: SPOOL_FILE_BYTES,
                persisted: Some(newest(&store)),
                store: Box::new(store),
            })
        }
        (kind, given) => {
            let store = given.unwrap_or_else(|| Box::new(MemoryStore::new(dice)));
            let (kind, persisted) = match kind {
                StoreKind::Memory => ("memory", None),
                StoreKind::Disk(_) => ("disk", Some(newest(&*store))),
            };
            Ok(Opened {
                store,
                spool: Spool::memory(options.spool_bytes),
                node: NodeId(options.node.unwrap_or(drawn)),
                kind,
                store_extra_bytes: 0,
                // What was under way when it was full is kept too.
                spool_memory_bytes: options.spool_bytes
                    + config.options().window_bytes
                    + u64::from(config.frame_bytes_max()),
                persisted,
            })
        }
    }
}

/// The counters of a server that has just been opened, and what it shows beside them.
fn counters(options: &Options, config: &Config, opened: &Opened, doors: &Doors, clients: &Clients) -> Tally {
    let addr = |listener: &Option<Box<dyn Listener>>| listener.as_ref().map(|listener| listener.addr());
    let seconds = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_secs());
    Tally {
        client_addr: addr(&doors.clients),
        replication_addr: addr(&doors.replicas),
        store: opened.kind,
        store_extra_bytes: opened.store_extra_bytes,
        spool_memory_bytes: opened.spool_memory_bytes,
        persisted: opened.persisted,
        peers: vec![None; config.link_ids() as usize],
        buffer_bytes_max: buffer_bytes_max(config) + clients.bytes_bound(),
        clients_max: doors.room.clients_max,
        timeout_s: seconds(options.timeout),
        tcp_keepalive_s: seconds(options.tcp_keepalive),
        real: options.unix_zero_ns.is_none(),
        ..Tally::default()
    }
}

fn boot(
    options: &Options,
    config: Config,
    opened: &Opened,
    clock: &Clock,
    seed: [u8; 32],
) -> Result<Node, StartError> {
    let role = if options.upstream.is_some() { Role::Replica } else { Role::Primary };
    let cursor = opened.store.cursor();
    let unix_zero = clock.unix_zero_ns();
    let boot = Boot { node: opened.node, seed, role, unix_zero, cursor };
    let damaged =
        |error| StartError::Store(format!("the store's own place in its history is damaged: {error}"));
    let mut node = Node::new(config, boot).map_err(damaged)?;
    if role == Role::Replica && options.adopt {
        // A node that has just been made refuses nothing.
        node.handle(clock.now(), Input::Follow { adopt: true }).ok();
    }
    Ok(node)
}
