//! A node's disk in the simulation, and the store a process keeps on it.
//!
//! The [`Journal`] decides what survives which end, as on the fast tier; here its records are bytes, and it has the
//! run's clock. Entries are resident in the server's own memory store, and every process reads them anew from the
//! journal. A commit survives the kill of the process; a sync begins with the first commit, takes as long as the plan
//! says and covers what was committed when it began. An installed snapshot is durable when a sync has covered it: a
//! crash before that finds the old state.
//!
//! Invariant: a disk obeys its newest process alone (`life`); what an older one still writes is lost with it.
//!
//! Bounds: a disk holds every record since its last snapshot.

#![expect(
    clippy::disallowed_types,
    reason = "the director strikes the disk that a process works on; never held while waiting"
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::time::Sleep;
use towline_core::{Cursor, Offset};
use towline_driver::{Pace, Persistence, Replaced, Size, Store, View};
use towline_kv::{Digest, ExpiryMs};
use towline_server::store::{Found, KeyValueStore, MemoryStore};

use self::truth::Past;
use super::weather::Weather;
use super::{Environment, Planted};
use crate::journal::{Journal, Saved};
use crate::plan::{Fault, Kind, Plan};
use crate::trace::Fact;

mod truth;

/// A server's store keeps up to this part of its spool of a tail: 16 MiB of 256 MiB.
const TAIL_SHARE: u64 = 16;
/// The size of a part of a view.
const PART_BYTES: usize = 64 << 10;

/// One machine's disk, or what a memory node has in its place. It outlives the processes.
pub(super) struct Disk {
    environment: Arc<dyn Environment>,
    weather: Arc<Weather>,
    machine: usize,
    apply_us: u64,
    sync_us: u64,
    /// The most that a store keeps of a tail while a snapshot loads: the same part of its spool as in a server.
    tail_bytes: usize,
    planted: Planted,
    kept: Mutex<Kept>,
}

struct Kept {
    /// The contents before each removal.
    past: Vec<Past>,
    facts: Vec<(u64, Fact)>,
    journal: Journal<Box<[u8]>>,
    /// The number of the newest process.
    life: u64,
}

