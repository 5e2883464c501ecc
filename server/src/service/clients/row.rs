//! One client's connection: requests in, replies out, and its wait.
//!
//! States: *open*, *waiting* (for replicas: WAIT), *retrying* (its write must wait a moment), *asking* (an address it
//! wants to follow is being checked), *ending* (closed once its replies are out). Only an open client is read.
//!
//! Bounds: a client whose unsent replies reach [`OUT_BYTES`] is not read or run until they are gone; one reply may be
//! longer. The total of all clients is bounded in [`super::pressure`]. A turn runs it at most [`RUNS`] times and reads
//! at most [`READ_BYTES`].

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::AsyncWrite;
use towline_core::{EpochOffset, Level, Span, Time};

use crate::command::{ClientUsage, Outcome, Ran, Session, Then};
use crate::service::context::CommandContext;
use towline_driver::connection::Buffer;
use towline_driver::transport::BoxTransport;

/// Unsent replies that stop a client's requests.
const OUT_BYTES: usize = 256 << 10;
/// The capacity that a reply buffer keeps when it is empty.
const OUT_KEPT: usize = 64 << 10;
/// The time for which the peak of a reply buffer is reported.
const PEAK_SPAN: Span = Span::from_secs(5);
/// The most read from one client in a turn.
const READ_BYTES: usize = 256 << 10;
/// The most runs of one client in a turn.
const RUNS: u32 = 4;
/// The first size of an input buffer, and the size that a busy client's keeps.
pub(super) const ROOM: usize = 16 << 10;
const ROOM_BUSY: usize = 256 << 10;

/// The wait of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// No wait: it is read and run.
    Open,
    /// A wait for replicas, or the disk, to reach a record.
    Waiting(Wait),
    /// A wait for a moment in which writes are possible.
    Retrying,
    /// A wait for an address to be checked.
    Asking,
    /// A wait for its replies to be sent, before it is closed.
    Ending,
}

/// The parameters of WAIT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wait {
    pub(super) level: Level,
    pub(super) record: EpochOffset,
    pub(super) replicas: u32,
    pub(super) own: bool,
    pub(super) until: Option<Time>,
}

/// One client.
pub(super) struct Row {
    pub(super) id: u64,
    pub(super) session: Session,
    pub(super) state: State,
    pub(super) out: Vec<u8>,
    /// Its place among the clients that wait to write; kept until it has written.
    pub(super) ticket: Option<u64>,
    transport: BoxTransport,
    waker: Waker,
    buffer: Buffer,
    sent: usize,
    /// The most bytes of replies at a time, and since when.
    peak: (usize, Time),
    /// Bytes written since they were last counted.
    pub(super) wrote: u64,
    flushing: bool,
    /// Set while it is not run because its replies are not sent.
    stalled: bool,
    /// The time at which its last byte came or went.
    pub(super) moved: Time,
    /// Set while it is being closed and has some time to receive its replies.
    pub(super) lingers: bool,
    need: usize,
    room_max: usize,
}

/// The result of a look at a client.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// It waits for its socket, or for the end of its wait.
    Waits,
    /// It has more to do than one turn's share.
    More,
    /// It needs more memory than all clients together have left.
    Full,
    /// It has a request that only the engine can execute.
    Wants(Outcome),
    /// The connection is gone.
    Gone,
}

impl Row {
    pub(super) fn new(
        id: u64,
        session: Session,
        transport: BoxTransport,
        waker: Waker,
        request_max: u32,
        now: Time,
    ) -> Self {
        let buffer = Buffer::new(ROOM, ROOM_BUSY);
        let room_max = 2 * request_max as usize + ROOM_BUSY;
        Self {
            id,
            session,
            state: State::Open,
            out: Vec::new(),
            ticket: None,
            transport,
            waker,
            buffer,
            sent: 0,
            peak: (0, now),
            wrote: 0,
            flushing: false,
            stalled: false,
            moved: now,
            lingers: false,
            need: 1,
            room_max,
        }
    }

    /// Returns the bytes of its buffers.
    pub(super) fn bytes(&self) -> u64 {
        (self.buffer.capacity() + self.out.capacity() + self.session.bytes()) as u64
    }

