//! Pending events: once each, bounded, in the order in which a subject first had something.
//!
//! A *subject* (the node, a link, a slot, a transfer, a view) is in the queue at most once, so the queue is bounded by
//! the tables. Facts of the node and of links are kept here; those of the others follow from their rows. The latest
//! fact is notified, not the story. A subject is out of the queue while it is asked; a fact it then learns queues it
//! again. Invariant: a subject with a fact is queued. Events are made of facts elsewhere (`node/notify.rs`).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec;

use crate::config::Config;
use crate::limits::VIEWS_MAX;
use crate::set::EnumSet;

/// The subject of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Node,
    Link(usize),
    Slot(usize),
    Transfer(usize),
    View(usize),
}

/// Facts of the node, in the order in which they are notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum NodeFact {
    Role,
    Outranked,
    Dial,
    CaughtUp,
    /// The log grew: idle links want to write.
    Idle,
}

members!(NodeFact { Role, Outranked, Dial, CaughtUp, Idle });

/// Facts of a link, in the order in which they are notified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum LinkFact {
    Close,
    Joined,
    WantsWrite,
}

members!(LinkFact { Close, Joined, WantsWrite });

/// The number of the first subject of each kind. The node's is 0, the first link's 1.
#[derive(Debug, Clone, Copy, Hash)]
struct First {
    slot: u32,
    transfer: u32,
    view: u32,
}

/// The events of a node that are pending.
#[derive(Debug, Hash)]
pub(crate) struct Events {
    queue: VecDeque<u32>,
    queued: Box<[bool]>,
    node: EnumSet<NodeFact>,
    links: Box<[EnumSet<LinkFact>]>,
    first: First,
}

clone_fields! { Events { queue, queued, node, links, first } }

impl Events {
    pub(crate) fn new(config: &Config) -> Self {
        let count = subjects(config) as usize;
        let slot = 1 + config.link_ids();
        let transfer = slot + config.options().slots_max;
        Self {
            queue: VecDeque::with_capacity(count),
            queued: vec![false; count].into_boxed_slice(),
            node: EnumSet::EMPTY,
            links: vec![EnumSet::EMPTY; config.link_ids() as usize].into_boxed_slice(),
            first: First { slot, transfer, view: transfer + config.options().ships_max },
        }
    }

    /// The bytes it allocates.
    pub(crate) fn memory_bytes(config: &Config) -> u64 {
        let subject = (size_of::<u32>() + size_of::<bool>()) as u64;
        let link = size_of::<EnumSet<LinkFact>>() as u64;
        u64::from(subjects(config)) * subject + u64::from(config.link_ids()) * link
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Queues a subject, unless it is queued.
    #[inline]
    pub(crate) fn notify(&mut self, subject: Subject) {
        let number = self.number(subject);
        if !self.queued[number as usize] {
            self.queued[number as usize] = true;
            self.queue.push_back(number);
            debug_assert!(self.queue.len() <= self.queued.len(), "each subject at most once");
        }
    }

    #[inline]
    pub(crate) fn notify_node(&mut self, fact: NodeFact) {
        self.node.insert(fact);
        self.notify(Subject::Node);
    }

    #[inline]
    pub(crate) fn notify_link(&mut self, row: usize, fact: LinkFact) {
        self.links[row].insert(fact);
        self.notify(Subject::Link(row));
    }

    /// Removes and returns the subject whose turn it is.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Subject> {
        let number = self.queue.pop_front()?;
        debug_assert!(self.queued[number as usize], "a subject in the queue is marked");
        self.queued[number as usize] = false;
        Some(self.subject(number))
    }

    /// Puts a subject that may have more to the front, unless it was queued again while it was asked.
    #[inline]
    pub(crate) fn put_back(&mut self, subject: Subject) {
        let number = self.number(subject);
        if !self.queued[number as usize] {
            self.queued[number as usize] = true;
            self.queue.push_front(number);
            debug_assert!(self.queue.len() <= self.queued.len(), "each subject at most once");
        }
    }

