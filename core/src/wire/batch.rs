//! BATCH: records of one epoch, sealed. And the head of a record.
//!
//! After the frame head (24 bytes): first offset u64, count u32, epoch u64, byte position u64 (frame bytes of this
//! epoch before this one), Unix time u64 (nanoseconds, when its writer sealed it), parent digest u64, raw length u32
//! (equal to the records' bytes; room for a codec). Then the records, each with a head of 4 bytes.

use super::fields::{Writer, u32_at, u64_at};
use super::{FrameKind, check_of, encode_head};
use crate::error::Fault;
use crate::id::{Epoch, Offset};
use crate::limits::{BATCH_HEAD_BYTES, HEAD_BYTES, RECORD_BYTES_MAX, RECORD_HEAD_BYTES};

/// The head of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHead {
    pub(crate) first: Offset,
    pub(crate) count: u32,
    pub(crate) epoch: Epoch,
    pub(crate) byte_position: u64,
    pub(crate) unix_ns: u64,
    pub(crate) parent: u64,
    pub(crate) raw_length: u32,
}

impl BatchHead {
    /// Seals a batch: writes all 72 bytes of `head`, over a body in two parts that follows them. Returns the digest.
    pub(crate) fn seal(&self, head: &mut [u8; BATCH_HEAD_BYTES], body: (&[u8], &[u8])) -> u64 {
        let length = BATCH_HEAD_BYTES + body.0.len() + body.1.len();
        let length = u32::try_from(length).expect("frames are bounded by the configuration");
        encode_head(head, length, FrameKind::Batch, 0, self.epoch.number());
        let mut writer = Writer::bare(&mut head[HEAD_BYTES..]);
        writer.u64(self.first.0).u32(self.count).u64(self.epoch.0).u64(self.byte_position);
        writer.u64(self.unix_ns).u64(self.parent).u32(self.raw_length);
        let digest = digest_of(head, self.parent, body);
        head[16..HEAD_BYTES].copy_from_slice(&digest.to_le_bytes());
        digest
    }

    /// Reads the head of a batch frame of at least [`BATCH_HEAD_BYTES`] bytes.
    pub(crate) fn decode(frame: &[u8]) -> Self {
        Self {
            first: Offset(u64_at(frame, 24)),
            count: u32_at(frame, 32),
            epoch: Epoch(u64_at(frame, 36)),
            byte_position: u64_at(frame, 44),
            unix_ns: u64_at(frame, 52),
            parent: u64_at(frame, 60),
            raw_length: u32_at(frame, 68),
        }
    }

    /// Returns the offset after the batch.
    pub(crate) fn end(&self) -> Offset {
        Offset(self.first.0.saturating_add(self.count.into()))
    }
}

/// The digest after a batch: XXH3-64 of its records, seeded by the batch head's remaining fields, the frame head and
/// the parent. Hashing the 48 fixed bytes into the seed leaves the records in one or two contiguous runs.
fn digest_of(head: &[u8; BATCH_HEAD_BYTES], parent: u64, body: (&[u8], &[u8])) -> u64 {
    let seed = check_of(head, parent, (&head[HEAD_BYTES..], &[]));
    super::hash_parts(seed, body)
}

/// Verifies a whole batch frame: its check, its record heads, its count.
pub(crate) fn verify(frame: &[u8], head: &BatchHead, check: u64) -> Result<(), Fault> {
    let (fixed, records) = frame.split_first_chunk::<BATCH_HEAD_BYTES>().ok_or(Fault::FrameLength)?;
    if digest_of(fixed, head.parent, (records, &[])) != check {
        return Err(Fault::BodyCheck);
    }
    let mut at = 0;
    let mut count = 0u32;
    while at < records.len() {
        if records.len() - at < RECORD_HEAD_BYTES {
            return Err(Fault::Malformed);
        }
        at += RECORD_HEAD_BYTES + (u32_at(records, at) & RECORD_BYTES_MAX) as usize;
        count += 1;
    }
    let sound =
        at == records.len() && count == head.count && count > 0 && head.raw_length as usize == records.len();
    if sound { Ok(()) } else { Err(Fault::Malformed) }
}

/// Walks the records of a [`Payload`](crate::Payload) of kind `Batch` or `Spool`.
///
/// The core checked the record heads before it handed the payload out, so this never fails on such bytes; on any
/// others it ends at the first head that does not fit.
#[derive(Debug, Clone)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// Returns the records in `payload`.
    #[must_use]
    pub const fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (head, rest) = self.rest.split_first_chunk::<RECORD_HEAD_BYTES>()?;
        let length = (u32::from_le_bytes(*head) & RECORD_BYTES_MAX) as usize;
        let (record, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some(record)
    }
}
