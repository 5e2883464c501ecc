//! Inputs and events as flat rows of 64 bytes: the one layout that C and WASM share.
//!
//! A row is sixteen 32-bit words: kind, link, then seven 64-bit fields `a` to `g`, native-endian, no pointers and no
//! padding. Bytes an input needs (a frame, a record, a piece, a cursor) travel beside it. Kinds are stable numbers:
//! inputs from 1, events from 0x100; a host ignores events it does not know. Fields a kind does not name are zero.
//!
//! | kind | input | link | a | b | c |
//! |---|---|---|---|---|---|
//! | 1 | Tick | | | | |
//! | 2 | Opened | link | 0 downstream, 1 upstream | | |
//! | 3 | Lost | link | | | |
//! | 4 | DialFailed | | | | |
//! | 5 | Bytes | link | | | |
//! | 6 | Write | | | | |
//! | 7 | Flush | | | | |
//! | 8 | Taken | | upto | pieces | |
//! | 9 | Applied | | upto | | |
//! | 10 | Persisted | | upto | | |
//! | 11 | SnapshotReady | | snapshot | bytes, all ones if unknown | |
//! | 12 | SnapshotPiece | | snapshot | piece | 1 if last |
//! | 13 | SnapshotFailed | | snapshot | 1 to retry | |
//! | 14 | Installed | | snapshot | | |
//! | 15 | Rewound | | | | |
//! | 16 | Promote | | | | |
//! | 17 | Follow | | 1 to adopt | | |
//! | 18 | Shutdown | | | | |
//!
//! | kind | event | link | a | b | c | d |
//! |---|---|---|---|---|---|---|
//! | 0x101 | Dial | | attempt | | | |
//! | 0x102 | Joined | link | node | from | | |
//! | 0x103 | Close | link | fault | 1 if by the peer | retry after, ns | |
//! | 0x104 | WantsWrite | link | | | | |
//! | 0x105 | SnapshotWanted | | snapshot | from | | |
//! | 0x106 | SnapshotRead | | snapshot | piece | | |
//! | 0x107 | SnapshotDone | | snapshot | | | |
//! | 0x108 | CaughtUp | | | | | |
//! | 0x109 | Acked | | node | received | applied | persisted |
//! | 0x10a | SlotExpired | | node | lag | | |
//! | 0x10b | Role | | 1 primary, 2 replica | epoch | offset | |
//! | 0x10c | Outranked | | number | | | |
//!
//! The answer to an input is a [`FlatStep`]. A [`Receiver`](crate::receiver::Receiver) speaks in [`FlatCommand`] and
//! [`FlatCompletion`]: `flat/command.rs`.

use crate::event::Event;
use crate::id::{LinkId, Offset, SnapshotId};
use crate::input::{Input, Role, Side};

mod command;
mod step;

pub use command::{FlatCommand, FlatCompletion};
pub use step::FlatStep;

/// One input, flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FlatInput {
    /// The number of the input.
    pub kind: u32,
    /// The link it concerns, where it does.
    pub link: u32,
    /// The kind's fields.
    pub fields: [u64; 7],
}

/// One event, flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FlatEvent {
    /// The number of the event.
    pub kind: u32,
    /// The link it concerns, where it does.
    pub link: u32,
    /// The kind's fields.
    pub fields: [u64; 7],
}

const _: () = assert!(size_of::<FlatInput>() == 64 && size_of::<FlatEvent>() == 64);

impl FlatInput {
    const fn of(kind: u32, link: u32, named: [u64; 4]) -> Self {
        let [a, b, c, d] = named;
        Self { kind, link, fields: [a, b, c, d, 0, 0, 0] }
    }

    /// Returns this row as an input over `data`. `None` for an unknown kind, a flag that is neither 0 nor 1, or a field
    /// that should be zero and is not.
    #[inline]
    #[must_use]
    pub fn input<'a>(&self, data: &'a [u8]) -> Option<Input<'a>> {
        let [a, b, c, d, e, f, g] = self.fields;
        if d | e | f | g != 0 {
            return None;
        }
        // So many fields are named, at most.
        let (none, one, two) = (a | b | c == 0, b | c == 0, c == 0);
        let link = LinkId(self.link);
        let snapshot = SnapshotId(a);
        Some(match self.kind {
            1 if none => Input::Tick,
            2 if one => {
                Input::Opened { link, side: if flag(a)? { Side::Upstream } else { Side::Downstream } }
            }
            3 if none => Input::Lost { link },
            4 if none => Input::DialFailed,
            5 if none => Input::Bytes { link, data },
            6 if none => Input::Write { data },
            7 if none => Input::Flush,
            8 if two => Input::Taken { upto: Offset(a), pieces: b },
            9 if one => Input::Applied { upto: Offset(a) },
            10 if one => Input::Persisted { upto: Offset(a) },
            11 if two => Input::SnapshotReady { snapshot, cursor: data, bytes: (b != u64::MAX).then_some(b) },
            12 => Input::SnapshotPiece { snapshot, piece: b, data, last: flag(c)? },
            13 if two => Input::SnapshotFailed { snapshot, retry: flag(b)? },
            14 if one => Input::Installed { snapshot },
            15 if none => Input::Rewound,
            16 if none => Input::Promote,
            17 if one => Input::Follow { adopt: flag(a)? },
            18 if none => Input::Shutdown,
            _ => return None,
        })
    }
}

