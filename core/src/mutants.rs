//! Planted bugs, by number: what the simulator must find before anybody believes it.
//!
//! Under `--cfg towline_mutants` a node whose [`Options::mutant`](crate::Options) is not 0 is wrong in that one way;
//! `mutant!` stands in the line where the rule it breaks lives, and all that needs more than a line is in
//! `stream/planted.rs`. Without the cfg nothing of it is compiled: the conditions are `false`, the work is gone. The
//! meaning of each number, and the invariants that must notice it, are in the simulator's registry.

/// `mutant!(config, 1 | 3)`: whether one of these bugs is planted. `mutant!(config, 1 => work)`: then does this.
/// `mutant!(config, 1 => wrong, else right)`: is one or the other.
#[cfg(towline_mutants)]
macro_rules! mutant {
    ($of:expr, $($number:literal)|+) => {
        matches!($of.mutant, $($number)|+)
    };
    ($of:expr, $number:literal => $work:expr) => {
        if $of.mutant == $number {
            $work;
        }
    };
    ($of:expr, $number:literal => $wrong:expr, else $right:expr) => {
        if $of.mutant == $number { $wrong } else { $right }
    };
}

#[cfg(not(towline_mutants))]
macro_rules! mutant {
    ($of:expr, $($number:literal)|+) => {
        false
    };
    ($of:expr, $number:literal => $work:expr) => {};
    ($of:expr, $number:literal => $wrong:expr, else $right:expr) => {
        $right
    };
}
