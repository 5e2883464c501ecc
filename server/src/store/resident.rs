//! The common part of the memory store and the disk store: a map, its cursor, and the snapshot that is being loaded
//! beside it.
//!
//! States of a step: *at a boundary* (map and cursor agree), *within a step* (records applied, not committed), *broken*
//! (a record could not be applied: the map is worthless until a snapshot is installed). Views and flushes are taken
//! at a boundary only.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use towline_core::Offset;
use towline_kv::{ApplyError, effects};

use super::loading::{KEPT_MAX, Loading};
use super::map::{Map, Touched};
use super::view::{Counted, MapView};

/// The part of its memory that the allocator holds back, at most (measured: 20 MB of 325 after a burst of writes).
const SLACK: u64 = 8;

#[derive(Debug)]
pub(crate) struct Resident {
    pub(crate) map: Map,
    cursor: Option<Vec<u8>>,
    upto: Offset,
    step: Step,
    loading: Option<Loading>,
    /// The most bytes kept of a tail while a snapshot loads.
    kept_max: usize,
    /// The memory of open views beyond the map, from above.
    viewed: Arc<AtomicU64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Boundary,
    Within,
    Broken,
}

impl Resident {
    pub(crate) fn new(map: Map, cursor: Option<Vec<u8>>, upto: Offset) -> Self {
        let (step, viewed) = (Step::Boundary, Arc::default());
        Self { map, cursor, upto, step, loading: None, kept_max: KEPT_MAX, viewed }
    }

    pub(crate) const fn keep(&mut self, bytes: usize) {
        self.kept_max = bytes;
    }

    pub(crate) fn cursor(&self) -> Option<&[u8]> {
        self.cursor.as_deref()
    }

    pub(crate) const fn upto(&self) -> Offset {
        self.upto
    }

    pub(crate) fn at_boundary(&self) -> bool {
        self.step == Step::Boundary
    }

    /// Applies one record and reports each change to `watch`.
    pub(crate) fn apply(
        &mut self,
        record: &[u8],
        mut watch: impl FnMut(Touched<'_>),
    ) -> Result<(), ApplyError> {
        let before = std::mem::replace(&mut self.step, Step::Broken);
        for effect in effects(record) {
            watch(self.map.apply(&effect?)?);
        }
        self.step = if before == Step::Broken { before } else { Step::Within };
        Ok(())
    }

    pub(crate) fn commit(&mut self, cursor: &[u8], upto: Offset) {
        assert!(self.step != Step::Broken, "no commit after a record that could not be applied");
        let stored = self.cursor.get_or_insert_default();
        stored.clear();
        stored.extend_from_slice(cursor);
        self.upto = upto;
        self.step = Step::Boundary;
    }

    pub(crate) fn view(&mut self) -> io::Result<MapView> {
        match self.step {
            Step::Boundary => {}
            Step::Within => return Err(io::Error::other("no view within a step")),
            Step::Broken => return Err(io::Error::other("no view after a record that could not be applied")),
        }
        let held = Counted::new(&self.viewed, self.map.view_bytes());
        Ok(MapView::new(self.map.freeze(), self.cursor.clone().unwrap_or_default(), held))
    }

    /// Returns the memory of map, open views and the loading snapshot, and of rooms that the allocator holds back.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let loading = self.loading.as_ref().map_or(0, Loading::memory_bytes);
        let bytes = self.map.memory_bytes() + loading + self.viewed.load(Ordering::Relaxed);
        bytes + bytes / SLACK
    }

    pub(crate) fn load_begin(&mut self, cursor: &[u8], upto: Offset) {
        // With the old seed, so that a scan under way goes on after the swap.
        self.loading = Some(Loading::new(Map::new(self.map.seed()), cursor, upto).keeping(self.kept_max));
    }

    pub(crate) fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.loading.as_mut().ok_or_else(not_loading)?.load(piece)
    }

    pub(crate) fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        self.loading.as_mut().ok_or_else(not_loading)?.tail(records, cursor, upto)
    }

    /// Checks that the snapshot is whole.
    pub(crate) fn loaded(&self) -> io::Result<()> {
        self.loading.as_ref().ok_or_else(not_loading)?.finish()
    }

    /// Swaps the loaded snapshot in.
    pub(crate) fn install(&mut self) -> io::Result<()> {
        self.loaded()?;
        let loading = self.loading.take().ok_or_else(not_loading)?;
        let (map, cursor, upto) = loading.into_parts()?;
        (self.map, self.cursor, self.upto) = (map, Some(cursor), upto);
        self.step = Step::Boundary;
        Ok(())
    }

    /// Returns the sum of all [`Counted`] bytes.
    pub(crate) const fn viewed(&self) -> &Arc<AtomicU64> {
        &self.viewed
    }
}

fn not_loading() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "no snapshot is being loaded")
}
