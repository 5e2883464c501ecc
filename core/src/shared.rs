//! The parts that every room of a node uses: the configuration, time, timers, pending events, counters.
//!
//! It belongs to none of them, so each is given it where it needs it.

use crate::clock::Clock;
use crate::config::Config;
use crate::counters::Counters;
use crate::deadline::{Deadlines, Timer};
use crate::events::Events;
use crate::time::{Span, Time};

/// The parts that the rooms share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) clock: Clock,
    pub(crate) timers: Deadlines,
    pub(crate) events: Events,
    pub(crate) counters: Counters,
}

clone_fields! { Shared { config, clock, timers, events, counters } }

impl Shared {
    pub(crate) fn new(config: Config, unix_zero: u64) -> Self {
        Self {
            config,
            clock: Clock::new(unix_zero),
            timers: Deadlines::new(&config),
            events: Events::new(&config),
            counters: Counters::default(),
        }
    }

    /// Arms a timer at a time, and strictly in the future.
    pub(crate) fn arm_later(&mut self, timer: Timer, at: Time) {
        self.timers.arm(timer, at.max(self.clock.now() + Span(1)));
    }
}
