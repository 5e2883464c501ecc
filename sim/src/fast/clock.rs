//! A machine's clock: its reading for a time of the world.
//!
//! It runs in nanoseconds, may run fast, stand still, or jump. A process counts from its own start, as hosts do.

/// The least reading of a clock when the run begins: room to jump back.
const BEGIN_NS: u64 = 1_000_000_000_000_000;
/// The difference between the clocks of two neighbours at the start.
const APART_NS: u64 = 7_919_000;

/// A machine's clock.
#[derive(Debug, Clone)]
pub(super) struct Clock {
    /// The moment of the world from which it runs as it does now.
    since_us: u64,
    /// Its reading at that moment.
    shown_ns: u64,
    /// How fast it runs, in parts in a million above the world.
    fast_ppm: u64,
    frozen: bool,
}

impl Clock {
    /// Makes the clock of the machine of this number.
    pub(super) const fn new(machine: usize) -> Self {
        let shown_ns = BEGIN_NS + APART_NS * machine as u64;
        Self { since_us: 0, shown_ns, fast_ppm: 0, frozen: false }
    }

    /// Returns its reading.
    pub(super) const fn shows_ns(&self, t_us: u64) -> u64 {
        if self.frozen {
            return self.shown_ns;
        }
        let passed_us = t_us - self.since_us;
        self.shown_ns + passed_us * 1_000 + passed_us * self.fast_ppm / 1_000
    }

    /// Returns the first microsecond of the world at which it reads so much, or more; none while it stands still before
    /// that.
    pub(super) const fn when_us(&self, ns: u64) -> Option<u64> {
        if ns <= self.shown_ns {
            return Some(self.since_us);
        }
        if self.frozen {
            return None;
        }
        let left_ns = ns - self.shown_ns;
        if self.fast_ppm == 0 {
            return Some(self.since_us + left_ns.div_ceil(1_000));
        }
        let mut passed_us = left_ns / (1_001 + self.fast_ppm / 1_000);
        // A step of the world is a step of at least 1000 ns here; the guess above is never too late.
        let per_million = 1_000_000 + self.fast_ppm;
        let guess_us = (left_ns as u128 * 1_000 / per_million as u128) as u64;
        if guess_us > passed_us {
            passed_us = guess_us.saturating_sub(1);
        }
        while passed_us * 1_000 + passed_us * self.fast_ppm / 1_000 < left_ns {
            passed_us += 1;
        }
        Some(self.since_us + passed_us)
    }

    /// Changes how it runs from now on.
    pub(super) const fn run(&mut self, t_us: u64, fast_ppm: u64, frozen: bool) {
        self.shown_ns = self.shows_ns(t_us);
        (self.since_us, self.fast_ppm, self.frozen) = (t_us, fast_ppm, frozen);
    }

    /// Lets it jump ahead, or back.
    pub(super) const fn jump(&mut self, t_us: u64, by_us: u64, ahead: bool) {
        let (fast_ppm, frozen) = (self.fast_ppm, self.frozen);
        self.run(t_us, fast_ppm, frozen);
        let by_ns = by_us.saturating_mul(1_000);
        self.shown_ns =
            if ahead { self.shown_ns.saturating_add(by_ns) } else { self.shown_ns.saturating_sub(by_ns) };
    }
}
