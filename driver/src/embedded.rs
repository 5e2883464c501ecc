//! The application of a program that only embeds a driver: it lets tasks write, read and wait through a [`Driver`].
//!
//! Requests come through the mailbox, in order. A write that must wait (a joining replica, the disk, a promotion) waits
//! in a queue here and keeps its place. Results are handed over at the turn's end, when everything is committed.
//!
//! Bounds: the mailbox; a task that waits for its result sends nothing meanwhile, so the queue is as long as there are
//! such tasks.
//!
//! [`Driver`]: crate::Driver

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinSet;
use towline_core::{EpochOffset, Level, Time};

use crate::engine::application::{Application, News, Services};
use crate::engine::mailbox::Mailbox;
use crate::engine::probe::{Looked, look_at};
use crate::engine::replicated::ReplicatedStore;
use crate::error::{Refusal, WriteError};
use crate::status::Status;
use crate::store::Store;
use crate::transport::Net;

/// The sender of a result.
type Reply<T> = oneshot::Sender<T>;
/// The result of a write.
type Written = Result<EpochOffset, WriteError>;

/// A request of a task.
pub(crate) enum Request<S> {
    /// Write a record.
    Write { record: Vec<u8>, reply: Reply<Written> },
    /// Wait until so many replicas have reached a place.
    Wait { place: EpochOffset, level: Level, replicas: u32, reply: Reply<u32> },
    /// Look at the store.
    Read(Box<dyn FnOnce(&S) + Send>),
    /// Become primary.
    Promote(Reply<Result<(), String>>),
    /// Follow an address, once it was looked at.
    Follow { addr: String, adopt: bool, reply: Reply<Result<(), String>> },
    /// The address was looked at.
    LookedAt { addr: String, adopt: bool, looked: Looked, reply: Reply<Result<(), String>> },
}

/// A write that waits for its moment.
struct Write {
    record: Vec<u8>,
    reply: Reply<Written>,
}

/// A wait for replicas.
struct Wait {
    place: EpochOffset,
    level: Level,
    replicas: u32,
    reply: Reply<u32>,
}

/// The embedding program's side of the engine.
pub(crate) struct Embedded<S: Store + 'static> {
    net: Arc<dyn Net>,
    mailbox: Mailbox<Self>,
    /// Looks at addresses.
    tasks: JoinSet<()>,
    writes: VecDeque<Write>,
    /// Results of writes that are committed at the turn's end.
    written: Vec<(Reply<Written>, Written)>,
    waits: Vec<Wait>,
}

impl<S: Store + 'static> Embedded<S> {
    pub(crate) fn new(net: Arc<dyn Net>, mailbox: &Mailbox<Self>) -> Self {
        Self {
            net,
            mailbox: mailbox.clone(),
            tasks: JoinSet::new(),
            writes: VecDeque::new(),
            written: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// Writes what waits, in order, until a write must go on waiting or the turn is full.
    fn write_waiting(&mut self, services: &mut Services<S>) {
        while !services.replicated.turn_is_full() {
            let Some(write) = self.writes.pop_front() else { break };
            let result = match services.replicated.writable() {
                Err(Refusal::NotNow) => {
                    self.writes.push_front(write);
                    break;
                }
                Err(refusal) => Err(refusal),
                Ok(()) => services.replicated.write(&write.record),
            };
            self.written.push((write.reply, result.map_err(WriteError::Refused)));
        }
    }

    /// Looks at an address on a task of its own.
    fn look_at(
        &mut self,
        services: &Services<S>,
        addr: String,
        adopt: bool,
        reply: Reply<Result<(), String>>,
    ) {
        while self.tasks.try_join_next().is_some() {}
        let (net, mailbox) = (Arc::clone(&self.net), self.mailbox.clone());
        let (config, node) = (*services.replicated.config(), services.replicated.node_id());
        self.tasks.spawn(async move {
            let looked = look_at(&*net, &addr, &config, node).await;
            // If nobody takes it, the driver is gone, and so is the reply.
            mailbox.send(Request::LookedAt { addr, adopt, looked, reply }).await;
        });
    }

    fn end_waits(&mut self, replicated: &ReplicatedStore<S>) {
        let over = |wait: &mut Wait| {
            let gone = wait.reply.is_closed() || !replicated.holds(wait.place);
            gone || replicated.reached(wait.level, wait.place) >= wait.replicas
        };
        for wait in self.waits.extract_if(.., over) {
            // The one who asked may have left.
            wait.reply.send(replicated.reached(wait.level, wait.place)).ok();
        }
    }
}

impl<S: Store + 'static> Application for Embedded<S> {
    type Store = S;
    type Message = Request<S>;
    type Report = Status;

    fn receive(&mut self, services: &mut Services<S>, message: Request<S>) {
        // In each case, the one who asked may have left.
        match message {
            Request::Write { reply, .. } if services.replicated.is_closing() => {
                reply.send(Err(WriteError::Stopped)).ok();
            }
            Request::Write { record, reply } => self.writes.push_back(Write { record, reply }),
            Request::Wait { place, level, replicas, reply } => {
                self.waits.push(Wait { place, level, replicas, reply });
                self.end_waits(&services.replicated);
            }
            Request::Read(look) => look(services.replicated.store()),
            Request::Promote(reply) => {
                let result = services.replicated.promote().map_err(|misuse| misuse.to_string());
                reply.send(result).ok();
            }
            Request::Follow { addr, adopt, reply } => self.look_at(services, addr, adopt, reply),
            Request::LookedAt { addr, adopt, looked, reply } => {
                let result = match looked {
                    Looked::Fine | Looked::Silent => {
                        services.replicated.follow(&addr, adopt).map_err(|misuse| misuse.to_string())
                    }
                    Looked::Useless(why) => Err(why),
                    Looked::Foreign => {
                        Err(format!("{addr} does not speak Towline: name an address where replicas connect"))
                    }
                };
                reply.send(result).ok();
            }
        }
    }

    fn work(&mut self, services: &mut Services<S>) -> bool {
        self.write_waiting(services);
        services.replicated.turn_is_full() && !self.writes.is_empty()
    }

    fn settle(&mut self, services: &mut Services<S>, news: News) {
        if news.reached || news.turned {
            self.end_waits(&services.replicated);
        }
        services.replicated.note_waiting(!self.writes.is_empty());
    }

    fn write(&mut self, _: &mut Services<S>) {
        for (reply, result) in self.written.drain(..) {
            // The one who asked may have left.
            reply.send(result).ok();
        }
    }

    fn next_deadline(&self, _: &ReplicatedStore<S>) -> Option<Time> {
        // An event that lets writes go on also makes the next turn come.
        None
    }

    fn close(&mut self, _: &mut Services<S>) {
        for write in self.writes.drain(..) {
            self.written.push((write.reply, Err(WriteError::Stopped)));
        }
        debug_assert!(self.writes.is_empty());
    }

    fn is_closed(&self) -> bool {
        self.written.is_empty()
    }

    fn report(&self, replicated: &ReplicatedStore<S>) -> Status {
        replicated.status()
    }

    async fn finish(&mut self) {
        self.tasks.shutdown().await;
    }
}
