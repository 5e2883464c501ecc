//! Connections, and the nets that make them: the seam between the engine and the world.
//!
//! The engine only sees [`Transport`]s. A [`Net`] makes them, by listening and by dialling; TCP ([`Tcp`]) is the usual
//! one, an in-process net ([`MemoryNet`]) serves tests, a simulator has its own. A wrapper of a stream is a
//! [`Transport`] around another: a browser connects through a [`WebSocket`].

mod memory;
mod tcp;
mod websocket;

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;

use tokio::io::{AsyncRead, AsyncWrite};

pub use memory::MemoryNet;
pub use tcp::Tcp;
pub use websocket::WebSocket;

/// A connection: bytes in order, both ways.
pub trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

/// Any connection.
pub type BoxTransport = Box<dyn Transport>;

/// A future that may be driven by another task.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Makes connections.
pub trait Net: Send + Sync {
    /// Begins to listen at an address; port 0 takes a free one.
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>>;
    /// Returns whether an address to listen at can be reached from this machine alone. Without a password, no other
    /// address is listened on unless the operator allows it.
    fn is_private(&self, addr: &str) -> bool {
        is_loopback(addr)
    }
    /// Connects to an address.
    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>>;
}

/// Returns whether an address names this machine to itself: a loopback address, or `localhost`. Other names are not
/// looked up.
pub fn is_loopback(addr: &str) -> bool {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// Accepts connections.
pub trait Listener: Send {
    /// Returns the address others connect to: never port 0.
    fn addr(&self) -> String;
    /// Waits for the next connection, and returns its peer's address too. May be dropped and called again.
    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, String)>>;
}
