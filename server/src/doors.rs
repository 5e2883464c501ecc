//! What a server listens on: bound all together at its start, then each handed to a task that accepts.
//!
//! Nobody is left waiting in a queue: a connection there is no room for is accepted, told why, and closed; where the
//! process has no descriptor left, one that is kept for this is given up for it.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use crate::descriptors::{Counted, Room};
use crate::engine::arrival::Arrival;
use crate::engine::surplus::PLACES;
use crate::metrics;
use crate::options::{Options, StartError};
use crate::web::{self, Web};
use towline_driver::transport::{BoxTransport, Listener, Net};

/// Before an accept that failed is tried again, and for words to leave.
const AGAIN: Duration = Duration::from_millis(50);
/// The reply to a client for which there is no file descriptor, however many the limit promised at the start.
const SPENT: &[u8] = b"-ERR max number of clients reached: the server has no file descriptor left\r\n";
/// For the other side to end, once it was told that there is no room.
const LINGER: Duration = Duration::from_secs(1);

/// What is listened on.
pub(crate) struct Doors {
    pub(crate) clients: Option<Box<dyn Listener>>,
    pub(crate) replicas: Option<Box<dyn Listener>>,
    pub(crate) metrics: Option<Box<dyn Listener>>,
    pub(crate) web: Option<(Box<dyn Listener>, &'static [web::File])>,
    pub(crate) room: Room,
}

impl Doors {
    /// Opens what the options name; there may be `links` replication connections.
    pub(crate) async fn open(options: &Options, links: u32, net: &dyn Net) -> Result<Self, StartError> {
        let named = |option, addr: &str, source| StartError::Listen { option, addr: addr.to_owned(), source };
        let mut clients = None;
        for (index, addr) in options.listen.iter().enumerate() {
            match net.listen(addr).await {
                Ok(listener) => {
                    clients = Some(listener);
                    break;
                }
                Err(error) if index + 1 == options.listen.len() => return Err(named("listen", addr, error)),
                Err(_) => {}
            }
        }
        let mut replicas = None;
        if let Some(addr) = &options.replication {
            let listener = net.listen(addr).await;
            replicas = Some(listener.map_err(|error| named("replication", addr, error))?);
        }
        let mut metrics = None;
        if let Some(addr) = &options.metrics {
            metrics = Some(net.listen(addr).await.map_err(|error| named("metrics", addr, error))?);
        }
        let mut web = None;
        if let Some(Web { addr, files }) = &options.web {
            let listener = net.listen(addr).await.map_err(|error| named("web", addr, error))?;
            web = Some((listener, *files));
        }
        let exposed = options.exposed(net).map(|(option, addr)| format!("{option} {addr}"));
        let exposed = exposed.collect::<Vec<_>>().join(", ");
        if !exposed.is_empty() {
            warn!("insecure: {exposed}: no password is asked for, all who can reach it may read and write");
        }
        Ok(Self { clients, replicas, metrics, web, room: Room::new(options, links) })
    }

