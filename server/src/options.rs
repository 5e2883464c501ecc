//! The options of a server, and their bounds.

use std::path::PathBuf;
use std::time::Duration;

use towline_core::{Config, Options as CoreOptions};
use towline_driver::transport::Net;
use towline_driver::{StartError, at_least};

use crate::web::{self, Web};

/// The default of redis.
const TCP_KEEPALIVE: Duration = Duration::from_secs(300);

/// The place of the data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StoreKind {
    /// In memory only: gone with the process.
    #[default]
    Memory,
    /// In a directory, which one process at a time may use.
    Disk(PathBuf),
}

/// The options of a server. Start from `Options::default()` and change what matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Replication: the upstream, the address for replicas, the core's own options. The server sets `core.persists`,
    /// `spool_dir` and, for a store on disk, `node`, as its store needs them.
    pub driver: towline_driver::Options,
    /// The addresses for clients: the first free one is used. Without any there are no clients.
    pub listen: Vec<String>,
    /// The place of the data.
    pub store: StoreKind,
    /// The most clients at the same time.
    pub clients_max: u32,
    /// The most file descriptors this server may use. If they are too few for the promised connections, fewer clients
    /// and replicas are accepted, and a log line at the start says so. None: not checked.
    pub descriptors: Option<u64>,
    /// The most bytes of unread requests and unsent replies of all clients together, beyond a small part for each.
    pub client_bytes: u64,
    /// A client that sends no request for longer is closed; without it none is.
    pub timeout: Option<Duration>,
    /// A TCP connection that is silent for so long is probed, and ended when no answer comes; without it only writes
    /// show that a peer has vanished.
    pub tcp_keepalive: Option<Duration>,
    /// The page for browsers, and the address where their tabs connect as replicas; without it none can.
    pub web: Option<Web>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            driver: towline_driver::Options::default(),
            listen: vec!["127.0.0.1:7000".to_owned()],
            store: StoreKind::Memory,
            clients_max: 1000,
            descriptors: None,
            client_bytes: 256 << 20,
            timeout: None,
            tcp_keepalive: Some(TCP_KEEPALIVE),
            web: None,
        }
    }
}

impl Options {
    /// Checks everything that can be checked before anything is opened.
    ///
    /// # Errors
    /// The first option that cannot work, with its value and the bound it breaks.
    pub fn check(&self) -> Result<Config, StartError> {
        let config = self.driver().check()?;
        at_least("clients_max", self.clients_max.into(), 1)?;
        // The longest request and the longest reply of one client.
        at_least("client_bytes", self.client_bytes, 4 * u64::from(config.frame_bytes_max()))?;
        if let Some(Web { addr, .. }) = &self.web
            && !web::check(addr)
        {
            return Err(StartError::Exposed { option: "web", addr: addr.clone() });
        }
        Ok(config)
    }

    /// Checks the same, and that no address can be reached from other machines without the driver's `insecure`.
    ///
    /// # Errors
    /// The first option that cannot work.
    pub fn check_on(&self, net: &dyn Net) -> Result<Config, StartError> {
        let config = self.check()?;
        match self.exposed(net).next() {
            Some(addr) if !self.driver.insecure => {
                Err(StartError::Exposed { option: "listen", addr: addr.to_owned() })
            }
            Some(_) | None => self.driver.check_on(net).map(|_| config),
        }
    }

    /// Returns the driver's options, with those that follow from the store.
    pub(crate) fn driver(&self) -> towline_driver::Options {
        // Only a disk keeps anything through a power cut; without one no persisted offset is reported, not even 0.
        let persists = matches!(self.store, StoreKind::Disk(_));
        let driver = &self.driver;
        towline_driver::Options { core: CoreOptions { persists, ..driver.core }, ..driver.clone() }
    }

    /// Returns the addresses for clients that other machines can reach.
    pub(crate) fn exposed(&self, net: &dyn Net) -> impl Iterator<Item = &str> {
        self.listen.iter().map(String::as_str).filter(|addr| !net.is_private(addr))
    }
}
