//! The distribution of a quantity over many runs, in a table of bounded size.
//!
//! Values below 64 are counted exactly, larger ones in steps of at most a 32nd of their size; least, most, count and
//! sum are exact. Adding and joining commute, so parts of a campaign give the same table as the whole. At most
//! 64 + 58 * 32 rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Values below `2 * STEPS` are exact; from there on, a doubling has so many steps.
const STEPS: u64 = 32;

/// The table of steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Distribution {
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
    /// The least value of each step, and how many values fell into it.
    #[serde(with = "rows")]
    steps: BTreeMap<u64, u64>,
}

/// Returns the least value of the step that holds `value`.
fn floor(value: u64) -> u64 {
    let bits = 64 - value.leading_zeros();
    let exact = STEPS.ilog2() + 1;
    let dropped = bits.saturating_sub(exact);
    value >> dropped << dropped
}

/// Returns the greatest value of the step whose least is `floor`.
fn ceiling(floor: u64) -> u64 {
    let bits = 64 - floor.leading_zeros();
    let dropped = bits.saturating_sub(STEPS.ilog2() + 1);
    floor | ((1 << dropped) - 1)
}

impl Distribution {
    pub(crate) fn add(&mut self, value: u64) {
        self.min = if self.count == 0 { value } else { self.min.min(value) };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum += u128::from(value);
        *self.steps.entry(floor(value)).or_default() += 1;
    }

    pub(crate) fn join(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 { other.min } else { self.min.min(other.min) };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.sum += other.sum;
        for (floor, count) in &other.steps {
            *self.steps.entry(*floor).or_default() += count;
        }
    }

    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    pub(crate) const fn min(&self) -> u64 {
        self.min
    }

    pub(crate) const fn max(&self) -> u64 {
        self.max
    }

    /// Returns a value that so many of a thousand do not exceed; 0 if there are none.
    pub(crate) fn permille(&self, permille: u64) -> u64 {
        let rank = (u128::from(self.count) * u128::from(permille)).div_ceil(1_000).max(1);
        let mut below = 0;
        for (floor, count) in &self.steps {
            below += u128::from(*count);
            if below >= rank {
                return ceiling(*floor).clamp(self.min, self.max);
            }
        }
        self.max
    }

    /// Returns `bars` counts over equal parts from the least to the most, for a picture. A step counts where it begins.
    pub(crate) fn bars(&self, bars: u64) -> Vec<Bar> {
        let bars = bars.max(1);
        let span = u128::from(self.max - self.min) + 1;
        let width = u64::try_from(span.div_ceil(u128::from(bars))).unwrap_or(u64::MAX).max(1);
        let mut told: Vec<Bar> = Vec::new();
        for place in 0..bars {
            let Some(from) = place.checked_mul(width).and_then(|past| self.min.checked_add(past)) else {
                break;
            };
            if from > self.max || self.count == 0 {
                break;
            }
            told.push(Bar { from, to: from.saturating_add(width - 1).min(self.max), count: 0 });
        }
        for (floor, count) in &self.steps {
            let place = usize::try_from((*floor).max(self.min) - self.min).unwrap_or(usize::MAX)
                / usize::try_from(width).unwrap_or(usize::MAX);
            if let Some(bar) = told.get_mut(place) {
                bar.count += count;
            }
        }
        told
    }
}

/// The number of values from here to there, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bar {
    pub(crate) from: u64,
    pub(crate) to: u64,
    pub(crate) count: u64,
}

/// Rows as pairs: as a map, JSON's keys would be text.
mod rows {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(rows: &BTreeMap<u64, u64>, to: S) -> Result<S::Ok, S::Error> {
        rows.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<u64, u64>, D::Error> {
        Ok(Vec::<(u64, u64)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
