//! A fixed heap of deadlines, at most one for each source, ordered by time and then by source.
//!
//! Sources are numbers from 0 below a bound. A deadline that moves later need not be told: when the early one fires,
//! its owner looks again and arms the later one. Nothing is allocated after `new`; each operation costs O(log n).

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::time::Time;

const ABSENT: u32 = u32::MAX;

/// The deadlines of a node.
#[derive(Debug)]
pub(crate) struct Deadlines {
    /// Sources, as a binary heap.
    heap: Vec<u32>,
    /// Each source's time.
    at: Box<[Time]>,
    /// Each source's place in the heap, or `ABSENT`.
    place: Box<[u32]>,
}

clone_fields! { Deadlines { heap, at, place } }

impl Deadlines {
    pub(crate) fn new(sources: u32) -> Self {
        let count = sources as usize;
        Self {
            heap: Vec::with_capacity(count),
            at: vec![Time::NEVER; count].into_boxed_slice(),
            place: vec![ABSENT; count].into_boxed_slice(),
        }
    }

    /// The earliest deadline.
    pub(crate) fn first(&self) -> Option<Time> {
        self.heap.first().map(|source| self.at[*source as usize])
    }

    /// Each source's time; `NEVER` where none is armed.
    pub(crate) fn all(&self) -> impl Iterator<Item = Time> + '_ {
        let armed = |source: usize| self.place[source] != ABSENT;
        (0..self.at.len()).map(move |source| if armed(source) { self.at[source] } else { Time::NEVER })
    }

    /// Arms a source, or moves it earlier. A later time than the armed one is left to the source's next look.
    pub(crate) fn arm(&mut self, source: u32, at: Time) {
        let place = self.place[source as usize];
        if place == ABSENT {
            self.at[source as usize] = at;
            self.heap.push(source);
            let last = self.heap.len() - 1;
            self.settle_up(last);
        } else if at < self.at[source as usize] {
            self.at[source as usize] = at;
            self.settle_up(place as usize);
        }
    }

    /// Takes out the first source whose time has come.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<u32> {
        let source = *self.heap.first()?;
        if self.at[source as usize] > now {
            return None;
        }
        let last = self.heap.pop().expect("the heap has a first");
        self.place[source as usize] = ABSENT;
        if !self.heap.is_empty() {
            self.heap[0] = last;
            self.settle_down(0);
        }
        Some(source)
    }

    fn before(&self, left: u32, right: u32) -> bool {
        (self.at[left as usize], left) < (self.at[right as usize], right)
    }

    fn settle_up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.before(self.heap[at], self.heap[parent]) {
                break;
            }
            self.swap(at, parent);
            at = parent;
        }
        self.mark(at);
    }

    fn settle_down(&mut self, mut at: usize) {
        loop {
            let mut least = at;
            for child in [2 * at + 1, 2 * at + 2] {
                if child < self.heap.len() && self.before(self.heap[child], self.heap[least]) {
                    least = child;
                }
            }
            if least == at {
                break;
            }
            self.swap(at, least);
            at = least;
        }
        self.mark(at);
    }

    fn swap(&mut self, left: usize, right: usize) {
        self.heap.swap(left, right);
        self.mark(left);
        self.mark(right);
    }

    fn mark(&mut self, at: usize) {
        self.place[self.heap[at] as usize] = u32::try_from(at).expect("bounded by the number of sources");
    }
}
