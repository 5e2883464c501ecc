//! The seam to a program on top of the driver that lives inside the engine's task: [`Application`].

use std::future::Future;
use std::task::Waker;

use towline_core::Time;

use super::ready::{Ready, Token};
use super::replicated::ReplicatedStore;
use crate::connection::Closing;
use crate::store::Store;
use crate::transport::BoxTransport;

/// A program on top of the driver, in the engine's task.
///
/// It is called at fixed places of a turn, with the [`Services`] of the engine in its hands: the node
/// with its store, wakers for its own connections, the end of a connection. Nothing is queued, sent or allocated
/// between the two, so a request that comes from a socket of the application is a record in the log some calls later.
///
/// A turn, in order:
///
/// 1. [`begin_turn`](Self::begin_turn); [`receive`](Self::receive) for each message;
///    [`ready`](Self::ready) for each of its rows that woke, until the turn is full;
/// 2. [`work`](Self::work), for what it writes of its own accord;
/// 3. the engine commits: *everything written before this point stands at a boundary of log and store*;
/// 4. the node's events, then [`settle`](Self::settle) with what came of them;
/// 5. links are written, then [`write`](Self::write): **replies leave here and nowhere else**, so that no reply
///    leaves before its record is committed.
///
/// # An acknowledgement is a promise
///
/// A write returns an [`EpochOffset`](towline_core::EpochOffset): the record's place with the epoch it was written in.
/// Later questions ([`holds`](ReplicatedStore::holds), [`reached`](ReplicatedStore::reached),
/// [`keeps`](ReplicatedStore::keeps)) name that place, never a bare offset: after a fork another record may stand at
/// the same offset. A record that left the history is on no replica and on no disk. [`News::turned`] says that the role
/// or the history changed; waits of before end then.
pub trait Application: Sized + Send + 'static {
    /// The store that is replicated.
    type Store: Store + 'static;
    /// A message that other tasks send here, with a [`Mailbox`](crate::application::Mailbox).
    type Message: Send + 'static;
    /// The state of the whole program, for [`Mailbox::inspect`](crate::application::Mailbox::inspect).
    type Report: Send + 'static;

    /// Begins a turn.
    fn begin_turn(&mut self, services: &mut Services<Self::Store>) {
        let _ = services;
    }

    /// Takes a message.
    fn receive(&mut self, services: &mut Services<Self::Store>, message: Self::Message);

    /// Works on one of its own rows, whose waker was woken, for a turn's share and no more.
    fn ready(&mut self, services: &mut Services<Self::Store>, row: u32) {
        let _ = (services, row);
    }

    /// Writes what is due by itself, such as expired entries. Returns whether there is more to do now.
    fn work(&mut self, services: &mut Services<Self::Store>) -> bool {
        let _ = services;
        false
    }

    /// Reacts to the turn's events: ends waits that are over, lets writes go on.
    fn settle(&mut self, services: &mut Services<Self::Store>, news: News);

    /// Sends replies: everything written in this turn is committed.
    fn write(&mut self, services: &mut Services<Self::Store>);

    /// Returns when the next turn must come at the latest, if nothing else causes one.
    fn next_deadline(&self, replicated: &ReplicatedStore<Self::Store>) -> Option<Time>;

    /// Begins a stop: nothing new is executed from now on, replies still leave.
    fn close(&mut self, services: &mut Services<Self::Store>);

    /// Returns whether no reply is left to be sent, once [`close`](Self::close) was called.
    fn is_closed(&self) -> bool;

    /// Reports the state of the whole program.
    fn report(&self, replicated: &ReplicatedStore<Self::Store>) -> Self::Report;

    /// Ends the tasks it has started, when everything is over.
    fn finish(&mut self) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// The events of a turn that end waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct News {
    /// A replica acknowledged something, or something became durable here.
    pub reached: bool,
    /// The role or the history changed.
    pub turned: bool,
}

/// The part of the engine that an application may use during a turn.
#[derive(Debug)]
pub struct Services<S: Store> {
    /// The node and its store.
    pub replicated: ReplicatedStore<S>,
    pub(super) ready: Ready,
    pub(super) closing: Closing,
    pub(super) stop_asked: bool,
}

impl<S: Store> Services<S> {
    pub(super) fn new(replicated: ReplicatedStore<S>) -> Self {
        Self { replicated, ready: Ready::default(), closing: Closing::default(), stop_asked: false }
    }

    /// Makes a waker for one of the application's rows; it has woken already.
    pub fn waker(&self, row: u32) -> Waker {
        self.ready.row(Token::Application(row))
    }

    /// Ends a connection: sends `last`, and gives the other side time to read it, if there is room for that.
    pub fn close_connection(&mut self, transport: BoxTransport, last: Vec<u8>) {
        if self.replicated.is_closing() || self.closing.has_room() {
            self.closing.close(transport, last);
        }
    }

    /// Stops the driver in order, when the call that asks for it has returned.
    pub fn stop(&mut self) {
        self.stop_asked = true;
    }
}
