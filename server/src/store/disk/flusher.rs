//! The one thread that writes the database, and the owner's end of it.
//!
//! Jobs come in order: flushes of the state in the file, and installs, which write a whole new file and swap it in. A
//! flush of a state that is not the file's (because an install in between was given up) is skipped. An install is given
//! up when a newer one replaces its state as outdated; its duty to set a fork aside passes to the newer.
//!
//! A failure of the disk is reported, kept, and tried again each `retry_every`, until it is written or the owner is
//! gone. The database accepts nothing more after an error, so it is opened anew for each attempt. An attempt writes the
//! same as the one before it, so it does not matter how far that came.
//!
//! The thread wakes the owner when there is something to report, and once more when the next flush may begin. It reads
//! the monotonic clock for that, and for the time of a job.
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

use super::DiskOptions;
use super::base::{Base, Mark};
use super::home::Home;
use super::layer::Layer;
use crate::store::map::Shards;
use towline_driver::Replaced;

const JOBS_MAX: usize = 4;

/// The jobs of the thread.
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

/// The reports of the thread, in order.
#[derive(Debug)]
pub(crate) enum Report {
    /// The job under way failed, for a reason that is new. It is tried again.
    Refused(io::Error),
    /// A job ended.
    Done(Done),
}

/// A job that ended: the cursor of the state that is durable with it, `None` if it was skipped or given up.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) generation: u64,
    pub(crate) cursor: Option<Vec<u8>>,
    /// The time of the attempt that succeeded.
    pub(crate) took: Duration,
}

/// The owner's end. Dropping it waits for the thread, which gives up the jobs that it may.
#[derive(Debug)]
pub(crate) struct Flusher {
    jobs: Option<SyncSender<Job>>,
    under_way: usize,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Set when the next flush may begin.
    due: AtomicBool,
    /// The newest generation: states of older ones are outdated.
    newest: AtomicU64,
    stop: AtomicBool,
    told: Mutex<Told>,
}

#[derive(Debug, Default)]
struct Told {
    reports: Vec<Report>,
    waker: Option<Waker>,
}

impl Flusher {
    pub(crate) fn start(base: Base, home: Home, options: DiskOptions) -> io::Result<Self> {
        let (jobs, queue) = sync_channel(JOBS_MAX);
        let shared = Arc::new(Shared { due: AtomicBool::new(true), ..Shared::default() });
        let state = Thread {
            base: Some(base),
            home,
            options,
            generation: 0,
            incoming: None,
            owed: None,
            shared: Arc::clone(&shared),
        };
        let thread = Builder::new().name("flush".to_owned()).spawn(move || state.run(&queue))?;
        Ok(Self { jobs: Some(jobs), under_way: 0, shared, thread: Some(thread) })
    }

    /// Returns whether nothing is under way.
    pub(crate) const fn idle(&self) -> bool {
        self.under_way == 0
    }

    /// Returns whether the next flush may begin by the clock.
    pub(crate) fn due(&self) -> bool {
        self.shared.due.load(Ordering::Acquire)
    }

