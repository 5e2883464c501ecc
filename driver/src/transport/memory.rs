//! A net inside one process: addresses are names, connections are pipes with a task between their ends.
//!
//! Tests act on that task: [`MemoryNet::cut`] ends the connections to an address as a broken cable would, and
//! [`MemoryNet::block`] refuses dials to it until [`MemoryNet::unblock`].
//!
//! Bounds: [`PIPE_BYTES`] wait in each direction of each half of a connection; a listener holds [`BACKLOG`] connections
//! that are not accepted yet.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{DuplexStream, copy_bidirectional, duplex};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{BoxFuture, BoxTransport, Listener, Net};

/// The bytes that a pipe holds.
const PIPE_BYTES: usize = 64 << 10;
/// Connections made and not yet accepted.
const BACKLOG: usize = 64;

/// A net of named addresses. Clones are the same net.
#[derive(Debug, Clone, Default)]
pub struct MemoryNet {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    listeners: BTreeMap<String, mpsc::Sender<(DuplexStream, String)>>,
    blocked: BTreeSet<String>,
    pumps: Vec<(String, AbortHandle)>,
    names: u64,
}

impl MemoryNet {
    /// Makes an empty net.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends every connection to an address: both sides read an end. Returns how many there were.
    pub fn cut(&self, addr: &str) -> usize {
        let mut shared = self.lock();
        let mut cut = 0;
        shared.pumps.retain(|(to, pump)| {
            let hit = to == addr && !pump.is_finished();
            if hit {
                pump.abort();
                cut += 1;
            }
            !hit && !pump.is_finished()
        });
        cut
    }

    /// Refuses every new connection to an address.
    pub fn block(&self, addr: &str) {
        self.lock().blocked.insert(addr.to_owned());
    }

    /// Ends [`block`](Self::block).
    pub fn unblock(&self, addr: &str) {
        self.lock().blocked.remove(addr);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn name(&self, addr: &str) -> String {
        let Some(stem) = addr.strip_suffix(":0") else { return addr.to_owned() };
        let mut shared = self.lock();
        shared.names += 1;
        format!("{stem}:{}", shared.names)
    }
}

impl Net for MemoryNet {
    fn listen<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let addr = self.name(addr);
            let (sender, taken) = mpsc::channel(BACKLOG);
            let mut shared = self.lock();
            if shared.listeners.get(&addr).is_some_and(|listener| !listener.is_closed()) {
                return Err(io::ErrorKind::AddrInUse.into());
            }
            shared.listeners.insert(addr.clone(), sender);
            Ok(Box::new(Listening { addr, taken }) as Box<dyn Listener>)
        })
    }

    fn is_private(&self, _: &str) -> bool {
        true
    }

    fn dial<'a>(&'a self, addr: &'a str) -> BoxFuture<'a, io::Result<BoxTransport>> {
        Box::pin(async move {
            let mut shared = self.lock();
            let listener = shared.listeners.get(addr).filter(|_| !shared.blocked.contains(addr)).cloned();
            let listener = listener.ok_or(io::ErrorKind::ConnectionRefused)?;
            let (near, mut near_end) = duplex(PIPE_BYTES);
            let (far, mut far_end) = duplex(PIPE_BYTES);
            let name = format!("memory:{}", shared.pumps.len());
            listener.try_send((far, name)).map_err(|_| io::ErrorKind::ConnectionRefused)?;
            let pump = tokio::spawn(async move {
                // Both sides see how a connection ends; nothing is left to do here.
                copy_bidirectional(&mut near_end, &mut far_end).await.ok();
            });
            shared.pumps.push((addr.to_owned(), pump.abort_handle()));
            Ok(Box::new(near) as BoxTransport)
        })
    }
}

struct Listening {
    addr: String,
    taken: mpsc::Receiver<(DuplexStream, String)>,
}

impl Listener for Listening {
    fn addr(&self) -> String {
        self.addr.clone()
    }

    fn accept(&mut self) -> BoxFuture<'_, io::Result<(BoxTransport, String)>> {
        Box::pin(async move {
            let (stream, peer) = self.taken.recv().await.ok_or(io::ErrorKind::NotConnected)?;
            Ok((Box::new(stream) as BoxTransport, peer))
        })
    }
}
