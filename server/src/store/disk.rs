//! The durable store: the resident map, written behind to an embedded database.
//!
//! Reads and views are the map's; the database is read once, when the store is opened. Each write also goes to the
//! *active layer*, which shares its bytes with the map. At a committed boundary, not sooner than a flush interval
//! after the last flush began (or at once after [`flush_soon`](Persistence::flush_soon)), the active layer is
//! handed with that boundary's cursor and digest to one thread, which commits it in one durable transaction. Never
//! two at once: while one is under way the active layer goes on gathering. When it holds as much as the disk writes
//! in 0.4 s ([`budget`]), it is handed over as soon as it can be, and whoever writes is asked to wait until then.
//!
//! What the disk refuses is kept and tried again each second ([`flusher`]); meanwhile nothing else is handed over.
//!
//! An installed snapshot is read at once and written whole in the background ([`flusher`]); until it is durable, a
//! restart finds the state before it.
//!
//! Invariants: what the database holds is always a committed boundary, with the cursor and the digest it had. No
//! cursor is told as persisted before its transaction is durable, and none of a state that was replaced.
//!
//! Bounds: the data set must fit memory. The layers hold one entry for each key written since the last flush began,
//! those deleted too; values replaced meanwhile are freed. Writers that heed [`pace`](Persistence::pace)
//! and [`holds_writers`](Persistence::holds_writers) bound the active layer by the budget and what one record brings.
//!
//! Dropped, it waits for a flush under way to end or give up, and leaves the rest unwritten, as a kill would. Whoever
//! wants to keep it asks [`flush_soon`](Persistence::flush_soon) and waits for the cursor.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use towline_core::Offset;
use towline_driver::{Pace, Persistence, Replaced, Size, Store, View};
use towline_kv::{Digest, ExpiryMs};

use self::base::{Base, Mark};
use self::budget::{Amount, Budget};
use self::flusher::{Done, Flusher, Install, Job, Report};
use self::folder::Folder;
use self::home::Home;
use self::layer::Layer;
use super::map::{Held, Map};
use super::resident::Resident;
use super::view::Counted;
use super::{Found, KeyValueStore};

mod base;
mod budget;
mod flusher;
mod folder;
mod home;
mod layer;
#[cfg(test)]
mod lossy;
#[cfg(test)]
mod tests;

/// How a [`DiskStore`] is opened.
#[derive(Debug, Clone, Copy)]
pub struct DiskOptions {
    /// Keep clients from choosing keys that collide.
    pub dice: u64,
    /// The database's own cache.
    pub cache_bytes: usize,
    /// The time from the beginning of one flush to that of the next, at least.
    pub flush_every: Duration,
    /// The time between two attempts at what the disk refuses.
    pub retry_every: Duration,
}

impl DiskOptions {
    /// The usual: 64 MiB of cache, a flush each 100 ms, and an attempt each second at what the disk refuses.
    #[must_use]
    pub const fn new(dice: u64) -> Self {
        Self {
            dice,
            cache_bytes: 64 << 20,
            flush_every: Duration::from_millis(100),
            retry_every: Duration::from_secs(1),
        }
    }
}

/// A store on disk.
#[derive(Debug)]
pub struct DiskStore {
    path: PathBuf,
    cache_bytes: usize,
    resident: Resident,
    layer: Layer,
    /// The cursor or the content moved since the last hand-over.
    unflushed: bool,
    hurried: bool,
    /// Counts installed snapshots: what was flushed before one is not told after it.
    generation: u64,
    /// The cursor of what is durable, where that is not told yet.
    persisted: Option<Vec<u8>>,
    /// What the disk refused, and why; not told yet.
    refused: Option<io::Error>,
    budget: Budget,
    /// What the flush under way writes.
    flushing: Option<Amount>,
    /// What the jobs under way hold.
    flying: Vec<Counted>,
    flusher: Flusher,
}

impl DiskStore {
    /// Opens the store in `path`, or makes one there. It reads everything, so it takes a second for a few million
    /// entries; it finishes a swap that was cut short.
    ///
    /// # Errors
    /// The directory is in use (its path and the process are named), or the database is damaged, or the system
    /// refuses. Each is one line.
    pub fn open(path: &Path, options: DiskOptions) -> io::Result<Self> {
        let folder = Folder::claim(path)?;
        folder.settle(options.cache_bytes)?;
        let base = Base::open(&folder.store(), options.cache_bytes)?;
        Self::over(base, Home::Folder(folder, options.cache_bytes), path, options)
    }

