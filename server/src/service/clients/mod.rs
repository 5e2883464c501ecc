//! The clients: their connections and their waits.
//!
//! Invariants: `looks` at a client happen only for rows that are ready; a client in `owed` has replies to be written; a
//! [`Place`] names one client for ever, so an answer for a client that has gone reaches no other.
//!
//! Bounds: `clients_max` at a time, further ones get an error; buffers that grew past a small part for each share
//! `bytes_max`; [`pressure`] says which client is closed when that is not enough.

mod pressure;
mod row;
mod steer;
mod waits;

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::task::Poll;

use towline_core::{Span, Time};
use towline_driver::application::Services;
use towline_driver::connection::LogLimit;
use towline_kv::RequestLimits;
use tracing::warn;

use self::row::{Came, Row, State, Wait};
use super::context::CommandContext;
use super::counters::Counters;
use super::keys::{Keys, Replicated};
use super::rng::Rng;
use crate::command::{Client, ClientUsage, Outcome, Session, reply, request_limits};
use crate::descriptors::Room;
use crate::options::Options;
use towline_driver::transport::BoxTransport;

pub(crate) use self::steer::Pause;

/// The name of one client: its row, and its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    index: u32,
    id: u64,
}

/// A client's request that only the engine can execute.
pub(crate) enum EngineRequest {
    /// Check an address, then [`Clients::answer`].
    LookAt(Place, String),
    /// Become primary, then [`Clients::answer`].
    Promote(Place),
    /// Stop the server.
    Shutdown,
    /// End a connection once these bytes are sent.
    Close(BoxTransport, Vec<u8>),
    /// Refuse this client with this error.
    Surplus(BoxTransport, Vec<u8>),
}

/// All clients.
pub(crate) struct Clients {
    rows: Vec<Option<Box<Row>>>,
    limits: RequestLimits,
    clients_max: u32,
    /// The error for clients beyond the limit.
    refusal: Vec<u8>,
    bytes_max: u64,
    reply_bytes_max: usize,
    bytes: u64,
    next_id: u64,
    /// Clients with replies to be written.
    owed: Vec<u32>,
    waiting: Vec<u32>,
    /// Clients that wait to write, in the order of their tickets. A client that was woken and could not write keeps its
    /// ticket, so that every client gets its turn, however little may be written.
    retrying: BTreeMap<u64, u32>,
    next_ticket: u64,
    /// Clients that are being closed, and the time until which their replies may leave; in this order.
    lingering: VecDeque<(Time, Place)>,
    /// A client that sends no request for longer is closed.
    timeout: Option<Span>,
    /// The last time at which the clients' times were checked.
    swept: Option<Time>,
    /// Requests that wait for the turn's end.
    requests: Vec<EngineRequest>,
    pub(crate) counters: Counters,
    /// A pause of client commands.
    pub(super) pause: Option<Pause>,
    pub(super) rng: Rng,
    strangers: Strangers,
}

/// Limits on log lines that any client can cause.
#[derive(Debug, Default)]
struct Strangers {
    /// For a browser's request to the clients' port.
    http: LogLimit,
    /// For a client that held the most when the buffers were full.
    memory: LogLimit,
    /// For a request that did not go on while memory was short.
    unfinished: LogLimit,
}

impl Clients {
    pub(crate) fn new(
        options: &Options,
        room: &Room,
        record_bytes_max: u32,
        (counters, rng): (Counters, Rng),
    ) -> Self {
        let (clients_max, bytes_max) = (room.clients_max, options.client_bytes);
        let nanos = |time: std::time::Duration| Span(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        Self {
            refusal: room.refusal(),
            rows: Vec::new(),
            limits: request_limits(record_bytes_max as usize),
            clients_max,
            bytes_max,
            reply_bytes_max: usize::try_from(bytes_max / 4)
                .unwrap_or(usize::MAX)
                .max(record_bytes_max as usize + 64),
            bytes: 0,
            next_id: 0,
            owed: Vec::new(),
            waiting: Vec::new(),
            retrying: BTreeMap::new(),
            next_ticket: 0,
            lingering: VecDeque::new(),
            timeout: options.timeout.map(nanos),
            swept: None,
            requests: Vec::new(),
            counters,
            pause: None,
            rng,
            strangers: Strangers::default(),
        }
    }

    /// Returns the longest reply: a part of the memory for all clients, and at least a value of the longest record.
    pub(crate) fn reply_bytes_max(&self) -> usize {
        self.reply_bytes_max
    }

    /// Returns how many clients wait.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Iterates over all clients but the one that is being run.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&Client, ClientUsage)> {
        self.rows.iter().flatten().map(|row| (row.session.client(), row.usage()))
    }

    /// Adds a client, if there is room.
    pub(crate) fn admit(
        &mut self,
        services: &Services<Keys>,
        transport: BoxTransport,
        peer: String,
    ) -> Option<EngineRequest> {
        if self.counters.clients >= u64::from(self.clients_max) {
            self.counters.refused_connections += 1;
            return Some(EngineRequest::Surplus(transport, self.refusal.clone()));
        }
        let free = self.rows.iter().position(Option::is_none).unwrap_or(self.rows.len());
        let Ok(index) = u32::try_from(free) else { return None };
        if free == self.rows.len() {
            self.rows.push(None);
        }
        self.next_id += 1;
        self.counters.clients += 1;
        self.counters.connections += 1;
        let replicated = &services.replicated;
        let local = self.counters.facts.client_addr.clone().unwrap_or_default();
        let client = Client::new(self.next_id, peer, local, replicated.clock().unix_ms());
        let session = Session::new(client, self.limits);
        let waker = services.waker(index);
        let row =
            Row::new(self.next_id, session, transport, waker, self.limits.request_max, replicated.now());
        self.rows[free] = Some(Box::new(row));
        None
    }

