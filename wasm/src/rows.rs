//! Entries by their place in key order, for a list of a million of which a screenful is seen.
//!
//! A sorted map does not know how many entries lie before one. So every [`STEP`]th key is remembered as a mark, and a
//! place is found from the mark before it. While the table changes the marks are a little off, which a list that moves
//! under its reader may be; a walk from the beginning renews them, [`WALK`] entries with each call, so that no call is
//! long.
//!
//! Bounds: a call costs [`STEP`] + [`WALK`] entries and those it shows; the first call far down a new table costs the
//! way there. Memory: a key in [`STEP`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use towline_kv::{Entry, Table};

#[cfg(test)]
mod tests;

/// Entries between two marks.
const STEP: usize = 512;
/// Entries walked with each call while the marks are renewed.
const WALK: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// The key at each multiple of [`STEP`], as far as it was walked when the table was at `changes`.
    marks: Vec<Box<[u8]>>,
    changes: u64,
    /// The marks that will replace them, and the table's changes when their walk began.
    fresh: Vec<Box<[u8]>>,
    fresh_changes: u64,
}

impl Rows {
    /// Calls `visit` for up to `count` entries from about the `from`th. `changes` tells one state of the table from
    /// another.
    pub(crate) fn show(
        &mut self,
        table: &Table,
        changes: u64,
        from: usize,
        count: usize,
        visit: &mut dyn FnMut(&[u8], Entry<'_>),
    ) {
        self.renew(table, changes);
        let from = from.min(table.len());
        while self.marks.len() <= from / STEP && walk(table, &mut self.marks, STEP) {}
        let Some(mark) = self.marks.get(from / STEP).or(self.marks.last()) else { return };
        let behind = from % STEP + count;
        let skip = from % STEP;
        let first = table.get(mark).map(|entry| (&**mark, entry));
        let rows = first.into_iter().chain(table.after(mark)).take(behind).skip(skip);
        rows.for_each(|(key, entry)| visit(key, entry));
    }

    fn renew(&mut self, table: &Table, changes: u64) {
        if changes == self.changes && !self.marks.is_empty() {
            return;
        }
        if self.fresh.is_empty() {
            self.fresh_changes = changes;
        }
        if !walk(table, &mut self.fresh, WALK) {
            self.marks = core::mem::take(&mut self.fresh);
            self.changes = self.fresh_changes;
        }
    }
}

/// Adds the marks of the next `entries`; returns whether there may be more.
fn walk(table: &Table, marks: &mut Vec<Box<[u8]>>, entries: usize) -> bool {
    let Some(last) = marks.last().cloned() else {
        let first = table.iter().next();
        marks.extend(first.map(|(key, _)| Box::from(key)));
        return first.is_some();
    };
    let mut keys = table.after(&last);
    for _ in 0..entries / STEP {
        let Some((key, _)) = keys.nth(STEP - 1) else { return false };
        marks.push(key.into());
    }
    true
}
