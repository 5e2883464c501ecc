//! TCP, without Nagle's delay: the engine writes whole turns at once.

use std::io;

use tokio::net::{TcpListener, TcpStream};

use super::{BoxFuture, BoxTransport, Listener, Net};

/// The machine's own network.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tcp;

impl Net for Tcp {
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(addr).await?;
            let addr = listener.local_addr()?.to_string();
            Ok(Box::new(Listening { listener, addr }) as Box<dyn Listener>)
        })
    }

    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>> {
        Box::pin(async move { ready(TcpStream::connect(addr).await?) })
    }
}

struct Listening {
    listener: TcpListener,
    addr: String,
}

impl Listener for Listening {
    fn addr(&self) -> String {
        self.addr.clone()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.listener.accept().await?;
            Ok((ready(stream)?, peer.to_string()))
        })
    }
}

fn ready(stream: TcpStream) -> io::Result<BoxTransport> {
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}
