//! Snapshot bytes: the effects that make a store out of nothing, cut into pieces and read back from any cut.
//!
//! A snapshot is effects one after another with nothing between, before or after: for each entry a `SET`, and a
//! `PEXPIREAT` if it has an expiry. The order of entries is the writer's. A reader applies them in order to an empty
//! store and takes any effect of the closed set, so a writer may also write an entry too long for one effect as a
//! `SET` and `APPEND`s.
//!
//! Where pieces are cut means nothing. [`SnapshotWriter`] cuts between entries where it can, so that most pieces
//! are whole by themselves; [`SnapshotReader`] takes every cut.
//!
//! Bounds: the writer holds less than one piece plus one entry; the reader holds at most one unfinished effect, no
//! longer than its limit, in a buffer that grows only as bytes come.
//!
//! It does not number, check or resume pieces: that is the core's.

use crate::effect::Effect;
use crate::expiry::ExpiryMs;
use crate::record::{RecordError, RecordErrorKind, Stop, parse_effect};
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

/// The first room a reader makes for an unfinished effect, and what it keeps between two of them.
const PARTIAL_KEPT: usize = 4096;

/// Turns entries into pieces of at most `piece_max` bytes.
///
/// ```
/// use towline_kv::SnapshotWriter;
///
/// let mut entries = [(b"a", b"1"), (b"b", b"2")].into_iter();
/// let mut writer = SnapshotWriter::new(64);
/// let mut ended = false;
/// loop {
///     while !ended && writer.wants_more() {
///         match entries.next() {
///             Some((key, value)) => writer.push(key, None, value),
///             None => ended = true,
///         }
///     }
///     let piece = writer.next_piece();
///     let last = ended && piece.held == 0; // an empty store has one piece, of no bytes
///     // SnapshotPiece { data: piece.data, last, .. }
///     if last { break }
/// }
/// ```
///
/// Invariants: `begin <= fit <= bytes.len()`; `fit` is the end of an entry, at most `piece_max` bytes after
/// `begin`, and the furthest such that is known.
#[derive(Clone, Debug)]
pub struct SnapshotWriter {
    piece_max: usize,
    bytes: Vec<u8>,
    begin: usize,
    fit: usize,
}

/// One piece, and what is held after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece<'a> {
    /// The piece's bytes, at most `piece_max`.
    pub data: &'a [u8],
    /// Bytes the writer still holds: 0 means that this was the last piece, if no entry follows.
    pub held: usize,
}

impl SnapshotWriter {
    /// Makes a writer of pieces of at most `piece_max` bytes; at least one.
    #[must_use]
    pub fn new(piece_max: usize) -> Self {
        Self { piece_max: piece_max.max(1), bytes: Vec::new(), begin: 0, fit: 0 }
    }

    /// Returns whether an entry should come before the next piece is taken.
    #[must_use]
    pub fn wants_more(&self) -> bool {
        self.bytes.len() - self.begin < self.piece_max
    }

    /// Adds one entry.
    pub fn push(&mut self, key: &[u8], expiry: Option<ExpiryMs>, value: &[u8]) {
        self.compact();
        Effect::Set { key, value }.encode(&mut self.bytes);
        if let Some(at) = expiry {
            Effect::PExpireAt { key, at }.encode(&mut self.bytes);
        }
        if self.bytes.len() <= self.piece_max {
            self.fit = self.bytes.len();
        }
    }

    /// Takes the next piece: up to the end of an entry, or `piece_max` bytes of one that is longer than that. Empty
    /// if nothing is held.
    pub fn next_piece(&mut self) -> Piece<'_> {
        let from = self.begin;
        let held = self.bytes.len() - from;
        self.begin = if held <= self.piece_max {
            self.bytes.len()
        } else if self.fit > from {
            self.fit
        } else {
            from + self.piece_max
        };
        let rest = self.bytes.len() - self.begin;
        self.fit = if rest <= self.piece_max { self.bytes.len() } else { self.begin };
        Piece { data: &self.bytes[from..self.begin], held: rest }
    }

    /// Moves what is held to the front, once per piece, and gives back the room of an entry that was far longer.
    fn compact(&mut self) {
        if self.begin == 0 {
            return;
        }
        self.bytes.drain(..self.begin);
        self.fit -= self.begin;
        self.begin = 0;
        if self.bytes.capacity() / 4 > self.piece_max.max(self.bytes.len()) {
            self.bytes.shrink_to(self.piece_max);
        }
    }
}

