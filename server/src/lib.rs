//! # Towline's server: keys and values for redis clients, replicated
//!
//! [`Server`] is the reference server: a key-value store that speaks RESP to its clients and is replicated by
//! [`towline_driver`], inside whose one task it lives.
//!
//! ```no_run
//! use towline_server::{Options, Server};
//!
//! # async fn demo() -> Result<(), Box<dyn std::error::Error>> {
//! let mut options = Options { listen: vec!["127.0.0.1:0".to_owned()], ..Options::default() };
//! options.driver.replication = Some("127.0.0.1:0".to_owned());
//! let primary = Server::start(options.clone()).await?;
//! options.driver.upstream = primary.replication_addr().map(str::to_owned);
//! let mut replica = Server::start(options).await?;
//! replica.wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! | module | contents |
//! |---|---|
//! | [`Server`], [`Options`] | start, watch and stop a server |
//! | [`web`] | the port for browsers: a page, and replicas in tabs |
//! | [`store`] | the key-value stores |
//! | [`command`] | the client protocol, without sockets |
//!
//! The driver does the IO: it reads the clocks, once a turn, and the system's random numbers.

// A print macro panics where nothing can be written.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

pub mod command;
mod descriptors;
mod inspection;
mod listeners;
mod lost_lines;
mod machine;
mod name;
mod options;
mod server;
mod service;
pub mod store;
mod upstream;
pub mod web;

pub use inspection::Inspection;
pub use lost_lines::{count_lost_log_line, lost_log_lines};
pub use machine::Usage;
pub use options::{Options, StoreKind};
pub use server::Server;
