//! The engine: routes inputs to their rooms and drains the rooms into events. Small on purpose.
//!
//! One log, at most one upstream link, any number of downstream links. Rooms are `impl Node` blocks beside the state
//! they change: `link/` (life, handshake, downstream, upstream, transmit), `snapshot/serve`. Invariants of the whole
//! are in [`Node::check`]. Everything is allocated in [`Node::new`].

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::clock::Clock;
use crate::config::Config;
use crate::cursor::{Cursor, Decoded};
use crate::deadline::Deadlines;
use crate::error::{CursorError, Misuse};
use crate::event::Event;
use crate::events::Pending;
use crate::id::{EpochOffset, HistoryId, LinkId, NodeId, Offset, Position};
use crate::input::{Boot, Input, Role, Step};
use crate::links::outbox::{Done, More, Transmit};
use crate::links::{Link, Phase};
use crate::rng::{Dice, Label};
use crate::stats::Counters;
use crate::stream::log::Log;
use crate::stream::receive::Upstream;
use crate::stream::slots::{Level, Slots};
use crate::stream::transfers::Ships;
use crate::time::Time;

mod notify;

/// A replication node: bytes, time and completions in; bytes and events out.
#[derive(Debug)]
pub struct Node {
    pub(crate) config: Config,
    pub(crate) id: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) clock: Clock,
    pub(crate) identity: Dice,
    pub(crate) redial: Dice,
    pub(crate) pause: Dice,
    pub(crate) role: Role,
    pub(crate) log: Log,
    pub(crate) links: Box<[Link]>,
    /// Downstream links that wait for the log to grow.
    pub(crate) dry: Vec<u32>,
    /// No link reads the ring before this byte position.
    pub(crate) reader_floor: u64,
    pub(crate) slots: Slots,
    pub(crate) ships: Ships,
    pub(crate) upstream: Upstream,
    /// The highest epoch number seen anywhere.
    pub(crate) seen: u32,
    pub(crate) deadlines: Deadlines,
    pub(crate) pending: Pending,
    pub(crate) tell: u8,
    pub(crate) shut: bool,
    pub(crate) counters: Counters,
}

clone_fields! {
    Node {
        config, id, incarnation, clock, identity, redial, pause, role, log, links, dry, reader_floor, slots,
        ships, upstream, seen, deadlines, pending, tell, shut, counters
    }
}

/// Where each subject of an event, and each source of a deadline, has its number.
impl Node {
    pub(crate) const SELF: u32 = 0;

    pub(crate) fn link_subject(link: usize) -> u32 {
        1 + u32::try_from(link).expect("link ids are u32")
    }

    pub(crate) fn slot_subject(&self, slot: usize) -> u32 {
        1 + self.config.link_ids() + u32::try_from(slot).expect("slots_max is u32")
    }

    pub(crate) fn ship_subject(&self, ship: usize) -> u32 {
        self.slot_subject(0) + self.config.slots_max + u32::try_from(ship).expect("ships_max is u32")
    }

    pub(crate) fn live_subject(&self, live: usize) -> u32 {
        self.ship_subject(0) + self.config.ships_max + u32::try_from(live).expect("two")
    }
}

const _: () = assert!(crate::limits::SNAPSHOTS_LIVE == 2, "subjects counts them");

fn subjects(config: &Config) -> u32 {
    1 + config.link_ids() + config.slots_max + config.ships_max + 2
}

fn sources(config: &Config) -> u32 {
    1 + config.link_ids() + config.slots_max
}

/// See [`Config::memory_bytes`].
pub(crate) fn memory_bytes(config: &Config) -> u64 {
    let links = u64::from(config.link_ids());
    let link = size_of::<Link>() + crate::limits::SCRATCH_BYTES + config.spill_bytes() + size_of::<u32>();
    let ship = size_of::<crate::stream::transfers::Ship>()
        + crate::limits::PIECES_BUFFERED * config.piece_frame_bytes_max() as usize;
    let slot = size_of::<crate::stream::slots::Slot>();
    let index =
        crate::stream::index::Index::bound(config.backlog_bytes) * size_of::<crate::stream::index::Entry>();
    let deadline = 2 * size_of::<u32>() + size_of::<Time>();
    let subject = size_of::<u32>() + size_of::<bool>();
    config.backlog_bytes
        + index as u64
        + links * link as u64
        + u64::from(config.ships_max) * ship as u64
        + u64::from(config.slots_max) * slot as u64
        + u64::from(sources(config)) * deadline as u64
        + u64::from(subjects(config)) * subject as u64
}

