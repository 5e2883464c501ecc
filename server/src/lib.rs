//! # Towline's host: the core behind real sockets, over a real store
//!
//! [`Server`] is the reference server: a key-value store that speaks RESP to its clients and is replicated by
//! [`towline_core`]. It is deliberately small. One task owns node, store and sockets (the engine); everything else
//! hands it what arrives.
//!
//! ```no_run
//! use towline_server::{Options, Server};
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let listen = || vec!["127.0.0.1:0".to_owned()];
//! let replication = Some("127.0.0.1:0".to_owned());
//! let primary = Server::start(Options { listen: listen(), replication, ..Options::default() }).await?;
//! let upstream = primary.replication_addr().map(str::to_owned);
//! let mut replica = Server::start(Options { listen: listen(), upstream, ..Options::default() }).await?;
//! replica.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`Server`], [`Options`] | start, watch and stop a server |
//! | [`web`] | the door for browsers: a page, and replicas in tabs |
//! | [`store`] | what the driver asks of a store, and the two that ship |
//! | [`command`] | the client protocol, without sockets |
//!
//! This crate is the only one with IO: it reads the clocks, once a turn, and the system's random numbers.

// A print macro panics where nothing can be written.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod command;
mod descriptors;
mod doors;
mod engine;
mod lost_lines;
mod machine;
mod metrics;
mod name;
mod options;
mod server;
pub mod store;
pub mod web;

pub use engine::arrival::Inspection;
pub use lost_lines::{count_lost_log_line, lost_log_lines};
pub use machine::Usage;
pub use options::{Lacking, LeftOver, Options, ServeError, StartError, StoreKind, Unkept};
pub use server::Server;
