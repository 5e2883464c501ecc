//! The public door: a store, replicated.

use std::sync::Arc;

use tokio::sync::oneshot;
use towline_core::{EpochOffset, Level, NodeId};

use crate::embedded::{Embedded, Request};
use crate::engine::running::Running;
use crate::error::{RunError, StartError, WriteError};
use crate::options::Options;
use crate::status::Status;
use crate::store::Store;
use crate::transport::Net;

/// A running driver over a store.
///
/// All methods may be called from any task. Dropped, it is killed: nothing is flushed, nobody is told.
pub struct Driver<S: Store + 'static> {
    running: Running<Embedded<S>>,
}

impl<S: Store + 'static> std::fmt::Debug for Driver<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.running.fmt(out)
    }
}

impl<S: Store + 'static> Driver<S> {
    /// Starts a driver over a store that is open, on any network: [`Tcp`](crate::transport::Tcp) is the machine's.
    /// With [`Options::upstream`] the node is a replica, without it a primary.
    ///
    /// # Errors
    /// The first option that cannot work, or address that cannot be listened on: one clear line.
    pub async fn start(options: Options, net: Arc<dyn Net>, store: S) -> Result<Self, StartError> {
        let for_application = Arc::clone(&net);
        let application = move |mailbox: &_| Embedded::new(for_application, mailbox);
        Ok(Self { running: Running::start(&options, net, store, application).await? })
    }

    /// Writes a record: applies it to the store and appends it to the log. Returns its place in the history once it is
    /// committed; [`reached`](Self::reached) waits for replicas. Waits while writes are held: for a joining replica,
    /// for a disk that is behind, for records that a promoted node has not applied yet.
    ///
    /// # Errors
    /// The reason why it was not written.
    pub async fn write(&self, record: Vec<u8>) -> Result<EpochOffset, WriteError> {
        self.ask(|reply| Request::Write { record, reply }).await.unwrap_or(Err(WriteError::Stopped))
    }

    /// Waits until so many replicas have reached a record, at this level. Returns how many have: fewer only if the
    /// record left the history, as it may when another node was promoted, and then it is on none. Give it up with a
    /// timeout.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn reached(&self, place: EpochOffset, level: Level, replicas: u32) -> Result<u32, RunError> {
        self.ask(|reply| Request::Wait { place, level, replicas, reply }).await.ok_or(RunError::Gone)
    }

    /// Looks at the store between two turns. Nothing else happens meanwhile, so it should be short.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&S) -> T + Send + 'static,
    ) -> Result<T, RunError> {
        let asked = self.ask(|reply| {
            // The one who asked may have left.
            Request::Read(Box::new(move |store| drop(reply.send(look(store)))))
        });
        asked.await.ok_or(RunError::Gone)
    }

    /// Makes this node the primary of its history, in a new epoch.
    ///
    /// # Errors
    /// Its state is not complete, in words; or the driver has stopped.
    pub async fn promote(&self) -> Result<(), String> {
        self.ask(Request::Promote).await.unwrap_or_else(|| Err(RunError::Gone.to_string()))
    }

    /// Follows the replication address of another node. With `adopt` the data here is replaced, should its history be
    /// another.
    ///
    /// # Errors
    /// The address can never be followed, in words; or the driver has stopped.
    pub async fn follow(&self, addr: &str, adopt: bool) -> Result<(), String> {
        let addr = addr.to_owned();
        let followed = self.ask(|reply| Request::Follow { addr, adopt, reply });
        followed.await.unwrap_or_else(|| Err(RunError::Gone.to_string()))
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request<S>) -> Option<T> {
        let (reply, replied) = oneshot::channel();
        if !self.running.mailbox().send(request(reply)).await {
            return None;
        }
        replied.await.ok()
    }

    /// Returns how the node stands.
    ///
    /// # Errors
    /// The driver has stopped.
    pub async fn status(&self) -> Result<Status, RunError> {
        self.running.mailbox().inspect().await.ok_or(RunError::Gone)
    }

    /// Returns the address at which replicas connect.
    #[must_use]
    pub fn replication_addr(&self) -> Option<&str> {
        self.running.replication_addr()
    }

    /// Returns the address at which Prometheus asks.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<&str> {
        self.running.metrics_addr()
    }

    /// Returns this node's name.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.running.node()
    }

    /// Waits until it stops, by itself or because it was told to. May be given up and called again.
    ///
    /// # Errors
    /// The reason why it stopped.
    pub async fn wait(&mut self) -> Result<(), RunError> {
        self.running.wait().await
    }

    /// Stops in order: writes that wait are refused, connected replicas receive everything (for
    /// [`Options::stop_wait`] at most), the own disk has it.
    ///
    /// # Errors
    /// It had stopped for a reason of its own, or something that was answered is not kept or not received.
    pub async fn shutdown(self) -> Result<(), RunError> {
        self.running.shutdown().await
    }

    /// Stops at once, as `kill -9` would: nothing is flushed, nobody is told.
    pub async fn kill(self) {
        self.running.kill().await;
    }
}
