//! Rates for INFO: how many commands and bytes a second, over the last second or two.
//!
//! A sample is taken at most once a second, when a turn begins; nothing is counted between turns, so a gap of several
//! seconds is known to be idle.
//!
//! Bounds: two samples.

use towline_core::{Span, Time};

/// Commands, bytes read, bytes written: in total, or per second.
pub(crate) type Counted = [u64; 3];

const SECOND: Span = Span::from_secs(1);

/// Totals at one moment.
#[derive(Debug, Default, Clone, Copy)]
struct Sample {
    at: Time,
    totals: Counted,
}

/// The last two samples, a second or two apart.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    older: Sample,
    newer: Sample,
}

impl Rate {
    /// Begins a turn with the totals of all turns before.
    pub(crate) fn begin_turn(&mut self, now: Time, totals: Counted) {
        let gap = now.since(self.newer.at);
        if gap < SECOND {
            return;
        }
        let rested = Sample { at: Time(now.0 - SECOND.0), totals };
        self.older = if gap >= Span(2 * SECOND.0) { rested } else { self.newer };
        self.newer = Sample { at: now, totals };
    }

    /// Returns the rates per second, up to now.
    pub(crate) fn a_second(&self, now: Time, totals: Counted) -> Counted {
        let span = now.since(self.older.at).max(SECOND);
        let mut rates = [0; 3];
        for ((rate, now), then) in rates.iter_mut().zip(totals).zip(self.older.totals) {
            let scaled = u128::from(now.saturating_sub(then)) * u128::from(SECOND.0) / u128::from(span.0);
            *rate = u64::try_from(scaled).unwrap_or(u64::MAX);
        }
        rates
    }
}

#[cfg(test)]
mod tests {
    use towline_core::{Span, Time};

    use super::Rate;

    #[test]
    fn rates_are_of_the_last_second_or_two() {
        let mut rate = Rate::default();
        let mut total = 0;
        let mut turn = |ms: u64, commands: u64| {
            let now = Time::ZERO + Span::from_millis(ms);
            rate.begin_turn(now, [total, 2 * total, 0]);
            total += commands;
            rate.a_second(now, [total, 2 * total, 0])
        };
        assert_eq!(turn(100, 50), [50, 100, 0], "of a second that is not over");
        for ms in (200..=5_000).step_by(100) {
            turn(ms, 50);
        }
        let [commands, bytes, _] = turn(5_100, 50);
        assert!((450..=550).contains(&commands) && bytes.abs_diff(2 * commands) <= 2, "{commands}");
        assert_eq!(turn(60_000, 1), [1, 2, 0], "nothing happened for long");
        assert_eq!(turn(61_999, 0), [0, 1, 0]);
        assert_eq!(turn(63_998, 0), [0, 0, 0]);
    }
}
