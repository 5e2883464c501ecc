//! # Towline's core: replication as a plain state machine
//!
//! A [`Node`] has no sockets, no clock, no threads and no dice of its own. Its host tells it what happened
//! ([`Node::handle`]: bytes came, time passed, a record was written, work was completed), asks what it has to
//! say ([`Node::poll_event`]) and writes what it shows ([`Node::peek_transmit`], [`Node::consume`]). The same
//! inputs give the same answers everywhere: under a C store, in a browser tab, behind a TCP server, inside a
//! fault simulation.
//!
//! ## One log, one upstream, many downstreams
//!
//! ```text
//! host writes --> [ log ring ] --> downstream links --> transport --> upstream link of the next node --> host applies
//!                     ^                  ^                                  |
//!                     |                  +------------- acks ---------------+
//!                     +-- upstream payload (when this node is itself a replica)
//! ```
//!
//! The ring holds finished wire frames: a batch is encoded once, and every replica, every relay, gets those bytes. A
//! downstream is a cursor in it. Offsets, bytes and digests are the same at every tier.
//!
//! ## A host's turn
//!
//! 1. **Feed all.** Say [`Input::Bytes`] for every link that has some, until it answers [`Next::NeedBytes`]; say
//!    what was written ([`Input::Write`]) and what was completed ([`Input::Applied`] ...).
//! 2. **Poll all.** Take events until there is none.
//! 3. **Write all.** For every link that was told [`Event::WantsWrite`]: peek, write, consume, with nothing
//!    between, until `consume` returns [`More::Idle`] or the socket takes no more.
//! 4. **Sleep** until [`Node::next_deadline`], then say [`Input::Tick`].
//!
//! A batch is sealed when nothing else is to be written: as big as the host's turn, at once when idle.
//!
//! ## Two nodes, by hand
//!
//! ```
//! use towline_core::*;
//!
//! let options = Options { backlog_bytes: 1 << 16, links_max: 2, slots_max: 2, ships_max: 1, ..Options::default() };
//! let config = options.check()?;
//! let boot = |id, role| Boot { node: NodeId(id), seed: [id as u8; 32], role, unix_zero: 0, cursor: None };
//! let mut primary = Node::new(config, boot(1, Role::Primary))?;
//! let mut replica = Node::new(config, boot(2, Role::Replica))?;
//!
//! let now = Time::ZERO;
//! let offset = primary.handle(now, Input::Write { data: b"the first record" })?.offset;
//! assert_eq!(offset, Some(Offset(1)));
//!
//! // The replica asks for a connection; its host makes one, and both sides name their end of it.
//! replica.handle(now, Input::Tick)?;
//! while let Some(event) = replica.poll_event() {
//!     if let Event::Dial { .. } = event {
//!         replica.handle(now, Input::Opened { link: LinkId(0), side: Side::Upstream })?;
//!         primary.handle(now, Input::Opened { link: LinkId(0), side: Side::Downstream })?;
//!     }
//! }
//! // Its hello is on offer, and goes to the primary as bytes.
//! let hello: Vec<u8> = replica.peek_transmit(LinkId(0)).slices().concat();
//! replica.consume(now, LinkId(0), hello.len())?;
//! let step = primary.handle(now, Input::Bytes { link: LinkId(0), data: &hello })?;
//! assert_eq!(step.used, hello.len());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## What the host keeps
//!
//! The core stores nothing. Each payload's [`Step::position`] becomes a [`Cursor`], which the host stores *in the same
//! atomic step as the data* and gives back in [`Boot`]. That, and nothing else, makes a restart resume.
//!
//! ## The receiving side
//!
//! A replica's host has more to do than to apply batches: some wait beside a snapshot, some are forgotten with one, and
//! a fork is rewound. [`receiver::Receiver`] holds these rules. It is given each [`Step`] and each completion of the
//! store, and returns commands: apply, keep, load, install, rewind, and the inputs to give to the node.
//!
//! ## Three failures, three homes
//!
//! [`ConfigError`]: a set-up that cannot work ([`CursorError`]: a cursor that cannot be read). [`Misuse`]: a mistake
//! of the host; nothing was changed. [`Fault`]: a mistake of a peer; that link alone gets [`Event::Close`]. Anything
//! else is our bug and panics.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[macro_use]
mod clone;
#[macro_use]
mod mutants;
#[macro_use]
mod set;

mod clock;
mod config;
mod counters;
mod cursor;
mod deadline;
mod epochs;
mod error;
mod event;
mod events;
mod flat;
mod id;
mod input;
pub mod limits;
mod links;
mod memory;
mod node;
pub mod receiver;
mod rng;
mod shared;
mod stages;
mod stats;
mod stream;
mod time;
mod wire;

pub use config::{Config, Options};
pub use counters::Counters;
pub use cursor::Cursor;
pub use error::{ConfigError, CursorError, Fault, Misuse};
pub use event::Event;
pub use flat::{FlatEvent, FlatInput, FlatStep};
pub use id::{Epoch, EpochOffset, HistoryId, LinkId, NodeId, Offset, Position, SnapshotId};
pub use input::{Boot, Input, Next, Payload, PayloadKind, Role, Side, Step};
pub use links::outbox::{More, Transmit};
pub use node::Node;
pub use stages::{Level, Stages};
pub use stats::{InFlight, Lag, Replica, ReplicaState, Stats};
pub use time::{Span, Time};
pub use wire::batch::Records;
