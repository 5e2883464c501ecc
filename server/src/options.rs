//! The options of a server, and which of them cannot work.

use std::path::PathBuf;
use std::time::Duration;

use towline_core::{Config, Options as CoreOptions};
use towline_driver::transport::Net;
use towline_driver::{StartError, at_least};

use crate::web::{self, Web};

/// As redis has it.
const TCP_KEEPALIVE: Duration = Duration::from_secs(300);

/// Where the data lives.
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
    /// Replication: who is followed, where replicas connect, the core's own options. The server sets `core.persists`,
    /// `spool_dir` and, for a store on disk, `node`, as its store needs them.
    pub driver: towline_driver::Options,
    /// Where clients connect: the first of these that is free. None means no clients.
    pub listen: Vec<String>,
    /// Where the data lives.
    pub store: StoreKind,
    /// Clients at the same time.
    pub clients_max: u32,
    /// How many file descriptors this server may use. Where they are too few for all that is promised, fewer clients
    /// and replicas are let in, and that is said at the start. None: not looked at.
    pub descriptors: Option<u64>,
    /// Unread requests and untaken replies of clients may take so many bytes beyond a small part for each, all
    /// together.
    pub client_bytes: u64,
    /// A client that asks nothing for longer is closed; without it none is.
    pub timeout: Option<Duration>,
    /// A TCP connection on which nothing came for so long is asked for a sign of life, and ended when none comes;
    /// without it a peer that vanished is noticed by writes alone.
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
    /// Checks what can be checked before anything is opened.
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

    /// Checks the same, and that nobody is let in from other machines on this net without the driver's `insecure`.
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

    /// Returns the options of the driver, with what they owe to the store.
    pub(crate) fn driver(&self) -> towline_driver::Options {
        // Only a disk keeps anything through a power cut; of a memory store nobody claims 0.
        let persists = matches!(self.store, StoreKind::Disk(_));
        let driver = &self.driver;
        towline_driver::Options { core: CoreOptions { persists, ..driver.core }, ..driver.clone() }
    }

    /// Returns the addresses for clients that other machines can reach.
    pub(crate) fn exposed(&self, net: &dyn Net) -> impl Iterator<Item = &str> {
        self.listen.iter().map(String::as_str).filter(|addr| !net.is_private(addr))
    }
}
