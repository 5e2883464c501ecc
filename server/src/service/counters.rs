//! Counts of the server, beside those of the driver and the core; and facts that INFO shows with them.

use towline_core::Time;

use super::rate::{Counted, Rate};
use crate::command::Counts;

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// Commands processed.
    pub(crate) commands: u64,
    /// Clients connected now.
    pub(crate) clients: u64,
    /// How often each command ran, for INFO.
    pub(crate) counts: Counts,
    /// Connections taken, and refused because there were too many.
    pub(crate) connections: u64,
    /// See [`Self::connections`].
    pub(crate) refused_connections: u64,
    /// Bytes read from clients, and written to them.
    pub(crate) client_bytes: (u64, u64),
    /// How fast commands and those bytes come.
    rate: Rate,
    /// Keys a primary deleted because their time had come.
    pub(crate) expired_keys: u64,
    /// Facts that stand since the start.
    pub(crate) facts: Facts,
}

/// Facts about a server that stand since its start.
#[derive(Debug, Default, Clone)]
pub(crate) struct Facts {
    /// The address at which clients connect.
    pub(crate) client_addr: Option<String>,
    /// "memory" or "disk".
    pub(crate) store: &'static str,
    /// The most clients at a time.
    pub(crate) clients_max: u32,
    /// Idle clients are closed after so many seconds; 0 for never.
    pub(crate) timeout_s: u64,
    /// Silent connections are asked for a sign of life after so many seconds; 0 for never.
    pub(crate) tcp_keepalive_s: u64,
    /// This process runs on a real machine, of which INFO may tell; a simulated one must be the same every time.
    pub(crate) is_real: bool,
    /// The most memory that clients' buffers and the store's own caches take, in bytes.
    pub(crate) bytes_max: u64,
}

impl Counters {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&mut self, now: Time) {
        let counted = self.counted();
        self.rate.begin_turn(now, counted);
    }

    /// Returns what is counted by [`Rate`], per second, up to now.
    pub(crate) fn a_second(&self, now: Time) -> Counted {
        self.rate.a_second(now, self.counted())
    }

    const fn counted(&self) -> Counted {
        [self.commands, self.client_bytes.0, self.client_bytes.1]
    }
}
