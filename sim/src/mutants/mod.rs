//! Planted bugs, and the proof that they are found: a simulator that has never caught anything proves nothing.
//!
//! [`registry`] says what each number is and who must notice; it is always compiled, so that a page or a command can
//! show it. The bugs themselves, and the campaign against them, exist under `--cfg towline_mutants` only.

#[cfg(all(towline_mutants, feature = "driver", not(target_family = "wasm")))]
pub mod campaign;
pub mod registry;

pub use registry::{Mutant, Room};
