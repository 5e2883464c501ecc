//! Numbers with units, as files write them: `"4KiB"`, `"50ms"`, `12`, `true`. Integers only, and exact both ways.

use super::knobs::Unit;

const TIMES: &[(&str, u64)] = &[("us", 1), ("ms", 1_000), ("s", 1_000_000)];
const SIZES: &[(&str, u64)] = &[("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

impl Unit {
    const fn scale(self) -> &'static [(&'static str, u64)] {
        match self {
            Self::Bytes => SIZES,
            Self::Time => TIMES,
            Self::Count | Self::Switch => &[],
        }
    }

    /// Describes a value of this unit.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Bytes => "a size such as \"4KiB\" or \"512B\"",
            Self::Time => "a time such as \"20s\", \"50ms\" or \"30us\"",
            Self::Count => "a number",
            Self::Switch => "true or false",
        }
    }

    /// Returns the number of a text with a unit.
    #[must_use]
    pub fn read(self, text: &str) -> Option<u64> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, factor) = self.scale().iter().find(|(name, _)| *name == unit)?;
        number.parse::<u64>().ok()?.checked_mul(*factor)
    }

    /// Returns the value as a file has it: in the largest unit that divides it.
    #[must_use]
    pub fn write(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Switch => (value != 0).to_string(),
            Self::Bytes if value == 0 => "\"0B\"".to_owned(),
            Self::Bytes | Self::Time => {
                let divides = |(_, factor): &&(&str, u64)| value.is_multiple_of(*factor);
                let (name, factor) =
                    self.scale().iter().rev().find(divides).expect("one divides every number");
                format!("\"{}{name}\"", value / factor)
            }
        }
    }
}

#[cfg(test)]
mod tests;
