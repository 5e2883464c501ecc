//! The kinds of faults: one table, for scenarios, draws, plans, substrates, oracle, shrinking and docs alike.
//!
//! A fault has a kind, a beginning, for lasting kinds a span, a target, and at most one amount whose meaning and unit
//! the kind gives. So every fault can be written in one line, halved by the shrinker, and drawn by one function. All
//! that is known of a kind is a column of its row; a new kind is a row here, and its behaviour in each substrate that
//! plays it.

use super::knobs::Unit;

/// The target of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A single node.
    Node,
    /// The connections between two nodes, present and to come.
    Pair,
}

/// The values from which the amount of a fault is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// No amount.
    None,
    /// From the first to the second, on the scale on which sizes and times matter: most of them small.
    Log(u64, u64),
    /// From 0 to this, evenly.
    Upto(u64),
    /// One of these.
    OneOf(&'static [u64]),
    /// Some of the nodes, but not all.
    Side,
}

/// The nodes or pairs that a drawn fault may hit, as they stand when it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hits {
    /// Each replica and its upstream.
    Link,
    /// Every node.
    Any,
    /// A node with an upstream.
    Replica,
    /// A node with replicas.
    Upstream,
    /// A node that was never primary.
    Follower,
    /// A node with a disk.
    Disk,
    /// A node with a disk, or one that was never primary: its end loses no history.
    Restartable,
    /// A replica with a disk in the core set: it can become primary.
    Heir,
    /// Two nodes, of which the first may follow the second.
    Order,
}

/// The properties of a kind of fault: a row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Its name in scenarios and plans.
    pub name: &'static str,
    /// The fault, in words.
    pub words: &'static str,
    /// A fault of this kind needs this to change anything: where it is vacuous, that was missing.
    pub needs: &'static str,
    /// The target of the kind.
    pub target: Target,
    /// Set if it lasts a span (`for`); otherwise it happens at once.
    pub lasts: bool,
    /// Set if it begins at once, and then waits until the heal for bytes or for its moment.
    pub(crate) waits: bool,
    /// The amount's name and unit.
    pub amount: Option<(&'static str, Unit)>,
    /// The values from which the amount is drawn.
    pub(crate) range: Range,
    /// Set if the amount is a name, which is not made smaller: a side, an edge, versions.
    pub(crate) is_a_name: bool,
    /// The targets that are drawn.
    pub(crate) hits: Hits,
    /// Set if `kinds = "all"` draws it.
    pub(crate) in_all: bool,
    /// Set if the tiers with the real driver play it. Else it reaches into the driver's views, clock or scheduler, or
    /// needs the ring to the byte.
    pub on_driver: bool,
    /// Set if it reaches into the store in ways that no real directory allows.
    pub(crate) in_store: bool,
    /// Set if the process is down while it lasts.
    pub(crate) ends_process: bool,
    /// Set if records may be gone with the process.
    pub(crate) loses_records: bool,
    /// Set if an operator changes who is primary, or which node follows which.
    pub(crate) moves_roles: bool,
    /// Set if bytes are damaged, or an end breaks the protocol.
    pub(crate) dirties: bool,
    /// Set if the node's clock lies.
    pub(crate) odd_clock: bool,
}

/// The row of a kind that happens at once on a link, before its own columns.
const PAIR: Shape = Shape {
    name: "",
    words: "",
    needs: "",
    target: Target::Pair,
    lasts: false,
    waits: false,
    amount: None,
    range: Range::None,
    is_a_name: false,
    hits: Hits::Link,
    in_all: true,
    on_driver: true,
    in_store: false,
    ends_process: false,
    loses_records: false,
    moves_roles: false,
    dirties: false,
    odd_clock: false,
};

/// The row of a kind that happens at once at a node, before its own columns.
const NODE: Shape = Shape { target: Target::Node, hits: Hits::Any, ..PAIR };

/// A millisecond, in the microseconds of plans.
const MS: u64 = 1_000;