impl Node {
    /// A node at boot. A primary opens an epoch, numbered above all it has seen; a replica will ask to dial.
    ///
    /// # Errors
    /// A cursor that cannot be read.
    pub fn new(config: Config, boot: Boot<'_>) -> Result<Self, CursorError> {
        let mut identity = Dice::new(boot.seed, Label::Identity);
        let incarnation = u64::from(identity.word()) << 32 | u64::from(identity.word());
        let ship_dice = identity.word();
        let mut node = Self {
            config,
            id: boot.node,
            incarnation,
            clock: Clock::new(boot.unix_zero),
            identity,
            redial: Dice::new(boot.seed, Label::Redial),
            pause: Dice::new(boot.seed, Label::Pause),
            role: boot.role,
            log: Log::new(&config),
            links: (0..config.link_ids()).map(|_| Link::new(config.spill_bytes())).collect(),
            dry: Vec::with_capacity(config.link_ids() as usize),
            reader_floor: u64::MAX,
            slots: Slots::new(config.slots_max),
            ships: Ships::new(&config, ship_dice),
            upstream: Upstream::new(),
            seen: 0,
            deadlines: Deadlines::new(sources(&config)),
            pending: Pending::new(subjects(&config)),
            tell: 0,
            shut: false,
            counters: Counters::default(),
        };
        if let Some(bytes) = boot.cursor {
            let Some(cursor) = Decoded::from_bytes(bytes) else {
                return Err(CursorError { bytes: bytes.len() as u64 });
            };
            node.log.reset(cursor.history, cursor.position, &cursor.epochs);
            node.seen = cursor.epochs.number().max(cursor.position.epoch.number());
            node.upstream.stand_on(cursor.position.boundary, node.log.sealed());
        }
        match boot.role {
            Role::Primary => {
                if node.log.history.is_none() {
                    node.log.history = HistoryId(node.identity.id128());
                }
                node.upstream.base = true;
                mutant!(node.config, 102 => node.keep_epoch(), else node.open_epoch());
            }
            Role::Replica => node.dial_at(Time::ZERO),
        }
        node.tell_self(self_tell::ROLE);
        Ok(node)
    }

    /// Says one thing to the node.
    ///
    /// # Errors
    /// [`Misuse`], and nothing was changed.
    // Nothing but a fork in the road, which a caller who knows the input does not stand at. A browser's module would
    // rather be small.
    #[cfg_attr(not(target_family = "wasm"), inline(always))]
    pub fn handle(&mut self, now: Time, input: Input<'_>) -> Result<Step, Misuse> {
        let plain = |()| Step::default();
        mutant!(self.config, 9002 => panic!("the planted panic"));
        match input {
            Input::Write { data } => self.write(now, data),
            Input::Bytes { link, data } => self.bytes(now, link, data),
            Input::Applied { upto } => self.completed(now, upto, Some(upto), None).map(plain),
            Input::Taken { upto, pieces } => self.taken(now, upto, pieces).map(plain),
            Input::Persisted { upto } => self.completed(now, upto, Some(upto), Some(upto)).map(plain),
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
                self.snapshot_piece(now, snapshot, piece, data, last).map(plain)
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

    /// The next thing the node has to say.
    #[inline]
    pub fn poll_event(&mut self) -> Option<Event> {
        while let Some(subject) = self.pending.pop() {
            let event = self.tell_of(subject);
            if event.is_some() {
                self.pending.put_back(subject);
                return event;
            }
        }
        None
    }

    /// The bytes to write on a link, in wire order: up to three slices, of which some may be empty. Changes nothing.
    #[inline]
    #[must_use]
    pub fn peek_transmit(&self, link: LinkId) -> Transmit<'_> {
        match self.links.get(link.0 as usize) {
            Some(row) if row.phase != Phase::Free => row.outbox.show(&self.log, &self.ships),
            Some(_) | None => Transmit::default(),
        }
    }

    /// `bytes` of what [`peek_transmit`](Self::peek_transmit) showed were written; an empty peek is consumed with 0.
    /// [`More::Dry`] hands the link back: the next `WantsWrite` tells when there is more.
    ///
    /// # Errors
    /// [`Misuse::UnknownLink`], [`Misuse::ConsumedTooMuch`].
    #[inline]
    pub fn consume(&mut self, now: Time, link: LinkId, bytes: usize) -> Result<More, Misuse> {
        let row = self.open_link(link)?;
        if bytes > self.links[row].outbox.len() {
            return Err(Misuse::ConsumedTooMuch);
        }
        let done = self.links[row].outbox.take(bytes, &self.log);
        if let Done::Piece(ship) = done {
            self.piece_left(ship);
        }
        self.advance(now);
        if bytes > 0 {
            self.links[row].outbox.offered_since = self.clock.alive();
            self.counters.bytes_sent += bytes as u64;
            mutant!(self.config, 27 => self.links[row].heard = self.clock.alive());
        }
        Ok(self.refill_or_dry(row))
    }

    /// When to say `Tick` at the latest: now while an event is untold, else strictly in the future.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        if self.pending.is_empty() { self.deadlines.first() } else { Some(self.clock.now()) }
    }

