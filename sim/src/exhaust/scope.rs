//! The bounds of a search, and its choices.

use towline_core::{ConfigError, Options, Span};

/// The bounds. Everything within is tried in every order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Records written, by the primary of the time.
    pub ops: u8,
    /// Connections reset.
    pub resets: u8,
    /// Processes killed or cut from power.
    pub crashes: u8,
    /// Promotions in a run.
    pub promotions: u8,
    /// How often time goes on to the next deadline.
    pub waits: u8,
    /// Replicas, one or two, of one primary.
    pub replicas: u8,
    /// Set if replicas begin with nothing; else all have joined and are at the primary's end.
    pub fresh: bool,
    /// Set if stores can rewind.
    pub rewinds: bool,
    /// The search ends, incomplete, after so many states.
    pub states_max: u32,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            ops: 7,
            resets: 3,
            crashes: 3,
            promotions: 1,
            waits: 4,
            replicas: 1,
            fresh: false,
            rewinds: true,
            states_max: 2_000_000,
        }
    }
}

impl Scope {
    /// Returns the nodes' options: the smallest ring, which holds four records of the store; a window that one fills;
    /// pieces of two records; times so far apart that a wait is a redial where one is due, and a beat otherwise.
    pub(super) fn config(&self) -> Result<towline_core::Config, ConfigError> {
        let options = Options {
            backlog_bytes: 512,
            batch_bytes: 16,
            piece_bytes_max: 4,
            piece_window_bytes: 64,
            links_max: self.replicas.into(),
            slots_max: self.replicas.into(),
            ships_max: self.replicas.into(),
            beat: Span::from_secs(1),
            idle: Span::from_secs(60),
            handshake: Span::from_secs(60),
            linger: Span::from_millis(1),
            can_rewind: self.rewinds,
            ..Options::default()
        };
        options.check()
    }
}

/// One event. Nodes are numbered from 0, the first primary; a connection is named by the node that dialled it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// A primary writes a record.
    Write(u8),
    /// The next frame on a connection arrives: at its upstream's end, or at the dialler's; or the end of it.
    Deliver {
        /// The dialler of the connection.
        dialler: u8,
        /// Set for the direction to the dialler.
        down: bool,
    },
    /// A store applies a batch.
    Apply(u8),
    /// A store syncs; a primary commits.
    Sync(u8),
    /// A store opens the view it was asked for.
    View(u8),
    /// A store installs the snapshot it has received.
    Install(u8),
    /// Time goes on to the next deadline.
    Wait,
    /// A connection is reset.
    Reset(u8),
    /// A process dies and starts again.
    Crash {
        /// The node.
        node: u8,
        /// Set if everything unsynced is lost.
        loses: bool,
    },
    /// An operator makes a replica primary.
    Promote(u8),
    /// An operator makes a node follow the newest primary.
    Follow(u8),
}

impl Choice {
    /// Returns the choice as one number.
    pub(super) fn pack(self) -> u16 {
        let with = |kind: u16, node: u8, flag: bool| kind << 8 | u16::from(node) << 1 | u16::from(flag);
        match self {
            Self::Write(node) => with(0, node, false),
            Self::Deliver { dialler, down } => with(1, dialler, down),
            Self::Apply(node) => with(2, node, false),
            Self::Sync(node) => with(3, node, false),
            Self::View(node) => with(4, node, false),
            Self::Install(node) => with(5, node, false),
            Self::Wait => with(6, 0, false),
            Self::Reset(dialler) => with(7, dialler, false),
            Self::Crash { node, loses } => with(8, node, loses),
            Self::Promote(node) => with(9, node, false),
            Self::Follow(node) => with(10, node, false),
        }
    }

    /// Returns the choice of a number.
    pub(super) fn unpack(number: u16) -> Self {
        let [kind, rest] = number.to_be_bytes();
        let (node, flag) = (rest >> 1, rest & 1 == 1);
        match kind {
            0 => Self::Write(node),
            1 => Self::Deliver { dialler: node, down: flag },
            2 => Self::Apply(node),
            3 => Self::Sync(node),
            4 => Self::View(node),
            5 => Self::Install(node),
            6 => Self::Wait,
            7 => Self::Reset(node),
            8 => Self::Crash { node, loses: flag },
            9 => Self::Promote(node),
            _ => Self::Follow(node),
        }
    }
}
