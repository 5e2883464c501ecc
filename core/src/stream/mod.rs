//! Everything of one log: the ring of finished frames, where its replicas read, what they acknowledged, the snapshots
//! that go to them, and this node's own place below an upstream.

pub(crate) mod admission;
pub(crate) mod completions;
pub(crate) mod index;
pub(crate) mod install;
pub(crate) mod join;
pub(crate) mod log;
pub(crate) mod receive;
pub(crate) mod receiving;
pub(crate) mod ring;
pub(crate) mod send;
pub(crate) mod serve;
pub(crate) mod slots;
pub(crate) mod transfers;
pub(crate) mod windows;
pub(crate) mod write;
