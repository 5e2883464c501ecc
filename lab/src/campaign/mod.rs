//! Many runs and their report: the same for any number of jobs, shards and machines.
//!
//! | file | contents |
//! |---|---|
//! | `pool` | runs at the same time, handed on in seed order |
//! | `summary` | the report: counts, hash, margins; how parts are joined |
//! | `distribution` | the distribution of a quantity |
//! | `progress` | the display while it runs |
//! | `page` | the page at its end |

pub(crate) mod distribution;
pub(crate) mod page;
pub(crate) mod pool;
mod progress;
pub(crate) mod summary;

pub(crate) use progress::Progress;
pub(crate) use summary::{Summary, node_name};
