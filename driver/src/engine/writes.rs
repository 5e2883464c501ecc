//! A primary's writes: refused, or applied and appended in one step, and committed at the turn's end.
//!
//! Bounds: a commit is due after [`COMMIT_BYTES`] of records, so that neither log nor store holds more of one step.

use towline_core::{EpochOffset, Input, Role};

use super::failure::StoreState;
use super::replicated::ReplicatedStore;
use crate::error::Refusal;
use crate::store::{Pace, Store, View};

/// A commit is due after so many bytes of records.
const COMMIT_BYTES: u64 = 64 << 10;

impl<S: Store> ReplicatedStore<S> {
    /// Checks whether a write is possible at all: by the role, the store, and what was received before.
    fn may_write(&self) -> Result<(), Refusal> {
        match (self.role, self.failed()) {
            (Role::Replica, _) => Err(Refusal::ReadOnly),
            (Role::Primary, Some(why)) => Err(Refusal::Store(why.to_owned())),
            (Role::Primary, None) if self.receive.replaying() => Err(Refusal::NotNow),
            (Role::Primary, None) => Ok(()),
        }
    }

    /// Checks that a write is possible now: by its role, and with writers not held.
    ///
    /// # Errors
    /// The reason.
    #[inline]
    pub fn writable(&self) -> Result<(), Refusal> {
        self.may_write()?;
        if self.room.writes == 0 || self.behind { Err(Refusal::NotNow) } else { Ok(()) }
    }

    /// Applies a record to the store and appends it to the log. Returns its place in the history: it is committed at
    /// the end of the turn. This does not check [`writable`](Self::writable), so that work already begun can end.
    ///
    /// # Errors
    /// The reason; nothing was changed, unless the store failed.
    #[inline]
    pub fn write(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        let place = self.append(record)?;
        self.room.spend(record.len() as u64);
        Ok(place)
    }

    /// As [`write`](Self::write), for records of the application's own accord: while writers are held they have a part
    /// of each round to themselves.
    ///
    /// # Errors
    /// The reason; nothing was changed, unless the store failed.
    pub fn write_upkeep(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        let place = self.append(record)?;
        self.room.spend_upkeep(record.len() as u64);
        Ok(place)
    }

    /// Returns whether the part of a round for upkeep is used up.
    pub const fn upkeep_is_spent(&self) -> bool {
        self.room.upkeep == 0
    }

    /// Returns whether [`write_upkeep`](Self::write_upkeep) is possible now. When the disk has caught up, another turn
    /// comes.
    pub fn upkeep_is_welcome(&self) -> bool {
        self.room.upkeep > 0 && !self.behind && !self.is_closing() && self.may_write().is_ok()
    }

    /// Appends a record; every refusal comes before log or store is changed.
    fn append(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        self.may_write()?;
        let bytes_max = u64::from(self.node.config().options().record_bytes_max);
        let bytes = record.len() as u64;
        if bytes > bytes_max {
            return Err(Refusal::TooLong { bytes, bytes_max });
        }
        if let Err(error) = self.store.apply(record) {
            self.fail(&format!("a record of our own making: {error}"));
            return Err(Refusal::Store(error.to_string()));
        }
        let offset = match self.say(Input::Write { data: record }) {
            Ok(step) => step.offset.unwrap_or_default(),
            Err(misuse) => {
                // Checked above; if it happens, store and log differ and nothing may be built on it.
                self.fail(&misuse.to_string());
                return Err(Refusal::Store(misuse.to_string()));
            }
        };
        self.dirty = true;
        self.uncommitted_bytes += bytes;
        self.turn_bytes += bytes;
        if self.uncommitted_bytes >= COMMIT_BYTES {
            self.commit();
        }
        self.note_pace();
        let place = self.node.place(offset);
        debug_assert!(place.is_some(), "a record that was appended has a place");
        Ok(place.unwrap_or_default())
    }

    /// Checks whether the disk is behind.
    #[inline]
    pub(super) fn note_pace(&mut self) {
        self.behind = self.store.persistence().is_some_and(|persistence| persistence.holds_writers());
    }

    /// Returns whether the store takes a batch of the stream now.
    pub(super) fn pace(&mut self) -> Pace {
        self.store.persistence().map_or(Pace::Ready, |persistence| persistence.pace())
    }

    /// Records at a turn's end whether writers wait (`waits`), to count the time for which the disk was the cause.
    /// Returns whether they must go on waiting.
    pub fn note_waiting(&mut self, waits: bool) -> bool {
        let behind = self.role == Role::Primary && self.behind;
        match self.behind_since {
            None if behind && waits => self.behind_since = Some(self.now),
            Some(since) if !behind => {
                self.counters.durability_held_ns += self.now.since(since).0;
                self.behind_since = None;
            }
            None | Some(_) => {}
        }
        behind || self.room.writes == 0 || (self.role == Role::Primary && self.receive.replaying())
    }

    /// Returns whether the write throttle is on, so that few can write in a turn.
    pub fn is_throttled(&self) -> bool {
        self.room.is_limited()
    }

    /// Returns whether records wait for a commit that can be made.
    pub(super) fn is_dirty(&self) -> bool {
        self.dirty && self.may_commit()
    }

    fn may_commit(&self) -> bool {
        self.role == Role::Primary && !self.receive.replaying() && !self.failure.is_broken()
    }

    /// Ends the step: everything written is sealed, and the store is exactly at that boundary.
    pub(crate) fn commit(&mut self) {
        if !self.is_dirty() {
            return;
        }
        match self.say(Input::Flush) {
            Ok(step) => {
                if let Some(position) = step.position {
                    self.store.commit(self.node.cursor(position).as_bytes(), position.boundary);
                    debug_assert_eq!(
                        position.boundary,
                        self.node.stats().end,
                        "the store stands at the log's end"
                    );
                }
                (self.dirty, self.uncommitted_bytes) = (false, 0);
            }
            Err(misuse) => self.fail(&format!("flush refused: {misuse}")),
        }
    }

    /// Opens a view of the newest boundary.
    ///
    /// # Errors
    /// The store is broken, or cannot open a view.
    pub(super) fn view(&mut self) -> std::io::Result<Box<dyn View>> {
        self.commit();
        match &self.failure {
            StoreState::Broken(why) => Err(std::io::Error::other(why.clone())),
            StoreState::Well | StoreState::Refusing(_) => self.store.view(),
        }
    }
}
