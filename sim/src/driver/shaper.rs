//! A stream under the plan's link conditions: a connection whose bytes come late, in small parts, or not at all.
//!
//! It asks the [`Weather`] before every read and write and follows the answer. Both ends of a connection are shaped;
//! bytes that have arrived and are not due yet wait at the reader's end.
//!
//! Bounds: [`INBOX_BYTES`] wait here, the rest in the socket; the writer's window is in the weather.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;
use towline_driver::transport::BoxTransport;

use super::Environment;
use super::way::Reads;
use super::weather::{Weather, WireName, Writes};

/// The most bytes taken from the socket before they are due.
const INBOX_BYTES: usize = 256 << 10;
/// The most bytes taken from the socket at once.
const GULP_BYTES: usize = 16 << 10;

/// One end of a shaped connection.
pub(super) struct Shaper {
    base: BoxTransport,
    environment: Arc<dyn Environment>,
    weather: Arc<Weather>,
    name: WireName,
    /// 0: we dialled, 1: we accepted. It is also the way we write.
    end: usize,
    inbox: VecDeque<u8>,
    ended: bool,
    broken: Option<io::Error>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Shaper {
    pub(super) fn new(
        base: BoxTransport,
        environment: Arc<dyn Environment>,
        weather: Arc<Weather>,
        name: WireName,
        pair: Option<(usize, usize)>,
    ) -> Self {
        weather.attach(environment.now_us(), name, pair);
        let end = usize::from(pair.is_none());
        Self {
            base,
            environment,
            weather,
            name,
            end,
            inbox: VecDeque::new(),
            ended: false,
            broken: None,
            timer: None,
        }
    }

    /// Reads everything the socket has.
    fn fill(&mut self, task: &mut Context<'_>) {
        let mut gulp = [0; GULP_BYTES];
        while !self.ended && self.broken.is_none() && self.inbox.len() < INBOX_BYTES {
            let mut room = ReadBuf::new(&mut gulp);
            match Pin::new(&mut self.base).poll_read(task, &mut room) {
                Poll::Pending => break,
                Poll::Ready(Ok(())) if room.filled().is_empty() => self.ended = true,
                Poll::Ready(Ok(())) => self.inbox.extend(room.filled()),
                Poll::Ready(Err(error)) => self.broken = Some(error),
            }
        }
    }

    fn take(&mut self, bytes: usize, flip: Option<usize>, room: &mut ReadBuf<'_>) {
        for (place, byte) in self.inbox.drain(..bytes).enumerate() {
            let byte = if flip == Some(place) { byte ^ 1 } else { byte };
            room.put_slice(&[byte]);
        }
    }
}

impl AsyncRead for Shaper {
    fn poll_read(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            this.fill(task);
            let now_us = this.environment.now_us() + this.environment.grain_us();
            let has = (this.inbox.len(), this.ended || this.broken.is_some());
            let way = 1 - this.end;
            match this.weather.read(&this.name, way, has, room.remaining(), now_us, task.waker()) {
                Reads::Bytes(bytes, flip) => {
                    this.take(bytes, flip, room);
                    return Poll::Ready(Ok(()));
                }
                Reads::End => return Poll::Ready(this.broken.take().map_or(Ok(()), Err)),
                Reads::Reset => return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
                Reads::Nothing => return Poll::Pending,
                Reads::At(at_us) => {
                    let left = this.environment.lasts(at_us.saturating_sub(now_us).max(1));
                    let timer = this.timer.insert(Box::pin(tokio::time::sleep(left)));
                    if timer.as_mut().poll(task).is_pending() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }
}

impl AsyncWrite for Shaper {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if bytes.is_empty() {
            return Poll::Ready(Ok(0));
        }
        match this.weather.room(&this.name, this.end, bytes.len(), task.waker()) {
            Writes::Reset => Poll::Ready(Err(io::ErrorKind::ConnectionReset.into())),
            Writes::Nothing => Poll::Pending,
            Writes::Lost(most) => Poll::Ready(Ok(most)),
            Writes::Bytes(most) => {
                let written = std::task::ready!(Pin::new(&mut this.base).poll_write(task, &bytes[..most]))?;
                this.weather.wrote(&this.name, this.end, written, this.environment.now_us());
                Poll::Ready(Ok(written))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().base).poll_flush(task)
    }

    fn poll_shutdown(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().base).poll_shutdown(task)
    }
}

impl Drop for Shaper {
    fn drop(&mut self) {
        self.weather.detach(&self.name);
    }
}
