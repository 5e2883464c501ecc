//! How often each command ran, and how it ended: INFO commandstats and errorstats, reset by CONFIG RESETSTAT.
//!
//! Time is not measured: a command's microseconds are 0.
//!
//! Bounds: one row for each command of the table; errors are counted by their first word, of which there are as many
//! as this program has, at most `CODES_MAX`.

use std::collections::BTreeMap;

use super::backend::Status;
use super::table::{Command, IDS};

/// Different first words of errors that are counted.
const CODES_MAX: usize = 64;

/// How one command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Well.
    Done,
    /// It was refused before it ran.
    Rejected,
    /// It ran and failed.
    Failed,
}

/// The counts of one command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// It ran, well or not.
    pub calls: u64,
    /// It was refused before it ran.
    pub rejected: u64,
    /// It ran and failed.
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
    /// What [`Status`] counts on for ever, as it was when the counts were reset.
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
    /// Counts a command that ended, and what it replied if that was an error.
    #[inline]
    pub(super) fn note(&mut self, command: &Command, fate: Fate, reply: &[u8]) {
        if fate != Fate::Done {
            self.note_error(reply);
        }
        let Some(count) = self.commands.get_mut(usize::from(command.id)) else { return };
        match fate {
            Fate::Done => count.calls += 1,
            Fate::Rejected => count.rejected += 1,
            Fate::Failed => {
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

    /// The counts of one command.
    pub(super) fn of(&self, command: &Command) -> Count {
        self.commands.get(usize::from(command.id)).copied().unwrap_or_default()
    }

    /// Error replies by their first word.
    pub(super) fn errors(&self) -> impl Iterator<Item = (&str, u64)> {
        self.errors.iter().map(|(code, count)| (&**code, *count))
    }

    /// All error replies.
    pub(super) const fn error_replies(&self) -> u64 {
        self.error_replies
    }

    /// The status's totals since the last reset.
    pub(super) fn since(&self, status: &Status) -> Base {
        let (now, then) = (Base::of(status), self.base);
        Base {
            commands: now.commands.saturating_sub(then.commands),
            expired_keys: now.expired_keys.saturating_sub(then.expired_keys),
            connections: now.connections.saturating_sub(then.connections),
            refused_connections: now.refused_connections.saturating_sub(then.refused_connections),
        }
    }

    /// Counts anew from here.
    pub(super) fn reset(&mut self, status: &Status) {
        *self = Self { base: Base::of(status), ..Self::default() };
    }
}
