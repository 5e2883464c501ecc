//! # Towline's core: replication as a plain state machine
//!
//! A [`Node`] has no sockets, no clock, no threads and no randomness of its own. Its host passes inputs
//! ([`Node::handle`]: bytes came, time passed, a record was written, work was completed), polls events
//! ([`Node::poll_event`]) and writes the bytes on offer ([`Node::peek_transmit`], [`Node::consume`]). The same
//! inputs give the same results everywhere: under a C store, in a browser tab, behind a TCP server, inside a
//! fault simulation. This page is enough to write a host from; `examples/follow.rs` is one, in 150 lines.
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
//! A *record* is one write, any bytes, whole or not at all. An [`Offset`] is how many records lie before a point. Some
//! records are sealed into a *batch*; between two batches lies a *boundary*, and only there do nodes meet. A
//! [`Position`] is a boundary with the digest of all before it; a [`Cursor`] is that with what is known of the history,
//! as bytes to store. An [`Epoch`] is one writer's part of a history: every start as primary opens one.
//!
//! The ring holds finished wire frames: a batch is encoded once, and every replica, every relay, gets those bytes. A
//! downstream is a cursor in it. Offsets, bytes and digests are the same at every tier.
//!
//! ## A host's turn
//!
//! 1. **Feed all.** Pass [`Input::Bytes`] for every link that has some, one frame a step, until the step uses none;
//!    pass what was written ([`Input::Write`]) and what was completed ([`Input::Applied`] ...). A primary that wrote
//!    passes [`Input::Flush`] and stores the cursor of the position it gets.
//! 2. **Poll all.** Take events until there is none, and act on those of the table below.
//! 3. **Write all.** For every link with a pending [`Event::WantsWrite`]: peek, write, consume, with nothing
//!    between, until `consume` returns [`More::Idle`] or the socket takes no more. A host without such a list peeks at
//!    each link in each turn.
//! 4. **Sleep** until [`Node::next_deadline`] or until something comes, then pass [`Input::Tick`].
//!
//! A batch is sealed when nothing else is to be written: as big as the host's turn, at once when idle. Time is any
//! monotonic clock's, in nanoseconds ([`Time`]). A turn may end anywhere: a frame that is not whole stays in the host's
//! buffer ([`Step::need`] says how many bytes make the next step possible).
//!
//! | event | what a host does |
//! |---|---|
//! | [`Event::Dial`] | connects to its upstream, then passes [`Input::Opened`] or [`Input::DialFailed`] |
//! | [`Event::WantsWrite`] | peeks, writes, consumes |
//! | [`Event::Close`] | closes the connection, whose [`LinkId`] is free again |
//! | [`Event::SnapshotWanted`] | opens a view of its store, passes [`Input::SnapshotReady`] (see *Snapshots*) |
//! | [`Event::SnapshotRead`] | reads that piece of the view, passes [`Input::SnapshotPiece`] |
//! | [`Event::SnapshotDone`] | frees the view |
//! | all others | news: to look at, or to leave |
//!
//! A connection that breaks is [`Input::Lost`]. One that comes in is `Opened` as [`Side::Downstream`], under any free
//! number below [`Config::link_ids`].
//!
//! ## Payloads
//!
//! A step of the upstream's link may bring a [`Payload`]: a range of the very bytes that were passed in.
//!
//! | [`PayloadKind`] | the range holds | what is done with it | input then |
//! |---|---|---|---|
//! | `Batch` | [`Records`] | applied, with the cursor of [`Step::position`] in one atomic step | [`Input::Applied`] |
//! | `Spool` | records beside a snapshot | kept, each batch with its cursor, for after it | [`Input::Taken`] |
//! | `Fork` | nothing | `count` 1: the store goes back to `first`; 0: a snapshot follows | [`Input::Rewound`], for 1 |
//! | `Begin` | a snapshot's cursor | an empty store is begun beside the old one | |
//! | `Piece` | bytes of it, cut anywhere | loaded into that | [`Input::Taken`] |
//! | `LastPiece` | the last bytes | loaded; store and cursor replace the old ones in one step | [`Input::Installed`] |
//!
//! A host need not write this table down: [`receiver::Receiver`] takes each step and each completion and returns
//! [`Command`](receiver::Command)s: apply, keep, load, install, rewind, and inputs for the node. It knows which
//! batches wait beside a snapshot, which are forgotten with one, and what a fork undoes.
//!
//! ## Windows
//!
//! A sender has no more bytes under way than the receiver's window; `Taken` (which `Applied` and `Persisted` imply)
//! opens it again. So a host that has no room passes none of these, and the sender waits: there is no queue without a
//! bound. Stream and pieces have a window each and never block one another. Everything a node allocates is taken in
//! [`Node::new`], as much as [`Config::memory_bytes`] says.
//!
//! ## Snapshots
//!
//! A replica whose place has left its upstream's ring (or that has none: every new one) is sent a snapshot, with the
//! stream beside it. The *sender's* host is asked for a view that does not move: a primary passes `Flush` first, and
//! `SnapshotReady` with the cursor of that position before it writes again. Then it is asked for pieces, of
//! [`Options::piece_bytes_max`] bytes at most, cut where it likes, but the same each time; one answer serves all
//! replicas. The bytes of pieces and of records are between the stores: the core never looks. A cut link goes on where
//! it was; a replica that falls behind again is sent another snapshot.
//!
//! ## Forks
//!
//! Two nodes that were both primary have records the other lacks. The one that joins learns where they part. A store
//! that can undo ([`Options::can_rewind`]) is asked to go back; any other is sent a snapshot, and its old
//! state stands until that is installed. Nobody discards records of a newer epoch than its own, and data of another
//! history is replaced only after [`Input::Follow`] with `adopt`.
//!
//! ## Persistence
//!
//! The core stores nothing. Each position becomes a [`Cursor`] by [`Node::cursor`], which the host stores *in the same
//! atomic step as the data* and gives back in [`Boot`]. That, and nothing else, makes a restart resume: what was
//! applied after the last save comes again. Data newer than its cursor would be applied twice, older data would lack
//! records. When it survives a power cut the host passes [`Input::Persisted`]; one that keeps nothing sets
//! [`Options::persists`] to false. A node's number ([`NodeId`]) is the same at every start, its seed never.
//!
//! ## Two nodes, by hand
//!
//! ```
//! use towline_core::*;
//!
//! const LINK: LinkId = LinkId(0); // each node's name for its end of the connection
//! const NOW: Time = Time::ZERO; // nothing takes any time here
//!
//! let config = Options { backlog_bytes: 1 << 16, ..Options::default() }.check()?;
//! let boot = |id: u8, role| Boot { node: NodeId(id.into()), seed: [id; 32], role, unix_zero: 0, cursor: None };
//! let mut nodes = [Node::new(config, boot(1, Role::Primary))?, Node::new(config, boot(2, Role::Replica))?];
//! let mut store: Vec<Vec<u8>> = Vec::new(); // the replica's
//!
//! nodes[0].handle(NOW, Input::Write { data: b"the first record" })?;
//! nodes[1].handle(NOW, Input::Tick)?;
//! for turn in 0..20 {
//!     if turn == 10 {
//!         // The replica has joined by now: this one comes in a batch.
//!         nodes[0].handle(NOW, Input::Write { data: b"the second record" })?;
//!     }
//!     let (here, there) = (turn % 2, 1 - turn % 2);
//!     while let Some(event) = nodes[here].poll_event() {
//!         if let Event::Dial { .. } = event {
//!             // The replica asks for a connection; both hosts name their end of it.
//!             nodes[here].handle(NOW, Input::Opened { link: LINK, side: Side::Upstream })?;
//!             nodes[there].handle(NOW, Input::Opened { link: LINK, side: Side::Downstream })?;
//!         } else if let Event::SnapshotWanted { snapshot, .. } = event {
//!             // A new replica begins with a snapshot. Here one piece holds all there is: the record.
//!             let position = nodes[here].handle(NOW, Input::Flush)?.position.expect("a primary has one");
//!             let cursor = nodes[here].cursor(position);
//!             nodes[here].handle(NOW, Input::SnapshotReady { snapshot, cursor: cursor.as_bytes(), bytes: None })?;
//!         } else if let Event::SnapshotRead { snapshot, piece } = event {
//!             let data = b"the first record";
//!             nodes[here].handle(NOW, Input::SnapshotPiece { snapshot, piece, data, last: true })?;
//!         }
//!     }
//!     // What one offers, the other reads, one frame a step.
//!     let bytes = nodes[here].peek_transmit(LINK).slices().concat();
//!     let mut unread = &bytes[..];
//!     while !unread.is_empty() {
//!         let step = nodes[there].handle(NOW, Input::Bytes { link: LINK, data: unread })?;
//!         if let Some(Payload { range, kind, snapshot, .. }) = step.payload {
//!             match kind {
//!                 PayloadKind::Batch => {
//!                     store.extend(Records::new(&unread[range]).map(<[u8]>::to_vec));
//!                     let upto = step.position.expect("a batch has one").boundary;
//!                     nodes[there].handle(NOW, Input::Applied { upto })?;
//!                 }
//!                 PayloadKind::LastPiece => {
//!                     store.push(unread[range].to_vec());
//!                     nodes[there].handle(NOW, Input::Installed { snapshot })?;
//!                 }
//!                 PayloadKind::Spool | PayloadKind::Fork | PayloadKind::Begin | PayloadKind::Piece => {}
//!             }
//!         }
//!         unread = &unread[step.used..];
//!     }
//!     if !bytes.is_empty() {
//!         nodes[here].consume(NOW, LINK, bytes.len())?;
//!     }
//! }
//! assert_eq!(store, [b"the first record".to_vec(), b"the second record".to_vec()]);
//! assert_eq!(nodes[0].acked(Level::Applied, 1), Offset(2), "and the primary knows");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! ## Three failures, three homes
//!
//! [`ConfigError`]: a set-up that cannot work ([`CursorError`]: a cursor that cannot be read). [`Misuse`]: a mistake of
//! the host; nothing was changed. [`Fault`]: a mistake of a peer; that link alone gets [`Event::Close`]. Anything else
//! is our bug and panics. A few misuses are no mistake but a race with what ended within the same turn: a link that was
//! closed, a snapshot that was given up.
#![no_std]
#![forbid(unsafe_code)]
#![deny(clippy::float_arithmetic)]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[macro_use]
mod clone;
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
pub use flat::{FlatCommand, FlatCompletion, FlatEvent, FlatInput, FlatStep};
pub use id::{Epoch, EpochOffset, HistoryId, LinkId, NodeId, Offset, Position, SnapshotId};
pub use input::{Boot, Input, Next, Payload, PayloadKind, Role, Side, Step};
pub use links::outbox::{More, Transmit};
pub use node::Node;
pub use stages::{Level, Stages};
pub use stats::{InFlight, Lag, Replica, ReplicaState, Stats};
pub use time::{Span, Time};
pub use wire::batch::Records;
