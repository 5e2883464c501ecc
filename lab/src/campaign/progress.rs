//! The display of a campaign while it runs, on stderr: a bar at a terminal, elsewhere a line every few seconds.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::units::grouped;

const SAY_EVERY: Duration = Duration::from_secs(5);
const DRAW_EVERY: Duration = Duration::from_millis(100);

/// The bar, or the lines.
pub(crate) struct Progress {
    started: Instant,
    said: Instant,
    seeds: u64,
    /// Set if the campaign ends by the clock: its progress is then that of the clock.
    length: Option<Duration>,
    bar: Option<ProgressBar>,
}

impl Progress {
    pub(crate) fn start(seeds: u64, length: Option<Duration>) -> Self {
        let now = Instant::now();
        let bar = std::io::stderr().is_terminal().then(|| {
            let whole = length.map_or(seeds, millis);
            let style = ProgressStyle::with_template("  [{bar:40}] {msg}");
            ProgressBar::new(whole).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { started: now, said: now, seeds, length, bar }
    }

    /// Shows that so many runs are done, of which so many violated something.
    pub(crate) fn show(&mut self, done: u64, violations: u64) {
        let every = if self.bar.is_some() { DRAW_EVERY } else { SAY_EVERY };
        if self.said.elapsed() < every {
            return;
        }
        self.said = Instant::now();
        let elapsed = self.started.elapsed();
        let line = line(done, self.seeds, elapsed, self.length, violations);
        match &self.bar {
            Some(bar) => {
                bar.set_position(if self.length.is_some() { millis(elapsed) } else { done });
                bar.set_message(line);
            }
            None => crate::lines::say(&line),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

fn line(done: u64, seeds: u64, elapsed: Duration, length: Option<Duration>, violations: u64) -> String {
    let tenths = u128::from(done) * 10_000 / elapsed.as_millis().max(1);
    let tenths = u64::try_from(tenths).unwrap_or(u64::MAX);
    let rate = if tenths < 1_000 { format!("{}.{}", tenths / 10, tenths % 10) } else { grouped(tenths / 10) };
    let of = length.map_or_else(
        || format!(" of {}", grouped(seeds)),
        |length| format!(", {} of {} s", elapsed.as_secs(), length.as_secs()),
    );
    format!("{} seeds{of}, {rate} seeds/s, violations: {}", grouped(done), grouped(violations))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;

    #[test]
    fn says_how_far_it_is() {
        let second = Duration::from_secs(1);
        assert_eq!(
            line(1_500, 10_000, second, None, 0),
            "1,500 seeds of 10,000, 1,500 seeds/s, violations: 0"
        );
        assert_eq!(
            line(90, u64::MAX, 2 * second, Some(60 * second), 2),
            "90 seeds, 2 of 60 s, 45.0 seeds/s, violations: 2"
        );
    }
}
