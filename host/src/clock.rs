//! The server's one clock: the runtime's monotonic time, and Unix time derived from it.
//!
//! Both come from one place so that they never disagree, and so that a simulated runtime simulates both. The wall
//! clock is read once, at the start; what an operator does to it afterwards moves nothing here.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use towline_core::Time;

/// Monotonic time since the start, and Unix time at the start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    unix_zero_ns: u64,
}

impl Clock {
    /// A clock that starts now, at this Unix time in nanoseconds; the machine's own when none is given.
    #[must_use]
    pub fn start(unix_zero_ns: Option<u64>) -> Self {
        Self { start: Instant::now(), unix_zero_ns: unix_zero_ns.unwrap_or_else(machine_unix_ns) }
    }

    /// Time for the core.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(whole_ns(self.start.elapsed()))
    }

    /// Unix time at the core's zero, in nanoseconds.
    #[must_use]
    pub const fn unix_zero_ns(&self) -> u64 {
        self.unix_zero_ns
    }

    /// Unix time in milliseconds at `now`.
    #[must_use]
    pub const fn unix_ms(&self, now: Time) -> u64 {
        self.unix_zero_ns.saturating_add(now.0) / 1_000_000
    }

    /// The same in microseconds.
    #[must_use]
    pub const fn unix_us(&self, now: Time) -> u64 {
        self.unix_zero_ns.saturating_add(now.0) / 1000
    }

    /// When Unix time will be `ms`, or zero if that lies before the start.
    #[must_use]
    pub const fn at_unix_ms(&self, ms: u64) -> Time {
        Time(ms.saturating_mul(1_000_000).saturating_sub(self.unix_zero_ns))
    }

    /// The runtime's name for a time of the core; far ones are as good as never.
    #[must_use]
    pub fn instant(&self, at: Time) -> Instant {
        const FAR: Duration = Duration::from_secs(3600);
        let ahead = Duration::from_nanos(at.0).min(self.start.elapsed() + FAR);
        self.start + ahead
    }
}

fn whole_ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// The one look at the wall clock.
fn machine_unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, whole_ns)
}