    pub(crate) fn serve(self, acceptors: &mut JoinSet<()>, sender: &mpsc::Sender<Arrival>) {
        let room = &self.room;
        if let Some(listener) = self.clients {
            let door = Door {
                sender: sender.clone(),
                arrival: |transport, peer| Arrival::Client { transport, peer },
                room: Arc::clone(&room.clients),
                why: Some(room.refusal()),
                spare: room.limited.then(Spare::new),
            };
            acceptors.spawn(door.accept(listener));
        }
        if let Some(listener) = self.replicas {
            let door = Door {
                sender: sender.clone(),
                arrival: |transport, peer| Arrival::Replica { transport, peer },
                room: Arc::clone(&room.replicas),
                why: None,
                spare: room.limited.then(Spare::new),
            };
            acceptors.spawn(door.accept(listener));
        }
        if let Some(listener) = self.metrics {
            acceptors.spawn(metrics::serve(listener, sender.clone()));
        }
        if let Some((listener, files)) = self.web {
            acceptors.spawn(web::serve(listener, files, sender.clone()));
        }
    }
}

/// Where one kind of connection comes in.
struct Door {
    sender: mpsc::Sender<Arrival>,
    arrival: fn(BoxTransport, String) -> Arrival,
    room: Arc<Semaphore>,
    /// What a connection is told for which there is no room.
    why: Option<Vec<u8>>,
    spare: Option<Spare>,
}

impl Door {
    /// Hands over every connection, as fast as the engine takes them.
    async fn accept(mut self, mut listener: Box<dyn Listener>) {
        let mut said = String::new();
        let mut refused = JoinSet::new();
        loop {
            while refused.try_join_next().is_some() {}
            match listener.accept().await {
                Ok((transport, peer)) => match timeout(AGAIN, Arc::clone(&self.room).acquire_owned()).await {
                    Ok(Ok(permit)) => {
                        let transport = Box::new(Counted { transport, _permit: permit });
                        if self.sender.send((self.arrival)(transport, peer)).await.is_err() {
                            return;
                        }
                        said.clear();
                        // The moment it was given up for may have left no room for it.
                        self.spare.as_mut().map(Spare::keep);
                    }
                    // Nobody leaves in that time.
                    Ok(Err(_)) | Err(_) => {
                        note(
                            &mut said,
                            format!("{}: no room for a connection from {peer}", listener.addr()),
                            &peer,
                        );
                        self.refuse(&mut refused, transport).await;
                    }
                },
                Err(error) => {
                    note(&mut said, format!("{}: cannot accept a connection: {error}", listener.addr()), "");
                    // A descriptor that is kept for this lets the one who waits longest be told.
                    if is_out_of_descriptors(&error)
                        && let Some(spare) = &mut self.spare
                        && spare.give_up()
                    {
                        let next = timeout(AGAIN, listener.accept()).await;
                        if let Ok(Ok((transport, _))) = next {
                            let words = if self.why.is_some() { SPENT } else { b"" };
                            say(transport, words.to_vec(), AGAIN).await;
                        }
                        spare.keep();
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    /// Says why there is no room, beside the next connections as far as their number is small.
    async fn refuse(&self, refused: &mut JoinSet<()>, transport: BoxTransport) {
        let Some(why) = self.why.clone() else { return };
        if refused.len() < PLACES {
            refused.spawn(say(transport, why, LINGER));
        } else {
            say(transport, why, Duration::ZERO).await;
        }
    }
}

/// Logs a line unless it was the last one; `peer` is the part of it that does not count.
fn note(said: &mut String, line: String, peer: &str) {
    let cause = line.strip_suffix(peer).unwrap_or(&line);
    if said != cause {
        cause.clone_into(said);
        warn!("{line}");
    }
}

/// Writes a few words and ends the connection; reads for `linger`, because unread bytes would take the words back.
async fn say(mut transport: BoxTransport, words: Vec<u8>, linger: Duration) {
    let leave = async {
        transport.write_all(&words).await?;
        transport.shutdown().await
    };
    if matches!(timeout(AGAIN, leave).await, Ok(Ok(()))) {
        let mut scrap = [0; 512];
        let end = async { while matches!(transport.read(&mut scrap).await, Ok(1..)) {} };
        timeout(linger, end).await.ok();
    }
}

/// Whether the process, or the system, has no file descriptor left.
fn is_out_of_descriptors(error: &io::Error) -> bool {
    // EMFILE and ENFILE, which have these numbers on every Unix.
    matches!(error.raw_os_error(), Some(24 | 23))
}

/// A descriptor that is kept to be given up when there is no other.
struct Spare(Option<File>);

impl Spare {
    fn new() -> Self {
        Self(File::open("/dev/null").ok())
    }

    /// Whether there was one to give up.
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
