//! The oracle's memory of one node: made of facts, never of the node itself.

use super::history::{History, State};
use crate::plan::NodePlan;
use towline_core::{Role, Stages};

/// A connection of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) link: u32,
    pub(crate) peer: usize,
    /// Set if the peer feeds this node.
    pub(crate) upstream: bool,
    pub(crate) opened_us: u64,
    /// The peer's `generation` when the link opened.
    pub(crate) generation: u64,
    pub(crate) joined_us: Option<u64>,
    /// The time since when nothing passes: both ends must notice.
    pub(crate) dead_us: Option<u64>,
}

/// A snapshot that is being received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loading {
    pub(crate) snapshot: u64,
    pub(crate) offset: u64,
    pub(crate) next_piece: u64,
    pub(crate) complete: bool,
    pub(crate) begun_us: u64,
    /// Set while the connection it began on is open.
    pub(crate) unbroken: bool,
}

/// An upstream's record of a replica, as acknowledgements reported it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Remembered {
    /// Received, applied, persisted of the newest acknowledgement.
    pub(crate) acked: Stages<u64>,
    /// Set by a JOIN: the next acknowledgement may begin anew.
    pub(crate) fresh: bool,
    /// The replica's `generation` when the link of that acknowledgement opened: acknowledgements may still be on their
    /// way when it has died, and even when it has come back on another link.
    pub(crate) generation: u64,
    /// Set if the slot expired and the replica has not joined since.
    pub(crate) expired: bool,
    /// The state of the stream's basis.
    pub(crate) basis: Basis,
    /// Set once it was admitted.
    pub(crate) joined: bool,
}

/// The basis of a stream's window: it opens anew with a new JOIN, and bytes sent before are read and dropped first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Basis {
    /// All bytes under way count from this JOIN.
    #[default]
    Settled,
    /// The replica joined again on an open link, and has not read the answer: older bytes are still under way.
    Asked,
    /// The replica has read the answer; an earlier gauge may still count older bytes.
    Answered,
}

/// A node, as the oracle knows it.
#[derive(Debug, Clone)]
pub(crate) struct Shadow {
    pub(crate) alive: bool,
    pub(crate) ever: bool,
    pub(crate) disk: bool,
    pub(crate) role: Role,
    pub(crate) epoch: u64,
    /// A primary's log: all it wrote, committed or not.
    pub(crate) log: State,
    /// The state that a reader of the store sees.
    pub(crate) visible: State,
    /// The state that survives a power cut.
    pub(crate) durable: State,
    /// The state it last went back to or installed; and the state that a reader saw before, if the new one is not
    /// durable yet: until then a crash finds the old state.
    pub(crate) base: State,
    pub(crate) beneath: Option<State>,
    /// Set if its store began a history of its own.
    pub(crate) begins: bool,
    /// Set if the operator let it take over another history.
    pub(crate) consents: bool,
    /// The upstream that its operator named; and the order to stop that it follows.
    pub(crate) named: Option<usize>,
    pub(crate) stops: Option<super::orders::Stop>,
    /// How often its content was set back: a death, a rewind, a snapshot.
    pub(crate) generation: u64,
    pub(crate) links: Vec<Link>,
    pub(crate) loading: Option<Loading>,
    pub(crate) forked_to: Option<u64>,
    /// Set if it joined without a complete state, having given that up for the snapshot of another, and its upstream
    /// lacks records that its store still shows: its next state is further back.
    pub(crate) goes_back: bool,
    /// Snapshots installed; and begun since it last caught up, from which upstream, with the time of the last install.
    pub(crate) installed: u64,
    pub(crate) in_a_row: u32,
    pub(crate) sender: Option<usize>,
    pub(crate) installed_us: u64,
    /// Open views: name and time.
    pub(crate) views: Vec<(u64, u64)>,
    pub(crate) remembered: Vec<Remembered>,
    /// The last dial: its time, and its attempt number.
    pub(crate) dialled: Option<(u64, u32)>,
    /// Links and views, as the node's tables last showed.
    pub(crate) tables: Option<(u64, u64)>,
    /// Idle calls in a second, and the second's beginning.
    pub(crate) idle_calls: (u64, u64),
    /// Its end at past moments: time, offset.
    pub(crate) trail: std::collections::VecDeque<(u64, u64)>,
    pub(crate) has_caught_up_us: Option<u64>,
    /// The oldest offset in its ring, as it last showed.
    pub(crate) ring_start: u64,
}

impl Shadow {
    pub(crate) fn new(plan: &NodePlan, nodes: usize) -> Self {
        Self {
            alive: false,
            ever: false,
            disk: plan.disk,
            role: plan.role,
            epoch: 0,
            log: History::EMPTY,
            visible: History::EMPTY,
            durable: History::EMPTY,
            base: History::EMPTY,
            beneath: None,
            begins: false,
            consents: false,
            named: plan.upstream,
            stops: None,
            generation: 0,
            links: Vec::new(),
            loading: None,
            forked_to: None,
            goes_back: false,
            installed: 0,
            in_a_row: 0,
            sender: None,
            installed_us: 0,
            views: Vec::new(),
            remembered: vec![Remembered::default(); nodes],
            dialled: None,
            tables: None,
            idle_calls: (0, 0),
            trail: std::collections::VecDeque::new(),
            has_caught_up_us: None,
            ring_start: 0,
        }
    }

    /// Returns the end of its line, as far as anyone outside can know.
    pub(crate) fn end(&self) -> State {
        match self.role {
            Role::Primary => self.log,
            Role::Replica => self.visible,
        }
    }

    /// Returns the link to its upstream: the newest, because a node that follows another joins there while the goodbye
    /// to the old one is on its way.
    pub(crate) fn upstream(&self) -> Option<&Link> {
        self.links.iter().rfind(|link| link.upstream)
    }

    pub(crate) fn link(&mut self, link: u32) -> Option<&mut Link> {
        self.links.iter_mut().find(|row| row.link == link)
    }
}
