//! The step that an input returns as a flat row of 96 bytes, for C and WASM. No pointers, no padding.

use crate::id::{Epoch, Offset, Position, SnapshotId};
use crate::input::{Next, Payload, PayloadKind, Step};

/// One [`Step`], flat. A part that is not there is zero; `flags` tells an offset or a position from none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(C)]
pub struct FlatStep {
    /// See [`Step::used`].
    pub used: u64,
    /// See [`Step::need`].
    pub need: u64,
    /// [`Step::offset`], if `flags` has [`OFFSET`](Self::OFFSET).
    pub offset: u64,
    /// The payload's first; see [`Payload::first`](crate::Payload::first).
    pub first: u64,
    /// Where the payload begins in the caller's data.
    pub range_start: u64,
    /// The bytes of the payload.
    pub range_length: u64,
    /// The payload's snapshot.
    pub snapshot: u64,
    /// [`Step::position`], if `flags` has [`POSITION`](Self::POSITION): its epoch.
    pub epoch: u64,
    /// Its boundary.
    pub boundary: u64,
    /// Its digest.
    pub digest: u64,
    /// The payload's count.
    pub count: u32,
    /// The payload's kind: 0 none, 1 batch, 2 spool, 3 fork, 4 begin, 5 piece, 6 last piece.
    pub kind: u32,
    /// 0 need bytes, 1 again, 2 closed.
    pub next: u32,
    /// Which of the optional parts are there.
    pub flags: u32,
}

const _: () = assert!(size_of::<FlatStep>() == 96);

impl FlatStep {
    /// The flag of an offset.
    pub const OFFSET: u32 = 1;
    /// The flag of a position.
    pub const POSITION: u32 = 2;

    /// Returns the step that this is the record of, as a receiver takes it. `None` for a number that none has.
    #[must_use]
    pub fn step(&self) -> Option<Step> {
        let next = match self.next {
            0 => Next::NeedBytes,
            1 => Next::Again,
            2 => Next::Closed,
            _ => return None,
        };
        if self.flags & !(Self::OFFSET | Self::POSITION) != 0 {
            return None;
        }
        let (epoch, boundary, digest) = (Epoch(self.epoch), Offset(self.boundary), self.digest);
        let position = Position { epoch, boundary, digest };
        Some(Step {
            used: usize::try_from(self.used).ok()?,
            need: usize::try_from(self.need).ok()?,
            next,
            offset: (self.flags & Self::OFFSET != 0).then_some(Offset(self.offset)),
            position: (self.flags & Self::POSITION != 0).then_some(position),
            payload: self.payload()?,
        })
    }

    fn payload(&self) -> Option<Option<Payload>> {
        let kind = match self.kind {
            0 => return Some(None),
            1 => PayloadKind::Batch,
            2 => PayloadKind::Spool,
            3 => PayloadKind::Fork,
            4 => PayloadKind::Begin,
            5 => PayloadKind::Piece,
            6 => PayloadKind::LastPiece,
            _ => return None,
        };
        let start = usize::try_from(self.range_start).ok()?;
        let end = start.checked_add(usize::try_from(self.range_length).ok()?)?;
        let snapshot = SnapshotId(self.snapshot);
        Some(Some(Payload { range: start..end, first: self.first, count: self.count, kind, snapshot }))
    }
}

impl From<&Step> for FlatStep {
    /// A border calls this for every input, and always in line: a row that is made in one place and copied in
    /// another is read in other parts than it was written in, and such a read waits until all of it is in memory.
    #[inline(always)]
    fn from(step: &Step) -> Self {
        let position = step.position.unwrap_or_default();
        let next = match step.next {
            Next::NeedBytes => 0,
            Next::Again => 1,
            Next::Closed => 2,
        };
        let there = |holds: bool, flag: u32| if holds { flag } else { 0 };
        // Apart from its neighbour, for the same reason: the two are written one by one.
        let need = core::hint::black_box(step.need);
        let mut flat = Self {
            used: step.used as u64,
            need: need as u64,
            offset: step.offset.unwrap_or_default().0,
            epoch: position.epoch.0,
            boundary: position.boundary.0,
            digest: position.digest,
            next,
            flags: there(step.offset.is_some(), Self::OFFSET)
                | there(step.position.is_some(), Self::POSITION),
            ..Self::default()
        };
        if let Some(payload) = &step.payload {
            // Numbered as they are declared, after 0 for none.
            flat.kind = payload.kind as u32 + 1;
            (flat.first, flat.count) = (payload.first, payload.count);
            flat.range_start = payload.range.start as u64;
            flat.range_length = payload.range.len() as u64;
            flat.snapshot = payload.snapshot.0;
        }
        flat
    }
}
