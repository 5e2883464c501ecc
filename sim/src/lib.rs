//! # Towline's simulator: the product's proof
//!
//! The shipped core, not a model of it, under seeded faults, checked by an oracle that never asks the core whether it
//! is right. One [`Plan`](plan::Plan) holds every decision of a run; substrates play it; all of them report the same
//! [`Fact`](trace::Fact)s to one [`Oracle`](oracle::Oracle).
//!
//! | room | contents |
//! |---|---|
//! | [`plan`] | a scenario and a seed become a plan: every draw made, absolute integer microseconds |
//! | [`trace`] | events as facts, and as 40-byte rows with one hash |
//! | [`oracle`] | the invariants, over their own shadow of the history |
//! | [`report`] | the result of a run |
//! | [`fast`] | the event queue: a plan over the core and a model of its host; the seed-volume tier |
//! | `turmoil`, `real` | the real driver, on simulated sockets and on loopback TCP; `driver` is their common part |
//! | [`diff`] | the comparison of two substrates |
//! | [`shrink`] | the smallest plan that fails the same way; as a test, as a link |
//! | [`mutants`] | planted bugs: each one, the invariant that must notice it, and the search for it |
//!
//! A simulator returns integers; the `towline sim` command makes pictures and pages of them.

#[cfg(all(feature = "driver", not(target_family = "wasm")))]
pub mod diff;
#[cfg(all(feature = "driver", not(target_family = "wasm")))]
pub mod driver;
pub mod exhaust;
pub mod fast;
mod journal;
pub mod mutants;
pub mod oracle;
pub mod plan;
#[cfg(all(feature = "driver", not(target_family = "wasm")))]
pub mod real;
pub mod report;
pub mod shrink;
pub mod stream;
pub mod trace;
#[cfg(all(feature = "turmoil", not(target_family = "wasm")))]
pub mod turmoil;
pub mod workload;
