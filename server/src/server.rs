//! A server: opened from options, running as one task, stopped in an orderly way or not at all.
//!
//! Order of a start: options are checked, the store is opened (which claims its directory), addresses are bound, the
//! driver starts. A failure before the last step leaves nothing running.
//!
//! A dropped [`Server`] is a killed one: nothing is flushed.

use std::sync::Arc;
use std::time::Duration;

use towline_core::NodeId;
use towline_driver::application::{Running, random_seed, seed_word};
use towline_driver::transport::{Net, Tcp};
use towline_driver::{RunError, StartError};

use crate::descriptors::Room;
use crate::inspection::Inspection;
use crate::listeners::Listeners;
use crate::name;
use crate::options::{Options, StoreKind};
use crate::service::Service;
use crate::service::clients::Clients;
use crate::service::counters::{Counters, Facts};
use crate::service::keys::Keys;
use crate::service::rng::Rng;
use crate::store::{DiskOptions, DiskStore, KeyValueStore, MemoryStore};
use crate::upstream;

/// A running server.
#[derive(Debug)]
pub struct Server {
    running: Running<Service>,
    client_addr: Option<String>,
    web_addr: Option<String>,
    /// The most memory of the server's own parts, in bytes.
    bytes_max: u64,
}

/// A store that was opened for a server.
struct Opened {
    store: Box<dyn KeyValueStore>,
    kind: &'static str,
    cache_bytes: u64,
}

impl Server {
    /// Starts a server on the machine's network.
    ///
    /// # Errors
    /// The reason why it cannot: one clear line.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let net = Tcp::with_keepalive(options.tcp_keepalive);
        Self::start_on(options, Arc::new(net)).await
    }

    /// Starts a server on any network.
    ///
    /// # Errors
    /// The reason why it cannot: one clear line.
    pub async fn start_on(options: Options, net: Arc<dyn Net>) -> Result<Self, StartError> {
        Self::begin(options, net, None).await
    }

    /// Starts a server on any network, over a store that is open already. The directory that [`Options::store`] names
    /// is not touched, but its kind still says whether anything survives a power cut.
    ///
    /// # Errors
    /// The reason why it cannot: one clear line.
    pub async fn start_over(
        options: Options,
        net: Arc<dyn Net>,
        store: Box<dyn KeyValueStore>,
    ) -> Result<Self, StartError> {
        Self::begin(options, net, Some(store)).await
    }

    async fn begin(
        options: Options,
        net: Arc<dyn Net>,
        store: Option<Box<dyn KeyValueStore>>,
    ) -> Result<Self, StartError> {
        let config = options.check_on(&*net)?;
        let seed = options.driver.seed.map_or_else(random_seed, Ok)?;
        let mut driver = options.driver();
        driver.seed = Some(seed);
        let opened = open(&options, &mut driver, &seed, store)?;
        let listeners = Listeners::open(&options, &*net).await?;
        let room = Room::new(&options, config.link_ids());
        driver.accepted_max = room.replicas;
        let counters = Counters::new(facts(&options, &opened, &listeners, &room));
        let rng = Rng::new(seed_word(&seed, 8));
        let mut clients = Clients::new(&options, &room, config.options().record_bytes_max, (counters, rng));
        let bytes_max = clients.bytes_bound() + opened.cache_bytes;
        clients.counters.facts.bytes_max = bytes_max;
        let (client_addr, web_addr) = (listeners.client_addr(), listeners.web_addr());
        let service = {
            let net = Arc::clone(&net);
            move |mailbox: &_| Service::new(clients, net, mailbox)
        };
        let mut running = Running::start(&driver, net, Keys::new(opened.store), service).await?;
        listeners.serve(&mut running, &room);
        Ok(Self { running, client_addr, web_addr, bytes_max })
    }

    /// Checks whether the options' upstream can be one, before anything is started. An address where nothing answers
    /// passes, because it may answer later.
    ///
    /// # Errors
    /// It can never be one; the text says why, and names the right address where one is known.
    pub async fn look_at_upstream(options: &Options) -> Result<(), String> {
        let (Some(addr), Ok(config)) = (&options.driver.upstream, options.check()) else { return Ok(()) };
        let seed = random_seed().map_err(|error| error.to_string())?;
        let node = options.driver.node.unwrap_or(seed_word(&seed, 24).max(1));
        upstream::look_at(&Tcp::default(), addr, &config, NodeId(node)).await
    }

    /// Returns the address at which clients connect.
    #[must_use]
    pub fn client_addr(&self) -> Option<&str> {
        self.client_addr.as_deref()
    }

    /// Returns the address at which replicas connect.
    #[must_use]
    pub fn replication_addr(&self) -> Option<&str> {
        self.running.replication_addr()
    }

    /// Returns the address at which Prometheus asks.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<&str> {
        self.running.metrics_addr()
    }

    /// Returns the address for browsers.
    #[must_use]
    pub fn web_addr(&self) -> Option<&str> {
        self.web_addr.as_deref()
    }

    /// Returns this node's id.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.running.node()
    }

    /// Returns the most memory this server took or was allowed to take when it started; the status shows the present
    /// bound.
    #[must_use]
    pub const fn memory_bound_bytes(&self) -> u64 {
        self.running.memory_bound_bytes() + self.bytes_max
    }

    /// Returns the present state.
    ///
    /// # Errors
    /// It has stopped.
    pub async fn inspect(&self) -> Result<Inspection, RunError> {
        self.running.mailbox().inspect().await.ok_or(RunError::Gone)
    }

    /// Waits until it stops by itself: a client sent SHUTDOWN, or it had to. May be dropped and called again.
    ///
    /// # Errors
    /// The reason why it stopped.
    pub async fn wait(&mut self) -> Result<(), RunError> {
        self.running.wait().await
    }

    /// Begins to stop in order; [`wait`](Self::wait) ends when it has. Nothing new is executed. It waits for the own
    /// disk as long as that accepts writes, for connected replicas at most the driver's `stop_wait`.
    pub async fn stop(&self) {
        self.running.stop().await;
    }

    /// Ends a stop's waits; [`wait`](Self::wait) returns the rest as left over.
    pub async fn give_up(&self) {
        self.running.give_up().await;
    }

    /// Stops in order: see [`stop`](Self::stop).
    ///
    /// # Errors
    /// It had stopped for a reason of its own, or something that was answered is not kept or not received.
    pub async fn shutdown(self) -> Result<(), RunError> {
        self.running.shutdown().await
    }

    /// Stops at once, as `kill -9` would: nothing is flushed, no peer gets a goodbye.
    pub async fn kill(self) {
        self.running.kill().await;
    }
}

