//! `mutants`: known bugs planted one at a time, and the invariant that finds each. A simulator that has never caught
//! anything proves nothing.
//!
//! A program that ships has no bugs to plant: there the command says what to type instead.

mod board;

use towline_sim::mutants::WOVEN;

use super::args::MutantsArgs;
use crate::failure::Failure;

pub(crate) fn run(args: &MutantsArgs) -> Result<(), Failure> {
    if WOVEN {
        return board::run(args);
    }
    let asked: Vec<String> = std::env::args().skip_while(|word| word != "mutants").skip(1).collect();
    let words = if asked.is_empty() { String::new() } else { format!(" {}", asked.join(" ")) };
    Err(Failure::Usage(format!(
        "no bugs are planted in this program; from a checkout of the source, `cargo xtask mutants{words}` builds one \
         that has them and runs this in it"
    )))
}
