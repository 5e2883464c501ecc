//! The options of a driver, and their bounds.

use std::path::PathBuf;

use towline_core::{Config, ConfigError, Options as CoreOptions, Span};

use crate::clock::WallClock;
use crate::error::StartError;
use crate::transport::Net;

/// Pieces under way to this node. The store takes them as they come, so this covers the time an acknowledgement takes
/// between two busy processes. Between two bounds: with 1 MiB a snapshot beside a full stream came four times slower
/// than with 8 MiB, and with 8 MiB the stream waits behind so many pieces that it falls back itself.
const PIECE_WINDOW_BYTES: u64 = 4 << 20;

/// The options of a driver. Start from `Options::default()` and change what matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The address at which replicas connect; without it this node has no replicas.
    pub replication: Option<String>,
    /// The replication address of the upstream; without it this node is a primary.
    pub upstream: Option<String>,
    /// Take over the upstream's history even where ours is another: our data is replaced.
    pub adopt: bool,
    /// Stop with [`RunError::HistoryDiffers`](crate::RunError::HistoryDiffers) when the upstream's first answer is that
    /// its history is another, instead of running on and asking again.
    pub stop_if_foreign: bool,
    /// The core's own options: backlog, windows, limits, times. `persists` (false unless set) means that the store has
    /// a [`Persistence`](crate::Persistence); `can_rewind` is ignored: a fork is answered with a snapshot.
    pub core: CoreOptions,
    /// This node's id, which no other node may ever have: two nodes of one id end each other's links. Without one it is
    /// drawn at each start, and upstreams remember each as another node.
    pub node: Option<u64>,
    /// The most bytes kept of the stream that arrives beside a snapshot.
    pub spool_bytes: u64,
    /// A directory of this process alone, in which that stream is kept in a file; without it in memory.
    pub spool_dir: Option<PathBuf>,
    /// The address at which Prometheus scrapes.
    pub metrics: Option<String>,
    /// Lets `replication` be an address that other machines can reach: there is no password.
    pub insecure: bool,
    /// Slow writes down to the rate at which a joining replica receives them, so that it keeps its stream.
    pub join_hold: bool,
    /// How long an orderly stop waits for connected replicas to receive everything.
    pub stop_wait: Span,
    /// The most replication connections at the same time, where file descriptors are few. Without it, as many as the
    /// node has links.
    pub accepted_max: Option<u32>,
    /// The seed of this start; the operating system's random numbers when not given.
    pub seed: Option<[u8; 32]>,
    /// Unix time at the start in nanoseconds, from which it runs on by itself; without it the wall clock is followed.
    pub unix_zero_ns: Option<u64>,
    /// The wall clock; the machine's when not given.
    pub wall_clock: Option<WallClock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            replication: None,
            upstream: None,
            adopt: false,
            stop_if_foreign: false,
            core: CoreOptions {
                persists: false,
                piece_window_bytes: PIECE_WINDOW_BYTES,
                ..CoreOptions::default()
            },
            node: None,
            spool_bytes: 256 << 20,
            spool_dir: None,
            metrics: None,
            insecure: false,
            join_hold: true,
            stop_wait: Span::from_secs(10),
            accepted_max: None,
            seed: None,
            unix_zero_ns: None,
            wall_clock: None,
        }
    }
}

impl Options {
    /// Checks everything that can be checked before anything is opened.
    ///
    /// # Errors
    /// The first option that cannot work, with its value and the bound it breaks.
    pub fn check(&self) -> Result<Config, StartError> {
        // A driver that claimed to rewind, over a store that cannot, would wait for ever.
        let core = CoreOptions { can_rewind: false, ..self.core };
        let config = core.check().map_err(StartError::Config)?;
        at_least("spool_bytes", self.spool_bytes, config.frame_bytes_max().into())?;
        if self.node == Some(0) {
            at_least("node", 0, 1)?;
        }
        Ok(config)
    }

    /// Checks the same, and that no address can be reached from other machines without [`Options::insecure`].
    ///
    /// # Errors
    /// The first option that cannot work.
    pub fn check_on(&self, net: &dyn Net) -> Result<Config, StartError> {
        let config = self.check()?;
        match self.exposed(net) {
            Some(addr) if !self.insecure => {
                Err(StartError::Exposed { option: "replication", addr: addr.to_owned() })
            }
            Some(_) | None => Ok(config),
        }
    }

    /// Returns the replication address, if other machines can reach it.
    pub(crate) fn exposed(&self, net: &dyn Net) -> Option<&str> {
        self.replication.as_deref().filter(|addr| !net.is_private(addr))
    }
}

/// Refuses an option's value below its bound.
///
/// # Errors
/// The value is below it.
pub fn at_least(option: &'static str, value: u64, bound: u64) -> Result<(), StartError> {
    if value >= bound {
        return Ok(());
    }
    Err(StartError::Config(ConfigError { option, value, bound, relation: "must be at least" }))
}
