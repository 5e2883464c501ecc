//! The knobs of a run: sizes, times and switches of nodes, stores and links, each a number with a unit.
//!
//! Drawing them per seed finds more bugs than any mix of faults: a bug at the edge of a ring shows sooner when rings
//! are small. Scenarios name only what they change.

use towline_core::{Options, Span};

/// The unit of a knob's number, and its form in files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes: `4KiB`, `512B`.
    Bytes,
    /// Time: `50ms`, `20s`, `30us`.
    Time,
    /// A plain number.
    Count,
    /// A switch: `true` or `false`, 1 or 0.
    Switch,
}

macro_rules! knobs {
    ($($(#[doc = $doc:literal])+ $name:ident : $unit:ident = $default:expr,)+) => {
        /// The values of all knobs. Times in microseconds.
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

            /// Returns the value of the knob of this name.
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
    /// The size of the ring.
    backlog: Bytes = 64 << 10,
    /// The length at which a batch is sealed.
    batch: Bytes = 4 << 10,
    /// The longest record; 0 is the longest the ring allows.
    record_max: Bytes = 0,
    /// The most stream bytes under way to a replica and not taken; 0 is the most the ring allows.
    window: Bytes = 0,
    /// The longest piece of a snapshot.
    piece: Bytes = 4 << 10,
    /// The most piece bytes under way to a replica and not taken.
    piece_window: Bytes = 16 << 10,
    /// The most links of a node.
    links: Count = 8,
    /// The slots of a node.
    slots: Count = 8,
    /// The most snapshots transferred at the same time.
    ships: Count = 2,
    /// The interval of beats.
    beat: Time = 500 * MS,
    /// Silence longer than this ends a link; at least three beats.
    idle: Time = 2 * S,
    /// The longest handshake.
    handshake: Time = 2 * S,
    /// The longest goodbye.
    linger: Time = 200 * MS,
    /// The life of a slot without its replica.
    reconnect_window: Time = 600 * S,
    /// The shortest pause before a redial.
    redial_min: Time = 20 * MS,
    /// The longest pause before a redial.
    redial_max: Time = S,
    /// Set if stores can go back to an earlier boundary.
    rewinds: Switch = 0,

    /// How many keys the workload writes.
    keys: Count = 1_000,
    /// The bytes of stream that a replica keeps beside a snapshot.
    spool: Bytes = 1 << 20,
    /// The time of a store to apply a batch.
    apply: Time = 0,
    /// The time of a sync; on disk, one covers every batch since the last.
    sync: Time = 2 * MS,
    /// The time of a store to open a view.
    view: Time = MS,
    /// The bytes of a snapshot for one record; at least 16.
    snapshot_record: Bytes = 16,

    /// Set if the operator also sets and removes expiries, and writes keys of its own (driver tiers).
    touches: Switch = 0,

    /// The shortest way of a segment from end to end.
    latency: Time = MS,
    /// The distribution of the time added to it: a row of the table (0 nothing, 1 uniform, 2 exponential, 3
    /// two-humped).
    latency_shape: Count = 2,
    /// The mean of that added time.
    jitter: Time = MS,
    /// The bytes that a link carries in a second; 0 is without bound.
    rate: Bytes = 0,
    /// The bytes that a link takes before its writer waits: those under way and those unread.
    socket: Bytes = 64 << 10,
    /// The most bytes read or written at once.
    gulp: Bytes = 64 << 10,
}

impl Knobs {
    /// Knobs that plans of earlier versions do not name: their defaults are the behaviour of those versions.
    pub(crate) const YOUNGER: &'static [&'static str] = &["touches"];

    /// Returns the unit of the knob of this name.
    pub(crate) fn unit(name: &str) -> Unit {
        Self::ALL.iter().find(|(known, _)| *known == name).map_or(Unit::Count, |(_, unit)| *unit)
    }

    /// Returns the options these knobs give a node. A drawn plan's always pass their check.
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
