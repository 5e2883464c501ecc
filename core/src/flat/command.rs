//! The receiver's commands as flat rows. A thing to say to the node is the input's own row, below 0x100, so that a
//! host hands it on as it is; the rest is numbered from 0x201.
//!
//! | kind | command | a | b | c | d | e | f |
//! |---|---|---|---|---|---|---|---|
//! | 0x201 | Keep | range start | range length | first | epoch | boundary | digest |
//! | 0x202 | Apply | range start | range length | first | epoch | boundary | digest |
//! | 0x203 | ApplySpooled | | | first | | | |
//! | 0x204 | LoadTail | range start | range length | first | epoch | boundary | digest |
//! | 0x205 | LoadTailSpooled | | | first | | | |
//! | 0x206 | DropSpooled | | | upto, all ones for all | | | |
//! | 0x207 | Forked | | | at | | | |
//! | 0x208 | Begin | range start | range length | at | snapshot | | |
//! | 0x209 | Load | range start | range length | piece | 1 if last | | |
//! | 0x20a | Install | | | at | snapshot | | |
//! | 0x20b | Rewind | | | | epoch | boundary | digest |

//! A completion is numbered from 0x301, and so is whatever else a host says to its receiver between two steps.
//!
//! | kind | completion | a | b | c | d | e | f |
//! |---|---|---|---|---|---|---|---|
//! | 0x301 | Answered | 1 if accepted, 0 if refused | | | epoch | boundary | digest |
//! | 0x302 | Applied | upto | | | | | |
//! | 0x303 | Persisted | upto | | | | | |
//! | 0x304 | Tailed | upto | 1 if done, 0 if it waits | | | | |
//! | 0x305 | Loaded | pieces | | | | | |
//! | 0x306 | Installed | | | | | | |
//! | 0x307 | Rewound | | | | | | |
//! | 0x308 | Failed | | | | | | |
//! | 0x309 | Taking | 0 all, 1 pieces, 2 nothing | | | | | |

use core::ops::Range;

use super::{FlatInput, flag};
use crate::id::{Epoch, Offset, Position};
use crate::receiver::{Batch, Command, Receiver, ReceiverError, Taking};

/// One command of a receiver, flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FlatCommand {
    /// The number of the command, or of the input to say to the node.
    pub kind: u32,
    /// Zero for every kind.
    pub link: u32,
    /// The kind's fields.
    pub fields: [u64; 7],
}

/// One completion, flat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FlatCompletion {
    /// The number of the completion.
    pub kind: u32,
    /// Zero for every kind.
    pub link: u32,
    /// The kind's fields.
    pub fields: [u64; 7],
}

const _: () = assert!(size_of::<FlatCommand>() == 64 && size_of::<FlatCompletion>() == 64);

impl From<&Command> for FlatCommand {
    fn from(command: &Command) -> Self {
        match command {
            Command::Say(input) => {
                let FlatInput { kind, link, fields } = FlatInput::from(*input);
                Self { kind, link, fields }
            }
            Command::Keep(batch) => of_batch(0x201, batch),
            Command::Apply(batch) => of_batch(0x202, batch),
            Command::ApplySpooled { first } => row(0x203, &(0..0), first.0, [0; 3]),
            Command::LoadTail(batch) => of_batch(0x204, batch),
            Command::LoadTailSpooled { first } => row(0x205, &(0..0), first.0, [0; 3]),
            Command::DropSpooled { upto } => {
                row(0x206, &(0..0), upto.map_or(u64::MAX, |upto| upto.0), [0; 3])
            }
            Command::Forked { at } => row(0x207, &(0..0), at.0, [0; 3]),
            Command::Begin { range, snapshot, at } => row(0x208, range, at.0, [snapshot.0, 0, 0]),
            Command::Load { range, piece, last } => row(0x209, range, *piece, [u64::from(*last), 0, 0]),
            Command::Install { snapshot, at } => row(0x20a, &(0..0), at.0, [snapshot.0, 0, 0]),
            Command::Rewind { position } => row(0x20b, &(0..0), 0, of_position(*position)),
        }
    }
}

fn of_batch(kind: u32, batch: &Batch) -> FlatCommand {
    row(kind, &batch.range, batch.first.0, of_position(batch.position))
}

const fn of_position(position: Position) -> [u64; 3] {
    [position.epoch.0, position.boundary.0, position.digest]
}

fn row(kind: u32, range: &Range<usize>, c: u64, [d, e, f]: [u64; 3]) -> FlatCommand {
    FlatCommand { kind, link: 0, fields: [range.start as u64, range.len() as u64, c, d, e, f, 0] }
}

impl FlatCompletion {
    /// Says this row to a receiver, as the completion that it is. `None` for an unknown kind, a flag that is none,
    /// or a field that should be zero and is not; the receiver is unchanged then.
    #[must_use]
    pub fn complete(&self, receiver: &mut Receiver) -> Option<Result<(), ReceiverError>> {
        let [a, b, c, d, e, f, g] = self.fields;
        let position = Position { epoch: Epoch(d), boundary: Offset(e), digest: f };
        // So many fields are named, at most.
        let (none, one, two) =
            (a | b | c | d | e | f | g == 0, b | c | d | e | f | g == 0, c | d | e | f | g == 0);
        let placed = b | c | g == 0;
        match self.kind {
            _ if self.link != 0 => return None,
            0x301 if placed && flag(a)? => return Some(receiver.answered(Some(position))),
            0x301 if none => return Some(receiver.answered(None)),
            0x302 if one => return Some(receiver.applied(Offset(a))),
            0x303 if one => receiver.persisted(Offset(a)),
            0x304 if two => return Some(receiver.tailed(Offset(a), flag(b)?)),
            0x305 if one => return Some(receiver.loaded(a)),
            0x306 if none => return Some(receiver.installed()),
            0x307 if none => return Some(receiver.rewound()),
            0x308 if none => receiver.failed(),
            0x309 if one => receiver.set_taking(taking(a)?),
            _ => return None,
        }
        Some(Ok(()))
    }
}

const fn taking(number: u64) -> Option<Taking> {
    match number {
        0 => Some(Taking::All),
        1 => Some(Taking::Pieces),
        2 => Some(Taking::Nothing),
        _ => None,
    }
}
