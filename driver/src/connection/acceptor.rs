//! Connections that come in at a listener, as fast as the engine takes them.
//!
//! No connection waits in the system's queue: one that finds no room is accepted, given the reason, and closed; where
//! the process has no descriptor left, a spare one is given up for it.
//!
//! Each connection counts against the listener's room from its acceptance until it is closed.
//!
//! Bounds: [`Acceptor::REFUSED_MAX`] connections at a time get the reason and time to read it; further ones get only
//! the text that their socket takes at once.

use std::fs::File;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use crate::transport::{BoxTransport, Listener};

/// The wait before a failed accept is tried again, and the time for a text to leave.
const AGAIN: Duration = Duration::from_millis(50);
/// The time for the other side to close, after it was told that there is no room.
const LINGER: Duration = Duration::from_secs(1);

/// The texts for connections that cannot stay.
#[derive(Debug, Clone, Default)]
pub struct Refusals {
    /// The number of connections is at its bound.
    pub full: Vec<u8>,
    /// The process has no file descriptor left.
    pub no_descriptor: Vec<u8>,
}

/// Accepts the connections of one listener.
#[derive(Debug)]
pub struct Acceptor {
    room: Arc<Semaphore>,
    /// Without them a connection is closed with no text.
    refusals: Option<Refusals>,
    spare: Option<Spare>,
}

impl Acceptor {
    /// Connections that get the reason and time to read it, at the same time.
    pub const REFUSED_MAX: usize = 4;

    /// Makes an acceptor for as many connections at a time as `room` has permits. `is_scarce` keeps one descriptor
    /// aside for the moment when the process has no other.
    #[must_use]
    pub fn new(room: Arc<Semaphore>, refusals: Option<Refusals>, is_scarce: bool) -> Self {
        Self { room, refusals, spare: is_scarce.then(Spare::new) }
    }

    /// Delivers every connection, with its peer's address, until `deliver` returns false.
    pub async fn accept<F: Future<Output = bool> + Send>(
        mut self,
        mut listener: Box<dyn Listener>,
        mut deliver: impl FnMut(BoxTransport, String) -> F + Send,
    ) {
        let mut logged = String::new();
        let mut refused = JoinSet::new();
        loop {
            while refused.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((transport, peer)) => match timeout(AGAIN, Arc::clone(&self.room).acquire_owned()).await {
                    Ok(Ok(permit)) => {
                        let transport = Box::new(Counted { transport, _permit: permit });
                        if !deliver(transport, peer).await {
                            return;
                        }
                        logged.clear();
                        // The event for which the spare was given up may have left no descriptor to reopen it.
                        self.spare.as_mut().map(Spare::keep);
                    }
                    // No connection closes in that time.
                    Ok(Err(_)) | Err(_) => {
                        let line = format!("{}: no room for a connection from {peer}", listener.addr());
                        note(&mut logged, line, &peer);
                        self.refuse(&mut refused, transport).await;
                    }
                },
                Err(error) => {
                    let line = format!("{}: cannot accept a connection: {error}", listener.addr());
                    note(&mut logged, line, "");
                    if is_out_of_descriptors(&error) {
                        self.refuse_one(&mut *listener).await;
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Refuses the connection that has waited longest, with the descriptor that is kept for this.
    async fn refuse_one(&mut self, listener: &mut dyn Listener) {
        let Some(spare) = &mut self.spare else { return };
        if !spare.give_up() {
            return;
        }
        if let Ok(Ok((transport, _))) = timeout(AGAIN, listener.accept()).await {
            let text = self.refusals.as_ref().map(|texts| texts.no_descriptor.clone());
            say(transport, text.unwrap_or_default(), AGAIN).await;
        }
        spare.keep();
    }

    /// Sends a connection the reason, on a task of its own while few are refused.
    async fn refuse(&self, refused: &mut JoinSet<()>, transport: BoxTransport) {
        let Some(texts) = &self.refusals else { return };
        if refused.len() < Self::REFUSED_MAX {
            refused.spawn(say(transport, texts.full.clone(), LINGER));
        } else {
            say(transport, texts.full.clone(), Duration::ZERO).await;
        }
    }
}

/// Logs a line unless it equals the last one; `peer` is the part that is not compared.
fn note(logged: &mut String, line: String, peer: &str) {
    let cause = line.strip_suffix(peer).unwrap_or(&line);
    if logged != cause {
        cause.clone_into(logged);
        warn!("{line}");
    }
}

/// Writes a text and ends the connection; reads for `linger`, because unread bytes would reset it before the text
/// arrives.
async fn say(mut transport: BoxTransport, text: Vec<u8>, linger: Duration) {
    let leave = async {
        transport.write_all(&text).await?;
        transport.shutdown().await
    };
    if matches!(timeout(AGAIN, leave).await, Ok(Ok(()))) {
        let mut scrap = [0; 512];
        let end = async { while matches!(transport.read(&mut scrap).await, Ok(1..)) {} };
        timeout(linger, end).await.ok();
    }
}

/// Returns true if the process, or the system, has no file descriptor left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    // EMFILE and ENFILE, which have these numbers on every Unix.
    matches!(error.raw_os_error(), Some(24 | 23))
}

/// A descriptor that is kept to be given up when there is no other.
#[derive(Debug)]
struct Spare(Option<File>);

impl Spare {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Gives up the descriptor; returns true if there was one.
    fn give_up(&mut self) -> bool {
        self.0.take().is_some()
    }

    /// Opens it again if it was given up.
    fn keep(&mut self) {
        if self.0.is_none() {
            *self = Self::new();
        }
    }
}

/// A connection that counts until it is dropped.
struct Counted {
    transport: BoxTransport,
    _permit: OwnedSemaphorePermit,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_read(task, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write(task, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_flush(task)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.transport).poll_shutdown(task)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.transport).poll_write_vectored(task, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.transport.is_write_vectored()
    }
}
