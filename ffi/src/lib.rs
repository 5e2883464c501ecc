//! # Towline's C ABI
//!
//! The core's verbs over flat records, as some two dozen functions. `include/towline.h` is made from this crate and
//! states the contract for C; this page is for people who change the crate.
//!
//! - **Integers in.** No enum, no `bool`, no reference in any signature: C may pass any bits. Records become inputs in
//!   the core ([`towline_core::FlatInput`]), which takes only sound ones.
//! - **Raw pointers out.** A place for a result may be uninitialised: it is written whole, never read.
//! - **One owner.** A node and a receiver carry their own count of users (`in_use.rs`): a call that may not run beside
//!   another is refused, not raced.
//! - **No panic leaves.** It is caught, its message is kept in the node, and the node takes no more calls.
//!
//! Every `unsafe` stands alone with its reason. The crate is an rlib; `capi` makes the libraries.
#![allow(non_camel_case_types, reason = "these are C's names")]
#![allow(
    clippy::missing_safety_doc,
    reason = "the header's head is the contract, written for C, once for all"
)]

mod about;
mod border;
mod config;
mod in_use;
mod kinds;
mod node;
mod questions;
mod receiver;
mod records;
mod replicas;
mod status;
mod types;
mod verbs;

pub use about::*;
pub use config::*;
pub use kinds::*;
pub use node::tow_node;
#[cfg(feature = "planted")]
pub use node::tow_planted_panic;
pub use questions::*;
pub use receiver::{
    tow_receiver, tow_receiver_complete, tow_receiver_free, tow_receiver_new, tow_receiver_poll,
    tow_receiver_receive, tow_receiver_work,
};
pub use records::*;
pub use replicas::*;
pub use status::*;
pub use types::*;
pub use verbs::*;

#[cfg(test)]
mod tests;
