//! A fixed heap of deadlines, at most one for each source, ordered by time and then by source.
//!
//! Sources are numbers from 0 below a bound. A deadline that moves later needs no call: when the early one fires,
//! its owner looks again and arms the later one. Nothing is allocated after `new`; each operation costs O(log n).

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use crate::config::Config;
use crate::time::Time;

const ABSENT: u32 = u32::MAX;

/// A source of deadlines; those of one time fire in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    Redial,
    Link(usize),
    Slot(usize),
}

/// The deadlines of a node.
#[derive(Debug)]
pub(crate) struct Deadlines {
    /// Sources, as a binary heap.
    heap: Vec<u32>,
    /// Each source's time.
    at: Box<[Time]>,
    /// Each source's place in the heap, or `ABSENT`.
    place: Box<[u32]>,
    links: u32,
}

clone_fields! { Deadlines { heap, at, place, links } }

fn sources(config: &Config) -> u32 {
    1 + config.link_ids() + config.options().slots_max
}

impl Deadlines {
    pub(crate) fn new(config: &Config) -> Self {
        let count = sources(config) as usize;
        Self {
            heap: Vec::with_capacity(count),
            at: vec![Time::NEVER; count].into_boxed_slice(),
            place: vec![ABSENT; count].into_boxed_slice(),
            links: config.link_ids(),
        }
    }

    /// The bytes it allocates.
    pub(crate) fn memory_bytes(config: &Config) -> u64 {
        u64::from(sources(config)) * (2 * size_of::<u32>() + size_of::<Time>()) as u64
    }

    #[inline]
    fn source(&self, timer: Timer) -> u32 {
        let (before, row) = match timer {
            Timer::Redial => (0, 0),
            Timer::Link(row) => (1, row),
            Timer::Slot(row) => (1 + self.links, row),
        };
        before + u32::try_from(row).expect("tables are bounded by u32")
    }

    fn timer(&self, source: u32) -> Timer {
        match source.checked_sub(1) {
            None => Timer::Redial,
            Some(row) if row < self.links => Timer::Link(row as usize),
            Some(row) => Timer::Slot((row - self.links) as usize),
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
    pub(crate) fn arm(&mut self, timer: Timer, at: Time) {
        let source = self.source(timer);
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
        debug_assert!(self.at[source as usize] <= at && self.first().is_some_and(|first| first <= at));
    }

    /// Takes out the first source whose time has come.
    pub(crate) fn pop_due(&mut self, now: Time) -> Option<Timer> {
        let source = *self.heap.first()?;
        let at = self.at[source as usize];
        if at > now {
            return None;
        }
        let last = self.heap.pop().expect("the heap has a first");
        self.place[source as usize] = ABSENT;
        if !self.heap.is_empty() {
            self.heap[0] = last;
            self.settle_down(0);
        }
        debug_assert!(self.first().is_none_or(|first| at <= first), "the earliest is taken");
        Some(self.timer(source))
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
        debug_assert!(left != right, "a source has one place");
        self.heap.swap(left, right);
        self.mark(left);
        self.mark(right);
    }

    fn mark(&mut self, at: usize) {
        self.place[self.heap[at] as usize] = u32::try_from(at).expect("bounded by the number of sources");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    #[test]
    fn timers_fire_by_time_and_then_by_kind_and_row() {
        let options = Options { links_max: 2, slots_max: 2, ships_max: 1, ..Options::default() };
        let mut timers = Deadlines::new(&options.check().expect("sound"));
        let all = [Timer::Slot(1), Timer::Link(3), Timer::Redial, Timer::Slot(0), Timer::Link(0)];
        for timer in all {
            timers.arm(timer, Time(7));
        }
        timers.arm(Timer::Link(3), Time(5));
        timers.arm(Timer::Slot(1), Time(9));
        assert_eq!(timers.pop_due(Time(4)), None);
        let fired = [Timer::Link(3), Timer::Redial, Timer::Link(0), Timer::Slot(0), Timer::Slot(1)];
        assert_eq!([(); 5].map(|()| timers.pop_due(Time(7))), fired.map(Some));
        assert_eq!(timers.first(), None);
    }
}
