//! The kinds of faults: one flat table, for scenarios, draws, plans, shrinking and docs alike.
//!
//! A fault has a kind, a beginning, for lasting kinds a span, a target, and at most one amount whose meaning and unit
//! the kind gives. So every fault can be written in one line, halved by the shrinker, and drawn by one function.

use super::knobs::Unit;

/// The target of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A single node.
    Node,
    /// The connections between two nodes, present and to come.
    Pair,
}

/// The properties of a kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Its name in scenarios and plans.
    pub name: &'static str,
    /// The target of the kind.
    pub target: Target,
    /// Set if it lasts a span (`for`); otherwise it happens at once.
    pub lasts: bool,
    /// The amount's name and unit.
    pub amount: Option<(&'static str, Unit)>,
    /// The fault, in words.
    pub words: &'static str,
}

macro_rules! kinds {
    ($($variant:ident $name:literal $target:ident $lasts:literal $amount:expr, $words:literal;)+) => {
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
                    $(Self::$variant => Shape {
                        name: $name, target: Target::$target, lasts: $lasts, amount: $amount, words: $words,
                    },)+
                }
            }
        }
    };
}

kinds! {
    Cut "cut" Pair false None, "the connection is reset: both ends hear at once, what was under way is lost";
    CutAfter "cut-after" Pair false Some(("bytes", Unit::Bytes)),
        "the connection is reset when so many more bytes have passed to the replica: inside a frame, as it \
         comes";
    Fin "fin" Pair false None,
        "the upstream's end closes in order: the replica reads what is under way, then the end";
    Hold "hold" Pair true None, "bytes wait on the way, both ways, and come when it ends; dials hang";
    HoldUp "hold-up" Pair true None, "only what the replica sends waits on the way";
    HoldDown "hold-down" Pair true None, "only what the upstream sends waits on the way";
    BlackHole "black-hole" Pair true None,
        "the connection is dead and neither end knows: bytes vanish for ever; new dials hang until it ends";
    Refuse "refuse" Pair true None, "dials are refused at once";
    Hang "hang" Pair true None, "dials hang until it ends";
    Slow "slow" Pair true Some(("delay", Unit::Time)), "every segment takes so much longer";
    Rate "rate" Pair true Some(("rate", Unit::Bytes)), "the link carries so many bytes a second";
    Narrow "narrow" Pair true Some(("window", Unit::Bytes)), "the link takes so few bytes before its writer waits";
    Dribble "dribble" Pair true Some(("gulp", Unit::Bytes)), "so few bytes are read or written at once";
    Flip "flip" Pair false Some(("after", Unit::Bytes)),
        "one bit of what the upstream sends is flipped, so many bytes on";
    Stale "stale" Pair false None, "the connection is reset, and bytes of it come first on the next one";
    Flap "flap" Pair true Some(("count", Unit::Count)), "the connection is reset so many times in the span";
    Split "split" Node true Some(("side", Unit::Count)),
        "the net splits: nodes whose bit is set on one side, the rest on the other; connections hold, dials \
         hang";
    StopReading "stop-reading" Node true None, "the node reads none of its sockets";
    SlowReading "slow-reading" Node true Some(("rate", Unit::Bytes)), "the node reads so many bytes a second";
    StopTaking "stop-taking" Node true None, "the node reads, and says of nothing that it took it";
    StopApplying "stop-applying" Node true None, "the node's store applies nothing";
    SlowApplying "slow-applying" Node true Some(("each", Unit::Time)), "each batch takes the node's store so long";
    Twin "twin" Node true None, "a second process with the node's id and an empty store follows the same upstream";
    Edge "edge" Node false Some(("edge", Unit::Count)),
        "the node is cut off until its end is 0: one before, 1: exactly at, 2: one past its upstream's ring's \
         beginning; then it returns";
    Stop "stop" Node true None,
        "the process stops in order: it takes no more writes, waits at most 10 s until its replicas have received \
         everything, says goodbye; and starts again when it ends";
    Kill "kill" Node true None,
        "the process is killed, and starts again when it ends: what it committed is there, but for a snapshot or a \
         rewind that was not synced";
    PowerLoss "power-loss" Node true None,
        "the machine loses power, its peers hear nothing; unsynced writes are gone";
    Torn "torn" Node true Some(("kept", Unit::Count)),
        "power is lost in the middle of writing out: so many of 100 parts of the unsynced writes are there";
    Wipe "wipe" Node true None, "the process is killed and starts again with an empty store";
    Rollback "rollback" Node true Some(("records", Unit::Count)),
        "the process is killed and its disk put back to a state so many records older";
    Pause "pause" Node true None, "the process stands still; its time goes on";
    SlowCpu "slow-cpu" Node true Some(("turn", Unit::Time)), "every turn of the process takes so long";
    RestartLoop "restart-loop" Node true Some(("count", Unit::Count)),
        "the process is killed so many times in the span";
    Promote "promote" Node false None, "an operator makes the node primary; everybody else follows it";
    Usurp "usurp" Node false None, "an operator makes the node primary and tells nobody";
    Follow "follow" Pair false Some(("adopt", Unit::Switch)), "an operator makes the first follow the second";
    SyncFails "sync-fails" Node true None, "no sync of the node's disk succeeds";
    SlowDisk "slow-disk" Node true Some(("sync", Unit::Time)), "each sync takes so long";
    ViewFails "view-fails" Node true None, "the node cannot open views of its store";
    ReadFails "read-fails" Node false None, "the node's open views break";
    ClockJump "clock-jump" Node false Some(("by", Unit::Time)), "the node's clock jumps ahead";
    ClockBack "clock-back" Node false Some(("by", Unit::Time)), "the node's clock jumps back";
    ClockDrift "clock-drift" Node true Some(("ppm", Unit::Count)),
        "the node's clock runs fast by so many parts in a million";
    ClockFreeze "clock-freeze" Node true None, "the node's clock stands still";
    Speaks "speaks" Node true Some(("versions", Unit::Count)),
        "the node says HELLO with protocol versions from (amount / 256) to (amount modulo 256)";
}