    /// Sets the waker of the owner.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut told = self.shared.told();
        match &mut told.waker {
            Some(old) => old.clone_from(waker),
            None => told.waker = Some(waker.clone()),
        }
    }

    /// Returns the reports since the last call.
    pub(crate) fn reports(&mut self) -> Vec<Report> {
        let reports = std::mem::take(&mut self.shared.told().reports);
        self.under_way -= reports.iter().filter(|report| matches!(report, Report::Done(_))).count();
        reports
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
            // The thread may be waiting for its next attempt.
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

impl Shared {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, report: Option<Report>) {
        let mut told = self.told();
        told.reports.extend(report);
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

/// The state that the thread owns.
struct Thread {
    /// The database; `None` after an error, because it is opened anew.
    base: Option<Base>,
    home: Home,
    options: DiskOptions,
    /// The generation of the state in the file.
    generation: u64,
    /// A whole state that is complete beside the store and not swapped in yet, with its generation.
    incoming: Option<(u64, Base)>,
    /// The fork that a given-up install would have set aside.
    owed: Option<Replaced>,
    shared: Arc<Shared>,
}

impl Thread {
    fn run(mut self, queue: &Receiver<Job>) {
        while let Ok(job) = queue.recv() {
            let began = Instant::now();
            let mut next = Some((job, began));
            while let Some((job, began)) = next.take() {
                self.shared.due.store(false, Ordering::Release);
                let Some(done) = self.work(&job) else { return };
                drop(job);
                self.shared.wake(Some(Report::Done(done)));
                next = self.rest(queue, began);
            }
        }
    }

    /// Waits until the next flush is due and reports that, or until a job comes sooner.
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

    /// Does a job, however often the disk fails. `None` if the owner is gone.
    fn work(&mut self, job: &Job) -> Option<Done> {
        let mut refused = None;
        while !self.shared.stopped() {
            let began = Instant::now();
            let error = match catch_unwind(AssertUnwindSafe(|| self.attempt(job))) {
                Ok(Ok((generation, cursor))) => {
                    return Some(Done { generation, cursor, took: began.elapsed() });
                }
                Ok(Err(error)) => error,
                Err(_) => io::Error::other("the database panicked while it was written"),
            };
            // The database accepts nothing more after an error; closing it may fail for the same reason.
            let base = self.base.take();
            drop(catch_unwind(AssertUnwindSafe(|| drop(base))));
            let why = error.to_string();
            if refused.as_ref() != Some(&why) {
                self.shared.wake(Some(Report::Refused(error)));
                refused = Some(why);
            }
            self.pause();
        }
        None
    }

    /// Waits for the next attempt, or for the end.
    fn pause(&self) {
        let until = Instant::now() + self.options.retry_every;
        while !self.shared.stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            std::thread::park_timeout(left);
        }
    }

    fn attempt(&mut self, job: &Job) -> io::Result<(u64, Option<Vec<u8>>)> {
        match job {
            Job::Flush { layer, mark, generation } => {
                Ok((*generation, self.flush(layer, mark, *generation)?))
            }
            Job::Install(install) => Ok((install.generation, self.install(install)?)),
        }
    }

    /// Returns whether a newer state replaces that of `generation`, which need not be kept.
    fn is_outdated(&self, generation: u64) -> bool {
        self.shared.newest.load(Ordering::Acquire) > generation
    }

    fn flush(&mut self, layer: &Layer, mark: &Mark, generation: u64) -> io::Result<Option<Vec<u8>>> {
        if generation != self.generation || self.is_outdated(generation) {
            return Ok(None);
        }
        if self.base.is_none() {
            self.base = Some(self.home.open()?);
        }
        let Some(base) = &self.base else { return Ok(None) };
        let written = base.flush(layer, mark, &|| !self.shared.stopped())?;
        Ok(written.then(|| mark.cursor.clone()))
    }

    fn install(&mut self, install: &Install) -> io::Result<Option<Vec<u8>>> {
        let replaced = self.owed.unwrap_or(install.replaced);
        if self.incoming.as_ref().is_none_or(|(generation, _)| *generation != install.generation) {
            self.incoming = None;
            let Some(incoming) = self.fill(install)? else {
                self.owed = replaced.is_kept().then_some(replaced);
                return Ok(None);
            };
            self.incoming = Some((install.generation, incoming));
        }
        // Closed before it is moved: the state that is set aside must open at once.
        self.base = None;
        self.home.folder()?.swap(replaced)?;
        if let Some((_, mut incoming)) = self.incoming.take() {
            incoming.rename(&self.home.folder()?.store());
            self.base = Some(incoming);
        }
        (self.owed, self.generation) = (None, install.generation);
        Ok(Some(install.mark.cursor.clone()))
    }

    /// Writes a whole state beside the store. `None` if it was given up.
    fn fill(&self, install: &Install) -> io::Result<Option<Base>> {
        let going = || !self.shared.stopped() && !self.is_outdated(install.generation);
        let folder = self.home.folder()?;
        folder.clear_incoming()?;
        let incoming = Base::create(&folder.incoming(), self.options.cache_bytes)?;
        let filled = incoming.fill(&install.entries, &install.mark, &going);
        if filled.is_err() {
            // A half-written file takes the room that others need.
            drop(incoming);
            folder.clear_incoming()?;
            return filled.map(|_| None);
        }
        Ok(Some(incoming).filter(|_| matches!(filled, Ok(true)) && going()))
    }
}
