//! The knobs of a run: sizes, times and switches of nodes, stores and links, each a number with a unit.
//!
//! Drawing them per seed finds more bugs than any mix of faults: a bug at the edge of a ring shows sooner when rings
//! are small. Scenarios name only what they change.

use towline_core::{Options, Span};

/// What a knob's number means, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `4KiB`, `512B`.
    Bytes,
    /// `50ms`, `20s`, `30us`.
    Time,
    /// A plain number.
    Count,
    /// `true` or `false`, 1 or 0.
    Switch,
}

macro_rules! knobs {
    ($($(#[doc = $doc:literal])+ $name:ident : $unit:ident = $default:expr,)+) => {
        /// Every knob's value. Times in microseconds.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Knobs {
            $($(#[doc = $doc])+ pub $name: u64,)+
        }

        impl Default for Knobs {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl Knobs {
            /// Each knob: its name in scenarios and plans, and its unit.
            pub const ALL: &'static [(&'static str, Unit)] = &[$((stringify!($name), Unit::$unit),)+];

            /// The value of the knob of this name.
            #[must_use]
            pub fn get(&self, name: &str) -> Option<u64> {
                match name {
                    $(stringify!($name) => Some(self.$name),)+
                    _ => None,
                }
            }

            /// Sets the knob of this name; false if there is none.
            #[must_use]
            pub fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($name) => self.$name = value,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

const MS: u64 = 1_000;
const S: u64 = 1_000 * MS;

knobs! {
    /// The ring.
    backlog: Bytes = 64 << 10,
    /// A batch is sealed at this length.
    batch: Bytes = 4 << 10,
    /// The longest record; 0 is the longest the ring allows.
    record_max: Bytes = 0,
    /// Stream bytes under way to a replica untaken; 0 is the most the ring allows.
    window: Bytes = 0,
    /// The longest piece of a snapshot.
    piece: Bytes = 4 << 10,
    /// Piece bytes under way to a replica untaken.
    piece_window: Bytes = 16 << 10,
    /// Links of a node.
    links: Count = 8,
    /// Slots of a node.
    slots: Count = 8,
    /// Snapshots shipped at the same time.
    ships: Count = 2,
    /// The beat.
    beat: Time = 500 * MS,
    /// Silence longer than this ends a link; at least three beats.
    idle: Time = 2 * S,
    /// A handshake takes no longer.
    handshake: Time = 2 * S,
    /// A goodbye takes no longer.
    linger: Time = 200 * MS,
    /// A slot lives this long without its replica.
    reconnect_window: Time = 600 * S,
    /// The shortest pause before a redial.
    redial_min: Time = 20 * MS,
    /// The longest pause before a redial.
    redial_max: Time = S,
    /// Whether stores can go back to an earlier boundary.
    rewinds: Switch = 0,

    /// How many keys the workload writes.
    keys: Count = 1_000,
    /// What a replica keeps of the stream beside a snapshot.
    spool: Bytes = 1 << 20,
    /// How long a store takes to apply a batch.
    apply: Time = 0,
    /// How long a sync takes; on disk, one covers every batch since the last.
    sync: Time = 2 * MS,
    /// How long a store takes to open a view.
    view: Time = MS,
    /// How many bytes of a snapshot one record makes; at least 16.
    snapshot_record: Bytes = 16,

    /// Whether the operator also sets and takes away ends of keys, and writes keys of its own (driver tiers).
    touches: Switch = 0,

    /// The shortest way of a segment from end to end.
    latency: Time = MS,
    /// What is added to it: a row of the latency table (0 nothing, 1 uniform, 2 exponential, 3 two-humped) ...
    latency_shape: Count = 2,
    /// ... scaled to this mean.
    jitter: Time = MS,
    /// What a link carries in a second; 0 is without bound.
    rate: Bytes = 0,
    /// Bytes a link takes before its writer waits: what is under way and what lies unread.
    socket: Bytes = 64 << 10,
    /// The most bytes read or written at once.
    gulp: Bytes = 64 << 10,
}

impl Knobs {
    /// Knobs that plans of earlier versions do not name: their defaults are what those versions did.
    pub(crate) const YOUNGER: &'static [&'static str] = &["touches"];

    /// The unit of the knob of this name.
    pub(crate) fn unit(name: &str) -> Unit {
        Self::ALL.iter().find(|(known, _)| *known == name).map_or(Unit::Count, |(_, unit)| *unit)
    }

    /// The options these knobs give a node. A drawn plan's always pass their check.
    #[must_use]
    pub fn options(&self) -> Options {
        let short = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let span = |us: u64| Span(us.saturating_mul(1_000));
        Options {
            backlog_bytes: self.backlog,
            batch_bytes: short(self.batch),
            record_bytes_max: short(self.record_max),
            window_bytes: self.window,
            piece_bytes_max: short(self.piece),
            piece_window_bytes: self.piece_window,
            links_max: short(self.links),
            slots_max: short(self.slots),
            ships_max: short(self.ships),
            beat: span(self.beat),
            idle: span(self.idle),
            handshake: span(self.handshake),
            linger: span(self.linger),
            reconnect_window: span(self.reconnect_window),
            redial_min: span(self.redial_min),
            redial_max: span(self.redial_max),
            can_rewind: self.rewinds == 1,
            ..Options::default()
        }
    }
}
