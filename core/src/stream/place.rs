//! Places in a log, and the room that a record needs: values without state.

use crate::id::Offset;

/// A place in the log where a reader can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Byte position of the frame that begins there.
    pub(crate) position: u64,
    /// Offset of its first record.
    pub(crate) boundary: Offset,
    /// The digest before it.
    pub(crate) digest: u64,
}

/// The end of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FrameEnd {
    /// The byte position after it.
    pub(super) position: u64,
    /// The offset after its records.
    pub(super) boundary: Offset,
}

/// The room that a record needs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Bytes of the ring.
    pub(super) bytes: u64,
    /// Set if the open batch is sealed before it.
    pub(super) seal_first: bool,
}
