//! The one thread that writes the database, and the owner's end of it.
//!
//! Jobs come in order: flushes of the state the file holds, and installs, which write a whole new file and swap it in.
//! A flush of a state that is not the file's (because an install in between was given up) is skipped.
//! An install is given up when a newer one replaces its state as outdated; what it owed, to set a fork aside, passes to
//! the newer.
//!
//! The thread wakes the owner when a job is done, and once more when the next flush may begin. It reads the
//! monotonic clock for nothing but that.
//!
//! Bounds: at most [`JOBS_MAX`] jobs wait; more than two need forks in a row that come faster than they are written,
//! and then the owner waits.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use towline_core::Offset;

use super::DiskOptions;
use super::base::{Base, Mark};
use super::folder::Folder;
use super::layer::Layer;
use crate::store::Replaced;
use crate::store::map::Shards;

const JOBS_MAX: usize = 4;

/// What the thread is asked to do.
#[derive(Debug)]
pub(crate) enum Job {
    /// Writes a layer over the state of `generation`.
    Flush { layer: Layer, mark: Mark, generation: u64 },
    /// Writes a new state and swaps it in.
    Install(Install),
}

/// A state to be written whole.
#[derive(Debug)]
pub(crate) struct Install {
    pub(crate) entries: Shards,
    pub(crate) mark: Mark,
    pub(crate) replaced: Replaced,
    pub(crate) generation: u64,
}

/// A job that ended: the offset that is durable with it, `None` if it was skipped or given up.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) generation: u64,
    pub(crate) result: io::Result<Option<Offset>>,
}

/// The owner's end. Dropped, it waits for the thread, which gives up what it can.
#[derive(Debug)]
pub(crate) struct Flusher {
    jobs: Option<SyncSender<Job>>,
    under_way: usize,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The next flush may begin.
    due: AtomicBool,
    /// Installs of older generations are outdated.
    newest: AtomicU64,
    stop: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    done: Vec<Done>,
    waker: Option<Waker>,
}

impl Flusher {
    pub(crate) fn start(base: Base, folder: Option<Folder>, options: DiskOptions) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(JOBS_MAX);
        let shared = Arc::new(Shared { due: AtomicBool::new(true), ..Shared::default() });
        let state = Thread {
            base: Some(base),
            folder,
            options,
            generation: 0,
            owed: None,
            shared: Arc::clone(&shared),
        };
        let thread = Builder::new().name("flush".to_owned()).spawn(move || state.run(&queue))?;
        Ok(Self { jobs: Some(jobs), under_way: 0, shared, thread: Some(thread) })
    }

    /// Whether nothing is under way.
    pub(crate) const fn idle(&self) -> bool {
        self.under_way == 0
    }

    /// Whether the next flush may begin by the clock.
    pub(crate) fn due(&self) -> bool {
        self.shared.due.load(Ordering::Acquire)
    }

    /// Whom to wake.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut told = self.shared.told();
        match &mut told.waker {
            Some(old) => old.clone_from(waker),
            None => told.waker = Some(waker.clone()),
        }
    }

    /// What ended since the last question.
    pub(crate) fn done(&mut self) -> Vec<Done> {
        let done = std::mem::take(&mut self.shared.told().done);
        self.under_way -= done.len();
        done
    }

    pub(crate) fn send(&mut self, job: Job) -> io::Result<()> {
        if let Job::Install(Install { replaced: Replaced::Outdated, generation, .. }) = job {
            self.shared.newest.store(generation, Ordering::Release);
        }
        self.shared.due.store(false, Ordering::Release);
        let sent = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
        if !sent {
            return Err(io::Error::other("the thread that writes the store is gone"));
        }
        self.under_way += 1;
        Ok(())
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic of it was told as an error already.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, done: Option<Done>) {
        let mut told = self.told();
        told.done.extend(done);
        let waker = told.waker.take();
        drop(told);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }
}

/// What the thread owns.
struct Thread {
    /// `None` after a swap that failed.
    base: Option<Base>,
    folder: Option<Folder>,
    options: DiskOptions,
    /// Of the state in the file.
    generation: u64,
    /// The fork that an install which was given up would have set aside.
    owed: Option<Replaced>,
    shared: Arc<Shared>,
}

impl Thread {
    fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let began = Instant::now();
            let mut next = Some((job, began));
            while let Some((job, began)) = next.take() {
                if self.shared.stopped() {
                    return;
                }
                self.shared.due.store(false, Ordering::Release);
                let done = self.work(job);
                self.shared.wake(Some(done));
                next = self.rest(queue, began);
            }
        }
    }

    /// Waits until the next flush is due and says so, or until a hurried one comes sooner.
    fn rest(&self, queue: &Receiver<Job>, began: Instant) -> Option<(Job, Instant)> {
        let rest = self.options.flush_every.saturating_sub(began.elapsed());
        match queue.recv_timeout(rest.max(Duration::from_nanos(1))) {
            Ok(job) => return Some((job, Instant::now())),
            Err(RecvTimeoutError::Timeout) => {
                self.shared.due.store(true, Ordering::Release);
                self.shared.wake(None);
            }
            Err(RecvTimeoutError::Disconnected) => {}
        }
        None
    }

    fn work(&mut self, job: Job) -> Done {
        let generation = match &job {
            Job::Flush { generation, .. } | Job::Install(Install { generation, .. }) => *generation,
        };
        let worked = catch_unwind(AssertUnwindSafe(|| match job {
            Job::Flush { layer, mark, generation } => self.flush(&layer, &mark, generation),
            Job::Install(install) => self.install(&install),
        }));
        let gone = || Err(io::Error::other("the thread that writes the store panicked"));
        Done { generation, result: worked.unwrap_or_else(|_| gone()) }
    }

    fn flush(&self, layer: &Layer, mark: &Mark, generation: u64) -> io::Result<Option<Offset>> {
        let base = self.base.as_ref().ok_or_else(no_base)?;
        if generation != self.generation {
            return Ok(None);
        }
        let written = base.flush(layer, mark, &|| !self.shared.stopped())?;
        Ok(written.then_some(mark.upto))
    }

    fn install(&mut self, install: &Install) -> io::Result<Option<Offset>> {
        let folder = self.folder.as_ref().ok_or_else(no_base)?;
        let replaced = match (self.owed.take(), install.replaced) {
            (Some(owed), _) => owed,
            (None, replaced) => replaced,
        };
        let going =
            || !self.shared.stopped() && self.shared.newest.load(Ordering::Acquire) <= install.generation;
        folder.clear_incoming()?;
        let mut incoming = Base::create(&folder.incoming(), self.options.cache_bytes)?;
        if !incoming.fill(&install.entries, &install.mark, &going)? || !going() {
            self.owed = matches!(replaced, Replaced::Forked { .. }).then_some(replaced);
            return Ok(None);
        }
        // Closed before it is moved: what is set aside must open at once.
        self.base = None;
        folder.swap(replaced)?;
        incoming.rename(&folder.store());
        (self.base, self.generation) = (Some(incoming), install.generation);
        Ok(Some(install.mark.upto))
    }
}

fn no_base() -> io::Error {
    io::Error::other("the store on disk is not there any more")
}
