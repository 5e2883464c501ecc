//! # Towline's driver: any store, replicated over real sockets
//!
//! [`towline_core`] is the protocol without IO. This crate is its IO: one task owns the node, your store and every
//! socket. You write a [`Store`]; [`Driver::start`] replicates it.
//!
//! ```no_run
//! use std::sync::Arc;
//! use towline_core::Level;
//! use towline_driver::transport::Tcp;
//! use towline_driver::{Driver, Options, Store};
//!
//! # async fn demo<S: Store + 'static>(mine: S, copy: S) -> Result<(), Box<dyn std::error::Error>> {
//! let replication = Some("127.0.0.1:7001".to_owned());
//! let primary = Driver::start(Options { replication, ..Options::default() }, Arc::new(Tcp::default()), mine).await?;
//!
//! let upstream = primary.replication_addr().map(str::to_owned);
//! let replica = Driver::start(Options { upstream, ..Options::default() }, Arc::new(Tcp::default()), copy).await?;
//!
//! let place = primary.write(b"a record of my own making".to_vec()).await?;
//! primary.reached(place, Level::Applied, 1).await?; // the replica shows it
//! replica.shutdown().await?;
//! # primary.shutdown().await?;
//! # Ok(())
//! # }
//! ```
//!
//! `examples/store.rs` is a whole store: a map with a file. The contract that a store keeps is in [`store`].
//!
//! # What happens to a record
//!
//! [`Driver::write`] hands it to the engine's task, which applies it to the store and appends it to the log in one
//! step. At the end of the turn log and store are committed at the same boundary, and the call returns. Replicas get
//! the same bytes, apply them in the same order, and acknowledge: *received* (it is there), *applied* (the store shows
//! it), *persisted* (it survives a power cut there). [`Driver::reached`] waits for these. A replica that was away goes
//! on where it stood, as long as the backlog ([`Options::core`]) reaches back to there; else it gets a snapshot, made
//! of a [`View`] of the primary's store, while both go on.
//!
//! A record's place is its offset *and* its epoch. When another node is promoted, records that it did not have leave
//! the history; their place then counts as reached by none, though other records may stand at the same offset.
//!
//! # What a node does after a restart
//!
//! It goes on from [`Store::cursor`]. A store that keeps state and cursor in one atomic step needs nothing else; one
//! that keeps neither starts empty and gets a snapshot. A primary opens a new epoch at every start.
//!
//! # Modules
//!
//! | module | content |
//! |---|---|
//! | [`Driver`], [`Options`], [`Status`] | start, use, watch and stop a driver |
//! | [`store`] | the contract of a store, and its parts |
//! | [`transport`] | connections: TCP, WebSocket, in-process, or your own |
//! | [`application`] | the seam for a protocol of your own inside the engine's task, as the server has one |
//! | [`connection`] | parts for the connections of such a protocol |
//!
//! This crate reads the clocks, once a turn, and the system's random numbers, once a start; everything else is told.

// A print macro panics where nothing can be written.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod clock;
pub mod connection;
mod driver;
mod embedded;
mod engine;
mod error;
mod metrics;
mod options;
mod status;
pub mod store;
pub mod transport;

pub use clock::{Clock, WallClock};
pub use driver::Driver;
pub use error::{Lacking, LeftOver, Refusal, RunError, StartError, Unkept, WriteError};
pub use options::{Options, at_least};
pub use status::{Status, UpstreamState};
pub use store::{Pace, Persistence, Replaced, Size, SnapshotBytes, Store, View};

/// Everything for a program that lives inside the engine's task: see [`Application`](application::Application).
pub mod application {
    pub use crate::engine::ROWS;
    pub use crate::engine::application::{Application, News, Services};
    pub use crate::engine::mailbox::Mailbox;
    pub use crate::engine::probe::{Looked, look_at};
    pub use crate::engine::replicated::ReplicatedStore;
    pub use crate::engine::running::{Running, random_seed, seed_word};
    pub use crate::metrics::{SCRAPES, Scraped};
}
