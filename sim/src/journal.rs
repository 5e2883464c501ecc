//! The store of a machine: records in order, and the cursor that belongs to them; and how much survives each kind of
//! end.
//!
//! Committed and durable are two things: on disk, a sync makes every commit before it durable. In memory nothing
//! outlives the process. The keeper of the time decides how long a sync takes: the event queue ([`crate::fast`], whose
//! records are operations) and the driver tiers (whose records are bytes).
//!
//! A rewind or a snapshot is written beside the state that it replaces. Until a sync that began after it has ended,
//! every crash, a kill too, finds the old state, as far as that had survived (`beneath`).
//!
//! Invariants: durable <= committed <= held; commits are those after `durable`, in order, each with its cursor; with a
//! state beneath, the first commit is the one that replaces it, and nothing past the place of a rewind is durable.
//!
//! Bounds: every record since the last that was replaced and is durable, and with `past` every boundary: a run is
//! short.

use std::collections::VecDeque;

/// The size of a cursor of three epochs, kept in place; longer ones are boxed. Every commit moves one, so it is small.
const SHORT_BYTES: usize = 104;

/// A cursor, as a store keeps it.
#[derive(Debug, Clone)]
pub(crate) enum Saved {
    Short(Short),
    Long(Box<[u8]>),
}

/// The bytes of a short cursor, aligned so that they are moved in words.
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

/// The records of a store.
#[derive(Debug)]
pub(crate) struct Journal<R> {
    pub(crate) disk: bool,
    pub(crate) records: Vec<R>,
    pub(crate) committed: usize,
    pub(crate) cursor: Option<Saved>,
    pub(crate) durable: usize,
    pub(crate) durable_cursor: Option<Saved>,
    commits: VecDeque<(usize, Saved)>,
    /// The state that a crash finds until a sync has covered the rewind or the snapshot that replaced it.
    beneath: Option<Box<Self>>,
    /// Every boundary with its cursor, where a fault will roll back.
    pub(crate) past: Option<Vec<(usize, Saved)>>,
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
            beneath: None,
            past: keeps_past.then(Vec::new),
        }
    }

    pub(crate) fn end(&self) -> usize {
        self.records.len()
    }

    /// Commits everything held with this cursor, in one step.
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

    /// Returns whether a sync would make something durable.
    pub(crate) fn is_unsynced(&self) -> bool {
        !self.commits.is_empty()
    }

    /// Returns how many commits a sync that begins now covers.
    pub(crate) fn unsynced(&self) -> usize {
        self.commits.len()
    }

    /// Makes the first so many commits durable.
    pub(crate) fn synced(&mut self, commits: usize) {
        for _ in 0..commits {
            let Some((end, cursor)) = self.commits.pop_front() else { break };
            (self.durable, self.durable_cursor) = (end, Some(cursor));
            self.beneath = None;
        }
    }

    /// Makes everything committed durable.
    pub(crate) fn settle(&mut self) {
        (self.commits, self.beneath) = (VecDeque::new(), None);
        (self.durable, self.durable_cursor) = (self.committed, self.cursor.clone());
    }

    /// Returns the records that readers see.
    pub(crate) fn shown(&self) -> &[R] {
        &self.records[..self.committed]
    }

    /// Returns the records that a power cut would leave.
    pub(crate) fn surviving(&self) -> &[R] {
        match &self.beneath {
            _ if !self.disk => &[],
            Some(old) => old.surviving(),
            None => &self.records[..self.durable],
        }
    }

    /// Returns whether a crash would find the state before the last rewind or snapshot.
    pub(crate) fn hides_another(&self) -> bool {
        self.beneath.is_some()
    }

    /// Goes back to an earlier boundary: for readers at once, for a crash once it is synced.
    pub(crate) fn rewind(&mut self, offset: usize, cursor: Saved)
    where
        R: Clone,
    {
        if self.disk && self.beneath.is_none() && self.committed > offset {
            let old = Self { records: self.records.clone(), past: self.past.clone(), ..self.take_disk() };
            self.beneath = Some(Box::new(old));
        }
        self.records.truncate(offset);
        self.durable = self.durable.min(offset);
        self.stand(cursor);
    }

    /// Replaces all records by others: for readers at once, for a crash once that is synced.
    pub(crate) fn replace(&mut self, records: Vec<R>, cursor: Saved) {
        let old = std::mem::replace(&mut self.records, records);
        if self.disk && self.beneath.is_none() {
            let old = Self { records: old, past: self.past.clone(), ..self.take_disk() };
            self.beneath = Some(Box::new(old));
        }
        if let Some(past) = &mut self.past {
            past.clear();
        }
        (self.durable, self.durable_cursor) = (0, None);
        self.stand(cursor);
    }

    /// Takes the durable part out, without the records held and the past.
    fn take_disk(&mut self) -> Self {
        Self {
            committed: self.committed,
            cursor: self.cursor.clone(),
            durable: self.durable,
            durable_cursor: self.durable_cursor.clone(),
            commits: std::mem::take(&mut self.commits),
            ..Self::new(self.disk, false)
        }
    }

    /// Makes everything held one commit with this cursor, and the only one.
    fn stand(&mut self, cursor: Saved) {
        let end = self.records.len();
        self.commits.clear();
        if let Some(past) = &mut self.past {
            past.retain(|row| row.0 < end);
        }
        self.commit(cursor);
    }

    /// Restores the state before the last rewind or snapshot, if that was not synced.
    fn find_beneath(&mut self) {
        if let Some(old) = self.beneath.take() {
            *self = *old;
        }
    }

    // --- ends of processes -----------------------------------------------------------------------------------------

    /// Ends the process: uncommitted records are gone; memory is empty.
    pub(crate) fn killed(&mut self) {
        self.find_beneath();
        self.records.truncate(self.committed);
        if !self.disk {
            *self = Self::new(false, self.past.is_some());
        }
    }

    /// Cuts the machine's power: of the commits that were not synced, so many of a hundred parts survive.
    pub(crate) fn power_lost(&mut self, kept: u64) {
        if self.disk {
            let whole = self.commits.len() as u64 * kept.min(100) / 100;
            self.synced(whole as usize);
            self.find_beneath();
            self.commits.clear();
            (self.committed, self.cursor) = (self.durable, self.durable_cursor.clone());
            if let Some(past) = &mut self.past {
                past.retain(|row| row.0 <= self.durable);
            }
        }
        self.killed();
    }

    /// Puts the disk back to a boundary at least so many records older.
    pub(crate) fn roll_back(&mut self, records: u64) {
        let upto = self.committed.saturating_sub(usize::try_from(records).unwrap_or(usize::MAX));
        let past = self.past.take().unwrap_or_default();
        let found = past.iter().rev().find(|row| row.0 <= upto).cloned();
        let disk = self.disk;
        let held = std::mem::take(&mut self.records);
        *self = Self::new(disk, true);
        if let Some((end, cursor)) = found {
            (self.records, self.committed) = (held, end);
            self.records.truncate(end);
            self.cursor = Some(cursor);
            self.settle();
            self.past = Some(past.into_iter().filter(|row| row.0 <= end).collect());
        }
    }
}

#[cfg(test)]
mod tests;
