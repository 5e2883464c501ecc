//! A tap on one direction of a connection: it walks the frames as they are written, by their heads (docs/protocol.md).
//!
//! It counts bytes of batch and piece frames, and finds JOINs and their answers. It reads the sender's bytes, before
//! any damage. After a damaged head it is silent.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The length of a frame's head.
const HEAD_BYTES: usize = 24;
/// How far this file looks into a frame.
const LOOK_BYTES: usize = 114;
/// Kinds of frames.
const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const JOIN: u8 = 3;
const ADMIT: u8 = 4;
const BATCH: u8 = 8;
const PIECE: u8 = 10;

/// Bytes of frames of the two kinds that windows bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Bulk {
    pub(super) stream: u64,
    pub(super) pieces: u64,
}

impl Bulk {
    /// Adds so many bytes of a frame of this kind.
    pub(super) const fn add(&mut self, kind: u8, bytes: u64) {
        match kind {
            BATCH => self.stream += bytes,
            PIECE => self.pieces += bytes,
            _ => {}
        }
    }
}

/// The walk along one direction.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tap {
    /// The beginning and the end of the frame that is being written; equal between two frames.
    from: u64,
    end: u64,
    kind: u8,
    lost: bool,
    /// The bulk written, as frames and parts of them.
    pub(super) written: Bulk,
    counted: u64,
    /// The newest verdict that left.
    pub(super) admitted: Option<u8>,
}

fn word(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).map_or(0, |word| u64::from_le_bytes(word.try_into().expect("8 bytes")))
}

fn length(frame: &[u8]) -> u64 {
    u64::from(u32::from_le_bytes(frame[..4].try_into().expect("4 bytes")))
}

impl Tap {
    /// Begins behind bytes of an old connection.
    pub(super) const fn skip(&mut self, to: u64) {
        (self.from, self.end, self.counted) = (to, to, to);
    }

    /// Drops the bytes written up to here, which nobody reads: the rest of a frame that began counts as none.
    pub(super) fn forget(&mut self, to: u64) {
        // Within a head, the next one cannot be found.
        self.lost |= self.end < to;
        (self.from, self.end, self.kind, self.counted) = (to, self.end.max(to), 0, to);
    }

    /// More was written: `bytes` are all from `base` on. `speaks` is put into greetings as the versions spoken;
    /// returns whether one was.
    pub(super) fn walk(&mut self, bytes: &mut [u8], base: u64, speaks: Option<u64>) -> bool {
        let written = base + bytes.len() as u64;
        let mut greeted = false;
        while !self.lost && self.counted < written {
            if self.from == self.end {
                let at = (self.from - base) as usize;
                if bytes.len() - at < HEAD_BYTES {
                    return greeted;
                }
                (self.kind, self.end) = (bytes[at + 4], self.from + length(&bytes[at..]));
                self.lost = self.end < self.from + HEAD_BYTES as u64;
            }
            let to = self.end.min(written);
            self.written.add(self.kind, to - self.counted);
            self.counted = to;
            if to == self.end {
                let frame = &mut bytes[(self.from - base) as usize..(self.end - base) as usize];
                greeted |= self.look(frame, speaks);
                self.from = self.end;
            }
        }
        greeted
    }

    fn look(&mut self, frame: &mut [u8], speaks: Option<u64>) -> bool {
        if self.kind == ADMIT {
            self.admitted = frame.get(28).copied();
        }
        let Some(versions) = speaks.filter(|_| matches!(self.kind, HELLO | WELCOME) && frame.len() > 36)
        else {
            return false;
        };
        let low = |versions: u64| u16::try_from(versions & 0xff).expect("a byte").to_le_bytes();
        frame[32..34].copy_from_slice(&low(versions >> 8));
        frame[34..36].copy_from_slice(&low(versions));
        let seed = xxh3_64_with_seed(&frame[..16], 0);
        let check = xxh3_64_with_seed(&frame[HEAD_BYTES..], seed);
        frame[16..HEAD_BYTES].copy_from_slice(&check.to_le_bytes());
        true
    }
}

/// Returns the boundary of a whole JOIN, `u64::MAX` without a base; none if this is no whole JOIN.
pub(super) fn join_at(data: &[u8]) -> Option<u64> {
    if data.len() < LOOK_BYTES || data[4] != JOIN || length(data) > data.len() as u64 {
        return None;
    }
    Some(if data[24] & 4 == 0 { u64::MAX } else { word(data, 49) })
}

/// Returns whether this is a whole ADMIT.
pub(super) fn is_admit(data: &[u8]) -> bool {
    data.len() >= 95 && data[4] == ADMIT && length(data) <= data.len() as u64
}
