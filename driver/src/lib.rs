//! # Towline's driver: any store, replicated over real sockets
//!
//! [`towline_core`] is the protocol without IO. This crate is its IO: one task owns the node, your store and every
//! socket. You write a [`Store`]; [`Driver::start`] replicates it.

// A print macro panics where nothing can be written.
#![cfg_attr(not(test), warn(clippy::print_stdout, clippy::print_stderr))]

mod clock;
pub mod connection;
mod engine;
mod error;
mod metrics;
mod options;
mod status;
pub mod store;
pub mod transport;

pub use clock::{Clock, WallClock};
pub use error::{Lacking, LeftOver, Refusal, RunError, StartError, Unkept};
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