/// Turns pieces, cut anywhere, back into effects.
///
/// ```
/// use towline_kv::{SnapshotReader, Table};
///
/// let pieces: [&[u8]; 2] = [b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r", b"\nvalue\r\n"];
/// let (mut reader, mut table) = (SnapshotReader::new(1 << 20), Table::new());
/// for piece in pieces {
///     let mut rest = piece;
///     while let Some(effect) = reader.next(&mut rest)? {
///         table.apply_effect(&effect)?;
///     }
/// }
/// reader.finish()?;
/// assert_eq!(table.get(b"k").map(|entry| entry.value), Some(&b"value"[..]));
/// # Ok::<(), towline_kv::ApplyError>(())
/// ```
///
/// Invariants: while `partial` is not handed out, it holds the bytes of one unfinished effect, fewer than `need`;
/// `need <= effect_max`.
#[derive(Clone, Debug)]
pub struct SnapshotReader {
    effect_max: usize,
    /// Bytes of the snapshot before the effect that is being read.
    at: u64,
    partial: Vec<u8>,
    need: usize,
    handed_out: bool,
}

impl SnapshotReader {
    /// Makes a reader that refuses an effect of more than `effect_max` bytes. With the record limit, every entry a
    /// correct primary holds passes.
    #[must_use]
    pub const fn new(effect_max: usize) -> Self {
        Self { effect_max, at: 0, partial: Vec::new(), need: 0, handed_out: false }
    }

    /// Returns the next effect. `rest` is the unread part of the piece and moves on; `None` means that it is used up.
    ///
    /// # Errors
    ///
    /// Bytes that are no effect, or one over the limit. The snapshot is bad: the reader is of no further use.
    pub fn next<'s, 'p: 's>(&'s mut self, rest: &mut &'p [u8]) -> Result<Option<Effect<'s>>, RecordError> {
        if self.handed_out {
            self.handed_out = false;
            self.partial.clear();
            self.partial.shrink_to(PARTIAL_KEPT);
        }
        if !self.partial.is_empty() {
            return self.complete(rest);
        }
        if rest.is_empty() {
            return Ok(None);
        }
        match parse_effect(rest) {
            Ok((effect, used)) => {
                // Whole in the piece does not mean within the limit.
                self.allow(used)?;
                self.at += used as u64;
                *rest = &rest[used..];
                Ok(Some(effect))
            }
            Err(stop) => {
                self.need = self.judge(stop)?;
                self.hold(rest, rest.len());
                Ok(None)
            }
        }
    }

    /// Ends the snapshot.
    ///
    /// # Errors
    ///
    /// [`RecordErrorKind::Truncated`] if an effect was begun and not ended.
    pub fn finish(&self) -> Result<(), RecordError> {
        if self.handed_out || self.partial.is_empty() {
            return Ok(());
        }
        Err(RecordError { at: self.at + self.partial.len() as u64, kind: RecordErrorKind::Truncated })
    }

    /// Goes on with an unfinished effect. It takes no byte past what is known to be needed, so the effect ends
    /// where the buffer ends.
    fn complete(&mut self, rest: &mut &[u8]) -> Result<Option<Effect<'_>>, RecordError> {
        loop {
            let count = rest.len().min(self.need - self.partial.len());
            self.hold(rest, count);
            if self.partial.len() < self.need {
                return Ok(None);
            }
            match parse_effect(&self.partial) {
                Ok(_) => break,
                Err(stop) => self.need = self.judge(stop)?,
            }
        }
        self.handed_out = true;
        self.at += self.partial.len() as u64;
        // Read a second time, because the borrow of the first would outlast the loop. Once per cut, and cheap.
        Ok(parse_effect(&self.partial).ok().map(|(effect, _)| effect))
    }

    /// Copies `count` bytes of `rest`. Room doubles, never past `need`: it follows what came, not what was claimed.
    fn hold(&mut self, rest: &mut &[u8], count: usize) {
        let (bytes, after) = rest.split_at(count);
        let len = self.partial.len() + count;
        if len > self.partial.capacity() {
            let room = len.saturating_mul(2).max(PARTIAL_KEPT).min(self.need.max(len));
            self.partial.reserve_exact(room - self.partial.len());
        }
        self.partial.extend_from_slice(bytes);
        *rest = after;
    }

    /// How many bytes the effect needs, if it may have them.
    fn judge(&self, stop: Stop) -> Result<usize, RecordError> {
        match stop {
            Stop::Need(need) => self.allow(need).map(|()| need),
            Stop::Bad { at, kind } => Err(RecordError { at: self.at + at as u64, kind }),
        }
    }

    fn allow(&self, len: usize) -> Result<(), RecordError> {
        if len > self.effect_max {
            return Err(RecordError { at: self.at, kind: RecordErrorKind::Length });
        }
        Ok(())
    }
}
