//! Planted bugs, and the proof that they are found: a simulator that has never caught anything proves nothing.
//!
//! [`registry`] says what each number is and who must notice; it is always compiled, so that a page or a command can
//! show it. The bugs themselves exist under `--cfg towline_mutants` only.

pub mod registry;

pub use registry::{Mutant, Room};
