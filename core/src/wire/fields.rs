//! Little-endian fields: reading at a place, reading in order, writing in order. Nothing here can panic on peer input
//! except through [`u32_at`] and its siblings, whose callers have checked the length.

use crate::error::Fault;
use crate::limits::HEAD_BYTES;
use crate::wire::{FrameKind, finish};

macro_rules! at {
    ($name:ident, $type:ty) => {
        pub(crate) fn $name(bytes: &[u8], place: usize) -> $type {
            let mut field = [0u8; size_of::<$type>()];
            field.copy_from_slice(&bytes[place..place + size_of::<$type>()]);
            <$type>::from_le_bytes(field)
        }
    };
}
at!(u16_at, u16);
at!(u32_at, u32);
at!(u64_at, u64);

/// Reads fields in order; running short is [`Fault::Malformed`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(rest: &'a [u8]) -> Self {
        Self { rest }
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Fault::Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Fault> {
        Ok(self.bytes(1)?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Fault> {
        Ok(u16_at(self.bytes(2)?, 0))
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Fault> {
        Ok(u32_at(self.bytes(4)?, 0))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Fault> {
        Ok(u64_at(self.bytes(8)?, 0))
    }

    pub(crate) fn u128(&mut self) -> Result<u128, Fault> {
        let low = self.u64()?;
        Ok(u128::from(low) | u128::from(self.u64()?) << 64)
    }

    /// Returns the bytes left unread. Frames may grow fields at their end; old readers leave them.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

/// Writes one frame, in order, into a scratch buffer that is known to be large enough.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl<'a> Writer<'a> {
    /// A frame at the front of `buffer`; room for its head is left.
    pub(crate) fn frame(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: HEAD_BYTES }
    }

    /// Bare fields, without a head.
    pub(crate) fn bare(buffer: &'a mut [u8]) -> Self {
        Self { buffer, at: 0 }
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer[self.at..self.at + bytes.len()].copy_from_slice(bytes);
        self.at += bytes.len();
        self
    }

    pub(crate) fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes(&[value])
    }

    pub(crate) fn u16(&mut self, value: u16) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    pub(crate) fn u128(&mut self, value: u128) -> &mut Self {
        self.bytes(&value.to_le_bytes())
    }

    /// Returns how many bytes were written.
    pub(crate) fn written(&self) -> usize {
        self.at
    }

    /// Finishes the head. Returns the frame's length.
    pub(crate) fn finish(&mut self, kind: FrameKind, epoch_number: u32) -> usize {
        finish(&mut self.buffer[..self.at], kind, 0, epoch_number, 0);
        self.at
    }
}