const fn flag(field: u64) -> Option<bool> {
    match field {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

impl From<Input<'_>> for FlatInput {
    /// The row of an input; its bytes travel beside it.
    fn from(input: Input<'_>) -> Self {
        let plain = |kind| Self::of(kind, 0, [0; 4]);
        match input {
            Input::Tick => plain(1),
            Input::Opened { link, side } => Self::of(2, link.0, [u64::from(side == Side::Upstream), 0, 0, 0]),
            Input::Lost { link } => Self::of(3, link.0, [0; 4]),
            Input::DialFailed => plain(4),
            Input::Bytes { link, data: _ } => Self::of(5, link.0, [0; 4]),
            Input::Write { data: _ } => plain(6),
            Input::Flush => plain(7),
            Input::Taken { upto, pieces } => Self::of(8, 0, [upto.0, pieces, 0, 0]),
            Input::Applied { upto } => Self::of(9, 0, [upto.0, 0, 0, 0]),
            Input::Persisted { upto } => Self::of(10, 0, [upto.0, 0, 0, 0]),
            Input::SnapshotReady { snapshot, cursor: _, bytes } => {
                Self::of(11, 0, [snapshot.0, bytes.unwrap_or(u64::MAX), 0, 0])
            }
            Input::SnapshotPiece { snapshot, piece, data: _, last } => {
                Self::of(12, 0, [snapshot.0, piece, u64::from(last), 0])
            }
            Input::SnapshotFailed { snapshot, retry } => {
                Self::of(13, 0, [snapshot.0, u64::from(retry), 0, 0])
            }
            Input::Installed { snapshot } => Self::of(14, 0, [snapshot.0, 0, 0, 0]),
            Input::Rewound => plain(15),
            Input::Promote => plain(16),
            Input::Follow { adopt } => Self::of(17, 0, [u64::from(adopt), 0, 0, 0]),
            Input::Shutdown => plain(18),
        }
    }
}

impl FlatEvent {
    const fn of(kind: u32, link: u32, named: [u64; 4]) -> Self {
        let [a, b, c, d] = named;
        Self { kind, link, fields: [a, b, c, d, 0, 0, 0] }
    }
}

impl From<Event> for FlatEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::Dial { attempt } => Self::of(0x101, 0, [attempt.into(), 0, 0, 0]),
            Event::Joined { link, node, from } => Self::of(0x102, link.0, [node.0, from.0, 0, 0]),
            Event::Close { link, fault, by_peer, retry_after } => {
                Self::of(0x103, link.0, [fault.number().into(), u64::from(by_peer), retry_after.0, 0])
            }
            Event::WantsWrite { link } => Self::of(0x104, link.0, [0; 4]),
            Event::SnapshotWanted { snapshot, from } => Self::of(0x105, 0, [snapshot.0, from.0, 0, 0]),
            Event::SnapshotRead { snapshot, piece } => Self::of(0x106, 0, [snapshot.0, piece, 0, 0]),
            Event::SnapshotDone { snapshot } => Self::of(0x107, 0, [snapshot.0, 0, 0, 0]),
            Event::CaughtUp => Self::of(0x108, 0, [0; 4]),
            Event::Acked { node, received, applied, persisted } => {
                Self::of(0x109, 0, [node.0, received.0, applied.0, persisted.0])
            }
            Event::SlotExpired { node, lag } => Self::of(0x10a, 0, [node.0, lag, 0, 0]),
            Event::Role { role, epoch, offset } => {
                let role = match role {
                    Role::Primary => 1,
                    Role::Replica => 2,
                };
                Self::of(0x10b, 0, [role, epoch.0, offset.0, 0])
            }
            Event::Outranked { number } => Self::of(0x10c, 0, [number.into(), 0, 0, 0]),
        }
    }
}

#[cfg(test)]
mod tests;
