//! The budget of the disk: it may be behind by as much as it writes in [`BEHIND`], as the last flushes took.
//!
//! A layer beyond the budget is handed over at once, and its owner holds writers until it is. So what is applied is
//! durable after two flushes at most, the one under way and its own: about twice [`BEHIND`], and a flush interval.
//!
//! The budget falls at once and at most doubles with a flush, because a small flush says little about a large one.
//! It never falls below what any disk should take: [`ENTRIES_MIN`] entries and [`BYTES_MIN`] bytes.

use std::time::Duration;

use super::layer::Layer;

/// The longest time that a flush should take.
const BEHIND: Duration = Duration::from_millis(400);
/// The number of entries that may always wait.
const ENTRIES_MIN: u64 = 4096;
/// The number of bytes that may always wait.
const BYTES_MIN: u64 = 4 << 20;

/// The amount a flush wrote, or may write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) entries: u64,
    pub(crate) bytes: u64,
}

/// The amount that may wait.
#[derive(Debug)]
pub(crate) struct Budget(Amount);

impl Budget {
    pub(crate) const fn new() -> Self {
        Self(Amount { entries: ENTRIES_MIN, bytes: BYTES_MIN })
    }

    /// Returns whether a layer uses up the budget.
    pub(crate) fn is_spent(&self, layer: &Layer) -> bool {
        let Amount { entries, bytes } = layer.amount();
        entries >= self.0.entries || bytes >= self.0.bytes
    }

    /// Adapts to the time of a flush.
    pub(crate) fn learn(&mut self, wrote: Amount, took: Duration) {
        let next = |old: u64, wrote: u64, least: u64| {
            let took_us = took.as_micros().max(1);
            let in_time = u128::from(wrote) * BEHIND.as_micros() / took_us;
            u64::try_from(in_time).unwrap_or(u64::MAX).min(old.saturating_mul(2)).max(least)
        };
        self.0.entries = next(self.0.entries, wrote.entries, ENTRIES_MIN);
        self.0.bytes = next(self.0.bytes, wrote.bytes, BYTES_MIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_what_the_disk_writes_in_time() {
        let mut budget = Budget::new();
        let wrote = Amount { entries: 40_000, bytes: 40 << 20 };
        for _ in 0..10 {
            budget.learn(wrote, Duration::from_millis(200));
        }
        assert_eq!(budget.0, Amount { entries: 80_000, bytes: 80 << 20 });
        // A slower disk lowers the budget at once, but never below the least amounts.
        budget.learn(wrote, Duration::from_millis(800));
        assert_eq!(budget.0, Amount { entries: 20_000, bytes: 20 << 20 });
        budget.learn(Amount { entries: 1, bytes: 100 }, Duration::from_secs(2));
        assert_eq!(budget.0, Amount { entries: ENTRIES_MIN, bytes: BYTES_MIN });
        // The budget recovers by doubling.
        budget.learn(wrote, Duration::from_millis(1));
        assert_eq!(budget.0.entries, 2 * ENTRIES_MIN);
    }
}
