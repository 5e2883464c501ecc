//! Log lines about connections that misbehave: the first of a cause at once, the number of further ones once a minute.
//!
//! Strangers can cause them, so their number must be bounded.

use std::fmt;

use towline_core::{Span, Time};

/// Repeats of one cause are logged no more often than this.
const EVERY: Span = Span::from_secs(60);

/// The limit for the lines of one cause.
#[derive(Debug, Default)]
pub struct LogLimit {
    logged_at: Option<Time>,
    count: u64,
}

/// The end of a line: how often the same happened since the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeats(u64);

impl fmt::Display for Repeats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => Ok(()),
            more => write!(out, " ({more} more since the last line about this)"),
        }
    }
}

impl LogLimit {
    /// Counts one; returns the end of its line if one is to be logged.
    pub fn note(&mut self, now: Time) -> Option<Repeats> {
        if self.logged_at.is_some_and(|at| now.since(at) < EVERY) {
            self.count += 1;
            return None;
        }
        self.logged_at = Some(now);
        Some(Repeats(std::mem::take(&mut self.count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_are_counted_and_logged_once_a_minute() {
        let mut limit = LogLimit::default();
        let mut logged = Vec::new();
        for second in 0..150 {
            if let Some(repeats) = limit.note(Time::ZERO + Span::from_secs(second)) {
                logged.push((second, repeats.0));
            }
        }
        assert_eq!(logged, [(0, 0), (60, 59), (120, 59)]);
        assert_eq!(Repeats(59).to_string(), " (59 more since the last line about this)");
    }
}
