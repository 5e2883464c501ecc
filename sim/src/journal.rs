//! What a machine's store holds: records in order, and the cursor that belongs to them; and what of it survives which
//! end.
//!
//! What is committed and what survives a power cut are two things: on disk, a sync makes every commit before it
//! durable. In memory nothing outlives the process. How long a sync takes is the business of who keeps the time: the
//! event queue ([`crate::fast`], whose records are operations) and the driver tiers (whose records are bytes).
//!
//! Invariants: durable <= committed <= held; commits are those after `durable`, in order, each with its cursor.
//!
//! Bounds: every record since the last that was replaced, and with `past` every boundary: a run is short.

use std::collections::VecDeque;

/// A cursor of three epochs; longer ones live elsewhere. Every commit moves one: it is kept small.
const SHORT_BYTES: usize = 104;

/// A cursor as a store keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Saved {
    Short(Short),
    Long(Box<[u8]>),
}

/// Aligned, so that it is moved in words.
#[derive(Debug, Clone, Copy)]
#[repr(align(8))]
pub(crate) struct Short {
    bytes: [u8; SHORT_BYTES],
    length: u8,
}

impl Saved {
    pub(crate) fn new(cursor: &[u8]) -> Self {
        let (Some(length), true) = (u8::try_from(cursor.len()).ok(), cursor.len() <= SHORT_BYTES) else {
            return Self::Long(cursor.into());
        };
        let mut bytes = [0; SHORT_BYTES];
        bytes[..cursor.len()].copy_from_slice(cursor);
        Self::Short(Short { bytes, length })
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short(short) => &short.bytes[..usize::from(short.length)],
            Self::Long(bytes) => bytes,
        }
    }
}

/// A store's records.
#[derive(Debug)]
pub(crate) struct Journal<R> {
    pub(crate) disk: bool,
    pub(crate) records: Vec<R>,
    pub(crate) committed: usize,
    pub(crate) cursor: Option<Saved>,
    pub(crate) durable: usize,
    pub(crate) durable_cursor: Option<Saved>,
    commits: VecDeque<(usize, Saved)>,
    /// Every boundary with its cursor, where a fault will want to go back.
    pub(crate) past: Option<Vec<(usize, Saved)>>,
    /// What a snapshot replaced, where the folder's own entry is forgotten to be synced.
    pub(crate) replaced: Option<Vec<R>>,
}

impl<R> Journal<R> {
    pub(crate) fn new(disk: bool, keeps_past: bool) -> Self {
        Self {
            disk,
            records: Vec::new(),
            committed: 0,
            cursor: None,
            durable: 0,
            durable_cursor: None,
            commits: VecDeque::new(),
            past: keeps_past.then(Vec::new),
            replaced: None,
        }
    }

    pub(crate) fn end(&self) -> usize {
        self.records.len()
    }

    /// Everything held is committed with this cursor, in one step.
    pub(crate) fn commit(&mut self, cursor: Saved) {
        self.committed = self.records.len();
        if self.disk {
            self.commits.push_back((self.committed, cursor.clone()));
        }
        if let Some(past) = &mut self.past {
            past.push((self.committed, cursor.clone()));
        }
        self.cursor = Some(cursor);
    }

    /// Whether a sync would make something durable.
    pub(crate) fn is_unsynced(&self) -> bool {
        !self.commits.is_empty()
    }

    /// How many commits a sync that begins now covers.
    pub(crate) fn unsynced(&self) -> usize {
        self.commits.len()
    }

    /// The first so many commits are durable.
    pub(crate) fn synced(&mut self, commits: usize) {
        for _ in 0..commits {
            let Some((end, cursor)) = self.commits.pop_front() else { break };
            (self.durable, self.durable_cursor) = (end, Some(cursor));
        }
    }

    /// Everything committed is durable.
    pub(crate) fn settle(&mut self) {
        self.commits.clear();
        (self.durable, self.durable_cursor) = (self.committed, self.cursor.clone());
    }

    /// Goes back to an earlier boundary, at once and for good.
    pub(crate) fn rewind(&mut self, offset: usize, cursor: Saved) {
        self.records.truncate(offset);
        self.commits.clear();
        if let Some(past) = &mut self.past {
            past.retain(|row| row.0 < offset);
            past.push((offset, cursor.clone()));
        }
        (self.committed, self.cursor) = (offset, Some(cursor));
        (self.durable, self.durable_cursor) = (offset, self.cursor.clone());
    }

    /// Other records take the place of what is held, at once and for good.
    pub(crate) fn replace(&mut self, records: Vec<R>, cursor: Saved) {
        self.records = records;
        if let Some(past) = &mut self.past {
            past.clear();
        }
        let end = self.records.len();
        self.rewind(end, cursor);
    }

    /// The cursor of the boundary before the newest, where the past is kept.
    pub(crate) fn cursor_before(&self) -> Option<Saved> {
        self.past.as_ref()?.iter().rev().nth(1).map(|row| row.1.clone())
    }

    // --- ends of processes -----------------------------------------------------------------------------------------

    /// The process is gone: what was not committed never was; memory is empty.
    pub(crate) fn killed(&mut self) {
        self.records.truncate(self.committed);
        if !self.disk {
            *self = Self::new(false, self.past.is_some());
        }
    }

    /// The machine lost power: of the commits that were not synced, so many of a hundred parts are there.
    pub(crate) fn power_lost(&mut self, kept: u64) {
        if self.disk {
            let whole = self.commits.len() as u64 * kept.min(100) / 100;
            self.synced(whole as usize);
            self.commits.clear();
            (self.committed, self.cursor) = (self.durable, self.durable_cursor.clone());
            if let Some(past) = &mut self.past {
                past.retain(|row| row.0 <= self.durable);
            }
        }
        self.killed();
    }

    /// The disk is put back to a boundary at least so many records older.
    pub(crate) fn roll_back(&mut self, records: u64) {
        let upto = self.committed.saturating_sub(usize::try_from(records).unwrap_or(usize::MAX));
        let past = self.past.take().unwrap_or_default();
        let found = past.iter().rev().find(|row| row.0 <= upto).cloned();
        let disk = self.disk;
        let held = std::mem::take(&mut self.records);
        *self = Self::new(disk, true);
        if let Some((end, cursor)) = found {
            self.records = held;
            self.rewind(end, cursor);
            self.past = Some(past.into_iter().filter(|row| row.0 <= end).collect());
        }
    }
}
