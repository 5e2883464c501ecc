//! The small frames: ACK, BEAT, GOODBYE, and the heads of BEGIN and PIECE.

use super::fields::{Reader, Writer};
use super::{FLAG_LAST, FrameKind, finish};
use crate::error::Fault;
use crate::id::{Offset, SnapshotId};
use crate::limits::HEAD_BYTES;
use crate::time::Span;

/// Flags of an ACK.
const BASE: u8 = 1;
const VOLATILE: u8 = 2;

/// The progress of a replica; also its beat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ack {
    /// The number of the last ADMIT that was read: the offsets are meant under it.
    pub(crate) admit: u32,
    pub(crate) base: bool,
    /// The host keeps nothing through a power cut: `persisted` means nothing.
    pub(crate) volatile: bool,
    pub(crate) received: Offset,
    pub(crate) applied: Offset,
    pub(crate) persisted: Offset,
    /// Stream bytes of this link the host has taken.
    pub(crate) stream_released: u64,
    /// Piece bytes of this link the host has taken.
    pub(crate) pieces_released: u64,
    /// The newest beat's number.
    pub(crate) echo: u64,
}

impl Ack {
    pub(crate) fn encode(&self, scratch: &mut [u8], epoch_number: u32) -> usize {
        let mut writer = Writer::frame(scratch);
        writer
            .u32(self.admit)
            .u8(u8::from(self.base) * BASE + u8::from(self.volatile) * VOLATILE)
            .u64(self.received.0)
            .u64(self.applied.0)
            .u64(self.persisted.0);
        writer.u64(self.stream_released).u64(self.pieces_released).u64(self.echo);
        writer.finish(FrameKind::Ack, epoch_number)
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let admit = reader.u32()?;
        let flags = reader.u8()?;
        if flags & !(BASE | VOLATILE) != 0 {
            return Err(Fault::UnknownFlag);
        }
        let ack = Self {
            admit,
            base: flags & BASE != 0,
            volatile: flags & VOLATILE != 0,
            received: Offset(reader.u64()?),
            applied: Offset(reader.u64()?),
            persisted: Offset(reader.u64()?),
            stream_released: reader.u64()?,
            pieces_released: reader.u64()?,
            echo: reader.u64()?,
        };
        if ack.applied > ack.received || ack.persisted > ack.applied {
            return Err(Fault::AckAhead);
        }
        Ok(ack)
    }
}

/// A sign of life, with the newest beat of the root of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Beat {
    /// This sender's count, for the echo.
    pub(crate) number: u64,
    /// The root's Unix time in nanoseconds when it beat.
    pub(crate) origin_unix_ns: u64,
    /// The root's log end then.
    pub(crate) origin_end: Offset,
    /// This sender's own log end.
    pub(crate) end: Offset,
}

impl Beat {
    pub(crate) fn encode(&self, scratch: &mut [u8], epoch_number: u32) -> usize {
        let mut writer = Writer::frame(scratch);
        writer.u64(self.number).u64(self.origin_unix_ns).u64(self.origin_end.0).u64(self.end.0);
        writer.finish(FrameKind::Beat, epoch_number)
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        Ok(Self {
            number: reader.u64()?,
            origin_unix_ns: reader.u64()?,
            origin_end: Offset(reader.u64()?),
            end: Offset(reader.u64()?),
        })
    }
}

/// The end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Goodbye {
    pub(crate) fault: Fault,
    pub(crate) retry_after: Span,
}

impl Goodbye {
    pub(crate) fn encode(&self, scratch: &mut [u8], epoch_number: u32) -> usize {
        let mut writer = Writer::frame(scratch);
        writer.u16(self.fault.number()).u64(self.retry_after.0);
        writer.finish(FrameKind::Goodbye, epoch_number)
    }

    pub(crate) fn decode(body: &[u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        let fault = Fault::from_number(reader.u16()?).unwrap_or(Fault::Other);
        Ok(Self { fault, retry_after: Span(reader.u64()?) })
    }
}

/// BEGIN's fields before its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Begin<'a> {
    pub(crate) snapshot: SnapshotId,
    /// The size in bytes where known; `u64::MAX` otherwise.
    pub(crate) bytes: u64,
    pub(crate) cursor: &'a [u8],
}

impl<'a> Begin<'a> {
    /// The place of the cursor in the frame.
    pub(crate) const CURSOR_AT: usize = HEAD_BYTES + 16;

    pub(crate) fn encode(&self, scratch: &mut [u8], epoch_number: u32) -> usize {
        let mut writer = Writer::frame(scratch);
        writer.u64(self.snapshot.0).u64(self.bytes).bytes(self.cursor);
        writer.finish(FrameKind::Begin, epoch_number)
    }

    pub(crate) fn decode(body: &'a [u8]) -> Result<Self, Fault> {
        let mut reader = Reader::new(body);
        Ok(Self { snapshot: SnapshotId(reader.u64()?), bytes: reader.u64()?, cursor: reader.rest() })
    }
}

/// Encodes a piece into `buffer`. Returns its length. Its check becomes known by [`seal_piece`].
pub(crate) fn encode_piece(buffer: &mut [u8], snapshot: SnapshotId, piece: u64, data: &[u8]) -> usize {
    let mut writer = Writer::frame(buffer);
    writer.u64(snapshot.0).u64(piece).bytes(data);
    writer.written()
}

/// Chains a staged piece to the one before it on this link. Returns the chain after it.
pub(crate) fn seal_piece(frame: &mut [u8], last: bool, epoch_number: u32, chain: u64) -> u64 {
    finish(frame, FrameKind::Piece, if last { FLAG_LAST } else { 0 }, epoch_number, chain)
}