impl Disk {
    /// Returns the disk of a machine, which stands for a node of the plan.
    pub(super) fn new(
        plan: &Plan,
        (machine, node): (usize, usize),
        environment: &Arc<dyn Environment>,
        weather: &Arc<Weather>,
        planted: Planted,
    ) -> Self {
        let goes_back = |fault: &Fault| fault.kind == Kind::Rollback && fault.node == machine;
        let journal = Journal::new(plan.nodes[node].disk, plan.faults.iter().any(goes_back));
        Self {
            environment: Arc::clone(environment),
            weather: Arc::clone(weather),
            machine,
            apply_us: plan.knobs.apply,
            sync_us: plan.knobs.sync,
            tail_bytes: usize::try_from(plan.knobs.spool / TAIL_SHARE).unwrap_or(usize::MAX),
            planted,
            kept: Mutex::new(Kept { past: Vec::new(), facts: Vec::new(), journal, life: 0 }),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies a fault that ends the process to the disk.
    pub(super) fn end(&self, kind: Kind, amount: u64) {
        let mut kept = self.kept();
        kept.life += 1;
        kept.remember(self.environment.now_us());
        let journal = &mut kept.journal;
        if matches!(kind, Kind::PowerLoss | Kind::Torn) {
            journal.power_lost(amount);
        } else {
            journal.killed();
        }
        if kind == Kind::Rollback {
            journal.roll_back(amount);
        } else if matches!(kind, Kind::Wipe | Kind::Twin) {
            *journal = Journal::new(journal.disk, journal.past.is_some());
        }
    }

    /// Returns the store as the next process finds it. It is synced before anything is built on it.
    pub(super) fn open(self: &Arc<Self>) -> Box<dyn KeyValueStore> {
        let mut kept = self.kept();
        kept.life += 1;
        kept.remember(self.environment.now_us());
        kept.journal.killed();
        kept.journal.settle();
        let mut memory = MemoryStore::new(kept.life).keeping(self.tail_bytes);
        for record in &kept.journal.records {
            memory.apply(record).expect("it was applied before");
        }
        if let Some(cursor) = &kept.journal.cursor {
            memory.commit(cursor.as_bytes(), boundary(cursor.as_bytes()));
        }
        Box::new(Shelf {
            disk: Arc::clone(self),
            life: kept.life,
            memory,
            sync: None,
            news: false,
            busy_us: 0,
            timer: None,
            waker: None,
        })
    }
}

/// Returns the offset that a cursor lies at.
fn boundary(cursor: &[u8]) -> Offset {
    Cursor::describe(cursor).map_or(Offset(0), |(_, position)| position.boundary)
}

/// The store of one process.
struct Shelf {
    disk: Arc<Disk>,
    life: u64,
    memory: MemoryStore,
    /// The number of commits that the sync under way covers, and when it ends.
    sync: Option<(usize, u64)>,
    /// Set when something became durable and was not reported yet.
    news: bool,
    /// No batch is accepted before this time.
    busy_us: u64,
    timer: Option<Pin<Box<Sleep>>>,
    waker: Option<Waker>,
}

impl Shelf {
    /// Returns the contents, as long as this process is the newest.
    fn kept(&self) -> Option<MutexGuard<'_, Kept>> {
        Some(self.disk.kept()).filter(|kept| kept.life == self.life)
    }

    fn now_us(&self) -> u64 {
        self.disk.environment.now_us() + self.disk.environment.grain_us()
    }

    /// Returns the amount of the fault of this kind that is on, if any.
    fn ails(&self, kind: Kind) -> Option<u64> {
        self.disk.weather.ails(self.disk.machine, kind)
    }

    /// Begins a sync of every commit so far, unless one is under way; the next begins when it ends. Returns true if one
    /// began.
    fn begin_sync(&mut self) -> bool {
        let unsynced = self.kept().filter(|kept| kept.journal.disk).map_or(0, |kept| kept.journal.unsynced());
        if self.sync.is_some() || unsynced == 0 {
            return false;
        }
        let sync_us = self.ails(Kind::SlowDisk).unwrap_or(self.disk.sync_us);
        self.sync = Some((unsynced, self.disk.environment.now_us() + sync_us.max(1)));
        true
    }

    /// Wakes the waiter of this store, to read the clock again.
    fn look_again(&mut self) {
        self.waker.take().into_iter().for_each(Waker::wake);
    }

    fn end_sync(&mut self) {
        let Some((commits, _)) = self.sync.take_if(|(_, ends_us)| *ends_us <= self.disk.environment.now_us())
        else {
            return;
        };
        if self.ails(Kind::SyncFails).is_none() {
            let synced = self.kept().map(|mut kept| kept.journal.synced(commits));
            self.news |= synced.is_some();
        }
        self.begin_sync();
    }

    /// Returns the newest durable cursor, if it was not reported yet.
    fn persisted(&mut self) -> Option<Vec<u8>> {
        let news = std::mem::take(&mut self.news);
        let kept = self.kept().filter(|kept| news && kept.journal.disk)?;
        let early = self.disk.planted == Planted::EarlySync;
        let cursor = if early { &kept.journal.cursor } else { &kept.journal.durable_cursor };
        cursor.as_ref().map(|cursor| cursor.as_bytes().to_vec())
    }
}

impl Store for Shelf {
    fn cursor(&self) -> Option<&[u8]> {
        self.memory.cursor()
    }

    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        self.memory.apply(record)?;
        let forgets = self.disk.planted == Planted::Forgets && self.disk.machine == 1;
        if let Some(mut kept) = self.kept().filter(|_| !forgets) {
            kept.journal.records.push(record.into());
        }
        Ok(())
    }

