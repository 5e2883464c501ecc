//! Dialling an upstream: seeded, jittered, capped back-off that resets on progress, not on connect.
//!
//! States: *idle* (a link stands, or none is wanted), *backing off*, *wanted* (to be told), *under way*, *stopped*
//! (until the host's next `Follow`).

use crate::error::{Fault, Misuse};
use crate::input::Role;
use crate::node::{Node, self_tell};
use crate::time::{Span, Time};

/// Where the dialling is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Dial {
    /// A link stands, or none is wanted.
    Idle,
    /// Not before this.
    BackOff(Time),
    /// The host is to be told.
    Wanted,
    /// The host is at it.
    Under,
    /// Not until the host's next `Follow`.
    Stopped,
}

impl Dial {
    /// The same, with its time on another scale.
    pub(crate) fn map_time(self, scale: impl Fn(Time) -> Time) -> Self {
        match self {
            Self::BackOff(at) => Self::BackOff(scale(at)),
            Self::Idle | Self::Wanted | Self::Under | Self::Stopped => self,
        }
    }
}

impl Node {
    pub(crate) fn dial_at(&mut self, at: Time) {
        if self.upstream.dial == Dial::Stopped && at != self.clock.now() || self.shut {
            return;
        }
        if at <= self.clock.now() {
            self.upstream.dial = Dial::Wanted;
            self.tell_self(self_tell::DIAL);
        } else {
            self.upstream.dial = Dial::BackOff(at);
            self.deadlines.arm(Self::SELF, at);
        }
    }

    pub(crate) fn redial_due(&mut self) {
        if let Dial::BackOff(at) = self.upstream.dial {
            if at <= self.clock.now() {
                self.dial_at(self.clock.now());
            } else {
                self.deadlines.arm(Self::SELF, at);
            }
        }
    }

    pub(crate) fn back_off(&mut self, retry_after: Span) {
        if self.role == Role::Primary || self.shut {
            self.upstream.dial = Dial::Idle;
            return;
        }
        if mutant!(self.config, 28) && self.upstream.dial != Dial::Under {
            return;
        }
        let (least, most) = (self.config.redial_min.0, self.config.redial_max.0);
        let doubled = least.saturating_mul(1 << self.upstream.attempt.saturating_sub(1).min(30)).min(most);
        let pause = self.redial.jitter(doubled).max(retry_after.0).max(1);
        self.dial_at(self.clock.now() + Span(mutant!(self.config, 29 => 1_000_000, else pause)));
    }

    pub(crate) fn dial_failed(&mut self, now: Time) -> Result<(), Misuse> {
        if self.upstream.dial != Dial::Under {
            return Err(Misuse::NotDialling);
        }
        self.advance(now);
        self.back_off(Span::ZERO);
        Ok(())
    }

    /// The upstream link ended. What was received stays; the redial waits.
    pub(crate) fn upstream_gone(&mut self, row: usize, retry_after: Span) {
        if self.upstream.link != Some(row) {
            return;
        }
        let upstream = &mut self.upstream;
        (upstream.link, upstream.streaming, upstream.caught_up, upstream.peer_end) =
            (None, false, false, None);
        self.back_off(retry_after);
    }

    /// The host turned elsewhere: the link is let go at once, and so is any redial.
    pub(crate) fn leave_upstream(&mut self) {
        if let Some(row) = self.upstream.link {
            self.close(row, Fault::Left, false, Span::ZERO);
        }
        self.upstream.dial = Dial::Idle;
        self.upstream.admitted = false;
        self.upstream.fork = None;
    }
}