    /// The cursor of a position this node gave out: the bytes to store with the data in one atomic step.
    #[must_use]
    pub fn cursor(&self, position: Position) -> Cursor {
        let epochs = self.log.epochs.below(position.boundary, position.epoch);
        let alone = [(position.epoch, position.boundary)];
        Cursor::new(self.log.history, position, if epochs.is_empty() { &alone } else { epochs })
    }

    /// The place of the record before `offset`: what to remember of it. `None` beyond the end, or if the epochs that
    /// are known begin after it.
    #[must_use]
    pub fn place(&self, offset: Offset) -> Option<EpochOffset> {
        self.log.place(offset)
    }

    /// Whether this node's history, up to its end, holds that record. It does not any more after a fork, or under
    /// another history; of a record older than all [`EPOCHS_MAX`](crate::limits::EPOCHS_MAX) known epochs it is not
    /// known, and the answer is no. Below a snapshot that is not installed yet this speaks of the snapshot's history.
    #[must_use]
    pub fn holds(&self, place: EpochOffset) -> bool {
        place.offset == Offset(0) || self.log.place(place.offset) == Some(place)
    }

    /// The offset that at least `n` connected replicas have reached; what WAIT asks. With `n` 0, the log's end.
    #[must_use]
    pub fn acked(&self, level: Level, n: u32) -> Offset {
        if n == 0 { self.log.next() } else { self.slots.acked(level, mutant!(self.config, 131 => 1, else n)) }
    }

    /// The whole invariant, for tests, simulation and fuzzing: O(links).
    ///
    /// # Panics
    /// When it does not hold: that is our bug.
    pub fn check(&self) {
        self.log.check();
        self.slots.check();
        self.ships.check();
        self.upstream.check(&self.log, self.role);
        for (row, link) in self.links.iter().enumerate() {
            self.check_link(row, link);
        }
        self.check_pending();
        if self.pending.is_empty() {
            assert!(
                self.deadlines.first().is_none_or(|first| first > self.clock.now()),
                "a deadline that passed"
            );
        }
    }

    fn check_link(&self, row: usize, link: &Link) {
        if link.phase == Phase::Free {
            assert!(link.outbox.is_dry() && link.tell == 0, "a free row offers nothing");
            return;
        }
        let down = &link.down;
        if link.phase.joined() {
            let slot = &self.slots.rows[down.slot];
            assert!(slot.used && slot.node == link.peer.node, "a joined link owns its node's slot");
            assert_eq!(slot.link.map(|id| id.0 as usize), Some(row), "one link a slot");
        }
        if let Some(at) = down.stream_at {
            assert!(link.phase == Phase::Stream, "only a streaming link reads the log");
            assert!(self.log.oldest() <= at && at <= self.log.sealed(), "a reader stands inside the ring");
            assert!(self.reader_floor <= at, "the floor lies under every reader");
        }
        assert!(down.credit.released <= down.credit.sent, "released what was never sent");
    }

    /// Whoever has something to tell is queued: a fact that nobody asks for is lost to the host for good.
    fn check_pending(&self) {
        let heard =
            |tells: bool, subject: u32| assert!(!tells || self.pending.holds(subject), "an untold fact");
        heard(self.tell != 0, Self::SELF);
        for (row, link) in self.links.iter().enumerate() {
            heard(link.tell != 0, Self::link_subject(row));
        }
        for (row, slot) in self.slots.rows.iter().enumerate() {
            heard(slot.acked_untold || slot.expired.is_some(), self.slot_subject(row));
        }
        for (row, ship) in self.ships.rows.iter().enumerate() {
            heard(ship.has_room() && self.is_open(ship.snapshot), self.ship_subject(row));
        }
        for (row, live) in self.ships.live.iter().enumerate() {
            heard(live.is_some_and(|live| live.wanted_untold || live.done), self.live_subject(row));
        }
    }
}

/// Facts of the node itself to be told. Bits of `Node::tell`.
pub(crate) mod self_tell {
    pub(crate) const ROLE: u8 = 1;
    pub(crate) const DIAL: u8 = 2;
    pub(crate) const CAUGHT_UP: u8 = 4;
    pub(crate) const OUTRANKED: u8 = 8;
    /// The log grew: dry links want to write.
    pub(crate) const DRY: u8 = 16;
}
