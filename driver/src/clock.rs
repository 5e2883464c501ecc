//! The driver's clocks: the runtime's monotonic time, and the wall clock.
//!
//! Everything that takes a while (beats, silence, lags, the time in a batch, which rises) follows the first. Key expiry
//! and TIME follow the wall clock, which is read once a turn, so that a turn sees one moment; it may be set while the
//! driver runs. A driver that is given its Unix time derives the wall clock from the first, so that a simulated runtime
//! simulates both.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;
use towline_core::{Span, Time};

/// The longest time that a step of the wall clock may go unseen while nothing else is due.
const UNSEEN: Span = Span::from_secs(1);

/// A function that returns Unix time in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub struct WallClock(pub fn() -> u64);

impl PartialEq for WallClock {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for WallClock {}

/// Monotonic time since the start, and Unix time at this turn.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
    unix_zero_ns: u64,
    /// Read each turn; without one, Unix time is derived from the start.
    wall: Option<WallClock>,
    /// This turn's time, and the wall clock's reading at it.
    turn: Time,
    turn_unix_ns: u64,
}

impl Clock {
    /// Makes a clock that starts now. With a Unix time in nanoseconds for its start it runs on from there by the
    /// monotonic time; else it follows `wall`, or the machine's wall clock.
    #[must_use]
    pub fn start(unix_zero_ns: Option<u64>, wall: Option<WallClock>) -> Self {
        let wall = wall.unwrap_or(WallClock(machine_unix_ns));
        let (zero, wall) = unix_zero_ns.map_or_else(|| ((wall.0)(), Some(wall)), |zero| (zero, None));
        Self { start: Instant::now(), unix_zero_ns: zero, wall, turn: Time::ZERO, turn_unix_ns: zero }
    }

    /// Returns the time for the core.
    #[must_use]
    pub fn now(&self) -> Time {
        Time(whole_ns(self.start.elapsed()))
    }

    /// Begins a turn: reads both clocks, for all of it.
    pub fn begin_turn(&mut self) -> Time {
        self.turn = self.now();
        self.turn_unix_ns = match self.wall {
            Some(WallClock(read)) => read(),
            None => self.unix_zero_ns.saturating_add(self.turn.0),
        };
        self.turn
    }

    /// Returns Unix time at the core's zero, in nanoseconds, as it was read then.
    #[must_use]
    pub const fn unix_zero_ns(&self) -> u64 {
        self.unix_zero_ns
    }

    /// Returns Unix time of this turn, in milliseconds.
    #[must_use]
    pub const fn unix_ms(&self) -> u64 {
        self.turn_unix_ns / 1_000_000
    }

    /// Returns Unix time of this turn, in microseconds.
    #[must_use]
    pub const fn unix_us(&self) -> u64 {
        self.turn_unix_ns / 1000
    }

    /// Returns when to check whether Unix time has reached `ms`: at that moment, or sooner, because the wall clock may
    /// be set.
    #[must_use]
    pub fn look_at_unix_ms(&self, ms: u64) -> Time {
        let ahead = Span(ms.saturating_mul(1_000_000).saturating_sub(self.turn_unix_ns));
        let derived = self.wall.is_none();
        self.turn + if derived { ahead } else { ahead.min(UNSEEN) }
    }

    /// Returns the runtime's name for a time of the core; far ones are as good as never.
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

/// Reads the machine's wall clock.
fn machine_unix_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, whole_ns)
}
