//! Replication links: a row each, read into its buffer, handed to the node frame by frame, written from its ring.
//!
//! States of a row: *reading* (until the node returns [`Next::Closed`]), *writing* (from
//! [`Event::WantsWrite`](towline_core::Event) until `consume` returns idle), gone (closed by the node, or lost).
//!
//! Invariants: a row exists exactly while the node counts its link id as busy. Between peek and consume nothing
//! happens.
//!
//! Bounds: a turn reads [`READ_BYTES`] and writes [`WRITE_BYTES`] of a link. The buffer grows as bytes come: for a
//! replica's bytes to the longest that a replica sends, for the upstream's to the longest frame and one read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;
use towline_core::{Config, Input, LinkId, More, Next, Side};

use super::replicated::ReplicatedStore;
use crate::connection::Buffer;
use crate::store::Store;
use crate::transport::BoxTransport;

/// The most read from one link in a turn. Bytes are acknowledged at a turn's end, and the upstream waits for that.
const READ_BYTES: usize = 256 << 10;
/// The most written to one link in a turn.
const WRITE_BYTES: usize = 1 << 20;
/// The first size of the upstream's buffer.
const UPSTREAM_ROOM: usize = 256 << 10;
/// The first size of a replica's buffer; its frames are short.
const REPLICA_ROOM: usize = 4 << 10;
/// The largest size of a replica's buffer.
const REPLICA_ROOM_MAX: usize = 64 << 10;

/// One replication connection.
pub(crate) struct LinkRow {
    id: LinkId,
    pub(crate) side: Side,
    /// Set once it was admitted: until then its end is not logged as news.
    pub(crate) joined: bool,
    transport: BoxTransport,
    waker: Waker,
    buffer: Buffer,
    room_max: usize,
    reading: bool,
    writing: bool,
    flushing: bool,
}

/// The result of a look at a row.
#[derive(Debug)]
pub(crate) enum Looked {
    /// It waits for its socket or for the node.
    Waits,
    /// It has more to do than one turn's share.
    More,
    /// The connection is gone, for this reason.
    Lost(String),
}

/// The most that the buffers of all links hold, in bytes.
pub(crate) fn buffer_bytes_max(config: &Config) -> u64 {
    let replicas = u64::from(config.link_ids() - 1) * REPLICA_ROOM_MAX as u64;
    replicas + upstream_room_max(config) as u64
}

/// Returns twice the longest frame, because a buffer doubles, and one read.
fn upstream_room_max(config: &Config) -> usize {
    let frame = config.frame_bytes_max().max(config.options().piece_bytes_max) as usize;
    2 * frame + UPSTREAM_ROOM
}

impl LinkRow {
    pub(crate) fn new(
        id: LinkId,
        side: Side,
        transport: BoxTransport,
        waker: Waker,
        config: &Config,
    ) -> Self {
        let (room, room_max) = match side {
            Side::Upstream => (UPSTREAM_ROOM, upstream_room_max(config)),
            Side::Downstream => (REPLICA_ROOM, REPLICA_ROOM_MAX),
        };
        let buffer = Buffer::new(room, room);
        Self {
            id,
            side,
            joined: false,
            transport,
            waker,
            buffer,
            room_max,
            reading: true,
            writing: false,
            flushing: false,
        }
    }

    /// Takes the connection out, to close it.
    pub(crate) fn into_transport(self) -> BoxTransport {
        self.transport
    }

    pub(crate) fn wants_write(&mut self) {
        self.writing = true;
    }

    /// Reads and handles a turn's share.
    pub(crate) fn read<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) -> Looked {
        let mut read = 0;
        // The node counts handled bytes as received, so nothing is handed over that the store would not take.
        if !self.buffer.unread().is_empty() && !self.useless(replicated) {
            self.feed(replicated);
        }
        while self.reading {
            if self.useless(replicated) {
                return Looked::Lost("the store here failed".to_owned());
            }
            if read >= READ_BYTES {
                self.waker.wake_by_ref();
                return Looked::More;
            }
            if !self.buffer.has_room(self.room_max) {
                return Looked::Lost("a frame longer than this side sends".to_owned());
            }
            let task = &mut Context::from_waker(&self.waker);
            match self.buffer.poll_read(task, &mut self.transport, self.room_max) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => return Looked::Lost("closed by the other side".to_owned()),
                Poll::Ready(Ok(bytes)) => read += bytes,
                Poll::Ready(Err(error)) => return Looked::Lost(super::upstream::plain(&error)),
            }
            self.feed(replicated);
        }
        Looked::Waits
    }

    /// Hands the unread bytes to the node, until it needs more. Called after every read: any byte is a sign of life.
    fn feed<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) {
        loop {
            let data = self.buffer.unread();
            let Ok(step) = replicated.say(Input::Bytes { link: self.id, data }) else {
                // The node closed the link in this very turn.
                self.reading = false;
                return;
            };
            replicated.receive(data, &step);
            self.buffer.consume(step.used);
            match step.next {
                Next::Again if !self.useless(replicated) => {}
                Next::Again | Next::NeedBytes => return,
                Next::Closed => {
                    self.reading = false;
                    return;
                }
            }
        }
    }

    /// Returns true if the upstream's bytes can no longer be applied.
    fn useless<S: Store>(&self, replicated: &ReplicatedStore<S>) -> bool {
        self.side == Side::Upstream && replicated.failed().is_some()
    }

    /// Writes a turn's share of the bytes that the node has for this link.
    pub(crate) fn write<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) -> Looked {
        let mut written = 0;
        while self.writing {
            if written >= WRITE_BYTES {
                return Looked::More;
            }
            match self.write_once(replicated) {
                Poll::Pending => return Looked::Waits,
                Poll::Ready(Ok(bytes)) => written += bytes,
                Poll::Ready(Err(error)) => return Looked::Lost(super::upstream::plain(&error)),
            }
        }
        if self.flushing {
            let task = &mut Context::from_waker(&self.waker);
            match Pin::new(&mut self.transport).poll_flush(task) {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => self.flushing = false,
                Poll::Ready(Err(error)) => return Looked::Lost(super::upstream::plain(&error)),
            }
        }
        Looked::Waits
    }

    /// Peeks, writes, consumes.
    fn write_once<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) -> Poll<io::Result<usize>> {
        let offer = replicated.node.peek_transmit(self.id);
        let mut bytes = 0;
        if !offer.is_empty() {
            let slices = offer.slices().map(IoSlice::new);
            let task = &mut Context::from_waker(&self.waker);
            bytes = std::task::ready!(Pin::new(&mut self.transport).poll_write_vectored(task, &slices))?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.flushing = true;
        }
        match replicated.node.consume(replicated.now, self.id, bytes) {
            Ok(More::More) => {}
            // Idle, or closed by the node in this very turn.
            Ok(More::Idle) | Err(_) => self.writing = false,
        }
        Poll::Ready(Ok(bytes))
    }
}
