//! Marks: situations that a campaign must have reached; otherwise it has proved nothing about them.

macro_rules! marks {
    ($($name:ident $words:literal,)+) => {
        /// A situation that some run of a campaign must reach.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mark {
            $(#[doc = $words] $name,)+
        }

        impl Mark {
            /// Every mark.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Returns the situation in words.
            #[must_use]
            pub const fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)+
                }
            }

            /// Returns whether only a scenario made for it reaches it: it lies outside the atlas of drawn faults.
            #[must_use]
            pub const fn is_outside_the_atlas(self) -> bool {
                matches!(self, Self::Outranked | Self::HistoryRefused)
            }

            /// Returns its bit in a report.
            #[must_use]
            pub const fn bit(self) -> u64 {
                1 << self as u64
            }
        }
    };
}

marks! {
    Joined "a replica joined",
    Resumed "a replica went on where it stood after a cut",
    Snapshot "a snapshot was installed",
    SnapshotResumed "a snapshot went on after a cut",
    SnapshotOverSnapshot "a replica needed a second snapshot",
    SharedView "one view served two replicas",
    Waited "a replica was told to wait",
    ForkRewound "a replica rewound to a fork",
    ForkSnapshot "a fork was answered by a snapshot",
    Overrun "the ring overtook a connected replica",
    Promoted "a replica became primary",
    Outranked "a primary was told of a higher epoch",
    Expired "a slot expired",
    Evicted "a slot gave way in a full table",
    Idle "a link ended for silence",
    Stalled "a link ended because its peer stopped reading",
    Clash "two processes had one node id",
    Damaged "a damaged frame was refused",
    Giant "a record longer than the window passed",
    Cascaded "a replica of a replica followed a fork or a snapshot",
    CrashedInSnapshot "a replica died while a snapshot came in",
    LostUnsynced "a power cut took records back",
    HistoryRefused "another history was refused",
    CaughtUp "a replica caught up",
    Granted "a client was told that its write is held",
    Delivered "who stopped in order had told its replicas everything",
    Quiet "nothing was under way to a replica for so long that its windows had to be whole",
    Undone "a crash undid a snapshot or a rewind that was not synced",
}

const _: () = assert!(Mark::ALL.len() <= 64, "marks are bits of a u64");
