//! How often each command ran, and its results: INFO commandstats and errorstats, reset by CONFIG RESETSTAT.
//!
//! Time is not measured: a command's microseconds are 0.
//!
//! Bounds: one row for each command of the table; errors are counted by their first word, of which there are as many
//! as this program has, at most `CODES_MAX`.

use std::collections::BTreeMap;

use super::backend::Status;
use super::table::{Command, IDS};

/// The most different first words of errors that are counted.
const CODES_MAX: usize = 64;

/// The result of one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It succeeded.
    Done,
    /// It was refused before it ran.
    Rejected,
    /// It ran and failed.
    Failed,
}

/// The counts of one command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Runs, with success or not.
    pub calls: u64,
    /// Refusals before the run.
    pub rejected: u64,
    /// Runs that failed.
    pub failed: u64,
}

/// The counts of one node, since its start or since they were reset.
#[derive(Debug, Clone)]
pub struct Counts {
    commands: Vec<Count>,
    errors: BTreeMap<String, u64>,
    error_replies: u64,
    /// Reads that found a key, and reads that did not.
    pub(super) hits: (u64, u64),
    /// The totals of [`Status`] when the counts were reset, which [`Status`] counts for ever.
    base: Base,
}

/// Totals that INFO shows since the last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Base {
    pub(super) commands: u64,
    pub(super) expired_keys: u64,
    pub(super) connections: u64,
    pub(super) refused_connections: u64,
}

impl Base {
    fn of(status: &Status) -> Self {
        Self {
            commands: status.commands,
            expired_keys: status.expired_keys,
            connections: status.connections,
            refused_connections: status.refused_connections,
        }
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            commands: vec![Count::default(); IDS],
            errors: BTreeMap::new(),
            error_replies: 0,
            hits: (0, 0),
            base: Base::default(),
        }
    }
}

impl Counts {
    /// Counts a command that ended, and its error reply if it has one.
    #[inline]
    pub(super) fn note(&mut self, command: &Command, ending: Ending, reply: &[u8]) {
        if ending != Ending::Done {
            self.note_error(reply);
        }
        let Some(count) = self.commands.get_mut(usize::from(command.id)) else { return };
        match ending {
            Ending::Done => count.calls += 1,
            Ending::Rejected => count.rejected += 1,
            Ending::Failed => {
                count.calls += 1;
                count.failed += 1;
            }
        }
    }

    /// Counts an error reply, as it was written.
    #[cold]
    pub(super) fn note_error(&mut self, reply: &[u8]) {
        self.error_replies += 1;
        let code = reply.strip_prefix(b"-").unwrap_or(reply).split(|byte| byte.is_ascii_whitespace()).next();
        let code = String::from_utf8_lossy(code.unwrap_or_default()).into_owned();
        if self.errors.len() < CODES_MAX || self.errors.contains_key(&code) {
            *self.errors.entry(code).or_default() += 1;
        }
    }

    /// Counts a read of a key.
    #[inline]
    pub(super) fn note_read(&mut self, found: bool) {
        let (hits, misses) = &mut self.hits;
        *(if found { hits } else { misses }) += 1;
    }

    /// Returns the counts of one command.
    pub(super) fn of(&self, command: &Command) -> Count {
        self.commands.get(usize::from(command.id)).copied().unwrap_or_default()
    }

    /// Returns the error replies by their first word.
    pub(super) fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.errors.iter().map(|(code, count)| (&**code, *count))
    }

    /// Returns the number of all error replies.
    pub(super) const fn error_replies(&self) -> u64 {
        self.error_replies
    }

    /// Returns the status's totals since the last reset.
    pub(super) fn since(&self, status: &Status) -> Base {
        let (now, then) = (Base::of(status), self.base);
        Base {
            commands: now.commands.saturating_sub(then.commands),
            expired_keys: now.expired_keys.saturating_sub(then.expired_keys),
            connections: now.connections.saturating_sub(then.connections),
            refused_connections: now.refused_connections.saturating_sub(then.refused_connections),
        }
    }

    /// Begins to count anew.
    pub(super) fn reset(&mut self, status: &Status) {
        *self = Self { base: Base::of(status), ..Self::default() };
    }
}
