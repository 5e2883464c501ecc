//! What the oracle remembers of one node: from what it was told, never from the node.

use super::history::{History, State};
use crate::plan::NodePlan;
use towline_core::Role;

/// A connection of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) link: u32,
    pub(crate) peer: usize,
    /// Whether the peer feeds this node.
    pub(crate) upstream: bool,
    pub(crate) opened_us: u64,
    /// The peer's `generation` when it opened.
    pub(crate) generation: u64,
    pub(crate) joined_us: Option<u64>,
    /// Nothing passes any more, since when: both ends must notice.
    pub(crate) dead_us: Option<u64>,
}

/// A snapshot that is coming in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Loading {
    pub(crate) snapshot: u64,
    pub(crate) offset: u64,
    pub(crate) next_piece: u64,
    pub(crate) complete: bool,
    pub(crate) begun_us: u64,
    /// The connection it began on has stood ever since.
    pub(crate) unbroken: bool,
}

/// What an upstream remembers of a replica, as its acknowledgements told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Remembered {
    /// Received, applied, persisted of the newest acknowledgement.
    pub(crate) acked: [u64; 3],
    /// A JOIN came since: the next acknowledgement may begin anew.
    pub(crate) fresh: bool,
    /// The replica's `generation` when the link opened on which it acknowledged that: acknowledgements may still be on
    /// their way when it has died, and even when it has come back on another link.
    pub(crate) generation: u64,
    /// Whether the slot expired and the replica has not joined since.
    pub(crate) expired: bool,
    /// The ground that the stream stands on.
    pub(crate) ground: Ground,
    /// It was admitted at some time.
    pub(crate) joined: bool,
}

/// The window of a stream opens anew on new ground, and what left before that is read and dropped first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Ground {
    /// All that is under way stands on it.
    #[default]
    Settled,
    /// The replica joined again on a link that stood, and has not read the answer: older bytes are still on their way.
    Asked,
    /// It has read the answer; a gauge taken before may still count them.
    Told,
}

/// A node.
#[derive(Debug, Clone)]
pub(crate) struct Shadow {
    pub(crate) alive: bool,
    pub(crate) ever: bool,
    pub(crate) disk: bool,
    pub(crate) role: Role,
    pub(crate) epoch: u64,
    /// A primary's log: what it wrote, committed or not.
    pub(crate) log: State,
    /// What a reader of the store sees.
    pub(crate) visible: State,
    /// What survives a power cut.
    pub(crate) durable: State,
    /// Where it last went back to, or what it last installed; and what a reader saw before, if that is not durable yet:
    /// until then a crash finds the old state.
    pub(crate) ground: State,
    pub(crate) beneath: Option<State>,
    /// Its store began a history of its own.
    pub(crate) begins: bool,
    /// The operator let it take over another history.
    pub(crate) consents: bool,
    /// Whom its operator named as its upstream; and the order to stop that it follows.
    pub(crate) named: Option<usize>,
    pub(crate) stops: Option<super::orders::Stop>,
    /// How often what it holds was set back: a death, a rewind, a snapshot.
    pub(crate) generation: u64,
    pub(crate) links: Vec<Link>,
    pub(crate) loading: Option<Loading>,
    pub(crate) forked_to: Option<u64>,
    /// It joined without a complete state, having given it up for the snapshot of another, and whom it joined lacks
    /// what its store still shows: where it goes from there is back.
    pub(crate) goes_back: bool,
    /// Snapshots installed; and begun since it last caught up, by whom all of them, with when the last was installed.
    pub(crate) installed: u64,
    pub(crate) in_a_row: u32,
    pub(crate) sender: Option<usize>,
    pub(crate) installed_us: u64,
    /// Open views: name, when.
    pub(crate) views: Vec<(u64, u64)>,
    pub(crate) remembered: Vec<Remembered>,
    /// The last dial: when, and its attempt number.
    pub(crate) dialled: Option<(u64, u32)>,
    /// Links and views as the node's tables last showed.
    pub(crate) tables: Option<(u64, u64)>,
    /// Idle calls in the second that began then.
    pub(crate) idle_calls: (u64, u64),
    /// Where its end stood at past moments: time, offset.
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
            ground: History::EMPTY,
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

    /// Where its line ends, as far as anyone outside can know.
    pub(crate) fn end(&self) -> State {
        match self.role {
            Role::Primary => self.log,
            Role::Replica => self.visible,
        }
    }

    /// The link to whom it follows: the newest, for one that was sent elsewhere speaks to its new upstream while the
    /// goodbye to the old one is on its way.
    pub(crate) fn upstream(&self) -> Option<&Link> {
        self.links.iter().rfind(|link| link.upstream)
    }

    pub(crate) fn link(&mut self, link: u32) -> Option<&mut Link> {
        self.links.iter_mut().find(|row| row.link == link)
    }
}