    /// Returns the bytes of replies that are not sent yet.
    pub(super) fn untaken(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Returns true if there is something to write.
    pub(super) fn owes(&self) -> bool {
        self.untaken() > 0 || self.flushing || self.state == State::Ending
    }

    /// Goes on once its replies are sent, if it was stopped for that.
    pub(super) fn unstall(&mut self) {
        if std::mem::take(&mut self.stalled) {
            self.wake();
        }
    }

    /// Queues it for the next turn.
    pub(super) fn wake(&self) {
        self.waker.wake_by_ref();
    }

    /// Takes the connection out, to close it; unsent replies are lost.
    pub(super) fn into_transport(self) -> BoxTransport {
        self.transport
    }

    /// Drops its replies, because it is being closed.
    pub(super) fn drop_replies(&mut self) {
        (self.out, self.sent) = (Vec::new(), 0);
        self.state = State::Ending;
    }

    /// Returns true if the client waits for a reply, and would read the next bytes as that reply.
    pub(super) fn awaits_a_reply(&self) -> bool {
        let asked = match self.state {
            State::Open => !self.buffer.unread().is_empty(),
            State::Waiting(_) | State::Retrying | State::Asking => true,
            State::Ending => false,
        };
        asked && self.untaken() == 0 && !self.session.client().is_muted()
    }

    /// Returns true if a request has begun and needs more bytes.
    pub(super) fn is_unfinished(&self) -> bool {
        let unread = self.buffer.unread().len();
        unread > 0 && unread < self.need && self.untaken() == 0
    }

    /// Returns the bytes by which its buffers would grow.
    pub(super) fn growth(&self) -> u64 {
        self.buffer.capacity().max(ROOM) as u64
    }

    /// Returns the usage that other clients see.
    pub(super) fn usage(&self) -> ClientUsage {
        let unread = self.buffer.unread().len();
        ClientUsage {
            unread,
            unread_free: self.buffer.capacity() - unread,
            untaken: self.untaken(),
            reply_room: self.out.capacity(),
            reply_peak: self.peak.0,
            total: usize::try_from(self.bytes()).unwrap_or(usize::MAX) + size_of::<Self>(),
            waits: matches!(self.state, State::Waiting(_) | State::Retrying | State::Asking),
            ends: self.state == State::Ending,
            ..self.session.usage()
        }
    }

    /// Runs the requests that came and reads more, a turn's share.
    pub(super) fn look(&mut self, context: &mut CommandContext<'_>) -> Came {
        let (mut runs, mut read) = (0, 0);
        while self.state == State::Open && self.untaken() < OUT_BYTES {
            if self.buffer.unread().len() >= self.need {
                if runs == RUNS || context.replicated.turn_is_full() {
                    return Came::More;
                }
                runs += 1;
                if let Some(outcome) = self.run(context) {
                    return Came::Wants(outcome);
                }
                continue;
            }
            if read >= READ_BYTES {
                return Came::More;
            }
            // The rest of the memory for all clients is what this one's requests may take.
            let left = usize::try_from(context.clients.bytes_left()).unwrap_or(usize::MAX);
            let room = left.saturating_sub(self.out.capacity() + self.session.bytes()).min(self.room_max);
            if !self.buffer.has_room(room) {
                return Came::Full;
            }
            let task = &mut Context::from_waker(&self.waker);
            match self.buffer.poll_read(task, &mut self.transport, room) {
                Poll::Pending => {
                    self.buffer.release();
                    break;
                }
                Poll::Ready(Ok(0)) => self.state = State::Ending,
                Poll::Ready(Ok(bytes)) => {
                    read += bytes;
                    context.clients.counters.client_bytes.0 += bytes as u64;
                    self.moved = context.replicated.now();
                }
                Poll::Ready(Err(_)) => return Came::Gone,
            }
        }
        self.stalled = self.state == State::Open && self.untaken() >= OUT_BYTES;
        if self.left() { Came::Gone } else { Came::Waits }
    }

    /// Returns true if a client that waits has gone meanwhile.
    fn left(&mut self) -> bool {
        match self.state {
            State::Open | State::Ending => return false,
            State::Waiting(_) | State::Retrying | State::Asking => {}
        }
        while self.buffer.unread().len() < ROOM {
            let task = &mut Context::from_waker(&self.waker);
            match self.buffer.poll_read(task, &mut self.transport, self.room_max) {
                Poll::Pending => return false,
                Poll::Ready(Ok(1..)) => {}
                Poll::Ready(Ok(0) | Err(_)) => return true,
            }
        }
        false
    }

    /// Executes the requests that came; returns one that only the engine can execute.
    fn run(&mut self, context: &mut CommandContext<'_>) -> Option<Outcome> {
        context.own = self.usage();
        let Ran { used, commands, steps, then } =
            self.session.run(self.buffer.unread(), context, &mut self.out);
        self.buffer.consume(used);
        context.clients.counters.commands += u64::from(commands);
        context.replicated.spend(steps);
        self.need = 1;
        match then {
            Then::NeedBytes { need } => {
                self.need = need;
                None
            }
            Then::Again => None,
            Then::Do(outcome) => Some(outcome),
        }
    }

    /// Writes replies. Ready when all are sent.
    pub(super) fn write(&mut self, now: Time) -> Poll<io::Result<()>> {
        if now.since(self.peak.1) > PEAK_SPAN {
            self.peak = (0, now);
        }
        self.peak.0 = self.peak.0.max(self.out.len());
        let task = &mut Context::from_waker(&self.waker);
        while self.untaken() > 0 {
            let wrote = Pin::new(&mut self.transport).poll_write(task, &self.out[self.sent..]);
            let bytes = std::task::ready!(wrote)?;
            if bytes == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            (self.sent, self.flushing) = (self.sent + bytes, true);
            self.wrote += bytes as u64;
            self.moved = now;
        }
        self.sent = 0;
        self.out.clear();
        if self.out.capacity() > OUT_KEPT {
            self.out = Vec::new();
        }
        std::task::ready!(Pin::new(&mut self.transport).poll_flush(task))?;
        self.flushing = false;
        Poll::Ready(Ok(()))
    }
}