    fn commit(&mut self, cursor: &[u8], upto: Offset) {
        self.memory.commit(cursor, upto);
        if let Some(mut kept) = self.kept() {
            kept.journal.commit(Saved::new(cursor));
        }
        self.news |= self.disk.planted == Planted::EarlySync;
        let apply_us = self.ails(Kind::SlowApplying).unwrap_or(self.disk.apply_us);
        self.busy_us = self.now_us() + apply_us;
        if self.begin_sync() || apply_us > 0 {
            self.look_again();
        }
    }

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        self.memory.view()
    }

    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()> {
        self.memory.load_begin(cursor, upto)
    }

    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.memory.load(piece)
    }

    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        let done = self.memory.load_tail(records, cursor, upto)?;
        let now_us = self.disk.environment.now_us();
        if let Some(mut kept) = self.kept().filter(|_| !done) {
            kept.facts.push((now_us, Fact::TailWaits { offset: upto.0 }));
        }
        Ok(done)
    }

    fn install(&mut self, replaced: Replaced) -> io::Result<()> {
        self.memory.install(replaced)?;
        let cursor = Saved::new(self.memory.cursor().unwrap_or_default());
        let whole = whole(&mut *self.memory.view()?);
        let now_us = self.disk.environment.now_us();
        if let Some(mut kept) = self.kept() {
            kept.remember(now_us);
            // No record is empty.
            let whole = Some(whole).filter(|whole| !whole.is_empty());
            kept.journal.replace(whole.into_iter().collect(), cursor);
        }
        // A sync that was under way covers the replaced state only.
        (self.sync, self.news) = (None, false);
        self.begin_sync();
        self.look_again();
        Ok(())
    }

    fn size(&self) -> Size {
        Size { entries: Some(self.len()), memory_bytes: self.memory_bytes() }
    }

    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        Some(self)
    }
}

impl Persistence for Shelf {
    fn poll_persisted(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Vec<u8>>> {
        self.waker = Some(task.waker().clone());
        self.disk.weather.store_waits(self.disk.machine, task.waker());
        loop {
            self.end_sync();
            if let Some(cursor) = self.persisted() {
                return Poll::Ready(Ok(cursor));
            }
            let now_us = self.now_us();
            let busy_us = Some(self.busy_us).filter(|at_us| *at_us > now_us);
            let ends_us = self.sync.map(|(_, ends_us)| ends_us);
            let Some(at_us) = busy_us.into_iter().chain(ends_us).min() else { return Poll::Pending };
            let left = self.disk.environment.lasts(at_us.saturating_sub(now_us).max(1));
            let timer = self.timer.insert(Box::pin(tokio::time::sleep(left)));
            if timer.as_mut().poll(task).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn pace(&self) -> Pace {
        if self.ails(Kind::StopTaking).is_some() {
            return Pace::Full;
        }
        let busy = self.ails(Kind::StopApplying).is_some() || self.now_us() < self.busy_us;
        if busy { Pace::Busy } else { Pace::Ready }
    }

    /// A sync begins with every commit anyway.
    fn flush_soon(&mut self) {}
}

impl KeyValueStore for Shelf {
    fn get(&self, key: &[u8]) -> Option<Found> {
        self.memory.get(key)
    }

    fn len(&self) -> u64 {
        self.memory.len()
    }

    fn digest(&self) -> Digest {
        self.memory.digest()
    }

    fn memory_bytes(&self) -> u64 {
        self.memory.memory_bytes()
    }

    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64 {
        self.memory.scan(from, count, visit)
    }

    fn some_key(&self, random: u64) -> Option<Arc<[u8]>> {
        self.memory.some_key(random)
    }

    fn due(&self, now_ms: u64, count: usize) -> Vec<Arc<[u8]>> {
        self.memory.due(now_ms, count)
    }

    fn next_due(&self) -> Option<ExpiryMs> {
        self.memory.next_due()
    }

    fn expiring(&self) -> (u64, u128) {
        self.memory.expiring()
    }
}

/// Returns the snapshot of a view, whole.
fn whole(view: &mut dyn View) -> Box<[u8]> {
    let (mut bytes, mut part) = (Vec::new(), Vec::new());
    for number in 0.. {
        let last = view.piece(number, PART_BYTES, &mut part);
        bytes.extend_from_slice(&part);
        if last {
            break;
        }
    }
    bytes.into()
}
