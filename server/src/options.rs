//! What a server is told at its start, and why a start can fail.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use towline_core::{Config, ConfigError, HistoryId, NodeId, Options as CoreOptions, Span};

use crate::web::{self, Web};
use towline_driver::WallClock;
use towline_driver::transport::Net;

/// Pieces under way to this node. The store takes them as they come, so this covers the time an acknowledgement takes
/// between two busy processes. Between two bounds: with 1 MiB a snapshot beside a full stream came four times slower
/// than with 8 MiB, and with 8 MiB the stream waits behind so many pieces that it falls back itself.
const PIECE_WINDOW_BYTES: u64 = 4 << 20;

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
    /// Where clients connect: the first of these that is free. None means no clients.
    pub listen: Vec<String>,
    /// Where replicas connect; without it this node feeds nobody.
    pub replication: Option<String>,
    /// The replication address of the upstream; without it this node is a primary.
    pub upstream: Option<String>,
    /// Take over the upstream's history even where ours is another: our data is replaced.
    pub adopt: bool,
    /// When the upstream's first answer is that its history is another, stop with
    /// [`ServeError::HistoryDiffers`] instead of serving on and asking again.
    pub stop_if_foreign: bool,
    /// Where the data lives.
    pub store: StoreKind,
    /// The core's own options: backlog, windows, limits, times.
    pub core: CoreOptions,
    /// This node's name. Without one a directory's name is kept in it, and a memory store's is drawn.
    pub node: Option<u64>,
    /// Clients at the same time.
    pub clients_max: u32,
    /// How many file descriptors this server may use. Where they are too few for all that is promised, fewer clients
    /// and replicas are let in, and that is said at the start. None: not looked at.
    pub descriptors: Option<u64>,
    /// What clients' unread requests and untaken replies may take beyond a small part for each, all together.
    pub client_bytes: u64,
    /// A client that asks nothing for longer is closed; without it none is.
    pub timeout: Option<Duration>,
    /// A TCP connection on which nothing came for so long is asked for a sign of life, and ended when none comes;
    /// without it a peer that vanished is noticed by writes alone.
    pub tcp_keepalive: Option<Duration>,
    /// The stream that rides along with a snapshot is kept up to this many bytes.
    pub spool_bytes: u64,
    /// Where Prometheus asks.
    pub metrics: Option<String>,
    /// Whether `listen` and `replication` may be addresses that other machines can reach: there is no password.
    pub insecure: bool,
    /// What browsers are served, and where their tabs connect as replicas; without it none can.
    pub web: Option<Web>,
    /// Whether clients write no faster than a joining replica takes, so that it keeps its stream.
    pub join_hold: bool,
    /// How long an orderly stop waits for connected replicas to receive everything.
    pub stop_wait: Span,
    /// The dice of this start; the operating system's when not given.
    pub seed: Option<[u8; 32]>,
    /// Unix time at the start in nanoseconds, from where it runs on by itself; else the wall clock is followed.
    pub unix_zero_ns: Option<u64>,
    /// The wall clock; the machine's when not given.
    pub wall_clock: Option<WallClock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: vec!["127.0.0.1:7000".to_owned()],
            replication: None,
            upstream: None,
            adopt: false,
            stop_if_foreign: false,
            store: StoreKind::Memory,
            core: CoreOptions { piece_window_bytes: PIECE_WINDOW_BYTES, ..CoreOptions::default() },
            node: None,
            clients_max: 1000,
            descriptors: None,
            client_bytes: 256 << 20,
            timeout: None,
            tcp_keepalive: Some(TCP_KEEPALIVE),
            spool_bytes: 256 << 20,
            metrics: None,
            insecure: false,
            web: None,
            join_hold: true,
            stop_wait: Span::from_secs(10),
            seed: None,
            unix_zero_ns: None,
            wall_clock: None,
        }
    }
}

impl Options {
    /// Checks what can be checked before anything is opened.
    ///
    /// # Errors
    /// The first option that cannot work, with its value and the bound it breaks.
    pub fn check(&self) -> Result<Config, StartError> {
        let least = |option, value: u64, bound: u64| {
            if value >= bound {
                return Ok(());
            }
            Err(StartError::Config(ConfigError { option, value, bound, relation: "must be at least" }))
        };
        // Only a disk keeps anything through a power cut; of a memory store nobody claims 0.
        let persists = matches!(self.store, StoreKind::Disk(_));
        // And no store here goes back: a fork is answered by a snapshot. Whoever claimed more would wait for ever.
        let core = CoreOptions { persists, can_rewind: false, ..self.core };
        let config = core.check().map_err(StartError::Config)?;
        least("clients_max", self.clients_max.into(), 1)?;
        // The longest request and the longest reply of one client.
        least("client_bytes", self.client_bytes, 4 * u64::from(config.frame_bytes_max()))?;
        least("spool_bytes", self.spool_bytes, config.frame_bytes_max().into())?;
        if let Some(Web { addr, .. }) = &self.web
            && !web::check(addr)
        {
            return Err(StartError::Exposed { option: "web", addr: addr.clone() });
        }
        if self.node == Some(0) {
            least("node", 0, 1)?;
        }
        Ok(config)
    }

    /// Checks the same, and that nobody is let in from other machines on this net without [`Options::insecure`].
    ///
    /// # Errors
    /// The first option that cannot work.
    pub fn check_on(&self, net: &dyn Net) -> Result<Config, StartError> {
        let config = self.check()?;
        match self.exposed(net).next() {
            Some((option, addr)) if !self.insecure => {
                Err(StartError::Exposed { option, addr: addr.to_owned() })
            }
            Some(_) | None => Ok(config),
        }
    }

