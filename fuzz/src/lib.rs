//! Fuzz targets: the meaning that each gives to its bytes.
//!
//! | target | its bytes | its property |
//! |---|---|---|
//! | [`native_decode`] | frames of a peer: raw, damaged, or strange and soundly sealed | that link alone ends |
//! | [`roundtrip`] | records, and how their bytes are cut on the way | they arrive, the same however they were cut |
//! | [`node_script`] | what happens to two to four nodes and their links | all end with the primary's records |
//! | [`snapshot_receive`] | what happens to a snapshot on its way | what is installed is what was sent, at last |
//! | `record_abi` | what two hosts and the wire between them do | Rust and the C ABI answer the same records |
//! | [`server_resp`] | what a client sends a server | the same requests however they are cut |
//! | `plan_file` | a simulator's plan, or a scenario | what is written reads back as the same |
//!
//! Each target is a function from bytes to [`Marks`]: the situations that it reached. A corpus, replayed, must reach
//! all situations on its target's list, so a target that returns early fails a test. Invariants of the core are
//! [`Node::check`](towline_core::Node::check), called after every step. Sizes and counts read from the bytes are
//! bounded where they are read.

// The test world and the hand-written codec of core's own tests.
#[path = "../../core/tests/common/mod.rs"]
mod common;

#[cfg(feature = "abi")]
mod c_node;
mod host;
pub mod marks;
pub mod native_decode;
pub mod node_script;
#[cfg(feature = "plan")]
pub mod plan_file;
#[cfg(feature = "abi")]
pub mod record_abi;
pub mod roundtrip;
pub mod server_resp;
pub mod snapshot_receive;

pub use marks::Marks;
