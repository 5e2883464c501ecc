//! The net a server is given: nodes have names (`n0`, `n1`, ...) and two ports, and the connections between them are
//! shaped.
//!
//! A name stays the same when a process starts anew and the substrate gives it another address. Clients' connections
//! are not shaped: a plan's faults lie between nodes only.

use std::io;
use std::sync::Arc;

use towline_driver::transport::{BoxFuture, BoxTransport, Listener, Net};

use super::shaper::Shaper;
use super::weather::{Gate, Weather};
use super::{Door, Environment, Planted};

/// The port that clients connect to.
pub(super) const CLIENTS: u16 = 7000;
/// The port that replicas connect to.
pub(super) const REPLICAS: u16 = 7100;

/// Returns the name and port of a node as an address to dial.
pub(super) fn name(node: usize, port: u16) -> String {
    format!("n{node}:{port}")
}

/// Returns the node and the port that an address means.
fn meant(name: &str) -> Option<(usize, u16)> {
    let (node, port) = name.strip_prefix('n')?.split_once(':')?;
    Some((node.parse().ok()?, port.parse().ok()?))
}

/// One node's view of the net.
pub(crate) struct PlanNet {
    pub(crate) environment: Arc<dyn Environment>,
    pub(crate) weather: Arc<Weather>,
    pub(crate) node: usize,
    /// The planted bug.
    pub(crate) planted: Planted,
}

impl Net for PlanNet {
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let (node, port) = meant(addr).ok_or(io::ErrorKind::AddrNotAvailable)?;
            let (door, at) = self.environment.bind(node, port).await?;
            self.weather.listens(node, port, at);
            if self.planted == Planted::Panic {
                tokio::spawn(async { panic!("planted") });
            }
            let (environment, weather) = (Arc::clone(&self.environment), Arc::clone(&self.weather));
            let shaped = port == REPLICAS;
            Ok(Box::new(Listening { door, at, name: addr.to_owned(), shaped, environment, weather })
                as Box<dyn Listener>)
        })
    }

    fn is_private(&self, _: &str) -> bool {
        true
    }

    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>> {
        Box::pin(async move {
            let (peer, port) = meant(addr).ok_or(io::ErrorKind::AddrNotAvailable)?;
            let peer = if self.planted == Planted::OldAddress { 0 } else { peer };
            loop {
                let changed = self.weather.changed();
                match self.weather.gate(self.node, peer) {
                    Gate::Open => break,
                    Gate::Hangs => changed.await,
                    Gate::Refuses => return Err(io::ErrorKind::ConnectionRefused.into()),
                }
            }
            let at = self.weather.address(peer, port).ok_or(io::ErrorKind::ConnectionRefused)?;
            let (base, from) = self.environment.connect(at).await?;
            let (environment, weather) = (Arc::clone(&self.environment), Arc::clone(&self.weather));
            Ok(Box::new(Shaper::new(base, environment, weather, (from, at), Some((self.node, peer))))
                as BoxTransport)
        })
    }
}

struct Listening {
    door: Box<dyn Door>,
    at: std::net::SocketAddr,
    name: String,
    shaped: bool,
    environment: Arc<dyn Environment>,
    weather: Arc<Weather>,
}

impl Listener for Listening {
    fn addr(&self) -> String {
        self.name.clone()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, String)>> {
        Box::pin(async move {
            let (base, from) = self.door.accept().await?;
            if !self.shaped {
                return Ok((base, from.to_string()));
            }
            let (environment, weather) = (Arc::clone(&self.environment), Arc::clone(&self.weather));
            let shaper = Shaper::new(base, environment, weather, (from, self.at), None);
            Ok((Box::new(shaper) as BoxTransport, from.to_string()))
        })
    }
}
