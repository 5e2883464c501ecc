//! Many runs at the same time, handed on in seed order.
//!
//! Seeds are given out in order, and every seed that was given out is played, so the played seeds are always a
//! beginning of the range, whenever it is stopped. A slow run delays the outcomes of those after it, never the runs
//! themselves; a waiting outcome is small beside a run.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError, mpsc};
use std::time::Instant;

use crate::args::Seeds;

/// The way a campaign is played.
pub(crate) struct Pool<'a> {
    pub(crate) seeds: Seeds,
    /// How many threads.
    pub(crate) jobs: usize,
    /// No run begins after this time.
    pub(crate) deadline: Option<Instant>,
    /// No run begins once it is set.
    pub(crate) stop: &'a AtomicBool,
}

impl Pool<'_> {
    /// Plays `one` for every seed and gives its outcome to `fold`, in seed order; returns the seed at which it stopped.
    pub(crate) fn play<T: Send>(&self, one: impl Fn(u64) -> T + Sync, mut fold: impl FnMut(u64, T)) -> u64 {
        let queue = Mutex::new(self.seeds.from..self.seeds.to);
        let (send, outcomes) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                let (queue, one, send) = (&queue, &one, send.clone());
                scope.spawn(move || {
                    while let Some(seed) = self.next(queue) {
                        // The receiver is gone only when the whole campaign ends early.
                        if send.send((seed, one(seed))).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(send);
            let mut next = self.seeds.from;
            let mut waiting = BTreeMap::new();
            for (seed, outcome) in outcomes {
                waiting.insert(seed, outcome);
                while let Some(outcome) = waiting.remove(&next) {
                    fold(next, outcome);
                    next += 1;
                }
            }
            next
        })
    }

    fn next(&self, queue: &Mutex<std::ops::Range<u64>>) -> Option<u64> {
        let late = self.deadline.is_some_and(|deadline| Instant::now() >= deadline);
        if late || self.stop.load(Ordering::Relaxed) {
            return None;
        }
        queue.lock().unwrap_or_else(PoisonError::into_inner).next()
    }
}

/// Returns the number of threads: as many as there are cores, unless the user says otherwise.
pub(crate) fn jobs(asked: Option<u16>) -> usize {
    asked.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from)
}

#[cfg(test)]
mod tests;
