//! The durable store: the resident map, written behind to an embedded database.
//!
//! Reads and views are the map's; the database is read once, when the store is opened. Each write also goes to the
//! *active layer*, which shares its bytes with the map. At a committed boundary, not sooner than a flush interval
//! after the last flush began (or at once after [`flush_soon`](Persistence::flush_soon)), the active layer is
//! handed with that boundary's cursor and digest to one thread, which commits it in one durable transaction. Never
//! two at once: while one is under way the active layer goes on growing. When it holds as much as the disk writes
//! in 0.4 s ([`budget`]), it is handed over as soon as possible, and writers are asked to wait until then.
//!
//! Writes that the disk refuses are kept and tried again each second ([`flusher`]); nothing else is handed over
//! meanwhile.
//!
//! An installed snapshot is read at once and written whole in the background ([`flusher`]); until it is durable, a
//! restart finds the state before it.
//!
//! Invariants: the database always holds a committed boundary, with its cursor and digest. No cursor is reported as
//! persisted before its transaction is durable, and none of a state that was replaced.
//!
//! Bounds: the data set must fit memory. The layers hold one entry for each key written since the last flush began,
//! those deleted too; values replaced meanwhile are freed. Writers that heed [`pace`](Persistence::pace)
//! and [`holds_writers`](Persistence::holds_writers) bound the active layer by the budget and what one record brings.
//!
//! When it is dropped, it waits for a flush under way to end or give up, and leaves the rest unwritten, as a kill
//! would. To keep the rest, call [`flush_soon`](Persistence::flush_soon) and wait for the cursor.

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

/// The options of a [`DiskStore`].
#[derive(Debug, Clone, Copy)]
pub struct DiskOptions {
    /// A random number, so that clients cannot choose keys that collide.
    pub random: u64,
    /// The database's own cache.
    pub cache_bytes: usize,
    /// The shortest time from the beginning of one flush to that of the next.
    pub flush_every: Duration,
    /// The time between two attempts to write what the disk refused.
    pub retry_every: Duration,
}

impl DiskOptions {
    /// Returns the defaults: 64 MiB of cache, a flush each 100 ms, and an attempt each second after a refusal.
    #[must_use]
    pub const fn new(random: u64) -> Self {
        Self {
            random,
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
    /// Set when the cursor or the content changed since the last hand-over.
    unflushed: bool,
    hurried: bool,
    /// The number of installed snapshots: flushes from before one are not reported after it.
    generation: u64,
    /// The durable cursor, where it is not reported yet.
    persisted: Option<Vec<u8>>,
    /// The error of a refusal that is not reported yet.
    refused: Option<io::Error>,
    budget: Budget,
    /// The amount that the flush under way writes.
    flushing: Option<Amount>,
    /// The memory that the jobs under way hold.
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

    /// Returns the directory, where a [`Spool`](towline_driver::store::Spool) may put its file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn over(base: Base, home: Home, path: &Path, options: DiskOptions) -> io::Result<Self> {
        let mut map = Map::new(options.random);
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

    /// Takes the results of the flusher.
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
        // The refused writes were written since, or are no longer wanted.
        self.refused = None;
        if let (Some(wrote), Some(_)) = (self.flushing.take(), &done.cursor) {
            self.budget.learn(wrote, done.took);
        }
        if done.generation == self.generation && done.cursor.is_some() {
            self.persisted = done.cursor;
        }
    }

    /// Returns true if more waits for the disk than it writes in the promised time.
    fn is_behind(&self) -> bool {
        self.budget.is_spent(&self.layer)
    }

    /// Hands the active layer over if there is anything to write, no flush is under way, and it is due.
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

    /// Returns the data that the database has beside the entries, from the state in memory.
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
            // The state set aside is everything that was committed.
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
        // Register before looking, so that no result in between is missed.
        self.flusher.register(task.waker());
        self.collect();
        self.flush_if_due();
        // In the order of events: a write after a refusal ended it.
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

    fn some_key(&self, random: u64) -> Option<Arc<[u8]>> {
        self.resident.map.some_key(random)
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
