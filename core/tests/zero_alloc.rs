//! A node allocates when it is made, as many bytes as its configuration promised, and never again.
//!
//! A program of its own, without the test harness: the counting allocator counts the whole program, and the harness
//! has a second thread that allocates when it likes.

mod common;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

fn main() {
    let before = INSTRUMENTED_SYSTEM.stats().allocations;
    drop(vec![0u8; 100]);
    assert!(INSTRUMENTED_SYSTEM.stats().allocations > before, "the allocator counts");
    assert_eq!(common::counted::allocations_in_steady_state(), 0, "calls to the allocator by verbs");
    let over = common::counted::memory_percent_over();
    assert!(over <= 5.0, "a node holds {over:.2} % more or less than Config::memory_bytes() says");
    println!("no verb allocates, and memory is what was promised: ok");
}