    /// The directory, where a [`Spool`](towline_driver::store::Spool) finds its place.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn over(base: Base, home: Home, path: &Path, options: DiskOptions) -> io::Result<Self> {
        let mut map = Map::new(options.dice);
        let mark = base.load(&mut map)?;
        let (cursor, upto) = mark.map_or((None, Offset::default()), |mark| (Some(mark.cursor), mark.upto));
        Ok(Self {
            path: path.to_owned(),
            cache_bytes: options.cache_bytes,
            resident: Resident::new(map, cursor, upto),
            layer: Layer::default(),
            unflushed: false,
            hurried: false,
            generation: 0,
            persisted: None,
            refused: None,
            budget: Budget::new(),
            flushing: None,
            flying: Vec::new(),
            flusher: Flusher::start(base, home, options)?,
        })
    }

    /// Takes in what the flusher has done.
    fn collect(&mut self) {
        for report in self.flusher.reports() {
            match report {
                Report::Refused(error) => self.refused = Some(error),
                Report::Done(done) => self.done(done),
            }
        }
        if self.flusher.idle() {
            self.flying.clear();
        }
    }

    fn done(&mut self, done: Done) {
        // What was refused before this was written, or is not wanted any more.
        self.refused = None;
        if let (Some(wrote), Some(_)) = (self.flushing.take(), &done.cursor) {
            self.budget.learn(wrote, done.took);
        }
        if done.generation == self.generation && done.cursor.is_some() {
            self.persisted = done.cursor;
        }
    }

    /// Whether more waits for the disk than it writes in the time promised.
    fn is_behind(&self) -> bool {
        self.budget.is_spent(&self.layer)
    }

    /// Hands the active layer over if there is anything to write, nothing under way, and it is time.
    fn flush_if_due(&mut self) {
        let wanted = self.unflushed && (self.hurried || self.flusher.due() || self.is_behind());
        if wanted && self.flusher.idle() && self.resident.at_boundary() {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let layer = std::mem::take(&mut self.layer);
        (self.unflushed, self.hurried) = (false, false);
        self.flushing = Some(layer.amount());
        self.send(layer.bytes(), Job::Flush { layer, mark: self.mark(), generation: self.generation });
    }

    fn send(&mut self, bytes: u64, job: Job) {
        self.flying.push(Counted::new(self.resident.viewed(), bytes));
        if let Err(error) = self.flusher.send(job) {
            self.refused = Some(error);
        }
    }

    /// What stands in the database beside the entries, for the state in memory.
    fn mark(&self) -> Mark {
        Mark {
            cursor: self.resident.cursor().unwrap_or_default().to_vec(),
            upto: self.resident.upto(),
            digest: self.resident.map.digest(),
            count: self.resident.map.len(),
        }
    }
}

impl Store for DiskStore {
    fn cursor(&self) -> Option<&[u8]> {
        self.resident.cursor()
    }

    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        let layer = &mut self.layer;
        self.resident.apply(record, |touched| layer.note(touched)).map_err(io::Error::other)
    }

    fn commit(&mut self, cursor: &[u8], upto: Offset) {
        self.resident.commit(cursor, upto);
        self.unflushed = true;
        if self.hurried || self.flusher.due() || self.is_behind() {
            self.collect();
            self.flush_if_due();
        }
    }

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        Ok(Box::new(self.resident.view()?))
    }

    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()> {
        self.resident.load_begin(cursor, upto);
        Ok(())
    }

    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.resident.load(piece)
    }

    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        self.resident.load_tail(records, cursor, upto)
    }

    fn install(&mut self, replaced: Replaced) -> io::Result<()> {
        self.resident.loaded()?;
        self.collect();
        if replaced.is_kept() && self.unflushed && self.resident.at_boundary() {
            // What is set aside is the whole of what was committed.
            self.hand_over();
        }
        self.resident.install()?;
        self.generation += 1;
        self.layer = Layer::default();
        (self.unflushed, self.hurried, self.persisted) = (false, false, None);
        let entries = self.resident.map.freeze();
        let install = Install { entries, mark: self.mark(), replaced, generation: self.generation };
        self.send(self.resident.map.view_bytes(), Job::Install(install));
        Ok(())
    }

    fn size(&self) -> Size {
        Size { entries: Some(self.len()), memory_bytes: self.memory_bytes() }
    }

    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        Some(self)
    }
}

impl Persistence for DiskStore {
    fn poll_persisted(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        // Registered before looking, so that nothing done in between goes unheard.
        self.flusher.register(task.waker());
        self.collect();
        self.flush_if_due();
        // In the order it happened: what was written after a refusal ended it.
        match (self.persisted.take(), self.refused.take()) {
            (Some(cursor), refused) => {
                self.refused = refused;
                Poll::Ready(Ok(cursor))
            }
            (None, Some(error)) => Poll::Ready(Err(error)),
            (None, None) => Poll::Pending,
        }
    }

    fn pace(&self) -> Pace {
        if self.is_behind() { Pace::Busy } else { Pace::Ready }
    }

    fn holds_writers(&self) -> bool {
        self.is_behind()
    }

    fn flush_soon(&mut self) {
        self.hurried = self.unflushed;
        self.collect();
        self.flush_if_due();
    }
}

impl KeyValueStore for DiskStore {
    fn get(&self, key: &[u8]) -> Option<Found> {
        self.resident.map.get(key).map(Held::found)
    }

    fn len(&self) -> u64 {
        self.resident.map.len()
    }

    fn digest(&self) -> Digest {
        self.resident.map.digest()
    }

    fn memory_bytes(&self) -> u64 {
        self.resident.memory_bytes() + self.layer.bytes() + self.cache_bytes as u64
    }

    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64 {
        self.resident.map.scan(from, count, visit)
    }

    fn some_key(&self, dice: u64) -> Option<Arc<[u8]>> {
        self.resident.map.some_key(dice)
    }

    fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>> {
        self.resident.map.due(now_ms, count)
    }

    fn next_due(&self) -> Option<ExpiryMs> {
        self.resident.map.next_due()
    }

    fn expiring(&self) -> (u64, u128) {
        self.resident.map.expiring()
    }
}
