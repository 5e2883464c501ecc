//! The spool's brake: its upper half fills ever more slowly, and is never quite full.
//!
//! A spool that is full accepts nothing until it has room again, which behind a large snapshot on disk may be many
//! seconds; an upstream that sees no acknowledgement for the idle limit stops slowing its writers, and the stream is
//! lost. So from half full on, the rest of it is given out as if it had to last [`LASTS`]: the upstream sees its stream
//! acknowledged, slowly, and slows its writers to that.

use towline_core::{Span, Time};

/// The time for which the room that is left would last at the present rate.
const LASTS: Span = Span::from_secs(8);

/// The shortest time between two decisions.
const PAUSE_MIN: Span = Span::from_millis(1);

/// The time from which the next part of the upper half may be used.
#[derive(Debug, Default)]
pub(super) struct Brake {
    /// How full the spool was when that was decided.
    filled: u64,
    until: Option<Time>,
}

impl Brake {
    /// Returns true if more may come into a spool that is filled so far. Ask again after [`next`](Self::next).
    pub(super) fn lets(&mut self, now: Time, filled: u64, bytes_max: u64) -> bool {
        let half = bytes_max / 2;
        if filled <= half {
            *self = Self::default();
            return true;
        }
        let waits = self.until.is_some_and(|until| now < until);
        if waits && filled >= self.filled {
            return false;
        }
        let left = bytes_max.saturating_sub(filled);
        if left == 0 {
            // The call that makes room asks again.
            self.until = None;
            return false;
        }
        let grown = filled.saturating_sub(self.filled.max(half));
        let pause = u128::from(grown) * u128::from(LASTS.0) / u128::from(left);
        self.until = Some(now + Span(u64::try_from(pause).unwrap_or(u64::MAX)).max(PAUSE_MIN));
        self.filled = filled;
        true
    }

    /// Returns when to ask again.
    pub(super) fn next(&self) -> Option<Time> {
        self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX: u64 = 256 << 20;

    #[test]
    fn half_of_it_is_free() {
        let mut brake = Brake::default();
        for filled in 0..=128 {
            assert!(brake.lets(Time::ZERO, filled << 20, MAX));
        }
        assert_eq!(brake.next(), None);
    }

    /// Fills it as fast as it lets, in parts of so many bytes; returns how full it was after each second.
    fn fill(part: u64, seconds: usize) -> Vec<u64> {
        let (mut brake, mut filled, mut levels) = (Brake::default(), 0, Vec::new());
        let mut now = Time::ZERO;
        while levels.len() < seconds {
            now = now + Span::from_millis(1);
            for _ in 0..10 {
                if brake.lets(now, filled, MAX) {
                    filled += part;
                }
            }
            if now.0.is_multiple_of(Span::from_secs(1).0) {
                levels.push(filled);
            }
        }
        levels
    }

    #[test]
    fn the_rest_is_never_used_up_and_something_of_it_each_second() {
        for part in [64 << 10, 2 << 20] {
            let levels = fill(part, 20);
            assert!(levels[0] > MAX / 2 && levels[19] < MAX, "{part}: {levels:?}");
            assert!(levels[19] > MAX / 10 * 9, "{part}: it is used: {levels:?}");
            let grows = levels.windows(2).filter(|pair| pair[0] < pair[1]).count();
            assert!(grows >= 18, "{part}: {levels:?}");
        }
    }

    #[test]
    fn room_that_comes_back_is_given_out_at_once() {
        let mut brake = Brake::default();
        assert!(brake.lets(Time(1), MAX - 100, MAX));
        assert!(!brake.lets(Time(2), MAX - 100, MAX), "it waits");
        assert!(!brake.lets(Time(2), MAX, MAX));
        assert!(brake.lets(Time(3), MAX - 200, MAX), "less is in it");
        assert!(brake.lets(Time(3), 0, MAX) && brake.next().is_none());
        assert!(!brake.lets(Time(4), MAX, MAX) && brake.next().is_none(), "full, and nothing to wait for");
    }
}
