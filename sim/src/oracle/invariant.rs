//! The invariants, by their numbers. Numbers never change; families: S stream, B backlog, N snapshots, L slots, A
//! acknowledgements, F flow, O operators, V liveness, X the simulator itself.

macro_rules! invariants {
    ($($name:ident $words:literal,)+) => {
        /// An invariant of the oracle.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Invariant {
            $(#[doc = $words] $name,)+
        }

        impl Invariant {
            /// Every invariant.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns its number: `S1`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// Returns the rule in words.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)+
                }
            }

            /// Returns the invariant of this number.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|invariant| invariant.name() == name)
            }
        }
    };
}

invariants! {
    S1 "a store holds a prefix of the records that some primary wrote, byte for byte",
    S2 "records are applied in order, without gap and without repetition",
    S3 "a store never goes back, but by a rewind, a snapshot or a crash that lost records",
    S4 "a replica acknowledges nothing it has not received, applied or persisted",
    S5 "acknowledgements never go back on one connection",
    S6 "lag is the number of records the replica lacks, and never wraps",
    S7 "beats change no offset of an idle pair",
    S8
        "a stream goes on only from a state that lies on the sender's history; a state without consent is \
         never replaced by another history's",
    B1 "bytes served are the bytes written",
    B2 "admission is exact: continue within the ring, a snapshot below it, wait or fork above it",
    B3 "the ring never holds more than its size, and lets nothing go that fits",
    B4
        "a replica that the ring overtook while connected gets a snapshot or the stream again in time, never \
         a silent skip",
    N1 "a snapshot is installed whole or not at all: no reader sees a part of it",
    N2 "a snapshot is exactly the history at the offset it names",
    N3
        "at most one snapshot is under way to a replica, and at most two views are open at a node; none is cut \
         where an open one would serve",
    N4 "pieces of one snapshot come in order, without gap, and end with the last",
    N5 "the spool beside a snapshot stays within its bound, and the tail it needs is there",
    N6
        "a snapshot that began is installed; the next for the same replica waits, unless it caught up \
         between; each moves it forward",
    N7 "the view of a snapshot that nobody needs is freed in time",
    N8 "no snapshot where the stream could have gone on",
    L1 "the position remembered of a replica is never ahead of its acknowledgement",
    L2 "the position remembered of a replica never goes back on the same basis",
    L3 "a slot expires after strictly more than its time without a link, and never with one",
    L4 "expiry and eviction are reported exactly once",
    L5 "no link, slot or view is left over when all is calm",
    L6 "two links never own one slot",
    A1 "an acknowledgement counts no replica that does not hold the record as it says",
    A2 "an acknowledgement is given by a primary, for a record of its present history",
    A3 "a node that stops in order says goodbye to a replica only when that has received everything",
    F1 "bytes under way and not taken stay within the window and one frame",
    F2 "a node's memory stays within the bound of its configuration",
    F3 "a replica that stalls costs the others nothing",
    F4 "control frames pass in time beside bulk",
    F5 "no hot loop: calls, dials and empty wakes are bounded in time",
    F6 "when nothing is under way, no window counts anything as under way",
    F7 "writes are held for a moment at a time, and never for longer than has passed",
    O1 "a node is fed by the upstream that its operator named last, and by no other",
    V1 "after the heal, everyone of the core set converges in time",
    V2 "no connection stays open without life longer than the idle time allows",
    V3 "after convergence, only beats",
    V4 "after overload ends, lag goes to nothing without an operator",
    V5 "the core set goes on with the others dead for ever",
    V6 "a write begun after the heal reaches everyone of the core set",
    X1 "every fault the scenario names changed something",
    X2 "a campaign hits every mark",
    X3 "two runs of one plan are the same run",
    X4 "a panic anywhere ends the run",
    X5 "a run ends because it is over, never because nothing is left to do",
}
