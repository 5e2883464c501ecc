//! The values of flags beyond numbers and files: substrates, formats, ranges of seeds, shards.

use std::str::FromStr;

use clap::ValueEnum;

/// The substrate of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum On {
    /// The event queue: thousands of times faster than real time
    Fast,
    /// The real driver on turmoil's sockets: build it with `cargo xtask sim`
    Turmoil,
    /// The real driver on loopback TCP
    Real,
}

impl On {
    /// Returns its name on the command line and in reports.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Fast => "fast",
            Self::Turmoil => "turmoil",
            Self::Real => "real",
        }
    }
}

/// The files that `shrink` writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Emit {
    /// The plan
    Plan,
    /// A test that fails as the plan does
    Rust,
    /// A link that carries the plan: give it, in quotes, in place of the file
    Url,
}

/// The formats of `trace`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// One JSON object on one line for each fact
    Jsonl,
    /// A message diagram
    Svg,
    /// Chrome's trace JSON
    Perfetto,
}

/// Seeds from the first up to and without the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seeds {
    pub(crate) from: u64,
    pub(crate) to: u64,
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text.split_once("..").unwrap_or(("0", text));
        match (from.parse(), to.parse()) {
            (Ok(from), Ok(to)) if from < to => Ok(Self { from, to }),
            (Ok(_), Ok(_)) => {
                Err(format!("{text:?} holds no seed: A..B ends before B, so write a B above A"))
            }
            (Err(_), _) | (_, Err(_)) => {
                Err(format!("{text:?} is no range of seeds: write A..B or N, like 0..10000"))
            }
        }
    }
}

/// Part `part` of `parts`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    pub(crate) part: u64,
    pub(crate) parts: u64,
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').map(|(part, parts)| (part.parse(), parts.parse()));
        match numbers {
            Some((Ok(part), Ok(parts))) if 1 <= part && part <= parts => Ok(Self { part, parts }),
            Some(_) | None => Err(format!("{text:?} is no shard: write K/N with K from 1 to N, like 3/100")),
        }
    }
}

impl Shard {
    /// Returns this part of the seeds: parts differ in length by one at most, and together are the whole.
    pub(crate) fn of(self, seeds: Seeds) -> Seeds {
        let count = u128::from(seeds.to - seeds.from);
        let cut = |part: u64| {
            let before = count * u128::from(part) / u128::from(self.parts);
            seeds.from + u64::try_from(before).unwrap_or(u64::MAX)
        };
        Seeds { from: cut(self.part - 1), to: cut(self.part) }
    }
}

#[cfg(test)]
mod tests;
