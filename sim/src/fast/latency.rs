//! The time of a segment: integers from fixed tables, one row per shape, in thousandths of the mean.

use crate::stream::Stream;

/// Quantiles of the exponential distribution, in the middle of each of 64 parts: `-1000 ln(1 - (i + 1/2) / 64)`.
const EXPONENTIAL: [u16; 64] = [
    8, 24, 40, 56, 73, 90, 107, 125, 143, 161, 179, 198, 217, 237, 257, 277, 298, 319, 341, 363, 386, 409,
    433, 458, 483, 508, 535, 562, 589, 618, 647, 678, 709, 741, 774, 809, 845, 882, 920, 960, 1002, 1045,
    1091, 1138, 1188, 1241, 1297, 1356, 1418, 1485, 1556, 1633, 1717, 1808, 1908, 2019, 2144, 2287, 2454,
    2655, 2906, 3243, 3753, 4852,
];

/// The distribution of the time beyond the shortest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Latency {
    pub(super) least_us: u64,
    pub(super) shape: u64,
    pub(super) jitter_us: u64,
}

impl Latency {
    /// Draws the time of a segment, at least a microsecond.
    pub(super) fn draw_us(self, random: &mut Stream) -> u64 {
        let permille = match self.shape {
            0 => 0,
            1 => random.below(2_001),
            2 => u64::from(EXPONENTIAL[(random.word() & 63) as usize]),
            // Seven of eight are around half the mean, the eighth around four and a half times the mean.
            _ => {
                let word = random.word();
                let near = 250 + (word >> 8) % 501;
                if word & 7 == 0 { near + 4_000 } else { near }
            }
        };
        (self.least_us + permille * self.jitter_us / 1_000).max(1)
    }
}
