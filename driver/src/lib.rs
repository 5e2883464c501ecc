//! # Towline's driver: the core behind real sockets
//!
//! | module | what it is |
//! |---|---|
//! | [`transport`] | where connections come from: TCP, WebSocket, in-process, or your own |
//! | [`connection`] | parts for the connections that an engine holds |
//! | [`store`] | what a replica keeps beside its store |

// A print macro panics where nothing can be written.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod clock;
pub mod connection;
pub mod store;
pub mod transport;

pub use clock::{Clock, WallClock};
