//! The native wire format: a pure codec without state.
//!
//! Every frame has a head of 24 bytes, little-endian:
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..4 | length | of the whole frame, head included |
//! | 4 | kind | see [`FrameKind`]; from 0x80 on unknown kinds are skipped |
//! | 5 | flags | see `FLAG_LAST`; unknown flags are refused |
//! | 6..8 | stream | 0; room for shards |
//! | 8..12 | epoch | the highest epoch number the sender has seen (in a batch: its writer's) |
//! | 12..16 | head check | low half of XXH3-64 of bytes 0..12: checked before the length is believed |
//! | 16..24 | check | XXH3-64 of the body, seeded by parent and head |
//!
//! The seed of the check is XXH3-64 of bytes 0..16, seeded by the parent: the digest before a batch, the chain before
//! a snapshot piece, and zero for all other frames. A batch's check *is* the digest after it: XXH3-64 of its records,
//! seeded by that value over the 48 bytes of its own head.

pub(crate) mod batch;
pub(crate) mod control;
pub(crate) mod fields;
pub(crate) mod hello;
pub(crate) mod join;

use xxhash_rust::xxh3::{Xxh3Builder, xxh3_64, xxh3_64_with_seed};

use crate::error::Fault;
use crate::limits::HEAD_BYTES;
use fields::{u16_at, u32_at, u64_at};

/// The last piece of a snapshot.
pub(crate) const FLAG_LAST: u8 = 1;
/// The fields of a PIECE before its data: snapshot id and piece number.
pub(crate) const PIECE_BODY_BYTES: usize = 16;

/// A piece frame before its data.
pub(crate) const PIECE_HEAD_BYTES: u32 = 40;
const _: () = assert!(PIECE_HEAD_BYTES as usize == HEAD_BYTES + PIECE_BODY_BYTES);

/// The kinds of frame. Numbers never change; those from 0x80 on may be skipped by a node that does not know them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// Replica to sender, first: magic, versions, features, limits.
    Hello = 1,
    /// Sender to replica: the same, in reply.
    Welcome = 2,
    /// Replica: its position.
    Join = 3,
    /// Sender: how it goes on with the replica.
    Admit = 4,
    /// Either: the end, and when to come back.
    Goodbye = 5,
    /// Sender: a sign of life, with the root's newest beat.
    Beat = 6,
    /// Replica: a sign of life, with its progress.
    Ack = 7,
    /// Sender: records.
    Batch = 8,
    /// Sender: a snapshot begins.
    Begin = 9,
    /// Sender: a piece of it.
    Piece = 10,
}

impl FrameKind {
    const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            1 => Self::Hello,
            2 => Self::Welcome,
            3 => Self::Join,
            4 => Self::Admit,
            5 => Self::Goodbye,
            6 => Self::Beat,
            7 => Self::Ack,
            8 => Self::Batch,
            9 => Self::Begin,
            10 => Self::Piece,
            _ => return None,
        })
    }
}

/// A frame head that passed its check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: u32,
    /// `None` for a kind that may be skipped.
    pub(crate) kind: Option<FrameKind>,
    pub(crate) flags: u8,
    pub(crate) epoch_number: u32,
    pub(crate) check: u64,
}

#[expect(clippy::cast_possible_truncation, reason = "the head check is the low half")]
fn head_check(head: &[u8]) -> u32 {
    xxh3_64(&head[..12]) as u32
}

fn check_seed(head: &[u8], parent: u64) -> u64 {
    xxh3_64_with_seed(&head[..16], parent)
}

/// Returns the check of a frame whose body is in two parts, as in a ring.
#[inline]
pub(crate) fn check_of(head: &[u8], parent: u64, body: (&[u8], &[u8])) -> u64 {
    hash_parts(check_seed(head, parent), body)
}

/// XXH3-64 of two parts as if they were one.
#[inline]
pub(crate) fn hash_parts(seed: u64, body: (&[u8], &[u8])) -> u64 {
    if body.1.is_empty() { xxh3_64_with_seed(body.0, seed) } else { hash_both(seed, body) }
}

fn hash_both(seed: u64, body: (&[u8], &[u8])) -> u64 {
    let mut hasher = Xxh3Builder::new().with_seed(seed).build();
    hasher.update(body.0);
    hasher.update(body.1);
    hasher.digest()
}

/// Writes bytes 0..16 of a head; the check follows once the body is known.
pub(crate) fn encode_head(head: &mut [u8], length: u32, kind: FrameKind, flags: u8, epoch_number: u32) {
    // As one number, checked before it is written: what was just written in parts is slow to read as a whole.
    let fields = u128::from(length)
        | u128::from(kind as u8) << 32
        | u128::from(flags) << 40
        | u128::from(epoch_number) << 64;
    let check = head_check(&fields.to_le_bytes());
    head[..16].copy_from_slice(&(fields | u128::from(check) << 96).to_le_bytes());
}

/// Finishes a frame that is in one piece: `frame` begins with its head and is exactly `length` long.
pub(crate) fn finish(frame: &mut [u8], kind: FrameKind, flags: u8, epoch_number: u32, parent: u64) -> u64 {
    let length = u32::try_from(frame.len()).expect("frames are bounded by the configuration");
    let (head, body) = frame.split_at_mut(HEAD_BYTES);
    encode_head(head, length, kind, flags, epoch_number);
    let check = check_of(head, parent, (body, &[]));
    head[16..24].copy_from_slice(&check.to_le_bytes());
    check
}

/// Reads a head of at least [`HEAD_BYTES`] bytes. The length is believed only after the head check.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head, Fault> {
    let head = &bytes[..HEAD_BYTES];
    if u32_at(head, 12) != head_check(head) {
        return Err(Fault::HeadCheck);
    }
    let kind = FrameKind::from_number(head[4]);
    if kind.is_none() && head[4] < 0x80 {
        return Err(Fault::UnknownKind);
    }
    let flags_known = if matches!(kind, Some(FrameKind::Piece)) { FLAG_LAST } else { 0 };
    if kind.is_some() && (head[5] & !flags_known != 0 || u16_at(head, 6) != 0) {
        return Err(Fault::UnknownFlag);
    }
    let length = u32_at(head, 0);
    if (length as usize) < HEAD_BYTES {
        return Err(Fault::FrameLength);
    }
    Ok(Head { length, kind, flags: head[5], epoch_number: u32_at(head, 8), check: u64_at(head, 16) })
}

/// Verifies a whole frame's check under a parent.
pub(crate) fn verify(frame: &[u8], parent: u64, check: u64) -> Result<(), Fault> {
    let (head, body) = frame.split_at(HEAD_BYTES);
    if check_of(head, parent, (body, &[])) == check { Ok(()) } else { Err(Fault::BodyCheck) }
}

#[cfg(test)]
mod tests;
