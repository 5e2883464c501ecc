//! What a node allocates, it allocates at birth; and that is what its configuration promised.
//!
//! One test alone: the counting allocator counts the whole program, and another test would be counted too.

mod common;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

#[test]
fn no_verb_allocates_and_memory_is_what_was_promised() {
    let before = INSTRUMENTED_SYSTEM.stats().allocations;
    drop(vec![0u8; 100]);
    assert!(INSTRUMENTED_SYSTEM.stats().allocations > before, "the allocator counts");
    assert_eq!(common::counted::allocations_in_steady_state(), 0, "calls to the allocator by verbs");
    let over = common::counted::memory_percent_over();
    assert!(over <= 5.0, "a node holds {over:.2} % more or less than Config::memory_bytes() says");
}
