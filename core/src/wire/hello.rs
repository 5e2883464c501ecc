//! HELLO and WELCOME: the only frames whose beginning never changes (magic, version range, features, limits).

use super::fields::{Reader, Writer};
use super::{FrameKind, fields};
use crate::error::Fault;
use crate::id::{HistoryId, NodeId};

/// The first bytes of every Towline conversation.
pub(crate) const MAGIC: [u8; 8] = *b"TOWLINE\x01";
/// The protocol versions this node speaks.
pub(crate) const VERSION_MIN: u16 = 1;
/// The newest protocol version this node speaks.
pub(crate) const VERSION_MAX: u16 = 1;
/// Features this node offers, one bit each. None is defined in version 1.
pub(crate) const FEATURES: u64 = 0;

/// The first frame of each side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) version_min: u16,
    pub(crate) version_max: u16,
    pub(crate) features_offered: u64,
    pub(crate) features_required: u64,
    /// The longest batch frame: taken (HELLO) or sent (WELCOME).
    pub(crate) frame_bytes_max: u32,
    /// The longest piece: taken (HELLO) or sent (WELCOME).
    pub(crate) piece_bytes_max: u32,
    /// Stream bytes that may be under way to the speaker.
    pub(crate) window_bytes: u64,
    /// Piece bytes that may be under way to the speaker.
    pub(crate) piece_window_bytes: u64,
    pub(crate) node: NodeId,
    /// Random at each start of the node.
    pub(crate) incarnation: u64,
    /// The history it holds, so that a refusal can name both.
    pub(crate) history: HistoryId,
}

impl Hello {
    pub(crate) fn encode(&self, scratch: &mut [u8], kind: FrameKind, epoch_number: u32) -> usize {
        let mut writer = Writer::frame(scratch);
        writer.bytes(&MAGIC).u16(self.version_min).u16(self.version_max);
        writer.u64(self.features_offered).u64(self.features_required);
        writer.u32(self.frame_bytes_max).u32(self.piece_bytes_max);
        writer.u64(self.window_bytes).u64(self.piece_window_bytes);
        writer.u64(self.node.0).u64(self.incarnation).u128(self.history.0);
        writer.finish(kind, epoch_number)
    }

    /// Reads a body and settles what can be settled from it alone: magic, version, features.
    pub(crate) fn decode(body: &[u8]) -> Result<Self, Fault> {
        if body.len() < MAGIC.len() || body[..MAGIC.len()] != MAGIC {
            return Err(Fault::BadMagic);
        }
        let mut reader = fields::Reader::new(&body[MAGIC.len()..]);
        let hello = Self::fields(&mut reader)?;
        if hello.version_min > VERSION_MAX || hello.version_max < VERSION_MIN {
            return Err(Fault::Version);
        }
        if hello.features_required & !FEATURES != 0 {
            return Err(Fault::Feature);
        }
        Ok(hello)
    }

    fn fields(reader: &mut Reader<'_>) -> Result<Self, Fault> {
        Ok(Self {
            version_min: reader.u16()?,
            version_max: reader.u16()?,
            features_offered: reader.u64()?,
            features_required: reader.u64()?,
            frame_bytes_max: reader.u32()?,
            piece_bytes_max: reader.u32()?,
            window_bytes: reader.u64()?,
            piece_window_bytes: reader.u64()?,
            node: NodeId(reader.u64()?),
            incarnation: reader.u64()?,
            history: HistoryId(reader.u128()?),
        })
    }
}
