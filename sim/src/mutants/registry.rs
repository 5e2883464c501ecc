//! Every planted bug by number: the fault, its place, the invariants that must notice it.
//!
//! 1 to 39 are the streaming part of the list that the simulator was designed against; 100 and more are the rules of
//! the protocol, each dropped in turn, numbered by the finding that made the rule, and from 131 on what a hunt by hand
//! found nobody to see; 9001 and 9002 are tests of the campaign itself: the first changes nothing and must survive, the
//! second panics and must die.

use crate::oracle::Invariant::{self, *};

/// The place of a planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// In the core.
    Core,
    /// In the simulator's model of a host and its disk.
    Host,
    /// In the real host's store; killed on the turmoil or real tier.
    Store,
}

/// A planted bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mutant {
    /// Its number, for ever.
    pub number: u16,
    /// The fault, in words.
    pub words: &'static str,
    /// The part of the source that it changes.
    pub room: Room,
    /// Only a violation of one of these is a kill.
    pub kills: &'static [Invariant],
    /// The scenario in which it dies soonest.
    pub scenario: &'static str,
    /// The reason why the design makes it impossible, if it does.
    pub proof: Option<&'static str>,
}

/// Returns the bug of this number.
#[must_use]
pub fn find(number: u16) -> Option<&'static Mutant> {
    MUTANTS.iter().find(|mutant| mutant.number == number)
}

const fn planted(
    number: u16,
    room: Room,
    words: &'static str,
    kills: &'static [Invariant],
    scenario: &'static str,
) -> Mutant {
    Mutant { number, words, room, kills, scenario, proof: None }
}

