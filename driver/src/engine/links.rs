//! Replication links: a row each, read into its buffer, handed to the node frame by frame, written from its ring.
//!
//! States of a row: *reading* (until the node says [`Next::Closed`]), *writing* (from
//! [`Event::WantsWrite`](towline_core::Event) until `consume` answers dry), gone (told closed, or lost).
//!
//! Invariants: a row exists exactly while the node counts its link id as busy. Between peek and consume nothing
//! happens.
//!
//! Bounds: a turn reads [`READ_BYTES`] and writes [`WRITE_BYTES`] of a link. The buffer grows as bytes come: on a
//! replica's side to what a replica may say, on the upstream's to the longest frame and one read.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;
use towline_core::{Config, Input, LinkId, More, Next, Side};

use super::replicated::ReplicatedStore;
use crate::connection::Buffer;
use crate::store::Store;
use crate::transport::BoxTransport;

/// Read from one link in a turn. What a replica took is said at a turn's end, and its upstream waits for that.
const READ_BYTES: usize = 256 << 10;
/// Written to one link in a turn.
const WRITE_BYTES: usize = 1 << 20;
/// What the upstream's buffer begins with.
const UPSTREAM_ROOM: usize = 256 << 10;
/// What a replica's buffer begins with; it says short things only.
const REPLICA_ROOM: usize = 4 << 10;
/// And what it may grow to.
const REPLICA_ROOM_MAX: usize = 64 << 10;

/// One replication connection.
pub(crate) struct LinkRow {
    id: LinkId,
    pub(crate) side: Side,
    /// It was admitted: until then its end is nobody's news.
    pub(crate) joined: bool,
    transport: BoxTransport,
    waker: Waker,
    buffer: Buffer,
    room_max: usize,
    reading: bool,
    writing: bool,
    flushing: bool,
}

/// How a look at a row ended.
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

/// The longest frame, twice, because a buffer doubles; and one read.
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

    /// The connection, for its last moments.
    pub(crate) fn into_transport(self) -> BoxTransport {
        self.transport
    }

    pub(crate) fn wants_write(&mut self) {
        self.writing = true;
    }

    /// Reads and feeds a turn's share.
    pub(crate) fn read<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) -> Looked {
        let mut read = 0;
        // What the node is told it counts as received, so nothing is fed that the store would not take.
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

    /// Hands the node what is unread, until it needs more. Said after every read: any byte is a sign of life.
    fn feed<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) {
        loop {
            let data = self.buffer.unread();
            let Ok(step) = replicated.say(Input::Bytes { link: self.id, data }) else {
                // Told closed in this very turn.
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

    /// What an upstream sends has nowhere to go any more.
    fn useless<S: Store>(&self, replicated: &ReplicatedStore<S>) -> bool {
        self.side == Side::Upstream && replicated.failed().is_some()
    }

    /// Writes a turn's share of what the node has on offer.
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

    /// Peek, write, consume.
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
            // Dry, or told closed in this very turn.
            Ok(More::Idle) | Err(_) => self.writing = false,
        }
        Poll::Ready(Ok(bytes))
    }
}
