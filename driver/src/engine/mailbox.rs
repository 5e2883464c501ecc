//! The one bounded channel through which other tasks reach the engine.

use tokio::sync::{mpsc, oneshot};

use super::application::Application;
use crate::transport::BoxTransport;

/// The most arrivals that wait for the engine.
pub(super) const ARRIVALS_MAX: usize = 64;

/// One arrival.
pub(super) enum Arrival<A: Application> {
    /// A replica connected.
    Replica { transport: BoxTransport, peer: String },
    /// A dial to the upstream ended.
    Dialled { generation: u64, addr: String, result: Result<BoxTransport, String> },
    /// A message for the application.
    Message(A::Message),
    /// A request for a report.
    Inspect(oneshot::Sender<A::Report>),
    /// Stop in order.
    Stop,
    /// End a stop's waits.
    GiveUp,
}

/// Sends to the engine from other tasks. Clones send to the same.
pub struct Mailbox<A: Application> {
    pub(super) sender: mpsc::Sender<Arrival<A>>,
}

impl<A: Application> std::fmt::Debug for Mailbox<A> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Mailbox").finish_non_exhaustive()
    }
}

impl<A: Application> Clone for Mailbox<A> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}

impl<A: Application> Mailbox<A> {
    /// Makes the channel.
    pub(super) fn new() -> (Self, mpsc::Receiver<Arrival<A>>) {
        let (sender, receiver) = mpsc::channel(ARRIVALS_MAX);
        (Self { sender }, receiver)
    }

    /// Sends a message to the application. Returns whether the engine still runs.
    pub async fn send(&self, message: A::Message) -> bool {
        self.sender.send(Arrival::Message(message)).await.is_ok()
    }

    /// Hands over a replica's connection. Returns whether the engine still runs.
    pub async fn connect_replica(&self, transport: BoxTransport, peer: String) -> bool {
        self.sender.send(Arrival::Replica { transport, peer }).await.is_ok()
    }

    /// Asks for a report; `None` if the engine has stopped.
    pub async fn inspect(&self) -> Option<A::Report> {
        let (asker, answer) = oneshot::channel();
        self.sender.send(Arrival::Inspect(asker)).await.ok()?;
        answer.await.ok()
    }
}
