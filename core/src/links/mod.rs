//! One connection: its phase, what is due on it, and both directions' bookkeeping.
//!
//! Phases of a downstream link (a peer dialled us):
//!
//! ```text
//! Hello --HELLO--> Join --JOIN--> Waiting | Forked | Stream --fault, goodbye--> Closing --told--> Free
//!                                 Waiting <-> Stream, Forked --JOIN--> ...
//! ```
//!
//! and of an upstream link (we dialled):
//!
//! ```text
//! Welcome --WELCOME--> Admit --ADMIT--> Admitted --> Closing --> Free
//! ```
//!
//! A row is never allocated after boot. What is due is a set of facts, encoded when there is room for them.

pub(crate) mod dial;
pub(crate) mod life;
pub(crate) mod outbox;
pub(crate) mod receive;

use crate::error::Fault;
use crate::id::{NodeId, Offset, SnapshotId};
use crate::stream::slots::Acked;
use crate::stream::windows::Credit;
use crate::time::{Span, Time};
use crate::wire::join::Join;
use outbox::Outbox;

/// Where a link is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Phase {
    /// The id names no connection.
    Free,
    /// Downstream: HELLO is awaited.
    Hello,
    /// Downstream: JOIN is awaited.
    Join,
    /// Downstream: joined, and neither stream nor snapshot is possible now.
    Waiting,
    /// Downstream: told where the logs part; JOIN is awaited again.
    Forked,
    /// Downstream: admitted; stream, snapshot or both.
    Stream,
    /// Upstream: HELLO sent, WELCOME awaited.
    Welcome,
    /// Upstream: JOIN sent, ADMIT awaited.
    Admit,
    /// Upstream: admitted, or told to wait.
    Admitted,
    /// A goodbye leaves, or was read; then `Close` is told.
    Closing,
}

impl Phase {
    /// Whether the peer's JOIN stands.
    pub(crate) fn joined(self) -> bool {
        matches!(self, Self::Waiting | Self::Forked | Self::Stream)
    }

    pub(crate) fn shaken(self) -> bool {
        !matches!(self, Self::Free | Self::Hello | Self::Welcome)
    }
}

/// Facts to be encoded at the next chance. Bits of [`Link::due`], in the order in which they leave.
pub(crate) mod due {
    pub(crate) const HELLO: u16 = 1;
    pub(crate) const WELCOME: u16 = 2;
    pub(crate) const JOIN: u16 = 4;
    pub(crate) const ADMIT: u16 = 8;
    pub(crate) const BEGIN: u16 = 16;
    pub(crate) const BEAT: u16 = 32;
    pub(crate) const ACK: u16 = 64;
    pub(crate) const GOODBYE: u16 = 128;
}

/// Facts to be told to the host. Bits of [`Link::tell`].
pub(crate) mod tell {
    pub(crate) const JOINED: u8 = 1;
    pub(crate) const WANTS_WRITE: u8 = 2;
    pub(crate) const CLOSE: u8 = 4;
}

/// How a link ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Farewell {
    pub(crate) fault: Fault,
    pub(crate) by_peer: bool,
    pub(crate) retry_after: Span,
    /// When we stop waiting for the goodbye to leave.
    pub(crate) linger: Time,
}

/// What the peer said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    pub(crate) incarnation: u64,
    pub(crate) window_bytes: u64,
    pub(crate) piece_window_bytes: u64,
}

/// A snapshot a replica holds a part of: on its way, or complete and not yet installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Shipping {
    pub(crate) snapshot: SnapshotId,
    /// The next piece to stage.
    pub(crate) next_piece: u64,
    /// Where the logs part, if the snapshot answers a fork.
    pub(crate) fork: Option<Offset>,
    /// The row that ships it; none once all pieces are taken.
    pub(crate) ship: Option<usize>,
}

/// What a sender keeps of a joined replica.
#[derive(Debug, Clone)]
pub(crate) struct Downstream {
    pub(crate) join: Option<Join>,
    pub(crate) slot: usize,
    /// The next frame to stage, as a byte position; none while no stream flows.
    pub(crate) stream_at: Option<u64>,
    /// The offset after the last frame staged.
    pub(crate) sent: Offset,
    pub(crate) credit: Credit,
    pub(crate) piece_credit: Credit,
    /// Stream bytes staged since the last piece, for the pieces' share.
    pub(crate) piece_debt: u64,
    pub(crate) shipping: Option<Shipping>,
    /// Where the logs part, in phase `Forked`.
    pub(crate) fork: Option<crate::id::Position>,
    /// The ring overtook it, or a snapshot was begun: where it stood at its JOIN says nothing any more.
    pub(crate) needs_snapshot: bool,
    /// No stream flows, and what follows from that was done.
    pub(crate) fallen: bool,
    /// The number of the last ADMIT sent.
    pub(crate) admit: u32,
    pub(crate) acked: Acked,
    /// Our end as the last beat told it: who received that has caught up, however fast we write. Unreachable until a
    /// beat left under the present verdict.
    pub(crate) told_end: Offset,
    /// When the beat that was last echoed left, as a count of beats.
    pub(crate) echo: u64,
}

/// A row of the table of links.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    pub(crate) upstream: bool,
    pub(crate) outbox: Outbox,
    pub(crate) due: u16,
    pub(crate) tell: u8,
    /// When it was opened, on the clock of silence.
    pub(crate) opened: u64,
    /// When a byte last came, on the clock of silence.
    pub(crate) heard: u64,
    /// How many unread bytes the host has shown: only more of them are life.
    pub(crate) seen: usize,
    pub(crate) next_beat: Time,
    pub(crate) beats: u64,
    pub(crate) peer: Peer,
    pub(crate) farewell: Option<Farewell>,
    pub(crate) down: Downstream,
    /// Whether this row stands in the node's list of dry links. It may stand there though it is dry no more.
    pub(crate) listed: bool,
}

clone_fields! {
    Link {
        phase, upstream, outbox, due, tell, opened, heard, seen, next_beat, beats, peer, farewell, down,
        listed
    }
}

impl Link {
    pub(crate) fn new(spill_bytes: usize) -> Self {
        Self {
            phase: Phase::Free,
            upstream: false,
            outbox: Outbox::new(spill_bytes),
            due: 0,
            tell: 0,
            opened: 0,
            heard: 0,
            seen: 0,
            next_beat: Time::NEVER,
            beats: 0,
            peer: Peer::default(),
            farewell: None,
            down: Downstream::new(),
            listed: false,
        }
    }

    /// Since when an answer is awaited, on the clock of silence. That to a JOIN on a link that has streamed stands
    /// behind what was under way: as long as bytes come, it may be among those that follow.
    pub(crate) fn asked(&self) -> u64 {
        if self.phase == Phase::Admit { self.opened.max(self.heard) } else { self.opened }
    }

    /// Frees the row.
    pub(crate) fn clear(&mut self) {
        self.outbox.clear();
        self.phase = Phase::Free;
        (self.due, self.tell, self.seen) = (0, 0, 0);
        (self.farewell, self.peer, self.down) = (None, Peer::default(), Downstream::new());
    }
}

impl Downstream {
    fn new() -> Self {
        Self {
            join: None,
            slot: usize::MAX,
            stream_at: None,
            sent: Offset(0),
            credit: Credit::default(),
            piece_credit: Credit::default(),
            piece_debt: 0,
            shipping: None,
            fork: None,
            needs_snapshot: false,
            fallen: false,
            admit: 0,
            acked: Acked::default(),
            told_end: Offset(u64::MAX),
            echo: 0,
        }
    }
}
