//! Counters of the server, beside those of the driver and the core; and facts that INFO shows with them.

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
    /// The number of calls of each command, for INFO.
    pub(crate) counts: Counts,
    /// Connections accepted, and refused because there were too many.
    pub(crate) connections: u64,
    /// See [`Self::connections`].
    pub(crate) refused_connections: u64,
    /// Bytes read from clients, and written to them.
    pub(crate) client_bytes: (u64, u64),
    /// The rate at which commands and those bytes come.
    rate: Rate,
    /// Keys that a primary deleted because they had expired.
    pub(crate) expired_keys: u64,
    /// Facts that are fixed at the start.
    pub(crate) facts: Facts,
}

/// Facts about a server that are fixed at its start.
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
    /// Silent connections are probed after so many seconds; 0 for never.
    pub(crate) tcp_keepalive_s: u64,
    /// Set on a real machine, whose usage INFO may show; a simulated process must be the same every time.
    pub(crate) is_real: bool,
    /// The most memory that clients' buffers and the store's own caches take, in bytes.
    pub(crate) bytes_max: u64,
}

impl Counters {
    pub(crate) fn new(facts: Facts) -> Self {
        Self { facts, ..Self::default() }
    }

    /// Begins a turn.
    pub(crate) fn begin_turn(&mut self, now: Time) {
        let counted = self.counted();
        self.rate.begin_turn(now, counted);
    }

    /// Returns the counts of [`Rate`], per second, up to now.
    pub(crate) fn a_second(&self, now: Time) -> Counted {
        self.rate.a_second(now, self.counted())
    }

    const fn counted(&self) -> Counted {
        [self.commands, self.client_bytes.0, self.client_bytes.1]
    }
}
