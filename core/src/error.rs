//! Three failures, three homes: a bad set-up is a [`ConfigError`] (and a cursor that cannot be read a
//! [`CursorError`]), a host's mistake a [`Misuse`], a peer's mistake a [`Fault`]. Numbers are stable and listed
//! in docs/protocol.md; anything else is our bug and panics.

use core::ffi::CStr;
use core::fmt;

/// A configuration that cannot work: the option, its value and the bound it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConfigError {
    /// The option's name, as in [`Config`](crate::Config).
    pub option: &'static str,
    /// The value it had.
    pub value: u64,
    /// The bound that it must keep.
    pub bound: u64,
    /// How value and bound relate, in words: "must be at least", "must be at most" ...
    pub relation: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {}, {} {}", self.option, self.value, self.relation, self.bound)
    }
}

impl core::error::Error for ConfigError {}

/// The bytes given at boot as a cursor are none: damaged, cut short, or of another version. The position
/// of the data beside them is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorError {
    /// How many bytes were given.
    pub bytes: u64,
}

impl fmt::Display for CursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the cursor of {} bytes is damaged, or of another version", self.bytes)
    }
}

impl core::error::Error for CursorError {}

macro_rules! numbered {
    (
        $(#[$doc:meta])* $name:ident: $repr:ty {
            $($(#[$vdoc:meta])* $variant:ident = $number:literal => $text:literal,)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr($repr)]
        pub enum $name {
            $($(#[$vdoc])* #[doc = concat!("\n\nNumber ", $number, ".")] $variant = $number,)+
        }

        impl $name {
            /// All of them, in the order of their numbers.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// Returns the stable number.
            #[must_use]
            pub const fn number(self) -> $repr {
                self as $repr
            }

            /// Returns the one with this number.
            #[must_use]
            pub const fn from_number(number: $repr) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// Returns its meaning in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }

            /// Returns the same words, as C takes them.
            #[must_use]
            pub const fn c_text(self) -> &'static CStr {
                let bytes = match self {
                    $(Self::$variant => concat!($text, "\0"),)+
                };
                match CStr::from_bytes_with_nul(bytes.as_bytes()) {
                    Ok(text) => text,
                    Err(_) => panic!("no text holds a zero byte"),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

numbered! {
    /// A mistake of the host, found before anything was changed.
    Misuse: u16 {
        /// The link id is not open.
        UnknownLink = 1 => "no such link is open",
        /// The link id is already open.
        LinkBusy = 2 => "this link id is still open",
        /// The link id is not below `Config::link_ids`.
        LinkOutOfRange = 3 => "link ids must be below Config::link_ids()",
        /// An upstream link nobody asked for.
        NotDialling = 4 => "no dial is under way",
        /// A write or flush on a replica.
        NotPrimary = 5 => "this node is a replica: only a primary writes",
        /// A write after a promotion, before all that was received is applied.
        NotApplied = 6 => "records received before the promotion are not applied yet",
        /// The record is longer than `record_bytes_max`.
        RecordTooLong = 7 => "the record is longer than record_bytes_max",
        /// A completion for an offset or a piece never handed out.
        NeverHandedOut = 8 => "this offset or piece was never handed out",
        /// A completion of a snapshot that was never asked for.
        UnknownSnapshot = 9 => "no such snapshot was ever asked for",
        /// A snapshot piece longer than `piece_bytes_max`, or empty without being the last.
        PieceLength = 10 => "a piece must hold 1 to piece_bytes_max bytes (the last may be empty)",
        /// The cursor cannot be read, or is outside of what was asked for.
        BadCursor = 11 => "this cursor is damaged or not of this history",
        /// `Rewound` without a fork, or `Installed` without a complete snapshot.
        NotAsked = 12 => "nothing to rewind or install was handed out",
        /// `Promote` while the node has no complete state.
        NoBase = 13 => "this node holds no complete state: a snapshot is missing or under way",
        /// More bytes consumed than were shown.
        ConsumedTooMuch = 14 => "more bytes were consumed than the last peek showed",
        /// Anything after `Shutdown` that would begin something new.
        ShutDown = 15 => "this node was shut down",
    }
}

numbered! {
    /// The reason of a link's end. Travels in GOODBYE by number; a number we do not know reads as [`Fault::Other`].
    Fault: u16 {
        /// A reason this version does not know.
        Other = 1 => "a reason this version does not know",
        /// The peer does not speak this protocol.
        BadMagic = 2 => "not a Towline replication port (wrong magic)",
        /// No common protocol version.
        Version = 3 => "no common protocol version",
        /// The peer requires a feature we lack.
        Feature = 4 => "a required feature is not supported",
        /// The sender may send longer frames than the receiver takes.
        FrameLimit = 5 => "the upstream's records or pieces are larger than this replica accepts",
        /// A frame head whose check fails.
        HeadCheck = 6 => "damaged frame head",
        /// A frame kind that may not be skipped.
        UnknownKind = 7 => "unknown frame kind",
        /// A flag this version does not know.
        UnknownFlag = 8 => "unknown frame flag",
        /// A frame longer than the limit, or too short for its kind.
        FrameLength = 9 => "frame length out of bounds",
        /// A frame whose check fails.
        BodyCheck = 10 => "damaged frame",
        /// A frame whose body does not parse.
        Malformed = 11 => "malformed frame",
        /// A batch that does not begin where the last one ended.
        Gap = 12 => "gap or overlap in the stream",
        /// A batch whose parent digest differs from ours.
        Parent = 13 => "the stream does not continue our history (parent digest differs)",
        /// A batch of an older epoch than the last.
        EpochOrder = 14 => "epochs out of order",
        /// An acknowledgement ahead of what was sent.
        AckAhead = 15 => "acknowledgement ahead of what was sent",
        /// An acknowledgement behind an earlier one.
        AckBackwards = 16 => "acknowledgement went backwards",
        /// A frame before the handshake.
        NotShaken = 17 => "data before the handshake",
        /// A frame that makes no sense in this phase or direction.
        Unexpected = 18 => "unexpected frame",
        /// A second HELLO.
        SecondHello = 19 => "second HELLO",
        /// A snapshot piece out of order.
        PieceOrder = 20 => "snapshot piece out of order",
        /// More in flight than the window allows.
        Window = 21 => "window violation",
        /// The handshake took too long.
        HandshakeTimeout = 22 => "handshake not finished in time",
        /// No byte came for too long.
        Idle = 23 => "nothing heard for too long",
        /// Bytes on offer, none taken for too long.
        Stalled = 24 => "the peer stopped reading",
        /// No room for another replica.
        Full = 25 => "no room for another replica",
        /// Another history, and nobody consented to adopt it.
        HistoryDiffers = 26 => "history differs: follow with adopt to replace ours",
        /// We hold records of a newer epoch than the peer we joined.
        Stale = 27 => "the upstream is older than this replica: another was promoted",
        /// A newer connection of the same node took over.
        Replaced = 28 => "replaced by a newer connection of the same node",
        /// Another process uses this node id.
        IdentityClash = 29 => "another process uses this node id",
        /// A node tried to follow itself.
        SameNode = 30 => "a node cannot follow itself",
        /// The upstream changes its own base; come back and wait.
        Rebased = 31 => "the upstream is changing its own base",
        /// A giant frame was overtaken halfway; come back at once.
        Overrun = 32 => "overtaken in the middle of a large record",
        /// The host's view broke and cannot be had again.
        SnapshotFailed = 33 => "the upstream could not read its snapshot",
        /// The host turned to another upstream, or to writing.
        Left = 34 => "this node follows somebody else now",
        /// The node stops.
        Shutdown = 35 => "the node is shutting down",
        /// The snapshot does not fit the stream that rode along.
        SnapshotDiffers = 36 => "the snapshot does not match the stream beside it",
    }
}

impl core::error::Error for Misuse {}

impl core::error::Error for Fault {}
