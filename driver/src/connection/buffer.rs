//! The bytes that a connection received and that are not used yet.
//!
//! Invariant: `at <= end <= bytes.len()`; unread bytes are `at..end`. It grows only when it is full, so a peer that
//! announces much and sends little takes little memory; it shrinks when a large frame has gone. A busy connection fills
//! the buffer, and may then keep twice as much, up to `busy`; a quiet one falls back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use crate::transport::BoxTransport;

/// Unread bytes of one connection.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    at: usize,
    end: usize,
    /// The room that an empty buffer keeps: between these two.
    kept: usize,
    quiet: usize,
    busy: usize,
}

impl Buffer {
    /// Makes an empty buffer that keeps between `quiet` and `busy` bytes of room.
    #[must_use]
    pub fn new(quiet: usize, busy: usize) -> Self {
        Self { bytes: Vec::new(), at: 0, end: 0, kept: quiet, quiet, busy }
    }

    /// Returns the unread bytes.
    #[must_use]
    pub fn unread(&self) -> &[u8] {
        &self.bytes[self.at..self.end]
    }

    /// Drops bytes at the front.
    pub fn consume(&mut self, used: usize) {
        debug_assert!(used <= self.end - self.at, "only what was read is consumed");
        self.at = (self.at + used).min(self.end);
        if self.at == self.end {
            (self.at, self.end) = (0, 0);
            if self.bytes.len() > self.kept {
                self.bytes = Vec::new();
            }
        }
    }

    /// Returns the bytes of memory it takes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Gives back all room, if nothing is unread.
    pub fn release(&mut self) {
        if self.at == self.end {
            *self = Self::new(self.quiet, self.busy);
        }
    }

    /// Makes room at the end: moves what is unread to the front, and doubles when it is full.
    fn make_room(&mut self, room_max: usize) {
        let outgrown = self.end == 0 && self.bytes.len() < self.kept;
        if self.end < self.bytes.len() && !outgrown {
            return;
        }
        if self.at > 0 {
            self.bytes.copy_within(self.at..self.end, 0);
            (self.at, self.end) = (0, self.end - self.at);
        }
        // A buffer that is half full after the move is not moved: else every read would move.
        if self.end * 2 >= self.bytes.len() {
            let room = (self.bytes.len() * 2).clamp(self.kept.min(room_max), room_max.max(self.bytes.len()));
            self.bytes.resize(room, 0);
        }
    }

    /// Returns true if a read would find room within this bound.
    #[must_use]
    pub fn has_room(&self, room_max: usize) -> bool {
        self.end - self.at < room_max.max(self.bytes.len())
    }

    /// Reads once, growing to at most `room_max` bytes. Ready with 0 at the stream's end, or when it has no room.
    ///
    /// # Errors
    /// The transport's own.
    pub fn poll_read(
        &mut self,
        task: &mut Context<'_>,
        transport: &mut BoxTransport,
        room_max: usize,
    ) -> Poll<io::Result<usize>> {
        self.make_room(room_max);
        let mut room = ReadBuf::new(&mut self.bytes[self.end..]);
        ready!(Pin::new(transport).poll_read(task, &mut room))?;
        let (read, room) = (room.filled().len(), room.capacity());
        self.end += read;
        debug_assert!(self.at <= self.end && self.end <= self.bytes.len());
        if read == room && self.bytes.len() == self.kept {
            self.kept = (self.kept * 2).min(self.busy);
        } else if read < self.kept / 8 {
            self.kept = (self.kept / 2).max(self.quiet);
        }
        Poll::Ready(Ok(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(buffer: &mut Buffer, transport: &mut BoxTransport, room_max: usize) -> Poll<io::Result<usize>> {
        buffer.poll_read(&mut Context::from_waker(std::task::Waker::noop()), transport, room_max)
    }

    #[test]
    fn it_grows_as_bytes_come_and_gives_back_what_a_large_frame_took() {
        let mut transport: BoxTransport = Box::new(tokio_cursor(&[7; 1000]));
        let mut buffer = Buffer::new(64, 64);
        assert_eq!(buffer.capacity(), 0);
        let mut total = 0;
        while let Poll::Ready(Ok(read)) = read(&mut buffer, &mut transport, 4096) {
            if read == 0 {
                break;
            }
            total += read;
            assert!(buffer.capacity() <= 2 * total.max(64));
        }
        assert_eq!(buffer.unread(), [7; 1000]);
        buffer.consume(999);
        assert_eq!(buffer.unread().len(), 1);
        buffer.consume(1);
        assert_eq!(buffer.capacity(), 0, "more than it keeps is given back");
    }

    #[test]
    fn it_never_grows_past_its_bound() {
        let mut transport: BoxTransport = Box::new(tokio_cursor(&[7; 1000]));
        let mut buffer = Buffer::new(64, 64);
        while buffer.has_room(128) {
            assert!(matches!(read(&mut buffer, &mut transport, 128), Poll::Ready(Ok(1..))));
        }
        assert_eq!(buffer.unread().len(), 128);
        assert_eq!(buffer.capacity(), 128);
    }

    fn tokio_cursor(bytes: &[u8]) -> io::Cursor<Vec<u8>> {
        io::Cursor::new(bytes.to_vec())
    }
}
