//! Many runs and what they add up to: the same whatever the number of jobs, shards and machines.
//!
//! | file | what |
//! |---|---|
//! | `pool` | runs at the same time, handed on in seed order |
//! | `tally` | the report: counts, hash, margins; how parts are joined |
//! | `distribution` | how a quantity is distributed |
//! | `progress` | what is seen while it runs |
//! | `page` | what is printed at its end |

pub(crate) mod distribution;
pub(crate) mod page;
pub(crate) mod pool;
mod progress;
pub(crate) mod tally;

pub(crate) use progress::Progress;
pub(crate) use tally::{Tally, node_name};
