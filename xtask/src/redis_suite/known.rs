//! The list of tests that do not pass, each with its reason.
//!
//! A line is `unit | reason | name of the test`; `#` begins a comment. A reason that begins with `other types` or
//! `other families` names a type of value, or a family of commands, that does not exist here; one that contains
//! `run alone` gives the test a run and a server of its own, because it makes the tests after it fail.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The reason why a test does not pass.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Reason(String);

impl Reason {
    /// Returns whether it needs a type of value or a family of commands that does not exist here.
    pub(super) fn is_foreign(&self) -> bool {
        self.0.starts_with("other ")
    }

    fn is_alone(&self) -> bool {
        self.0.contains("run alone")
    }
}

/// The tests that do not pass.
#[derive(Debug)]
pub(super) struct Known(BTreeMap<(String, String), Reason>);

impl Known {
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        Self::parse(&text).with_context(|| path.display().to_string())
    }

    fn parse(text: &str) -> Result<Self> {
        let mut known = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut parts = line.splitn(3, " | ");
            let (Some(unit), Some(reason), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
                bail!("line {}: not `unit | reason | name`: {line}", number + 1);
            };
            let place = (unit.to_owned(), name.to_owned());
            if known.insert(place, Reason(reason.to_owned())).is_some() {
                bail!("line {}: it stands here twice: {line}", number + 1);
            }
        }
        Ok(Self(known))
    }

    /// Returns why this test does not pass, if it is listed.
    pub(super) fn reason(&self, unit: &str, name: &str) -> Option<&Reason> {
        self.0.get(&(unit.to_owned(), name.to_owned()))
    }

    fn of<'a>(&'a self, unit: &'a str) -> impl Iterator<Item = (&'a str, &'a Reason)> {
        self.0.iter().filter(move |((of, _), _)| of == unit).map(|((_, name), reason)| (&**name, reason))
    }

    /// Returns the listed tests of a unit.
    pub(super) fn names<'a>(&'a self, unit: &'a str) -> impl Iterator<Item = &'a str> {
        self.of(unit).map(|(name, _)| name)
    }

    /// Returns the listed tests of a unit that run alone.
    pub(super) fn alone<'a>(&'a self, unit: &'a str) -> Vec<&'a str> {
        self.of(unit).filter(|(_, reason)| reason.is_alone()).map(|(name, _)| name).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Known;

    #[test]
    fn lines_are_read() {
        let known =
            Known::parse("# why\n\nscan | other types: set | SSCAN | twice\nscan | run alone: MULTI | b\n")
                .unwrap();
        let reason = known.reason("scan", "SSCAN | twice").unwrap();
        assert!(reason.is_foreign() && !reason.is_alone());
        assert_eq!(known.alone("scan"), ["b"]);
        assert_eq!(known.names("other").count(), 0);
        for wrong in ["scan | b", "scan", "a | b | c\na | d | c"] {
            assert!(Known::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_list_can_be_read() {
        Known::parse(include_str!("known.txt")).unwrap();
    }
}
