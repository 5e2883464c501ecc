//! The tail beside a snapshot, while that loads.

pub use spool::{Spool, Spooled};

mod spool;
