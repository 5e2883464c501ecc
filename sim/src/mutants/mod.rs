//! Planted bugs, and the proof that they are found: a simulator that has never caught anything proves nothing.
//!
//! [`registry`] says what each number is and who must notice; [`campaign`] hunts one. The bugs themselves are no part
//! of this source: each is an edit record in `sim/mutants`, and `cargo xtask mutants` weaves all of them into a copy
//! of the source, where a number chooses one at run time ([`with`]).

pub mod campaign;
pub mod registry;

pub use registry::{Mutant, Room};

/// Bugs are woven into this build.
pub const WOVEN: bool = false;

/// Runs something with this bug planted in all that this thread does; 0 is none. Where no bugs are woven in, the number
/// says nothing.
pub fn with<T>(_bug: u16, run: impl FnOnce() -> T) -> T {
    run()
}
