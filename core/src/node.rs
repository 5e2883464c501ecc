//! The engine of one log: routes inputs to its rooms and drains the rooms into events. Small on purpose.
//!
//! Three rooms: the [`Stream`] (everything of the log), the [`Links`] (connections) and what they share (configuration,
//! time, pending events). An input that makes no sense is refused before time moves and before anything changes: each
//! verb asks its room first (`may_...`), then moves time, then acts. Everything is allocated in [`Node::new`].

use crate::config::Config;
use crate::cursor::Cursor;
use crate::error::{CursorError, Misuse};
use crate::events::NodeFact;
use crate::id::{EpochOffset, LinkId, Offset, Position};
use crate::input::{Boot, Input, Role, Step};
use crate::links::Links;
use crate::links::outbox::{Done, More, Transmit};
use crate::rng::{Label, SeededRng};
use crate::shared::Shared;
use crate::stages::Level;
use crate::stream::Stream;
use crate::time::Time;

mod connections;
mod fingerprint;
mod notify;
mod status;
mod verbs;

/// A replication node: bytes, time and completions in; bytes and events out.
#[derive(Debug)]
pub struct Node {
    shared: Shared,
    links: Links,
    stream: Stream,
}

clone_fields! { Node { shared, links, stream } }

impl Node {
    /// Makes a node at boot. A primary opens an epoch, numbered above all it has seen; a replica will ask to dial.
    ///
    /// # Errors
    /// A cursor that cannot be read.
    pub fn new(config: Config, boot: Boot<'_>) -> Result<Self, CursorError> {
        let rng = |label| SeededRng::new(boot.seed, label);
        let mut identity = rng(Label::Identity);
        let incarnation = u64::from(identity.word()) << 32 | u64::from(identity.word());
        let mut node = Self {
            shared: Shared::new(config, boot.unix_zero),
            links: Links::new(&config, boot.node, incarnation, rng(Label::Redial)),
            stream: Stream::new(&config, boot.role, boot.cursor, identity, rng(Label::Pause))?,
        };
        match boot.role {
            Role::Primary => node.stream.begin(&node.shared.clock),
            Role::Replica => node.links.dial_at(&mut node.shared, Time::ZERO),
        }
        node.shared.events.notify_node(NodeFact::Role);
        Ok(node)
    }

    /// Handles one input.
    ///
    /// # Errors
    /// [`Misuse`], and nothing was changed.
    // A match alone, which a caller that knows the input does not pay for once it is inlined. A browser's module is
    // better small.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn handle(&mut self, now: Time, input: Input<'_>) -> Result<Step, Misuse> {
        let plain = |()| Step::default();
        match input {
            Input::Write { data } => self.write(now, data),
            Input::Bytes { link, data } => self.bytes(now, link, data),
            Input::Applied { upto } => self.completed(now, upto, None).map(plain),
            Input::Taken { upto, pieces } => self.taken(now, upto, pieces).map(plain),
            Input::Persisted { upto } => self.completed(now, upto, Some(upto)).map(plain),
            Input::Tick => {
                self.advance(now);
                Ok(Step::default())
            }
            Input::Flush => self.flush(now),
            Input::Opened { link, side } => self.opened(now, link, side).map(plain),
            Input::Lost { link } => self.lost(now, link).map(plain),
            Input::DialFailed => self.dial_failed(now).map(plain),
            Input::SnapshotReady { snapshot, cursor, bytes } => {
                self.snapshot_ready(now, snapshot, cursor, bytes).map(plain)
            }
            Input::SnapshotPiece { snapshot, piece, data, last } => {
                self.snapshot_piece(now, (snapshot, piece), data, last).map(plain)
            }
            Input::SnapshotFailed { snapshot, retry } => {
                self.snapshot_failed(now, snapshot, retry).map(plain)
            }
            Input::Installed { snapshot } => self.installed(now, snapshot),
            Input::Rewound => self.rewound(now),
            Input::Promote => self.promote(now),
            Input::Follow { adopt } => self.follow(now, adopt).map(plain),
            Input::Shutdown => {
                self.shutdown(now);
                Ok(Step::default())
            }
        }
    }

    /// Returns the bytes to write on a link, in wire order: up to three slices, of which some may be empty. Changes
    /// nothing.
    #[inline]
    #[must_use]
    pub fn peek_transmit(&self, link: LinkId) -> Transmit<'_> {
        match self.links.get(link) {
            Some(row) if !row.is_free() => row.outbox.show(self.stream.bulk(row.outbox.stage())),
            Some(_) | None => Transmit::default(),
        }
    }

    /// Takes note that `bytes` of what [`peek_transmit`](Self::peek_transmit) showed were written; an empty peek is
    /// consumed with 0. [`More::Idle`] hands the link back: `WantsWrite` comes when there is more.
    ///
    /// # Errors
    /// [`Misuse::UnknownLink`], [`Misuse::ConsumedTooMuch`].
    #[inline]
    pub fn consume(&mut self, now: Time, link: LinkId, bytes: usize) -> Result<More, Misuse> {
        let row = self.links.open_row(link)?;
        let outbox = &mut self.links[row].outbox;
        if bytes > outbox.len() {
            return Err(Misuse::ConsumedTooMuch);
        }
        if let Done::Piece(transfer) = outbox.take(bytes, |at| self.stream.frame_end(at)) {
            self.stream.piece_left(&mut self.shared, transfer);
        }
        self.advance(now);
        if bytes > 0 {
            self.links[row].outbox.offered(self.shared.clock.alive());
            self.shared.counters.bytes_sent += bytes as u64;
        }
        Ok(self.stream.offer_more(&mut self.links, &mut self.shared, row))
    }

    /// Returns when to pass `Tick` at the latest: now while an event is pending, else strictly in the future.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        if self.shared.events.is_empty() { self.shared.timers.first() } else { Some(self.shared.clock.now()) }
    }

    /// Returns the cursor of a position this node gave out: the bytes to store with the data in one atomic step.
    #[must_use]
    pub fn cursor(&self, position: Position) -> Cursor {
        self.stream.cursor(position)
    }

    /// Returns the place of the record before `offset`: the name to remember it by. `None` beyond the end, or if the
    /// epochs that are known begin after it.
    #[must_use]
    pub fn place(&self, offset: Offset) -> Option<EpochOffset> {
        self.stream.place(offset)
    }

    /// Returns whether this node's history, up to its end, holds that record. It does not any more after a fork, or
    /// under another history; of a record older than all [`EPOCHS_MAX`](crate::limits::EPOCHS_MAX) known epochs it is
    /// not known, and this returns false. Below a snapshot that is not installed yet this speaks of the snapshot's
    /// history.
    #[must_use]
    pub fn holds(&self, place: EpochOffset) -> bool {
        place.offset == Offset(0) || self.stream.place(place.offset) == Some(place)
    }

    /// Returns the offset that at least `n` connected replicas have reached; the question of WAIT. With `n` 0, the
    /// log's end.
    #[must_use]
    pub fn acked(&self, level: Level, n: u32) -> Offset {
        self.stream.acked(level, n)
    }

    /// Asserts the whole invariant, for tests, simulation and fuzzing: O(links).
    ///
    /// # Panics
    /// When it does not hold: that is our bug.
    pub fn check(&self) {
        self.links.check();
        self.stream.check(&self.links);
        self.shared.events.check(self.stream.pending());
        if self.shared.events.is_empty() {
            let first = self.shared.timers.first();
            assert!(first.is_none_or(|first| first > self.shared.clock.now()), "a deadline that passed");
        }
    }
}