    /// The addresses for clients and replicas that other machines can reach, each with its option.
    pub(crate) fn exposed(&self, net: &dyn Net) -> impl Iterator<Item = (&'static str, &str)> {
        let listen = self.listen.iter().map(|addr| ("listen", addr.as_str()));
        let replication = self.replication.iter().map(|addr| ("replication", addr.as_str()));
        listen.chain(replication).filter(|(_, addr)| !net.is_private(addr))
    }
}

/// The same port, for this machine alone.
fn loopback(addr: &str) -> String {
    let port = addr.rsplit_once(':').map_or("7000", |(_, port)| port);
    format!("127.0.0.1:{port}")
}

/// Why a server did not start: one clear line each.
#[derive(Debug)]
pub enum StartError {
    /// An option that cannot work.
    Config(ConfigError),
    /// An address that cannot be listened on.
    Listen {
        /// Which option named it.
        option: &'static str,
        /// The address.
        addr: String,
        /// Why.
        source: io::Error,
    },
    /// An address that other machines can reach, where nobody is asked for a password.
    Exposed {
        /// Which option named it.
        option: &'static str,
        /// The address.
        addr: String,
    },
    /// The store cannot be opened: in use, damaged, not permitted. The text names the directory and the cause.
    Store(String),
    /// The operating system has no dice.
    Dice(String),
}

impl fmt::Display for StartError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => error.fmt(out),
            Self::Listen { option, addr, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(out, "{option}: {addr} is in use by another process")
            }
            Self::Listen { option, addr, source } => {
                write!(out, "{option}: cannot listen on {addr}: {source}")
            }
            Self::Exposed { option, addr } => {
                write!(
                    out,
                    "{option}: {addr} can be reached from other machines and asks for no password: "
                )?;
                write!(out, "use a loopback address, like {}", loopback(addr))?;
                match *option {
                    "web" => Ok(()),
                    _ => out.write_str(", or the option insecure if all who reach it may read and write"),
                }
            }
            Self::Store(why) => out.write_str(why),
            Self::Dice(why) => write!(out, "no random numbers from the operating system: {why}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Config(error) => Some(error),
            Self::Listen { source, .. } => Some(source),
            Self::Exposed { .. } | Self::Store(_) | Self::Dice(_) => None,
        }
    }
}

/// Why a server that had started stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServeError {
    /// See [`Options::stop_if_foreign`].
    HistoryDiffers {
        /// The upstream's address.
        upstream: String,
        /// The history of our data.
        ours: HistoryId,
        /// The upstream's history.
        theirs: HistoryId,
    },
    /// The upstream it was started with is its own replication address.
    FollowsItself {
        /// The address.
        upstream: String,
    },
    /// Another process uses this node's name.
    IdentityClash {
        /// The name.
        node: NodeId,
    },
    /// It stopped in order, and not all that was answered is kept here and received by its replicas.
    LeftOver(LeftOver),
    /// The server's task is gone without an answer: it panicked, or its runtime stopped.
    Gone,
}

impl fmt::Display for ServeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HistoryDiffers { upstream, ours, theirs } => {
                write!(out, "{upstream} has another history ({theirs}) than the data here ({ours}): ")?;
                out.write_str("follow it with --adopt to replace the data here")
            }
            Self::FollowsItself { upstream } => {
                write!(out, "{upstream} is this node itself: name the replication address of its primary")
            }
            Self::IdentityClash { node } => write!(out, "another process uses node id {node}"),
            Self::LeftOver(left) => write!(out, "stopped, but {left}"),
            Self::Gone => out.write_str("the server's task ended without an answer"),
        }
    }
}

impl std::error::Error for ServeError {}

/// Something that was answered, and that a stop left behind.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LeftOver {
    /// Records that are not on the own disk.
    pub unkept: Option<Unkept>,
    /// Replicas that were connected when the stop began, and have not received everything.
    pub lacking: Vec<Lacking>,
}

/// Records that were answered and are not on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unkept {
    /// The first.
    pub from: u64,
    /// The offset after the last.
    pub end: u64,
    /// Why they are not.
    pub why: String,
}

/// A replica that has not received everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lacking {
    /// Its name.
    pub node: NodeId,
    /// Where it had connected from.
    pub addr: String,
    /// How many records it lacks; unknown if it never acknowledged any.
    pub records: Option<u64>,
}

impl LeftOver {
    /// Whether it is nothing.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.unkept.is_none() && self.lacking.is_empty()
    }
}

impl fmt::Display for LeftOver {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Unkept { from, end, why }) = &self.unkept {
            write!(out, "{} ({from} to {end}) not on disk here: {why}", counted(end - from))?;
        }
        for (number, lacking) in self.lacking.iter().enumerate() {
            let separator = if number > 0 || self.unkept.is_some() { "; " } else { "" };
            write!(out, "{separator}{lacking}")?;
        }
        Ok(())
    }
}

fn counted(records: u64) -> String {
    if records == 1 { "1 record".to_owned() } else { format!("{records} records") }
}

impl fmt::Display for Lacking {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, addr, records } = self;
        match records {
            Some(records) => write!(out, "replica {node} ({addr}) has not received {}", counted(*records)),
            None => write!(out, "replica {node} ({addr}) has not received its first snapshot"),
        }
    }
}
