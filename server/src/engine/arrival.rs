//! What reaches the engine from the tasks around it, through one bounded channel.

use tokio::sync::oneshot;
use towline_kv::Digest;

use super::clients::Place;
use crate::command::backend::Status;
use towline_driver::transport::BoxTransport;

/// Arrivals that may wait for the engine.
pub(crate) const ARRIVALS_MAX: usize = 64;

/// One thing that arrived.
pub(crate) enum Arrival {
    /// A client connected.
    Client { transport: BoxTransport, peer: String },
    /// A replica connected.
    Replica { transport: BoxTransport, peer: String },
    /// A dial to the upstream ended.
    Dialled { generation: u64, addr: String, result: Result<BoxTransport, String> },
    /// An address a client wants to follow was looked at; an error is the reply.
    Probed { client: Place, addr: String, result: Result<(), String> },
    /// A client that cannot stay asks something that all may ask; it takes the reply.
    Look { request: Vec<u8>, answer: oneshot::Sender<Vec<u8>> },
    /// Somebody wants to know how things stand.
    Inspect(oneshot::Sender<Inspection>),
    /// Stop in order.
    Shutdown,
    /// The stop is to wait for nothing more.
    GiveUp,
}

/// How a server stands, seen between two turns.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Everything status shows.
    pub status: Status,
    /// The content digest.
    pub digest: Digest,
    /// How many keys there are.
    pub keys: u64,
}
