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
    let asked: Vec<String> = std::env::args().skip_while(|word| word != "mutants").skip(1).collect();
    let words = if asked.is_empty() { String::new() } else { format!(" {}", asked.join(" ")) };
    Err(Failure::Usage(format!(
        "no bugs are planted in this program; from a checkout of the source, `cargo xtask mutants{words}` builds one \
         that has them and runs this in it"
    )))
}