    /// The node's first fact, which stays.
    #[inline]
    pub(crate) fn of_node(&self) -> Option<NodeFact> {
        self.node.first()
    }

    /// Forgets a fact of the node.
    #[inline]
    pub(crate) fn drop_of_node(&mut self, fact: NodeFact) {
        self.node.remove(fact);
    }

    /// Removes and returns the first fact of a link.
    #[inline]
    pub(crate) fn pop_of_link(&mut self, row: usize) -> Option<LinkFact> {
        self.links[row].pop_first()
    }

    /// Forgets all facts of a link whose row is free.
    pub(crate) fn forget_link(&mut self, row: usize) {
        self.links[row] = EnumSet::EMPTY;
    }

    /// Asserts that a subject with a fact is queued: a fact that nobody asks for is lost to the host for good.
    pub(crate) fn check(&self, of_others: impl Iterator<Item = (bool, Subject)>) {
        let links = self.links.iter().enumerate().map(|(row, facts)| (!facts.is_empty(), Subject::Link(row)));
        let node = core::iter::once((!self.node.is_empty(), Subject::Node));
        for (has, subject) in node.chain(links).chain(of_others) {
            assert!(!has || self.queued[self.number(subject) as usize], "a fact that is never notified");
        }
    }

    #[inline]
    fn number(&self, subject: Subject) -> u32 {
        let First { slot, transfer, view } = self.first;
        let (before, row) = match subject {
            Subject::Node => return 0,
            Subject::Link(row) => (1, row),
            Subject::Slot(row) => (slot, row),
            Subject::Transfer(row) => (transfer, row),
            Subject::View(row) => (view, row),
        };
        before + u32::try_from(row).expect("tables are bounded by u32")
    }

    #[inline]
    fn subject(&self, number: u32) -> Subject {
        let First { slot, transfer, view } = self.first;
        let row = |before: u32| (number - before) as usize;
        if number == 0 {
            Subject::Node
        } else if number < slot {
            Subject::Link(row(1))
        } else if number < transfer {
            Subject::Slot(row(slot))
        } else if number < view {
            Subject::Transfer(row(transfer))
        } else {
            Subject::View(row(view))
        }
    }
}

const _: () = assert!(VIEWS_MAX == 2, "subjects counts them");

fn subjects(config: &Config) -> u32 {
    1 + config.link_ids() + config.options().slots_max + config.options().ships_max + 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Options;

    fn events() -> Events {
        let options = Options { links_max: 2, slots_max: 3, ships_max: 2, ..Options::default() };
        Events::new(&options.check().expect("sound"))
    }

    #[test]
    fn every_subject_has_a_number_of_its_own() {
        let events = events();
        let count = u32::try_from(events.queued.len()).expect("small");
        assert_eq!(count, 1 + 4 + 3 + 2 + 2);
        for number in 0..count {
            assert_eq!(events.number(events.subject(number)), number);
        }
        assert_eq!(events.subject(count - 1), Subject::View(1));
    }

    #[test]
    fn a_subject_is_queued_once_and_keeps_its_turn_while_it_has_more() {
        let mut events = events();
        events.notify_link(1, LinkFact::WantsWrite);
        events.notify_node(NodeFact::CaughtUp);
        events.notify_link(1, LinkFact::Joined);
        assert_eq!(events.pop(), Some(Subject::Link(1)));
        assert_eq!(events.pop_of_link(1), Some(LinkFact::Joined), "the one declared first");
        events.put_back(Subject::Link(1));
        assert_eq!(events.pop(), Some(Subject::Link(1)));
        events.notify_link(1, LinkFact::Close);
        events.put_back(Subject::Link(1));
        assert_eq!(
            [events.pop(), events.pop()],
            [Some(Subject::Node), Some(Subject::Link(1))],
            "queued anew"
        );
        assert_eq!((events.pop(), events.is_empty()), (None, true));
    }
}
