//! Dialling an upstream: seeded, jittered, capped back-off that resets on progress, not on connect.
//!
//! States: *idle* (a link is open, or none is wanted), *backing off*, *wanted* (to be notified), *under way*, *stopped*
//! (until the host's next `Follow`).

use core::hash::{Hash, Hasher};

use crate::clock::Clock;
use crate::deadline::Timer;
use crate::error::Misuse;
use crate::events::NodeFact;
use crate::links::Links;
use crate::rng::SeededRng;
use crate::shared::Shared;
use crate::time::{Span, Time};

/// The state of the dialling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dial {
    /// A link is open, or none is wanted.
    Idle,
    /// No dial before this time.
    BackOff(Time),
    /// The host is to be notified.
    Wanted,
    /// The host dials.
    Under,
    /// Not until the host's next `Follow`.
    Stopped,
}

/// The dialling of the upstream.
#[derive(Debug, Clone)]
pub(crate) struct Dialer {
    state: Dial,
    /// Dials without progress since.
    attempt: u32,
    rng: SeededRng,
}

impl Dialer {
    pub(crate) fn new(rng: SeededRng) -> Self {
        Self { state: Dial::Idle, attempt: 0, rng }
    }

    pub(crate) fn print(&self, clock: &Clock, print: &mut impl Hasher) {
        let state = match self.state {
            Dial::Idle => (0_u8, 0),
            Dial::BackOff(at) => (1, clock.until(at)),
            Dial::Wanted => (2, 0),
            Dial::Under => (3, 0),
            Dial::Stopped => (4, 0),
        };
        (state, self.attempt, self.rng.drawn()).hash(print);
    }
}

impl Links {
    /// Dials at a time, which may be now.
    pub(crate) fn dial_at(&mut self, shared: &mut Shared, at: Time) {
        let now = shared.clock.now();
        if self.dialer.state == Dial::Stopped && at != now || self.shut {
            return;
        }
        if at <= now {
            self.dialer.state = Dial::Wanted;
            shared.events.notify_node(NodeFact::Dial);
        } else {
            self.dialer.state = Dial::BackOff(at);
            shared.timers.arm(Timer::Redial, at);
            debug_assert!(shared.timers.first().is_some_and(|first| first <= at), "a back-off ends");
        }
    }

    /// Dials at once, with the shortest pause after it: the host's own `Follow`.
    pub(crate) fn dial_anew(&mut self, shared: &mut Shared) {
        assert!(self.upstream.is_none(), "the link before was let go");
        self.dialer.attempt = 0;
        self.dial_at(shared, shared.clock.now());
    }

    pub(crate) fn redial_due(&mut self, shared: &mut Shared) {
        if let Dial::BackOff(at) = self.dialer.state {
            if at <= shared.clock.now() {
                self.dial_at(shared, shared.clock.now());
            } else {
                shared.timers.arm(Timer::Redial, at);
            }
        }
    }

    /// Lets the next dial wait: longer each time, and no less than the peer asked for.
    pub(crate) fn back_off(&mut self, shared: &mut Shared, retry_after: Span) {
        assert!(self.upstream.is_none(), "no dial while a link is open");
        if self.shut {
            self.dialer.state = Dial::Idle;
            return;
        }
        let (least, most) = (shared.config.options().redial_min.0, shared.config.options().redial_max.0);
        let doubled = least.saturating_mul(1 << self.dialer.attempt.saturating_sub(1).min(30)).min(most);
        let pause = self.dialer.rng.jitter(doubled).max(retry_after.0).max(1);
        self.dial_at(shared, shared.clock.now() + Span(pause));
    }

    /// Returns whether the host is dialling because it was asked to.
    pub(crate) fn may_fail_to_dial(&self) -> Result<(), Misuse> {
        if self.dialer.state == Dial::Under { Ok(()) } else { Err(Misuse::NotDialling) }
    }

    /// Dials no more for now.
    pub(crate) fn dial_no_more(&mut self) {
        self.dialer.state = Dial::Idle;
    }

    /// Dials no more until the host's next `Follow`.
    pub(crate) fn stop_dialling(&mut self) {
        self.dialer.state = Dial::Stopped;
    }

    /// Takes note that the upstream fed us: the next back-off is the shortest again.
    pub(crate) fn note_progress(&mut self) {
        self.dialer.attempt = 0;
    }

    /// Hands a wanted dial to the host. Returns how many came before it without progress.
    pub(crate) fn take_dial(&mut self) -> Option<u32> {
        if self.dialer.state != Dial::Wanted {
            return None;
        }
        assert!(self.upstream.is_none() && !self.shut, "no dial while a link is open, none after the end");
        self.dialer.state = Dial::Under;
        let attempt = self.dialer.attempt;
        self.dialer.attempt = attempt.saturating_add(1);
        Some(attempt)
    }
}
