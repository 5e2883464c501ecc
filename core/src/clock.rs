//! The node's clock: the host's newest time, and how much of the silence counts.
//!
//! Two readings. *Now* is the host's time, clamped so that it never runs back. *Alive* is the clock of silence: it
//! does not move while the host itself was away, so that a suspended laptop does not find every peer "silent": a gap
//! between two calls counts as at most one beat. A host that is called when it asked to be loses nothing by that: while
//! silence is measured, a node asks for a call each beat.

use crate::time::{Span, Time};

/// The clock stops here, 292 years on. A host that passes a later time means none; and at the end of all numbers
/// no deadline could be later than now: each would be due for ever.
const LATEST: Time = Time(u64::MAX / 2);

/// The node's clock.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    now: Time,
    slept: u64,
    unix_zero: u64,
    /// Calls whose time lay before an earlier one's.
    pub(crate) clamped: u64,
}

impl Clock {
    pub(crate) fn new(unix_zero: u64) -> Self {
        Self { now: Time::ZERO, slept: 0, unix_zero, clamped: 0 }
    }

    pub(crate) fn now(&self) -> Time {
        self.now
    }

    /// Returns the clock of silence.
    pub(crate) fn alive(&self) -> u64 {
        self.now.0 - self.slept
    }

    /// Returns when the clock of silence will show `alive`, if nobody sleeps.
    pub(crate) fn when(&self, alive: u64) -> Time {
        Time(alive.saturating_add(self.slept))
    }

    /// Returns how far ahead a time is, in nanoseconds; the past is past, and never stays never.
    pub(crate) fn until(&self, at: Time) -> u64 {
        if at == Time::NEVER { u64::MAX } else { at.since(self.now).0 }
    }

    /// Returns how long ago something was, on the clock of silence.
    pub(crate) fn silent(&self, alive: u64) -> u64 {
        self.alive().saturating_sub(alive)
    }

    /// Returns Unix time in nanoseconds.
    pub(crate) fn unix_ns(&self) -> u64 {
        self.unix_ns_at(self.now)
    }

    /// Returns Unix time in nanoseconds at a moment, which is no earlier than the newest one.
    pub(crate) fn unix_ns_at(&self, now: Time) -> u64 {
        self.unix_zero.saturating_add(now.max(self.now).0)
    }

    /// Moves the clock to the host's `now`.
    #[inline]
    pub(crate) fn advance(&mut self, now: Time, beat: Span) {
        if now <= self.now {
            self.clamped += u64::from(now < self.now);
            return;
        }
        let now = now.min(LATEST);
        self.slept += now.since(self.now + beat).0;
        self.now = now;
        debug_assert!(self.slept <= self.now.0, "no more silence than time");
    }
}
