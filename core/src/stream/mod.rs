//! Everything of one log: the ring of finished frames, the table of epochs, the readers, the transfers of snapshots,
//! the slots, and this node's own place below an upstream.
//!
//! [`Stream`] is given the [`Links`] over which it speaks and the parts that all rooms share; it keeps neither. Its
//! tables are types of their own ([`log`], [`readers`], [`transfers`], [`slots`], [`upstream`]) that know nothing of
//! each other's rows. The files beside them act on several: [`join`] and [`acks`] (a replica), [`serve`] (its
//! snapshot), [`send`] (frames that leave), [`evict`] (the ring makes room), [`receive`] and [`install`] (frames that
//! come), [`completions`] (the host's work), [`write`](mod@write) (the primary's verbs), [`leave`] (a link ends).
//!
//! A second log would be another `Stream`. Invariants of each table are in its `check`; those between tables and links
//! are in [`Stream::check`].

mod acks;
mod admission;
pub(crate) mod completions;
mod evict;
mod index;
mod install;
mod join;
mod leave;
mod log;
mod place;
mod readers;
mod receive;
mod receiving;
mod ring;
mod send;
mod serve;
pub(crate) mod slots;
mod status;
mod transfers;
mod upstream;
mod windows;
mod write;

use core::hash::{Hash, Hasher};

use crate::clock::Clock;
use crate::config::Config;
use crate::cursor::{Cursor, Decoded};
use crate::epochs::Opening;
use crate::error::CursorError;
use crate::events::Subject;
use crate::id::{EpochOffset, HistoryId, Offset, Position};
use crate::input::Role;
use crate::links::Links;
use crate::links::outbox::Stage;
use crate::rng::SeededRng;
use crate::stages::Level;
use log::Log;
use readers::Readers;
use slots::Slots;
use transfers::Transfers;
use upstream::Upstream;

/// One log, and what is done with it.
#[derive(Debug)]
pub(crate) struct Stream {
    role: Role,
    log: Log,
    readers: Readers,
    slots: Slots,
    transfers: Transfers,
    upstream: Upstream,
    /// The highest epoch number seen anywhere.
    seen: u32,
    identity: SeededRng,
    pause: SeededRng,
}

clone_fields! { Stream { role, log, readers, slots, transfers, upstream, seen, identity, pause } }

impl Stream {
    /// Makes a log at boot, at the position of its cursor. A primary's still has to open its epoch.
    pub(crate) fn new(
        config: &Config,
        role: Role,
        cursor: Option<&[u8]>,
        mut identity: SeededRng,
        pause: SeededRng,
    ) -> Result<Self, CursorError> {
        let nonce = identity.word();
        let mut stream = Self {
            role,
            log: Log::new(config),
            readers: Readers::new(config),
            slots: Slots::new(config.options().slots_max),
            transfers: Transfers::new(config, nonce),
            upstream: Upstream::new(),
            seen: 0,
            identity,
            pause,
        };
        if let Some(bytes) = cursor {
            let Some(cursor) = Decoded::from_bytes(bytes) else {
                return Err(CursorError { bytes: bytes.len() as u64 });
            };
            stream.log.reset(cursor.history, cursor.position, &cursor.epochs);
            stream.seen = cursor.epochs.number().max(cursor.position.epoch.number());
            stream.upstream.stand_on(cursor.position.boundary, stream.log.sealed());
        }
        Ok(stream)
    }

    /// Begins as primary: the history, if there is none, and its epoch, numbered above all it has seen.
    pub(crate) fn begin(&mut self, clock: &Clock) {
        assert!(self.role == Role::Primary, "a replica's history is its upstream's");
        if self.log.history.is_none() {
            self.log.history = HistoryId(self.identity.id128());
        }
        self.upstream.base = true;
        self.open_epoch(clock);
    }

    /// The bytes it allocates.
    pub(crate) fn memory_bytes(config: &Config) -> u64 {
        Log::memory_bytes(config)
            + Readers::memory_bytes(config)
            + Transfers::memory_bytes(config)
            + Slots::memory_bytes(config)
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    pub(crate) fn seen(&self) -> u32 {
        self.seen
    }

    /// The sealed end, as a position.
    pub(crate) fn position(&self) -> Position {
        self.log.position()
    }

    /// The offset after the last record, sealed or not.
    pub(crate) fn next(&self) -> Offset {
        self.log.next()
    }

    /// The cursor of a position this node gave out.
    pub(crate) fn cursor(&self, position: Position) -> Cursor {
        let epochs = self.log.epochs().below(position.boundary, position.epoch);
        let alone = [Opening { epoch: position.epoch, start: position.boundary }];
        Cursor::new(self.log.history, position, if epochs.is_empty() { &alone } else { epochs })
    }

    /// The place of the record before `offset`.
    pub(crate) fn place(&self, offset: Offset) -> Option<EpochOffset> {
        self.log.place(offset)
    }

    /// The offset that at least `n` connected replicas have reached. With `n` 0, the log's end.
    pub(crate) fn acked(&self, level: Level, n: u32) -> Offset {
        if n == 0 { self.log.next() } else { self.slots.acked(level, n) }
    }

    /// The bytes that a stage names: a run of the log, or a piece.
    #[inline]
    pub(crate) fn bulk(&self, stage: Stage) -> (&[u8], &[u8]) {
        match stage {
            Stage::Idle | Stage::Spill { .. } => (&[], &[]),
            Stage::Run { at, limit, .. } => self.log.slices(at, limit),
            Stage::Piece { transfer, at, end } => (&self.transfers.front(transfer)[at..end], &[]),
        }
    }

    /// Where the frame ends that begins at a byte position.
    #[inline]
    pub(crate) fn frame_end(&self, position: u64) -> u64 {
        self.log.frame_end(position)
    }

    /// Returns whether we asked to join more than once on the upstream link.
    pub(crate) fn rejoined(&self) -> bool {
        self.upstream.joins > 1
    }

    /// Feeds a fingerprint. Times count from now, and byte positions from the ring's begin.
    pub(crate) fn print(&self, links: &Links, clock: &Clock, print: &mut impl Hasher) {
        (self.role, self.seen, self.identity.drawn(), self.pause.drawn()).hash(print);
        self.log.print(print);
        for row in 0..links.len() {
            links[row].print(clock, print);
            if !links[row].is_free() {
                links[row].outbox.print(clock, self.log.oldest(), print);
            }
        }
        self.readers.print(&self.log, print);
        self.slots.print(clock, print);
        self.transfers.hash(print);
        self.upstream.print(&self.log, print);
    }

    /// Returns whether there is something to notify of each slot, transfer and view.
    pub(crate) fn pending(&self) -> impl Iterator<Item = (bool, Subject)> + '_ {
        self.slots.pending().chain(self.transfers.pending())
    }

    /// Asserts the whole invariant.
    pub(crate) fn check(&self, links: &Links) {
        self.log.check();
        self.slots.check();
        self.transfers.check();
        self.upstream.check(&self.log, self.role);
        self.readers.check(&self.log);
        assert!(links.upstream().is_none() || self.role == Role::Replica, "a primary has no upstream");
        for row in 0..links.len() {
            let reader = &self.readers[row];
            assert_eq!(links[row].is_joined(), reader.serving.joined(), "a reader for each joined link");
            if reader.serving.joined() {
                let slot = &self.slots.rows[reader.slot];
                let owner = slot.used && slot.node == links[row].peer().node;
                assert!(owner, "a joined link owns its node's slot");
                assert_eq!(slot.link.map(|id| id.row()), Some(row), "one link a slot");
            }
        }
    }
}
