//! `mutants`: known bugs planted one at a time, and who finds each. A simulator that has never caught anything proves
//! nothing.
//!
//! The bugs are compiled under `--cfg towline_mutants` only, never into what ships; elsewhere the command says what to
//! type instead.

#[cfg(towline_mutants)]
mod board;

use super::args::MutantsArgs;
use crate::failure::Failure;

#[cfg(towline_mutants)]
pub(crate) fn run(args: &MutantsArgs) -> Result<(), Failure> {
    board::run(args)
}

/// Without the bugs there is nothing to hunt.
#[cfg(not(towline_mutants))]
pub(crate) fn run(_: &MutantsArgs) -> Result<(), Failure> {
    Err(Failure::Usage(
        "no bugs are planted in this program; build and run one that has them: cargo xtask mutants"
            .to_owned(),
    ))
}
