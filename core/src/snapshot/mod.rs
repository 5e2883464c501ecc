//! Snapshots: sending ([`send`]: views, ships, pieces) and receiving ([`receive`]: verify, resume, install).

pub(crate) mod install;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod serve;
