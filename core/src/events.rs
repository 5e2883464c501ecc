//! The subjects that have something to tell, in the order in which they first had it.
//!
//! A subject is in the queue at most once, so the queue is bounded by the tables; what it has to tell is the latest
//! fact, kept by the subject itself. It is out of the queue while it tells: what it then learns anew queues it again.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;

/// A queue of subjects, each in it at most once.
#[derive(Debug, Hash)]
pub(crate) struct Pending {
    queue: VecDeque<u32>,
    queued: Box<[bool]>,
}

clone_fields! { Pending { queue, queued } }

impl Pending {
    pub(crate) fn new(subjects: u32) -> Self {
        let count = subjects as usize;
        Self { queue: VecDeque::with_capacity(count), queued: vec![false; count].into_boxed_slice() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a subject, unless it is queued.
    pub(crate) fn push(&mut self, subject: u32) {
        if !self.queued[subject as usize] {
            self.queued[subject as usize] = true;
            self.queue.push_back(subject);
        }
    }

    /// Takes out the subject whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<u32> {
        let subject = self.queue.pop_front()?;
        self.queued[subject as usize] = false;
        Some(subject)
    }

    /// It may have more to tell, and goes first; unless it was queued again while it told what it had.
    pub(crate) fn put_back(&mut self, subject: u32) {
        if !self.queued[subject as usize] {
            self.queued[subject as usize] = true;
            self.queue.push_front(subject);
        }
    }

    pub(crate) fn holds(&self, subject: u32) -> bool {
        self.queued[subject as usize]
    }
}
