//! The server as an application of the driver: its clients, inside the engine's one task.
//!
//! | file | content |
//! |---|---|
//! | `clients` | client connections: their waits, and which of them is closed when memory is short |
//! | `context` | the parts of the server that a command sees |
//! | `keys` | the key-value store under the driver; expired keys |
//! | `status` | the server's status, as data |
//! | `surplus` | clients beyond the limit |
//! | `counters`, `rate` | counters, and how fast they grow |
//! | `rng` | random numbers |
//!
//! Around it small tasks accept, check addresses and serve surplus clients; they reach it through the mailbox.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use towline_core::Time;
use towline_driver::application::{Application, Mailbox, News, ROWS, ReplicatedStore, Services};
use towline_driver::transport::{BoxTransport, Net};

use self::clients::{Clients, EngineRequest, Place};
use self::keys::Keys;
use self::surplus::Surplus;
use crate::inspection::Inspection;
use crate::upstream;

pub(crate) mod clients;
mod context;
pub(crate) mod counters;
pub(crate) mod keys;
mod rate;
pub(crate) mod rng;
mod status;
pub(crate) mod surplus;

/// A message from another task.
pub(crate) enum Message {
    /// A client connected.
    Client { transport: BoxTransport, peer: String },
    /// An address that a client wants to follow was checked; an error is the reply.
    LookedAt { client: Place, addr: String, result: Result<(), String> },
    /// A client beyond the limit sends a request that may only read; it gets the reply.
    Glance { request: Vec<u8>, reply: oneshot::Sender<Vec<u8>> },
}

/// The server inside the engine's task.
pub(crate) struct Service {
    clients: Clients,
    surplus: Surplus,
    net: Arc<dyn Net>,
    mailbox: Mailbox<Self>,
    /// Tasks that check addresses.
    tasks: JoinSet<()>,
    requests: Vec<EngineRequest>,
}

impl Service {
    pub(crate) fn new(clients: Clients, net: Arc<dyn Net>, mailbox: &Mailbox<Self>) -> Self {
        Self {
            clients,
            surplus: Surplus::new(mailbox.clone()),
            net,
            mailbox: mailbox.clone(),
            tasks: JoinSet::new(),
            requests: Vec::new(),
        }
    }

    /// Executes a request of a client.
    fn fulfil(&mut self, services: &mut Services<Keys>, request: EngineRequest) {
        match request {
            EngineRequest::Shutdown => services.stop(),
            EngineRequest::Close(transport, last) => services.close_connection(transport, last),
            EngineRequest::Surplus(transport, why) => self.surplus.take(transport, why),
            EngineRequest::Promote(client) => {
                let result = services.replicated.promote().map_err(|misuse| misuse.to_string());
                self.clients.answer(client, result.as_ref().copied().map_err(String::as_str));
            }
            EngineRequest::LookAt(client, addr) => {
                while self.tasks.try_join_next().is_some() {}
                let (net, mailbox) = (Arc::clone(&self.net), self.mailbox.clone());
                let (config, node) = (*services.replicated.config(), services.replicated.node_id());
                self.tasks.spawn(async move {
                    let result = upstream::look_at(&*net, &addr, &config, node).await;
                    // If the channel is closed, the engine has stopped.
                    mailbox.send(Message::LookedAt { client, addr, result }).await;
                });
            }
        }
    }
}

impl Application for Service {
    type Store = Keys;
    type Message = Message;
    type Report = Inspection;

    fn begin_turn(&mut self, services: &mut Services<Keys>) {
        self.clients.counters.begin_turn(services.replicated.now());
    }

    fn receive(&mut self, services: &mut Services<Keys>, message: Message) {
        match message {
            Message::Client { .. } if services.replicated.is_closing() => {}
            Message::Client { transport, peer } => {
                if let Some(request) = self.clients.admit(services, transport, peer) {
                    self.fulfil(services, request);
                }
            }
            Message::Glance { request, reply } => {
                // The client may have gone.
                reply.send(self.clients.glance(&mut services.replicated, &request)).ok();
            }
            Message::LookedAt { client, addr, result } => {
                let followed =
                    |()| services.replicated.follow(&addr, true).map_err(|misuse| misuse.to_string());
                let result = result.and_then(followed);
                self.clients.answer(client, result.as_ref().copied().map_err(String::as_str));
            }
        }
    }

    fn ready(&mut self, services: &mut Services<Keys>, row: u32) {
        self.clients.note_owed(row);
        if let Some(request) = self.clients.look(&mut services.replicated, row) {
            self.fulfil(services, request);
        }
    }

    fn work(&mut self, services: &mut Services<Keys>) -> bool {
        keys::delete_expired(&mut services.replicated, &mut self.clients)
    }

    fn settle(&mut self, services: &mut Services<Keys>, news: News) {
        let replicated = &mut services.replicated;
        if news.turned {
            self.clients.unblock();
        }
        self.clients.sweep(replicated);
        let timed_out = self.clients.next_wait().is_some_and(|at| at <= replicated.now());
        if news.reached || timed_out {
            self.clients.end_waits(replicated);
        }
        let held = replicated.note_waiting(self.clients.any_retrying());
        if self.clients.any_retrying() && !held && self.clients.paused(replicated.now()).is_none() {
            // While the throttle is on few are woken; the next turn wakes more while there is room.
            self.clients.retry(if replicated.is_throttled() { ROWS } else { usize::MAX });
        }
    }

    fn write(&mut self, services: &mut Services<Keys>) {
        let mut requests = std::mem::take(&mut self.requests);
        self.clients.write(&mut services.replicated, &mut requests);
        for request in requests.drain(..) {
            self.fulfil(services, request);
        }
        self.requests = requests;
    }

    fn next_deadline(&self, replicated: &ReplicatedStore<Keys>) -> Option<Time> {
        let deadlines = [
            keys::next_expiry(replicated, &self.clients),
            self.clients.next_wait(),
            self.clients.next_sweep(),
            self.clients.paused(replicated.now()).map(|pause| pause.until),
        ];
        deadlines.into_iter().flatten().min()
    }

    fn close(&mut self, _: &mut Services<Keys>) {
        self.clients.end_all();
    }

    fn is_closed(&self) -> bool {
        self.clients.counters.clients == 0
    }

    fn report(&self, replicated: &ReplicatedStore<Keys>) -> Inspection {
        let store = &*replicated.store().store;
        Inspection { status: self.clients.status(replicated), digest: store.digest(), keys: store.len() }
    }

    async fn finish(&mut self) {
        self.tasks.shutdown().await;
        self.surplus.shutdown().await;
    }
}
