//! Log lines about connections that misbehave: the first of a cause at once, further ones counted and told once a
//! minute.
//!
//! Whoever connects can cause them, so they must not fill a disk.

use std::fmt;

use towline_core::{Span, Time};

/// Repeats of one cause are told no more often than this.
const EVERY: Span = Span::from_secs(60);

/// Why a connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A browser's request.
    Http,
    /// The clients' buffers were full, and this one held the most.
    Memory,
    /// Memory was short, and a request did not go on.
    Unfinished,
    /// No replica, on the replicas' port.
    NoReplica,
}

/// How many causes there are.
const CAUSES: usize = 4;

/// What was said and when.
#[derive(Debug, Default)]
pub(crate) struct Notices {
    told: [(Option<Time>, u64); CAUSES],
}

/// The end of a line: how often the same happened since the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Repeats(u64);

impl fmt::Display for Repeats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(out, " ({more} more since the last line about this)"),
        }
    }
}

impl Notices {
    /// Counts one; returns what to add to its line if there is to be one.
    pub(crate) fn note(&mut self, cause: Cause, now: Time) -> Option<Repeats> {
        let (told, count) = &mut self.told[cause as usize];
        if told.is_some_and(|told| now.since(told) < EVERY) {
            *count += 1;
            return None;
        }
        *told = Some(now);
        Some(Repeats(std::mem::take(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_and_told_once_a_minute() {
        let mut notices = Notices::default();
        let mut told = Vec::new();
        for second in 0..150 {
            if let Some(repeats) = notices.note(Cause::Http, Time::ZERO + Span::from_secs(second)) {
                told.push((second, repeats.0));
            }
        }
        assert_eq!(told, [(0, 0), (60, 59), (120, 59)]);
        assert_eq!(Repeats(59).to_string(), " (59 more since the last line about this)");
    }
}