const CONNECTION: &str = "a connection between the two while it is on";
const TRAFFIC: &str = "a connection between the two that carries so many more bytes";
const BYTES: &str =
    "bytes on their way between the two while it is on, more than the link's own knobs hold back";
const DIAL: &str = "a dial of the first while it is on: cut the connection then";
const ARRIVALS: &str = "bytes that arrive at the node while it is on, faster than it reads";
const BATCH: &str = "a batch that arrives at the node while it is on";
const PROCESS: &str = "a process of the node that is up when it begins";
const TURN: &str = "a turn that is due at the node while it is on";
const STATE: &str = "a process of the node that is up and has a complete state";
const COMMIT: &str = "a disk, and something committed on it while it is on";

macro_rules! kinds {
    ($($variant:ident $words:literal { $($columns:tt)+ })+) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $words] $variant,)+
        }

        impl Kind {
            /// Every kind, in the order of the docs.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the properties of the kind.
            #[must_use]
            pub const fn shape(self) -> Shape {
                match self {
                    $(Self::$variant => Shape { words: $words, $($columns)+ },)+
                }
            }
        }
    };
}

kinds! {
    Cut "the connection is reset: both ends hear at once, what was under way is lost"
        { name: "cut", needs: CONNECTION, ..PAIR }
    CutAfter "the connection is reset when so many more bytes have passed to the replica: inside a frame, as \
        it comes"
        { name: "cut-after", waits: true, amount: Some(("bytes", Unit::Bytes)),
          range: Range::Log(1, 256 << 10), needs: TRAFFIC, ..PAIR }
    Fin "the upstream's end closes in order: the replica reads what is under way, then the end"
        { name: "fin", needs: CONNECTION, ..PAIR }
    Hold "bytes wait on the way, both ways, and come when it ends; dials hang"
        { name: "hold", lasts: true, needs: BYTES, ..PAIR }
    HoldUp "only what the replica sends waits on the way"
        { name: "hold-up", lasts: true, needs: BYTES, ..PAIR }
    HoldDown "only what the upstream sends waits on the way"
        { name: "hold-down", lasts: true, needs: BYTES, ..PAIR }
    BlackHole "the connection is dead and neither end knows: bytes vanish for ever; new dials hang until it \
        ends"
        { name: "black-hole", lasts: true, needs: CONNECTION, ..PAIR }
    Refuse "dials are refused at once"
        { name: "refuse", lasts: true, needs: DIAL, ..PAIR }
    Hang "dials hang until it ends"
        { name: "hang", lasts: true, needs: DIAL, ..PAIR }
    Slow "every segment takes so much longer"
        { name: "slow", lasts: true, amount: Some(("delay", Unit::Time)),
          range: Range::Log(MS, 200 * MS), needs: BYTES, ..PAIR }
    Rate "the link carries so many bytes a second"
        { name: "rate", lasts: true, amount: Some(("rate", Unit::Bytes)),
          range: Range::Log(1 << 10, 1 << 20), needs: BYTES, ..PAIR }
    Narrow "the link takes so few bytes before its writer waits"
        { name: "narrow", lasts: true, amount: Some(("window", Unit::Bytes)),
          range: Range::Log(1, 4 << 10), needs: BYTES, ..PAIR }
    Dribble "so few bytes are read or written at once"
        { name: "dribble", lasts: true, amount: Some(("gulp", Unit::Bytes)), range: Range::Log(1, 64),
          needs: BYTES, ..PAIR }
    Flip "one bit of what the upstream sends is flipped, so many bytes on"
        { name: "flip", waits: true, amount: Some(("after", Unit::Bytes)),
          range: Range::Log(1, 256 << 10), needs: TRAFFIC, dirties: true, ..PAIR }
    Stale "the connection is reset, and bytes of it come first on the next one"
        { name: "stale", waits: true, needs: "a connection between the two, and another one after it",
          on_driver: false, dirties: true, ..PAIR }
    Flap "the connection is reset so many times in the span"
        { name: "flap", lasts: true, amount: Some(("count", Unit::Count)), range: Range::Log(2, 20),
          needs: CONNECTION, ..PAIR }
    Split "the net splits: nodes whose bit is set on one side, the rest on the other; connections hold, \
        dials hang"
        { name: "split", lasts: true, amount: Some(("side", Unit::Count)), range: Range::Side,
          is_a_name: true, needs: "bytes or a dial across the split while it is on", ..NODE }
    StopReading "the node reads none of its sockets"
        { name: "stop-reading", lasts: true, needs: ARRIVALS, ..NODE }
    SlowReading "the node reads so many bytes a second"
        { name: "slow-reading", lasts: true, amount: Some(("rate", Unit::Bytes)),
          range: Range::Log(256, 256 << 10), needs: ARRIVALS, ..NODE }
    StopTaking "the node reads, and says of nothing that it took it"
        { name: "stop-taking", lasts: true, hits: Hits::Replica, needs: BATCH, in_store: true, ..NODE }
    StopApplying "the node's store applies nothing"
        { name: "stop-applying", lasts: true, hits: Hits::Replica, needs: BATCH, in_store: true, ..NODE }
    SlowApplying "each batch takes the node's store so long"
        { name: "slow-applying", lasts: true, amount: Some(("each", Unit::Time)),
          range: Range::Log(MS, 100 * MS), hits: Hits::Replica, needs: BATCH, in_store: true, ..NODE }
    Twin "a second process with the node's id and an empty store follows the same upstream"
        { name: "twin", lasts: true, hits: Hits::Replica,
          needs: "an upstream that takes up the second process's connection", dirties: true, ..NODE }
    Edge "the node is cut off until its end is 0: one before, 1: exactly at, 2: one past its upstream's \
        ring's beginning; then it returns"
        { name: "edge", waits: true, amount: Some(("edge", Unit::Count)), range: Range::Upto(2),
          is_a_name: true, hits: Hits::Replica,
          needs: "enough writes after it, before the heal, for the ring to move on to where it waits for it",
          on_driver: false, ..NODE }
    Stop "the process stops in order: it takes no more writes, waits at most 10 s until its replicas have \
        received everything, says goodbye; and starts again when it ends"
        { name: "stop", lasts: true, hits: Hits::Restartable, needs: PROCESS, ends_process: true, ..NODE }
    Kill "the process is killed, and starts again when it ends: what it committed is there, but for a \
        snapshot or a rewind that was not synced"
        { name: "kill", lasts: true, hits: Hits::Restartable, needs: PROCESS, ends_process: true,
          loses_records: true, ..NODE }
    PowerLoss "the machine loses power, its peers hear nothing; unsynced writes are gone"
        { name: "power-loss", lasts: true, hits: Hits::Restartable, needs: PROCESS, ends_process: true,
          loses_records: true, in_store: true, ..NODE }
    Torn "power is lost in the middle of writing out: so many of 100 parts of the unsynced writes are there"
        { name: "torn", lasts: true, amount: Some(("kept", Unit::Count)), range: Range::Upto(100),
          hits: Hits::Disk, needs: PROCESS, ends_process: true, loses_records: true, in_store: true,
          ..NODE }
    Wipe "the process is killed and starts again with an empty store"
        { name: "wipe", lasts: true, hits: Hits::Follower, needs: PROCESS, ends_process: true,
          loses_records: true, ..NODE }
    Rollback "the process is killed and its disk put back to a state so many records older"
        { name: "rollback", lasts: true, amount: Some(("records", Unit::Count)),
          range: Range::Log(1, 1_000), hits: Hits::Follower, needs: PROCESS, ends_process: true,
          loses_records: true, in_store: true, ..NODE }
    Pause "the process stands still; its time goes on"
        { name: "pause", lasts: true, needs: TURN, on_driver: false, odd_clock: true, ..NODE }
    SlowCpu "every turn of the process takes so long"
        { name: "slow-cpu", lasts: true, amount: Some(("turn", Unit::Time)),
          range: Range::Log(100, 50 * MS), needs: TURN, on_driver: false, ..NODE }
    RestartLoop "the process is killed so many times in the span"
        { name: "restart-loop", lasts: true, amount: Some(("count", Unit::Count)),
          range: Range::Log(2, 6), hits: Hits::Restartable, needs: PROCESS, loses_records: true, ..NODE }
    Promote "an operator makes the node primary; everybody else follows it"
        { name: "promote", hits: Hits::Heir, needs: STATE, moves_roles: true, ..NODE }
    // A second primary that nobody knows of cannot be healed: two stay two.
    Usurp "an operator makes the node primary and tells nobody"
        { name: "usurp", hits: Hits::Heir, needs: STATE, in_all: false, moves_roles: true, ..NODE }
    Follow "an operator makes the first follow the second"
        { name: "follow", amount: Some(("adopt", Unit::Switch)), range: Range::Upto(1),
          hits: Hits::Order, needs: "a process of the node that is up and takes the order",
          moves_roles: true, ..PAIR }
    SyncFails "no sync of the node's disk succeeds"
        { name: "sync-fails", lasts: true, hits: Hits::Disk, needs: COMMIT, in_store: true, ..NODE }
    SlowDisk "each sync takes so long"
        { name: "slow-disk", lasts: true, amount: Some(("sync", Unit::Time)),
          range: Range::Log(MS, 500 * MS), hits: Hits::Disk, needs: COMMIT, in_store: true, ..NODE }
    ViewFails "the node cannot open views of its store"
        { name: "view-fails", lasts: true, hits: Hits::Upstream,
          needs: "a replica that needs a snapshot of the node's while it is on", on_driver: false, ..NODE }
    ReadFails "the node's open views break"
        { name: "read-fails", hits: Hits::Upstream,
          needs: "a snapshot of the node's under way when it begins", on_driver: false, ..NODE }
    ClockJump "the node's clock jumps ahead"
        { name: "clock-jump", amount: Some(("by", Unit::Time)), range: Range::Log(MS, 60_000 * MS),
          needs: PROCESS, on_driver: false, odd_clock: true, ..NODE }
    ClockBack "the node's clock jumps back"
        { name: "clock-back", amount: Some(("by", Unit::Time)), range: Range::Log(MS, 2_000 * MS),
          needs: PROCESS, on_driver: false, odd_clock: true, ..NODE }
    ClockDrift "the node's clock runs fast by so many parts in a million"
        { name: "clock-drift", lasts: true, amount: Some(("ppm", Unit::Count)),
          range: Range::Log(10, 100_000), needs: PROCESS, on_driver: false, odd_clock: true, ..NODE }
    ClockFreeze "the node's clock stands still"
        { name: "clock-freeze", lasts: true, needs: PROCESS, on_driver: false, odd_clock: true, ..NODE }
    Speaks "the node says HELLO with protocol versions from (amount / 256) to (amount modulo 256)"
        { name: "speaks", lasts: true, amount: Some(("versions", Unit::Count)),
          range: Range::OneOf(&[0x0202, 0x0102, 0x0101]), is_a_name: true,
          needs: "a handshake of the node's while it is on", on_driver: false, dirties: true, ..NODE }
}

impl Kind {
    /// Returns the kind of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.shape().name == name)
    }
}

/// One fault of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The kind of the fault.
    pub kind: Kind,
    /// Its beginning.
    pub at_us: u64,
    /// Its span, for kinds that last. It ends at the heal at the latest, at nodes outside the core set never.
    pub for_us: u64,
    /// The node it hits; of a pair, the replica, which dials.
    pub node: usize,
    /// Of a pair, the upstream.
    pub peer: usize,
    /// The amount; 0 where the kind has none.
    pub amount: u64,
    /// Set if the scenario names it: then it must take effect.
    pub explicit: bool,
}

impl Fault {
    /// Returns the end of a lasting fault.
    #[must_use]
    pub const fn end_us(&self) -> u64 {
        self.at_us.saturating_add(self.for_us)
    }
}