impl Kind {
    /// Returns what a fault of this kind needs to change anything: where it is vacuous, that was missing.
    #[must_use]
    pub const fn needs(self) -> &'static str {
        match self {
            Self::Cut | Self::Fin | Self::BlackHole | Self::Flap => {
                "a connection between the two while it is on"
            }
            Self::CutAfter | Self::Flip => "a connection between the two that carries so many more bytes",
            Self::Stale => "a connection between the two, and another one after it",
            Self::Hold
            | Self::HoldUp
            | Self::HoldDown
            | Self::Slow
            | Self::Rate
            | Self::Narrow
            | Self::Dribble => {
                "bytes on their way between the two while it is on, more than the link's own knobs hold back"
            }
            Self::Refuse | Self::Hang => "a dial of the first while it is on: cut the connection then",
            Self::Split => "bytes or a dial across the split while it is on",
            Self::StopReading | Self::SlowReading => {
                "bytes that arrive at the node while it is on, faster than it reads"
            }
            Self::StopTaking | Self::StopApplying | Self::SlowApplying => {
                "a batch that arrives at the node while it is on"
            }
            Self::Twin => "an upstream that takes up the second process's connection",
            Self::Edge => {
                "enough writes after it, before the heal, for the ring to move on to where it waits for it"
            }
            Self::Stop
            | Self::Kill
            | Self::PowerLoss
            | Self::Torn
            | Self::Wipe
            | Self::Rollback
            | Self::RestartLoop
            | Self::ClockJump
            | Self::ClockBack
            | Self::ClockDrift
            | Self::ClockFreeze => "a process of the node that is up when it begins",
            Self::Pause | Self::SlowCpu => "a turn that is due at the node while it is on",
            Self::Promote | Self::Usurp => "a process of the node that is up and has a complete state",
            Self::Follow => "a process of the node that is up and takes the order",
            Self::SyncFails | Self::SlowDisk => "a disk, and something committed on it while it is on",
            Self::ViewFails => "a replica that needs a snapshot of the node's while it is on",
            Self::ReadFails => "a snapshot of the node's under way when it begins",
            Self::Speaks => "a handshake of the node's while it is on",
        }
    }

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
