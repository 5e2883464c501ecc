//! A sender's views: opened on demand, read piece by piece, freed on demand.
//!
//! A view's bytes are 16 for each record (its operation, its length; little-endian), padded to the knob
//! `snapshot_record`; they are made when they are read.

use super::host::{Cut, Turn, View};
use super::queue::What;
use super::store::Held;
use crate::plan::Kind;
use crate::trace::Fact;
use towline_core::{Input, SnapshotId};

/// Writes the bytes from `from` on, as many as `most`; returns whether the view ends there.
fn fill(out: &mut Vec<u8>, records: &[Held], record_bytes: usize, from: usize, most: usize) -> bool {
    out.clear();
    let total = records.len() * record_bytes;
    let to = total.min(from.saturating_add(most));
    let (first, last) = (from / record_bytes, to.div_ceil(record_bytes));
    for (index, held) in records.iter().enumerate().take(last).skip(first) {
        let begin = index * record_bytes;
        let mut record = [0; 16];
        record[..8].copy_from_slice(&u64::from(held.op).to_le_bytes());
        record[8..].copy_from_slice(&u64::from(held.bytes).to_le_bytes());
        let (low, high) = (from.max(begin) - begin, to.min(begin + record_bytes) - begin);
        out.extend_from_slice(&record[low.min(16)..high.min(16)]);
        out.resize(out.len() + high.max(16) - low.max(16), 0);
    }
    to == total
}

impl Turn<'_> {
    /// Begins to open a view for the node, which takes time.
    pub(super) fn want_view(&mut self, snapshot: SnapshotId, from: u64) {
        self.process.wants_ring = true;
        self.tell_gauges();
        self.tell(&Fact::Wanted { snapshot: snapshot.0, from });
        // A store in memory is copied at once; until that is written out it cannot be read.
        let cut = if self.machine.store.disk { None } else { self.cut() };
        self.process.views.push(View { snapshot: snapshot.0, open: false, cut, records: Vec::new() });
        let (machine, birth) = (self.me as u8, self.process.birth);
        let due_us = self.world.t_us + self.world.plan.knobs.view;
        self.world.queue.push(due_us, What::ViewOpen { machine, birth, snapshot: snapshot.0 });
    }

    /// Returns the store as it is now; none if it is not whole.
    fn cut(&mut self) -> Option<Cut> {
        self.commit();
        let store = &self.machine.store;
        let cursor = store.cursor.clone()?;
        Some(Cut { cursor, at: store.visible(), records: store.records[..store.committed].to_vec() })
    }

    /// Opens the view. A store on disk is cut only now.
    pub(super) fn open_view(&mut self, snapshot: u64) {
        let Some(place) = self.process.views.iter().position(|view| view.snapshot == snapshot) else {
            return;
        };
        if self.machine.ails.view_fails {
            self.took_effect(Kind::ViewFails);
            self.process.views.remove(place);
            return self.view_failed(snapshot);
        }
        let cut = self.process.views[place].cut.take().or_else(|| self.cut());
        let Some(cut) = cut else {
            self.process.views.remove(place);
            return self.view_failed(snapshot);
        };
        let view = &mut self.process.views[place];
        (view.open, view.records) = (true, cut.records);
        let (cursor, at) = (cut.cursor, cut.at);
        let view = &self.process.views[place];
        let bytes = Some(view.records.len() as u64 * self.world.plan.knobs.snapshot_record.max(16));
        let ready = Input::SnapshotReady { snapshot: SnapshotId(snapshot), cursor: cursor.as_bytes(), bytes };
        if self.say(ready).is_err() {
            // The store was set back while the view opened.
            self.process.views.retain(|view| view.snapshot != snapshot);
            return self.view_failed(snapshot);
        }
        self.tell(&Fact::Viewed { snapshot, at });
    }

    fn view_failed(&mut self, snapshot: u64) {
        let failed = Input::SnapshotFailed { snapshot: SnapshotId(snapshot), retry: true };
        self.say(failed).expect("it was asked for");
        self.look_away();
    }

    /// Gives the node a piece.
    pub(super) fn read_view(&mut self, snapshot: SnapshotId, piece: u64) {
        let Some(view) = self.process.views.iter().find(|view| view.snapshot == snapshot.0) else {
            return self.view_failed(snapshot.0);
        };
        let most = self.process.node.config().options().piece_bytes_max as usize;
        let record_bytes = self.world.plan.knobs.snapshot_record.max(16) as usize;
        let mut scratch = std::mem::take(&mut self.world.scratch);
        let last = fill(&mut scratch, &view.records, record_bytes, piece as usize * most, most);
        let input = Input::SnapshotPiece { snapshot, piece, data: &scratch, last };
        self.say(input).expect("it was asked for");
        self.world.scratch = scratch;
    }

    /// Frees a view.
    pub(super) fn free_view(&mut self, snapshot: SnapshotId) {
        let open = self.process.views.iter().any(|view| view.snapshot == snapshot.0 && view.open);
        self.process.views.retain(|view| view.snapshot != snapshot.0);
        if open {
            self.tell(&Fact::Freed { snapshot: snapshot.0 });
        }
    }

    /// Breaks every open view; returns whether there was one.
    pub(super) fn break_views(&mut self) -> bool {
        let broken: Vec<u64> =
            self.process.views.iter().filter(|view| view.open).map(|view| view.snapshot).collect();
        for snapshot in &broken {
            self.free_view(SnapshotId(*snapshot));
            self.view_failed(*snapshot);
        }
        !broken.is_empty()
    }
}

#[cfg(test)]
mod tests;