    /// Executes a request of a client beyond the limit, which may only read.
    pub(crate) fn glance(&mut self, replicated: &mut Replicated, request: &[u8]) -> Vec<u8> {
        let client = Client::new(0, String::new(), String::new(), replicated.clock().unix_ms());
        let mut session = Session::new(client, self.limits);
        let mut out = Vec::new();
        let mut context = CommandContext { replicated, clients: self, own: ClientUsage::default() };
        session.run(request, &mut context, &mut out);
        out
    }

    /// Gives one client that is ready its share of the turn.
    pub(crate) fn look(&mut self, replicated: &mut Replicated, index: u32) -> Option<EngineRequest> {
        let mut row = self.rows.get_mut(index as usize)?.take()?;
        self.bytes -= row.bytes();
        let before = replicated.turn_bytes();
        let mut context = CommandContext { replicated, clients: self, own: ClientUsage::default() };
        let came = row.look(&mut context);
        let wrote = replicated.turn_bytes() > before;
        if came != Came::Wants(Outcome::Retry) {
            row.ticket = None;
        }
        let place = Place { index, id: row.id };
        let (mut request, mut more) = (None, 0);
        match came {
            Came::Waits => {}
            Came::More => row.wake(),
            Came::Full => {
                more = row.growth();
                row.wake();
            }
            Came::Gone => {
                self.counters.clients -= 1;
                return None;
            }
            Came::Wants(outcome) => {
                request = self.wants(replicated, &mut row, place, outcome, wrote);
                // The next look registers for its end.
                row.wake();
            }
        }
        self.bytes += row.bytes();
        if row.owes() {
            self.owed.push(index);
        }
        self.rows[index as usize] = Some(row);
        self.make_room(replicated, more);
        request
    }

    /// Begins the part of a command that goes beyond its reply.
    fn wants(
        &mut self,
        replicated: &mut Replicated,
        row: &mut Row,
        place: Place,
        outcome: Outcome,
        wrote: bool,
    ) -> Option<EngineRequest> {
        match outcome {
            Outcome::Done | Outcome::Again => {}
            Outcome::Http => {
                row.state = State::Ending;
                if let Some(repeats) = self.strangers.http.note(replicated.now()) {
                    let addr = &row.session.client().addr;
                    warn!("closed {addr}: it sent an HTTP request to the clients' port{repeats}");
                }
            }
            Outcome::Close => row.state = State::Ending,
            Outcome::Wait { level, place: record, replicas, timeout_ms, own } => {
                let until = (timeout_ms > 0).then(|| replicated.now() + Span::from_millis(timeout_ms));
                row.state = State::Waiting(Wait { level, record, replicas, own, until });
                self.waiting.push(place.index);
            }
            Outcome::Retry => {
                row.state = State::Retrying;
                let ticket = row.ticket.filter(|_| !wrote).unwrap_or(self.next_ticket);
                self.next_ticket = self.next_ticket.max(ticket + 1);
                row.ticket = Some(ticket);
                self.retrying.insert(ticket, place.index);
            }
            Outcome::Follow { addr } => {
                row.state = State::Asking;
                return Some(EngineRequest::LookAt(place, addr));
            }
            Outcome::Promote => {
                row.state = State::Asking;
                return Some(EngineRequest::Promote(place));
            }
            Outcome::Shutdown => {
                row.state = State::Ending;
                return Some(EngineRequest::Shutdown);
            }
        }
        None
    }

    /// Replies to a client whose request the engine executed.
    pub(crate) fn answer(&mut self, place: Place, result: Result<(), &str>) {
        let row = self.rows.get(place.index as usize).and_then(Option::as_ref);
        if !row.is_some_and(|row| row.id == place.id && row.state == State::Asking) {
            return;
        }
        self.resume(place.index, |session, out| {
            session.reply_late(out, |out| match result {
                Ok(()) => reply::ok(out),
                Err(why) => reply::error(out, &format!("ERR {why}")),
            });
        });
    }

    // --- replies ---------------------------------------------------------------------------------------------------

    /// Records that this client has replies to write and its socket accepts more.
    pub(crate) fn note_owed(&mut self, index: u32) {
        let owed = self.rows.get(index as usize).and_then(Option::as_ref).is_some_and(|row| row.owes());
        if owed {
            self.owed.push(index);
        }
    }

    /// Writes every reply that can be written.
    pub(crate) fn write(&mut self, replicated: &mut Replicated, requests: &mut Vec<EngineRequest>) {
        requests.append(&mut self.requests);
        for index in mem::take(&mut self.owed) {
            let Some(mut row) = self.rows[index as usize].take() else { continue };
            self.bytes -= row.bytes();
            let written = row.write(replicated.now());
            self.counters.client_bytes.1 += mem::take(&mut row.wrote);
            match written {
                Poll::Pending if row.state == State::Ending => self.linger(replicated, index, &mut row),
                Poll::Pending => {}
                Poll::Ready(Ok(())) if row.state == State::Ending => {
                    self.counters.clients -= 1;
                    requests.push(EngineRequest::Close(row.into_transport(), Vec::new()));
                    continue;
                }
                Poll::Ready(Ok(())) => row.unstall(),
                Poll::Ready(Err(_)) => {
                    self.counters.clients -= 1;
                    continue;
                }
            }
            self.bytes += row.bytes();
            self.rows[index as usize] = Some(row);
        }
    }

    /// Stops reading all clients, as the server stops; replies still leave.
    pub(crate) fn end_all(&mut self) {
        for (index, row) in self.rows.iter_mut().enumerate() {
            if let (Some(row), Ok(index)) = (row, u32::try_from(index)) {
                row.state = State::Ending;
                self.owed.push(index);
            }
        }
    }
}
