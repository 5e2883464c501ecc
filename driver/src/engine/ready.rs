//! The rows that have something to do: each connection wakes its own row, and a turn looks at these rows alone.
//!
//! A row is in the queue at most once ([`RowWaker::queued`]); taking it out and polling it arms it again. A token may
//! outlive its row and name the next owner of the place: looking at a row too often is harmless.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The name of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// A replication link, by its id.
    Link(u32),
    /// A row of the application.
    Application(u32),
}

/// The rows that have something to do.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Arc<RowWaker>>,
    task: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes one row.
#[derive(Debug)]
pub(crate) struct RowWaker {
    token: Token,
    queued: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for RowWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut inner = self.shared.lock();
        inner.queue.push_back(Arc::clone(self));
        let task = inner.task.take();
        drop(inner);
        if let Some(task) = task {
            task.wake();
        }
    }
}

impl Ready {
    /// Makes a waker for a new row, which is in the queue from the start.
    pub(crate) fn row(&self, token: Token) -> Waker {
        let row =
            Arc::new(RowWaker { token, queued: AtomicBool::new(false), shared: Arc::clone(&self.shared) });
        let waker = Waker::from(row);
        waker.wake_by_ref();
        waker
    }

    /// Begins a turn: a wake from here on wakes this task.
    pub(crate) fn begin(&self, task: &Waker) {
        let mut inner = self.shared.lock();
        if inner.task.as_ref().is_none_or(|old| !old.will_wake(task)) {
            inner.task = Some(task.clone());
        }
    }

    /// Returns how many rows wait.
    pub(crate) fn len(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Takes the next row out; from now on it may queue again.
    pub(crate) fn take(&self) -> Option<Token> {
        let row = self.shared.lock().queue.pop_front()?;
        let was_queued = row.queued.swap(false, Ordering::AcqRel);
        debug_assert!(was_queued, "a row in the queue is marked so");
        Some(row.token)
    }
}
