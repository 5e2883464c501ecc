//! A second, small codec for tests: it writes frames by hand, seals them, splits streams and names what it sees.
//!
//! Written from docs/protocol.md, not from the core's code, so that a test with damaged or strange frames does not
//! depend on the core being able to write them.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

pub const HEAD: usize = 24;
pub const BATCH_HEAD: usize = 72;

pub const HELLO: u8 = 1;
pub const WELCOME: u8 = 2;
pub const JOIN: u8 = 3;
pub const ADMIT: u8 = 4;
pub const GOODBYE: u8 = 5;
pub const BEAT: u8 = 6;
pub const ACK: u8 = 7;
pub const BATCH: u8 = 8;
pub const BEGIN: u8 = 9;
pub const PIECE: u8 = 10;

const NAMES: [&str; 11] =
    ["?", "HELLO", "WELCOME", "JOIN", "ADMIT", "GOODBYE", "BEAT", "ACK", "BATCH", "BEGIN", "PIECE"];

pub fn name(kind: u8) -> &'static str {
    NAMES.get(usize::from(kind)).copied().unwrap_or("UNKNOWN")
}

pub fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

/// A sealed frame with this body.
pub fn frame(kind: u8, flags: u8, epoch_number: u32, parent: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; HEAD];
    frame[4] = kind;
    frame[5] = flags;
    frame[8..12].copy_from_slice(&epoch_number.to_le_bytes());
    frame.extend_from_slice(body);
    let length = u32::try_from(frame.len()).unwrap();
    frame[..4].copy_from_slice(&length.to_le_bytes());
    seal(&mut frame, parent);
    frame
}

/// Makes both checks of a changed frame right again: the head's over what stands there, the body's under `parent`.
pub fn seal(frame: &mut [u8], parent: u64) {
    seal_head(frame);
    seal_body(frame, parent);
}

/// Makes the head check right, and leaves the body's check.
pub fn seal_head(frame: &mut [u8]) {
    let check = xxh3_64(&frame[..12]).to_le_bytes();
    frame[12..16].copy_from_slice(&check[..4]);
}

fn seal_body(frame: &mut [u8], parent: u64) {
    let seed = xxh3_64_with_seed(&frame[..16], parent);
    let check = if frame[4] == BATCH && frame.len() >= BATCH_HEAD {
        let seed = xxh3_64_with_seed(&frame[HEAD..BATCH_HEAD], seed);
        xxh3_64_with_seed(&frame[BATCH_HEAD..], seed)
    } else {
        xxh3_64_with_seed(&frame[HEAD..], seed)
    };
    frame[16..HEAD].copy_from_slice(&check.to_le_bytes());
}

/// Returns the parent that a batch names, as [`seal`] must be given it.
pub fn parent_of(batch: &[u8]) -> u64 {
    u64_at(batch, 60)
}

/// The frames in a stream, and how many bytes they are; what is left is not a whole frame.
pub fn split(mut bytes: &[u8]) -> (Vec<Vec<u8>>, usize) {
    let mut frames = Vec::new();
    let mut used = 0;
    while bytes.len() >= HEAD && bytes.len() >= u32_at(bytes, 0) as usize {
        let length = (u32_at(bytes, 0) as usize).max(HEAD);
        frames.push(bytes[..length].to_vec());
        bytes = &bytes[length..];
        used += length;
    }
    (frames, used)
}

/// The fields of HELLO and WELCOME.
#[derive(Clone, Copy)]
pub struct Hello {
    pub magic: [u8; 8],
    pub version_min: u16,
    pub version_max: u16,
    pub offered: u64,
    pub required: u64,
    pub frame_bytes_max: u32,
    pub piece_bytes_max: u32,
    pub window_bytes: u64,
    pub piece_window_bytes: u64,
    pub node: u64,
    pub incarnation: u64,
    pub history: u128,
}

impl Hello {
    pub fn of(node: u64) -> Self {
        Self {
            magic: *b"TOWLINE\x01",
            version_min: 1,
            version_max: 1,
            offered: 0,
            required: 0,
            frame_bytes_max: 1 << 28,
            piece_bytes_max: 1 << 26,
            window_bytes: 1 << 20,
            piece_window_bytes: 1 << 20,
            node,
            incarnation: 1,
            history: 0,
        }
    }

    pub fn frame(&self, kind: u8) -> Vec<u8> {
        let mut body = self.magic.to_vec();
        body.extend(self.version_min.to_le_bytes());
        body.extend(self.version_max.to_le_bytes());
        body.extend(self.offered.to_le_bytes());
        body.extend(self.required.to_le_bytes());
        body.extend(self.frame_bytes_max.to_le_bytes());
        body.extend(self.piece_bytes_max.to_le_bytes());
        body.extend(self.window_bytes.to_le_bytes());
        body.extend(self.piece_window_bytes.to_le_bytes());
        body.extend(self.node.to_le_bytes());
        body.extend(self.incarnation.to_le_bytes());
        body.extend(self.history.to_le_bytes());
        frame(kind, 0, 0, 0, &body)
    }
}

pub const CAN_REWIND: u8 = 1;
pub const ADOPT: u8 = 2;
pub const BASE: u8 = 4;

/// A JOIN: of a store that holds nothing, or of one that stands at a cursor.
pub fn join(cursor: Option<&[u8]>, flags: u8, untaken: u64) -> Vec<u8> {
    let Some(cursor) = cursor else {
        let mut body = vec![flags & !BASE];
        body.resize(1 + 16 + 24 + 6 * 8 + 4 + 1, 0);
        return frame(JOIN, 0, 0, 0, &body);
    };
    // A cursor: version, count, zeros (8 bytes), history and position (40 bytes), the table, its check.
    let count = u8::try_from(u16_at(cursor, 2)).unwrap();
    let boundary = u64_at(cursor, 32);
    let mut body = vec![flags | BASE];
    body.extend(&cursor[8..48]);
    for field in [boundary, boundary, untaken, 0, 0, 0] {
        body.extend(field.to_le_bytes());
    }
    body.extend([0; 4]);
    body.push(count);
    body.extend(&cursor[48..cursor.len() - 8]);
    frame(JOIN, 0, 0, 0, &body)
}

/// An ACK's fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ack {
    pub admit: u32,
    pub base: bool,
    pub received: u64,
    pub applied: u64,
    pub persisted: u64,
    pub stream_released: u64,
    pub pieces_released: u64,
    pub echo: u64,
}

impl Ack {
    pub fn frame(&self) -> Vec<u8> {
        let mut bytes = [0; HEAD + 53];
        self.write(&mut bytes);
        bytes.to_vec()
    }

    /// Writes the frame in place: 77 bytes.
    pub fn write(&self, bytes: &mut [u8; HEAD + 53]) {
        bytes[..4].copy_from_slice(&77u32.to_le_bytes());
        (bytes[4], bytes[5]) = (ACK, 0);
        bytes[6..12].fill(0);
        bytes[24..28].copy_from_slice(&self.admit.to_le_bytes());
        bytes[28] = u8::from(self.base);
        let fields = [
            self.received,
            self.applied,
            self.persisted,
            self.stream_released,
            self.pieces_released,
            self.echo,
        ];
        for (index, field) in fields.iter().enumerate() {
            bytes[29 + 8 * index..37 + 8 * index].copy_from_slice(&field.to_le_bytes());
        }
        seal(bytes, 0);
    }
}