// --- parts of a start --------------------------------------------------------------------------------------------

/// Opens the store, and sets the driver's options that follow from it.
fn open(
    options: &Options,
    driver: &mut towline_driver::Options,
    seed: &[u8; 32],
    given: Option<Box<dyn KeyValueStore>>,
) -> Result<Opened, StartError> {
    // Core, store and node id share the seed: only the core needs it to be hard to guess.
    let (random, drawn) = (seed_word(seed, 16), seed_word(seed, 24).max(1));
    match (&options.store, given) {
        (StoreKind::Disk(dir), None) => {
            let disk = DiskOptions::new(random);
            let store = DiskStore::open(dir, disk).map_err(|error| StartError::Store(error.to_string()))?;
            driver.node = Some(name::of_directory(dir, driver.node, drawn)?);
            driver.spool_dir = Some(dir.clone());
            Ok(Opened { store: Box::new(store), kind: "disk", cache_bytes: disk.cache_bytes as u64 })
        }
        (kind, given) => {
            let store = given.unwrap_or_else(|| Box::new(MemoryStore::new(random)));
            let kind = match kind {
                StoreKind::Memory => "memory",
                StoreKind::Disk(_) => "disk",
            };
            Ok(Opened { store, kind, cache_bytes: 0 })
        }
    }
}

/// Collects the fixed facts for the status.
fn facts(options: &Options, opened: &Opened, listeners: &Listeners, room: &Room) -> Facts {
    let seconds = |limit: Option<Duration>| limit.map_or(0, |limit| limit.as_secs());
    Facts {
        client_addr: listeners.client_addr(),
        store: opened.kind,
        clients_max: room.clients_max,
        timeout_s: seconds(options.timeout),
        tcp_keepalive_s: seconds(options.tcp_keepalive),
        is_real: options.driver.unix_zero_ns.is_none(),
        bytes_max: 0,
    }
}