/// All planted bugs, by number.
pub const MUTANTS: &[Mutant] = &[
    planted(
        1,
        Room::Core,
        "a replica one boundary below the ring is told to go on",
        &[B2, S2],
        "backlog-edge",
    ),
    planted(
        2,
        Room::Core,
        "a replica exactly at the ring's begin gets a snapshot",
        &[N8, B2],
        "backlog-edge",
    ),
    planted(3, Room::Core, "a replica ahead of its primary is told to go on", &[B2, S8], "mixed"),
    planted(
        4,
        Room::Core,
        "the history's name is not compared, neither at the door nor before a snapshot",
        &[S8, N6],
        "foreign-primary",
    ),
    planted(5, Room::Host, "a snapshot names the end read after its view was opened", &[N2, S2], "storm"),
    planted(6, Room::Host, "a snapshot names an offset one short of its view", &[N2, S2], "storm"),
    planted(
        7,
        Room::Core,
        "the ring overtakes the tail of a snapshot, and the replica is not told",
        &[B4, N5, V4],
        "storm",
    ),
    planted(
        8,
        Room::Core,
        "after its snapshot a replica is sent the stream from the ring's begin, and takes it",
        &[S2, N6],
        "storm",
    ),
    planted(9, Room::Core, "a snapshot is begun again at every beat, without a pause", &[N6, V4], "storm"),
    planted(10, Room::Core, "a newer view is preferred when the first piece has left", &[N6], "mixed"),
    planted(11, Room::Core, "a second snapshot begins while the first is on its way", &[N3, N6], "storm"),
    planted(12, Room::Core, "a part of one snapshot is kept when another begins", &[N4], "restart-loop"),
    planted(
        13,
        Room::Core,
        "the last piece of a snapshot is sent without its bytes",
        &[N4, N2],
        "cut-first-snapshot",
    ),
    planted(14, Room::Host, "pieces are applied in place, before the last one came", &[N1], "storm"),
    planted(15, Room::Host, "a view is not freed when its replica goes", &[N7, F2], "resume-piece"),
    planted(16, Room::Host, "what a snapshot holds already is applied once more", &[S2], "mixed"),
    planted(17, Room::Core, "a replica that the ring overtook is sent what is left", &[S2, B4], "storm"),
    planted(18, Room::Host, "what is received is acknowledged as applied and persisted", &[S4], "power-loss"),
    planted(19, Room::Core, "the last completion counts, not the greatest", &[S5], "mixed"),
    planted(20, Room::Core, "every acknowledgement counts for all that was sent", &[F1, F2], "stalled-one"),
    planted(21, Room::Core, "the window is ignored", &[F1, F2], "stalled-one"),
    planted(22, Room::Core, "the window is counted in records", &[F1], "stalled-one"),
    planted(
        23,
        Room::Core,
        "while one replica has not taken its offer, no other is offered anything",
        &[F3, F4],
        "stalled-one",
    ),
    planted(24, Room::Core, "a primary's beat is a record of its own history", &[S7], "mixed"),
    planted(25, Room::Core, "control waits for all bulk", &[F4, V2], "big-record"),
    planted(26, Room::Core, "silence ends no link", &[V2], "black-hole"),
    planted(27, Room::Core, "sending counts as life, receiving does not", &[V2], "black-hole"),
    planted(28, Room::Core, "a replica whose link ended does not dial again", &[V1], "flapping"),
    planted(29, Room::Core, "dials follow each other without back-off or jitter", &[F5], "flapping"),
    planted(30, Room::Host, "the stored position is ahead of the stored data", &[S1], "power-loss"),
    planted(31, Room::Host, "a crash keeps the position and loses data", &[S1], "mixed"),
    planted(
        32,
        Room::Core,
        "a replica joins from what is persisted, not from what it has",
        &[S2],
        "power-loss",
    ),
    planted(33, Room::Host, "a file is synced and its directory entry is not", &[S1], "power-loss"),
    // The handshake comes first on every connection: old bytes are refused as unsound before they could be applied.
    planted(34, Room::Host, "bytes of an ended connection are read on the next one", &[S2, B1], "mixed"),
    planted(35, Room::Core, "a slot expires at its window, not after it", &[L3], "slot-edge"),
    planted(36, Room::Core, "a slot expires while its replica is connected", &[L3], "slot-edge"),
    planted(
        37,
        Room::Core,
        "what a slot remembers goes back to nothing when its replica returns",
        &[L2],
        "flapping",
    ),
    planted(38, Room::Core, "a slot remembers what was sent, not what was acknowledged", &[L1, L2], "mixed"),
    planted(39, Room::Core, "a ship is not freed when its link ends", &[L5, N7], "mixed"),
    planted(
        101,
        Room::Core,
        "an epoch has no random part, and digests are not compared",
        &[S8, S1],
        "twin-reigns",
    ),
    planted(
        102,
        Room::Core,
        "a restarted primary goes on in its epoch, and digests are not compared",
        &[S8, S1],
        "same-offset-fork",
    ),
    planted(103, Room::Core, "a relay takes its own end for the point of a fork", &[B2, S8], "relay-behind"),
    planted(
        104,
        Room::Core,
        "a lower epoch's sender makes a higher one's records go",
        &[B2, S3, S8, N6],
        "promotion-race",
    ),
    planted(
        105,
        Room::Core,
        "a replica does not take over its sender's epochs",
        &[V1, B2, S8],
        "silent-reign",
    ),
    planted(
        108,
        Room::Core,
        "JOIN sets nothing back: a slot remembers the dead branch",
        &[L1, S4],
        "identity-clash",
    ),
    planted(109, Room::Core, "a replica without a base counts", &[S4, L1], "cut-first-snapshot"),
    planted(
        110,
        Room::Core,
        "what was applied before a rewind counts for the new branch",
        &[S4],
        "forked-primary",
    ),
    planted(
        111,
        Room::Core,
        "a relay that rewinds keeps its downstreams and its views",
        &[S2, S8, N2, B1],
        "relay-rewinds",
    ),
    planted(
        115,
        Room::Core,
        "the tail of a snapshot begins when its view is open",
        &[N6, B4, V4],
        "overrun-in-view",
    ),
    planted(116, Room::Core, "pieces have no share beside the stream", &[V4, N5, N6, B4], "overrun-in-view"),
    planted(117, Room::Core, "a snapshot whose tail is overtaken is begun again", &[N6, V4], "mixed"),
    planted(118, Room::Core, "pieces wait for the stream's window too", &[V1, V4, N6], "spool-full"),
    planted(
        119,
        Room::Core,
        "the stream's window opens by what is applied, not by what is taken",
        &[N5, V4, B4, N6],
        "spool-full",
    ),
    planted(120, Room::Core, "no view is shared", &[N3, F3, V1, N6], "half-readers"),
    planted(
        123,
        Room::Core,
        "a frame in progress is not kept for a link that the ring overtakes",
        &[B4],
        "mid-frame",
    ),
    Mutant {
        number: 124,
        words: "a reader that pauses looks silent",
        room: Room::Core,
        kills: &[V1, V4],
        scenario: "",
        proof: Some(
            "native receivers never pause: windows take the place of pauses (ADR 0001), so a reader that reads nothing \
         is one that stopped; what is left of the rule is row 125",
        ),
    },
    planted(125, Room::Core, "only whole frames count as life", &[V1, V4, F4], "big-record"),
    planted(
        126,
        Room::Core,
        "a frame's length is believed before its head is checked",
        &[V1, V2, F4],
        "flipped-bit",
    ),
    planted(130, Room::Core, "a gap in the host's calls counts whole as silence", &[F4, V2], "host-sleep"),
    planted(131, Room::Core, "a question for several replicas is answered with what one has", &[A1], "mixed"),
    planted(132, Room::Host, "a client's wait outlives its node's reign", &[A2, A1], "reign-returns"),
    planted(133, Room::Core, "a snapshot counts as persisted when it is installed", &[S4, A1], "storm"),
    planted(
        134,
        Room::Core,
        "what was persisted before a rewind counts for the new branch",
        &[S4, A1],
        "forked-primary",
    ),
    planted(
        135,
        Room::Core,
        "a frame that is taken back off the offer stays in its window",
        &[F6],
        "quiet-moments",
    ),
    planted(136, Room::Core, "a byte of a snapshot's window is never released", &[F6], "storm"),
    planted(
        137,
        Room::Host,
        "a stop says goodbye before its replicas have everything",
        &[A3],
        "orderly-stop",
    ),
    planted(
        138,
        Room::Host,
        "a dial's late answer is believed though the operator turned away",
        &[O1],
        "turned-away",
    ),
    planted(
        139,
        Room::Host,
        "a sync that began before a snapshot was installed counts for it",
        &[S4, A1],
        "power-loss",
    ),
    planted(9001, Room::Core, "nothing: it must survive", &[], "mixed"),
    planted(9002, Room::Core, "a panic in the path of every run", &[X4], "mixed"),
];

#[cfg(test)]
mod tests;
