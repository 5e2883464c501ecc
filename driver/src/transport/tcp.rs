//! TCP, without Nagle's delay: the engine writes whole turns at once.
//!
//! A peer that vanishes (a cable pulled, a machine that lost power) is noticed by keepalive, on every connection,
//! accepted or dialled. After that long in silence the system probes three times, a third of the time apart.

use std::io;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};

use super::{BoxFuture, BoxTransport, Listener, Net};

/// The unanswered probes that end a connection.
const PROBES: u32 = 3;

/// The machine's own network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp {
    keepalive: Option<Duration>,
}

impl Tcp {
    /// Makes the machine's own network, with keepalive after so long in silence; a system counts whole seconds.
    #[must_use]
    pub const fn with_keepalive(keepalive: Option<Duration>) -> Self {
        Self { keepalive }
    }

    fn ready(self, stream: TcpStream) -> io::Result<BoxTransport> {
        stream.set_nodelay(true)?;
        if let Some(silence) = self.keepalive {
            let second = Duration::from_secs(1);
            let keepalive = TcpKeepalive::new()
                .with_time(silence.max(second))
                .with_interval((silence / PROBES).max(second))
                .with_retries(PROBES);
            SockRef::from(&stream).set_tcp_keepalive(&keepalive)?;
        }
        Ok(Box::new(stream))
    }
}

impl Net for Tcp {
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(addr).await?;
            let addr = listener.local_addr()?.to_string();
            Ok(Box::new(Listening { tcp: *self, listener, addr }) as Box<dyn Listener>)
        })
    }

    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>> {
        Box::pin(async move { self.ready(TcpStream::connect(addr).await?) })
    }
}

struct Listening {
    tcp: Tcp,
    listener: TcpListener,
    addr: String,
}

impl Listener for Listening {
    fn addr(&self) -> String {
        self.addr.clone()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, String)>> {
        Box::pin(async move {
            loop {
                let (stream, peer) = self.listener.accept().await?;
                // A connection that rejects an option is gone already.
                if let Ok(transport) = self.tcp.ready(stream) {
                    return Ok((transport, peer.to_string()));
                }
            }
        })
    }
}
