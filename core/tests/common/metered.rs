//! A node whose verbs are watched: what they allocate is counted, call by call.
//!
//! It counts only in a program whose global allocator is `stats_alloc`'s and that has one busy thread; elsewhere it
//! counts nothing, and costs nothing worth mentioning.

use std::ops::{Deref, DerefMut};

use stats_alloc::{INSTRUMENTED_SYSTEM, Stats};
use towline_core::*;

/// A node, and what its verbs allocated.
#[derive(Clone)]
pub struct Metered {
    node: Node,
    /// Calls to the allocator by verbs, frees included.
    pub allocations: usize,
    /// Bytes that `new` and the verbs hold.
    pub held_bytes: usize,
}

fn measured<T>(work: impl FnOnce() -> T) -> (T, Stats) {
    let before = INSTRUMENTED_SYSTEM.stats();
    let result = work();
    (result, INSTRUMENTED_SYSTEM.stats() - before)
}

fn calls(stats: &Stats) -> usize {
    stats.allocations + stats.deallocations + stats.reallocations
}

impl Metered {
    pub fn new(config: Config, boot: Boot<'_>) -> Result<Self, CursorError> {
        let (node, stats) = measured(|| Node::new(config, boot));
        let held_bytes = stats.bytes_allocated - stats.bytes_deallocated;
        Ok(Self { node: node?, allocations: 0, held_bytes })
    }

    fn watch<T>(&mut self, verb: impl FnOnce(&mut Node) -> T) -> T {
        let node = &mut self.node;
        let (result, stats) = measured(|| verb(node));
        self.allocations += calls(&stats);
        self.held_bytes = (self.held_bytes + stats.bytes_allocated).saturating_sub(stats.bytes_deallocated);
        result
    }

    pub fn handle(&mut self, now: Time, input: Input<'_>) -> Result<Step, Misuse> {
        self.watch(|node| node.handle(now, input))
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.watch(Node::poll_event)
    }

    pub fn consume(&mut self, now: Time, link: LinkId, bytes: usize) -> Result<More, Misuse> {
        self.watch(|node| node.consume(now, link, bytes))
    }

    pub fn next_deadline(&self) -> Option<Time> {
        let (at, stats) = measured(|| self.node.next_deadline());
        assert_eq!(calls(&stats), 0, "next_deadline allocates");
        at
    }

    pub fn peek_transmit(&self, link: LinkId) -> Transmit<'_> {
        let (shown, stats) = measured(|| self.node.peek_transmit(link));
        assert_eq!(calls(&stats), 0, "peek_transmit allocates");
        shown
    }
}

impl Deref for Metered {
    type Target = Node;
    fn deref(&self) -> &Node {
        &self.node
    }
}

impl DerefMut for Metered {
    fn deref_mut(&mut self) -> &mut Node {
        &mut self.node
    }
}
