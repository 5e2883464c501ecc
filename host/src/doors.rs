//! What a server listens on: bound all together at its start, then each handed to a task that accepts.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tracing::warn;

use crate::engine::arrival::Arrival;
use crate::metrics;
use crate::options::{Options, StartError};
use crate::transport::{BoxTransport, Listener, Net};
use crate::web::{self, File, Web};

/// What is listened on.
pub(crate) struct Doors {
    pub(crate) clients: Option<Box<dyn Listener>>,
    pub(crate) replicas: Option<Box<dyn Listener>>,
    pub(crate) metrics: Option<Box<dyn Listener>>,
    pub(crate) web: Option<(Box<dyn Listener>, &'static [File])>,
}

impl Doors {
    pub(crate) async fn open(options: &Options, net: &dyn Net) -> Result<Self, StartError> {
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
        Ok(Self { clients, replicas, metrics, web })
    }

    pub(crate) fn serve(self, acceptors: &mut JoinSet<()>, sender: &mpsc::Sender<Arrival>) {
        if let Some(listener) = self.clients {
            acceptors.spawn(accept(listener, sender.clone(), |transport, peer| Arrival::Client {
                transport,
                peer,
            }));
        }
        if let Some(listener) = self.replicas {
            acceptors.spawn(accept(listener, sender.clone(), |transport, peer| Arrival::Replica {
                transport,
                peer,
            }));
        }
        if let Some(listener) = self.metrics {
            acceptors.spawn(metrics::serve(listener, sender.clone()));
        }
        if let Some((listener, files)) = self.web {
            acceptors.spawn(web::serve(listener, files, sender.clone()));
        }
    }
}

/// Hands over every connection, as fast as the engine takes them.
async fn accept(
    mut listener: Box<dyn Listener>,
    sender: mpsc::Sender<Arrival>,
    arrival: fn(BoxTransport, String) -> Arrival,
) {
    let mut said = String::new();
    loop {
        match listener.accept().await {
            Ok((transport, peer)) => {
                if sender.send(arrival(transport, peer)).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                let why = error.to_string();
                if why != said {
                    warn!("{}: cannot accept a connection: {why}", listener.addr());
                    said = why;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
