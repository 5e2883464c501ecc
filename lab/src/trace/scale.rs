//! The vertical place of a moment in the picture: time runs down, every moment has a line of its own, and quiet
//! stretches are shortened, so that text never overlaps and a long run stays in sight.

/// The least distance from one line to the next.
pub(super) const LINE: i64 = 19;
/// The most that a long wait adds.
const WAIT_MAX: i64 = 46;
/// The wait that adds one pixel.
const WAIT_US: u64 = 20_000;
/// The number of time marks in a picture, about.
const TICKS: u64 = 14;
/// Distances between two time marks, in microseconds.
const TICK_STEPS_US: &[u64] = &[
    1_000,
    5_000,
    10_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    30_000_000,
    60_000_000,
    600_000_000,
];

/// Times and their places, ascending.
#[derive(Debug)]
pub(super) struct Scale {
    rows: Vec<(u64, i64)>,
}

impl Scale {
    /// Makes places for these times, one line each, from `top` down.
    pub(super) fn new(times: &[u64], top: i64) -> Self {
        let mut rows: Vec<(u64, i64)> = Vec::with_capacity(times.len());
        for t_us in times {
            let y = rows.last().map_or(top, |(before, y)| {
                let wait = i64::try_from(t_us.saturating_sub(*before) / WAIT_US).unwrap_or(WAIT_MAX);
                y + LINE + wait.min(WAIT_MAX)
            });
            rows.push((*t_us, y));
        }
        Self { rows }
    }

    /// Returns the place of a line.
    pub(super) fn row(&self, index: usize) -> i64 {
        self.rows.get(index).map_or(0, |row| row.1)
    }

    pub(super) fn bottom(&self) -> i64 {
        self.rows.last().map_or(0, |row| row.1)
    }

    /// Returns the place of a time: that of its first line, or between its neighbours'.
    pub(super) fn y(&self, t_us: u64) -> i64 {
        let after = self.rows.partition_point(|row| row.0 < t_us);
        let Some((next_us, next_y)) = self.rows.get(after).copied() else { return self.bottom() };
        let Some((before_us, before_y)) = after.checked_sub(1).map(|before| self.rows[before]) else {
            return next_y;
        };
        let part = i128::from(t_us - before_us) * i128::from(next_y - before_y)
            / i128::from((next_us - before_us).max(1));
        before_y + i64::try_from(part).unwrap_or(0)
    }
}

/// Returns round times from here to there, not too many.
pub(super) fn ticks(from_us: u64, to_us: u64) -> Vec<u64> {
    let bar = to_us.saturating_sub(from_us);
    let step = TICK_STEPS_US.iter().copied().find(|step| bar / step <= TICKS).unwrap_or(bar.max(1));
    let first = from_us.div_ceil(step);
    (first..=to_us / step).map(|number| number * step).collect()
}

#[cfg(test)]
mod tests {
    use super::{LINE, Scale, ticks};

    #[test]
    fn every_moment_has_its_own_line_and_time_never_runs_up() {
        let times = [0, 0, 5, 1_000_000, 90_000_000];
        let scale = Scale::new(&times, 100);
        for index in 1..times.len() {
            assert!(scale.row(index) >= scale.row(index - 1) + LINE);
        }
        assert_eq!(scale.y(0), 100);
        let half = scale.y(500_000);
        assert!(scale.row(2) < half && half < scale.row(3));
        assert_eq!(scale.y(u64::MAX), scale.bottom());
        assert!(scale.bottom() < 400, "quiet stretches are short");
    }

    #[test]
    fn marks_of_time_are_round_and_few() {
        assert_eq!(ticks(0, 5_000_000)[..3], [0, 500_000, 1_000_000]);
        assert_eq!(ticks(1_900_000, 20_000_000).first(), Some(&2_000_000));
        for bar in [1, 999, 1_000_000, 60_000_000, u64::MAX / 2] {
            assert!(ticks(0, bar).len() <= 15, "{bar}");
        }
    }
}
