//! A WebSocket as a connection: the byte stream in binary messages, cut anywhere.
//!
//! Bounds: a message written holds up to [`MESSAGE_BYTES`]; a message read, which stands in memory whole, up to
//! [`MESSAGE_BYTES_MAX`], and a longer one ends the connection, as does a text message. The library answers pings.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Sink, Stream};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::BoxTransport;

#[cfg(test)]
mod tests;

/// The bytes written as one message: large enough to make its header negligible, small enough for a browser tab to
/// handle at once.
const MESSAGE_BYTES: usize = 64 << 10;
/// The longest message read. Replicas send short frames; a relay's upstream may send long ones.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// A connection through a WebSocket.
pub struct WebSocket {
    stream: WebSocketStream<BoxTransport>,
    unread: Bytes,
}

fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .max_write_buffer_size(2 * MESSAGE_BYTES_MAX)
}

impl WebSocket {
    /// Makes the server's end, after its answer to the handshake; `read` are the bytes that came behind the request.
    pub async fn accepted(transport: BoxTransport, read: Vec<u8>) -> Self {
        let stream =
            WebSocketStream::from_partially_read(transport, read, Role::Server, Some(config())).await;
        Self { stream, unread: Bytes::new() }
    }

    /// Makes the client's end: requests `url` (`ws://host:port/path`) over an open connection.
    ///
    /// # Errors
    /// The other side refuses, or is no web server.
    pub async fn connect(transport: BoxTransport, url: &str) -> io::Result<Self> {
        let asked = tokio_tungstenite::client_async_with_config(url, transport, Some(config())).await;
        let (stream, _) = asked.map_err(plain)?;
        Ok(Self { stream, unread: Bytes::new() })
    }

    /// Waits for the next bytes: empty at the end.
    fn poll_bytes(&mut self, task: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        loop {
            match ready!(Pin::new(&mut self.stream).poll_next(task)) {
                Some(Ok(Message::Binary(bytes))) if bytes.is_empty() => {}
                Some(Ok(Message::Binary(bytes))) => return Poll::Ready(Ok(bytes)),
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Text(_))) => {
                    let why = "a text message where bytes are spoken";
                    return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, why)));
                }
                None | Some(Ok(Message::Close(_)) | Err(Error::ConnectionClosed)) => {
                    return Poll::Ready(Ok(Bytes::new()));
                }
                Some(Err(error)) => return Poll::Ready(Err(plain(error))),
            }
        }
    }
}

impl AsyncRead for WebSocket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        room: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.unread.is_empty() {
            self.unread = ready!(self.poll_bytes(task))?;
        }
        let count = self.unread.len().min(room.remaining());
        room.put_slice(&self.unread[..count]);
        self.unread.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(self: Pin<&mut Self>, task: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(task, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        task: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(Pin::new(&mut self.stream).poll_ready(task)).map_err(plain)?;
        let offered = slices.iter().map(|slice| slice.len()).sum::<usize>();
        let mut message = BytesMut::with_capacity(offered.min(MESSAGE_BYTES));
        for slice in slices {
            let room = MESSAGE_BYTES - message.len();
            message.extend_from_slice(&slice[..slice.len().min(room)]);
        }
        let count = message.len();
        if count > 0 {
            let message = Message::Binary(message.freeze());
            Pin::new(&mut self.stream).start_send(message).map_err(plain)?;
        }
        Poll::Ready(Ok(count))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(task).map_err(plain)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.stream).poll_close(task)) {
            // The other side closed first.
            Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Poll::Ready(Ok(())),
            Err(error) => Poll::Ready(Err(plain(error))),
        }
    }
}

/// Converts a library error into an IO error.
fn plain(error: Error) -> io::Error {
    if let Error::Io(error) = error {
        return error;
    }
    let gone = matches!(error, Error::ConnectionClosed | Error::AlreadyClosed);
    let kind = if gone { io::ErrorKind::ConnectionAborted } else { io::ErrorKind::InvalidData };
    io::Error::new(kind, error)
}
