//! The connections of a node: handshake, liveness, what is on offer for a socket, dialling, closing.
//!
//! Phases of a downstream link (a peer dialled us):
//!
//! ```text
//! Hello --HELLO--> Join --JOIN--> Joined --fault, goodbye--> Closing --notified--> Free
//! ```
//!
//! and of an upstream link (we dialled):
//!
//! ```text
//! Welcome --WELCOME--> Admit <--JOIN, ADMIT--> Admitted --fault, goodbye--> Closing --notified--> Free
//! ```
//!
//! A row is never allocated after boot. Pending control frames are a set, encoded when there is room for them. Not
//! here: anything of a log. Where a replica reads and what it acknowledged is in `stream::readers`; a link that closes
//! is let go there first (`stream::leave`).

pub(crate) mod dial;
pub(crate) mod handshake;
pub(crate) mod life;
pub(crate) mod outbox;
pub(crate) mod receive;

use alloc::boxed::Box;
use core::hash::{Hash, Hasher};
use core::ops::{Index, IndexMut};

use crate::clock::Clock;
use crate::config::Config;
use crate::error::{Fault, Misuse};
use crate::events::LinkFact;
use crate::id::{LinkId, NodeId};
use crate::input::Side;
use crate::rng::SeededRng;
use crate::set::EnumSet;
use crate::shared::Shared;
use crate::time::{Span, Time};
use dial::Dialer;
use outbox::Outbox;

/// The phase of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The id names no connection.
    Free,
    /// A peer dialled us: we feed it.
    Downstream(Down),
    /// We dialled it: the peer feeds us.
    Upstream(Up),
    /// A goodbye leaves, or was read; then `Close` is notified.
    Closing(Closing),
}

/// The phase of a link to a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Down {
    /// HELLO is awaited.
    Hello,
    /// JOIN is awaited.
    Join,
    /// The peer has joined.
    Joined,
}

/// The phase of a link to an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Up {
    /// HELLO sent, WELCOME awaited.
    Welcome,
    /// JOIN sent, ADMIT awaited.
    Admit,
    /// Admitted, or waiting on the upstream's word.
    Admitted,
}

/// The end of a link: why, and when we stop waiting for the goodbye to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Closing {
    pub(crate) side: Side,
    pub(crate) fault: Fault,
    pub(crate) by_peer: bool,
    pub(crate) retry_after: Span,
    pub(crate) linger: Time,
}

/// Control frames to be encoded at the next chance, in the order in which they leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Control {
    Hello,
    Welcome,
    Join,
    Admit,
    Begin,
    Beat,
    Ack,
    Goodbye,
}

members!(Control { Hello, Welcome, Join, Admit, Begin, Beat, Ack, Goodbye });

/// A peer, by its HELLO or WELCOME.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) window_bytes: u64,
    pub(crate) piece_window_bytes: u64,
}

/// A row of the table of links.
#[derive(Debug)]
pub(crate) struct Link {
    phase: Phase,
    pub(crate) outbox: Outbox,
    pending: EnumSet<Control>,
    /// When it was opened, or last asked to join, on the clock of silence.
    opened: u64,
    /// When a byte last came, on the clock of silence.
    received_at: u64,
    /// How many unread bytes the host has shown: only more of them are life.
    shown: usize,
    next_beat: Time,
    beats: u64,
    peer: Peer,
}

clone_fields! { Link { phase, outbox, pending, opened, received_at, shown, next_beat, beats, peer } }

impl Link {
    fn new(spill_bytes: usize) -> Self {
        Self {
            phase: Phase::Free,
            outbox: Outbox::new(spill_bytes),
            pending: EnumSet::EMPTY,
            opened: 0,
            received_at: 0,
            shown: 0,
            next_beat: Time::NEVER,
            beats: 0,
            peer: Peer::default(),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase
    }

    pub(crate) fn is_free(&self) -> bool {
        matches!(self.phase, Phase::Free)
    }

    pub(crate) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing(_))
    }

    /// Returns whether a goodbye would reach a replica, or one that is about to join.
    pub(crate) fn may_hold_a_replica(&self) -> bool {
        matches!(self.phase, Phase::Downstream(Down::Join | Down::Joined))
    }

    /// Returns whether a replica has joined on it.
    pub(crate) fn is_joined(&self) -> bool {
        matches!(self.phase, Phase::Downstream(Down::Joined))
    }

    /// Which way it leads, or led before it closed. A free row leads nowhere.
    pub(crate) fn side(&self) -> Option<Side> {
        match self.phase {
            Phase::Free => None,
            Phase::Downstream(_) => Some(Side::Downstream),
            Phase::Upstream(_) => Some(Side::Upstream),
            Phase::Closing(closing) => Some(closing.side),
        }
    }

    pub(crate) fn peer(&self) -> Peer {
        self.peer
    }

    /// How many beats were sent.
    pub(crate) fn beats(&self) -> u64 {
        self.beats
    }

    /// Returns whether the HELLO or WELCOME of the peer came.
    pub(crate) fn handshake_done(&self) -> bool {
        match self.phase {
            Phase::Free | Phase::Downstream(Down::Hello) | Phase::Upstream(Up::Welcome) => false,
            Phase::Downstream(Down::Join | Down::Joined)
            | Phase::Upstream(Up::Admit | Up::Admitted)
            | Phase::Closing(_) => true,
        }
    }

    pub(crate) fn has_pending(&self) -> bool {
        !self.pending.is_empty()
    }

    pub(crate) fn is_pending(&self, control: Control) -> bool {
        self.pending.contains(control)
    }

    /// Removes and returns the control frames that are to be encoded now.
    pub(crate) fn take_pending(&mut self) -> EnumSet<Control> {
        core::mem::replace(&mut self.pending, EnumSet::EMPTY)
    }

    /// Feeds a fingerprint. Times count from now.
    pub(crate) fn print(&self, clock: &Clock, print: &mut impl Hasher) {
        match self.phase {
            Phase::Free => 0_u8.hash(print),
            Phase::Downstream(phase) => (1_u8, phase).hash(print),
            Phase::Upstream(phase) => (2_u8, phase).hash(print),
            Phase::Closing(Closing { side, fault, by_peer, retry_after, linger }) => {
                (3_u8, side, fault.number(), by_peer, retry_after, clock.until(linger)).hash(print);
            }
        }
        self.beats.hash(print);
        if self.is_free() {
            return;
        }
        (self.pending, self.shown, self.peer).hash(print);
        (clock.silent(self.opened), clock.silent(self.received_at), clock.until(self.next_beat)).hash(print);
    }

    fn check(&self) {
        if self.is_free() {
            assert!(self.outbox.is_idle() && self.pending.is_empty(), "a free row offers nothing");
        }
    }
}

/// The connections of a node.
#[derive(Debug)]
pub(crate) struct Links {
    rows: Box<[Link]>,
    /// The row of the upstream link, until it closes.
    upstream: Option<usize>,
    dialer: Dialer,
    node: NodeId,
    /// Random at each start of the node.
    incarnation: u64,
    /// No connection is opened or dialled any more.
    shut: bool,
}

clone_fields! { Links { rows, upstream, dialer, node, incarnation, shut } }

impl Index<usize> for Links {
    type Output = Link;
    fn index(&self, row: usize) -> &Link {
        &self.rows[row]
    }
}

impl IndexMut<usize> for Links {
    fn index_mut(&mut self, row: usize) -> &mut Link {
        &mut self.rows[row]
    }
}

impl Links {
    pub(crate) fn new(config: &Config, node: NodeId, incarnation: u64, redial: SeededRng) -> Self {
        Self {
            rows: (0..config.link_ids()).map(|_| Link::new(config.spill_bytes())).collect(),
            upstream: None,
            dialer: Dialer::new(redial),
            node,
            incarnation,
            shut: false,
        }
    }

    /// The bytes it allocates.
    pub(crate) fn memory_bytes(config: &Config) -> u64 {
        let link = size_of::<Link>() + crate::limits::SCRATCH_BYTES + config.spill_bytes();
        u64::from(config.link_ids()) * link as u64
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(crate) fn get(&self, link: LinkId) -> Option<&Link> {
        self.rows.get(link.row())
    }

    /// The row of an open link.
    pub(crate) fn open_row(&self, link: LinkId) -> Result<usize, Misuse> {
        match self.get(link) {
            Some(found) if !found.is_free() => Ok(link.row()),
            Some(_) | None => Err(Misuse::UnknownLink),
        }
    }

    pub(crate) fn node(&self) -> NodeId {
        self.node
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.shut
    }

    /// The row of the upstream link.
    pub(crate) fn upstream(&self) -> Option<usize> {
        self.upstream
    }

    /// The row of the upstream link, if it is in this phase.
    pub(crate) fn upstream_in(&self, phase: Up) -> Option<usize> {
        self.upstream.filter(|row| self.rows[*row].phase == Phase::Upstream(phase))
    }

    /// Adds a pending control frame to a link, whose host is notified unless it is busy with it.
    pub(crate) fn add_pending(&mut self, shared: &mut Shared, row: usize, control: Control) {
        debug_assert!(
            !self.rows[row].is_free() && !self.rows[row].is_closing(),
            "only an open link carries it"
        );
        self.rows[row].pending.insert(control);
        self.notify_wants_write(shared, row);
    }

    /// Notifies the host that a link has something to write, unless it knows.
    pub(crate) fn notify_wants_write(&mut self, shared: &mut Shared, row: usize) {
        debug_assert!(!self.rows[row].is_free(), "a free row offers nothing");
        if !self.rows[row].outbox.is_notified() {
            shared.events.notify_link(row, LinkFact::WantsWrite);
        }
    }

    /// Feeds a fingerprint with what is not a row's.
    pub(crate) fn print(&self, clock: &Clock, print: &mut impl Hasher) {
        (self.node, self.incarnation, self.shut, self.upstream).hash(print);
        self.dialer.print(clock, print);
    }

    /// Asserts the whole invariant.
    pub(crate) fn check(&self) {
        for row in &self.rows {
            row.check();
        }
        if let Some(row) = self.upstream {
            assert!(matches!(self.rows[row].phase, Phase::Upstream(_)), "the upstream's link is one");
        }
    }
}
