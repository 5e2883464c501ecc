//! The clients: who is connected, who waits for what.
//!
//! Invariants: `looks` at a client happen only for rows that are ready; a client in `owed` has replies to be written; a
//! [`Place`] names one client for ever, so an answer for one that left reaches nobody.
//!
//! Bounds: `clients_max` at a time, further ones are told so; buffers that grew past a small part for each share
//! `bytes_max`, and a client that would need more is told so and closed.

mod row;

use std::collections::BTreeMap;
use std::mem;
use std::task::Poll;

use towline_core::{Span, Time};
use towline_kv::RequestLimits;
use tracing::warn;

use self::row::{Came, ROOM, Row, State, Wait};
use super::heart::Heart;
use super::notices::{Cause, Notices};
use super::ready::{Ready, Token};
use super::turn::Turn;
use crate::command::{Client, Outcome, Session, reply, request_limits};
use crate::transport::BoxTransport;

/// redis's words for a wait whose node became something else.
const UNBLOCKED: &str =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

/// The name of one client: where it is, and who.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    index: u32,
    id: u64,
}

/// What a turn with the clients left for the engine to do.
pub(crate) enum Errand {
    /// Look at an address, then [`Clients::answer`].
    Probe(Place, String),
    /// Become primary, then [`Clients::answer`].
    Promote(Place),
    /// Stop the server.
    Shutdown,
    /// Let the last words of this connection leave.
    Farewell(BoxTransport, Vec<u8>),
}

/// All clients.
pub(crate) struct Clients {
    rows: Vec<Option<Box<Row>>>,
    limits: RequestLimits,
    clients_max: u32,
    bytes_max: u64,
    reply_bytes_max: usize,
    bytes: u64,
    next_id: u64,
    /// Who has replies to be written.
    owed: Vec<u32>,
    waiting: Vec<u32>,
    notices: Notices,
    /// Who waits to write, in the order of their tickets. A client that was woken and could write nothing keeps its
    /// ticket, so that however little may be written, everybody's turn comes.
    retrying: BTreeMap<u64, u32>,
    next_ticket: u64,
}

impl Clients {
    pub(crate) fn new(clients_max: u32, bytes_max: u64, record_bytes_max: u32) -> Self {
        Self {
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
            notices: Notices::default(),
            retrying: BTreeMap::new(),
            next_ticket: 0,
        }
    }

    /// The most that all buffers hold, in bytes.
    pub(crate) fn bytes_bound(&self) -> u64 {
        self.bytes_max + u64::from(self.clients_max) * ROOM as u64
    }

    /// The longest reply: a part of what all may hold, and at least a value of the longest record.
    pub(crate) fn reply_bytes_max(&self) -> usize {
        self.reply_bytes_max
    }

    /// How many wait for something.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    /// Everyone connected but one who is being run.
    pub(crate) fn each(&self) -> impl Iterator<Item = &Client> {
        self.rows.iter().flatten().map(|row| row.session.client())
    }

    /// A new client, if there is room.
    pub(crate) fn admit(
        &mut self,
        heart: &mut Heart,
        ready: &Ready,
        transport: BoxTransport,
        peer: String,
    ) -> Option<Errand> {
        if heart.tally.clients >= u64::from(self.clients_max) {
            heart.tally.refused_connections += 1;
            let mut out = Vec::new();
            reply::error(&mut out, "ERR max number of clients reached");
            return Some(Errand::Farewell(transport, out));
        }
        let free = self.rows.iter().position(Option::is_none).unwrap_or(self.rows.len());
        let Ok(index) = u32::try_from(free) else { return None };
        if free == self.rows.len() {
            self.rows.push(None);
        }
        self.next_id += 1;
        heart.tally.clients += 1;
        heart.tally.connections += 1;
        let local = heart.tally.client_addr.clone().unwrap_or_default();
        let client = Client::new(self.next_id, peer, local, heart.clock.unix_ms(heart.now));
        let session = Session::new(client, self.limits);
        let waker = ready.row(Token::Client(index));
        let row = Row::new(self.next_id, session, transport, waker, self.limits.request_max);
        self.rows[free] = Some(Box::new(row));
        None
    }

    /// Lets one client that is ready have its share of the turn.
    pub(crate) fn look(&mut self, heart: &mut Heart, index: u32) -> Option<Errand> {
        let mut row = self.rows.get_mut(index as usize)?.take()?;
        self.bytes -= row.bytes();
        let before = heart.turn_bytes();
        let came = row.look(&mut Turn { heart, clients: self });
        let wrote = heart.turn_bytes() > before;
        if came != Came::Wants(Outcome::Retry) {
            row.ticket = None;
        }
        let place = Place { index, id: row.id };
        let mut errand = None;
        match came {
            Came::Waits => {}
            Came::More => row.wake(),
            Came::Gone => {
                heart.tally.clients -= 1;
                return None;
            }
            Came::Wants(outcome) => {
                errand = self.wants(heart, &mut row, place, outcome, wrote);
                // Looked at again, it is watched for leaving.
                row.wake();
            }
        }
        self.bytes += row.bytes();
        if self.bytes > self.bytes_bound() {
            reply::error(&mut row.out, "ERR the clients' buffers are full: send less at once");
            row.state = State::Ending;
        }
        if row.owes() {
            self.owed.push(index);
        }
        self.rows[index as usize] = Some(row);
        errand
    }

    /// Begins what a command wants beyond its reply.
    fn wants(
        &mut self,
        heart: &Heart,
        row: &mut Row,
        place: Place,
        outcome: Outcome,
        wrote: bool,
    ) -> Option<Errand> {
        match outcome {
            Outcome::Done | Outcome::Again => {}
            Outcome::Http => {
                row.state = State::Ending;
                if let Some(repeats) = self.notices.note(Cause::Http, heart.now) {
                    let addr = &row.session.client().addr;
                    warn!("closed {addr}: it sent an HTTP request to the clients' port{repeats}");
                }
            }
            Outcome::Close => row.state = State::Ending,
            Outcome::Wait { level, place: record, replicas, timeout_ms, own } => {
                let until = (timeout_ms > 0).then(|| heart.now + Span::from_millis(timeout_ms));
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
                return Some(Errand::Probe(place, addr));
            }
            Outcome::Promote => {
                row.state = State::Asking;
                return Some(Errand::Promote(place));
            }
            Outcome::Shutdown => {
                row.state = State::Ending;
                return Some(Errand::Shutdown);
            }
        }
        None
    }

    /// Replies to a client that asked for something only the engine could do.
    pub(crate) fn answer(&mut self, place: Place, result: Result<(), &str>) {
        let row = self.rows.get_mut(place.index as usize).and_then(Option::as_mut);
        let Some(row) = row.filter(|row| row.id == place.id && row.state == State::Asking) else {
            return;
        };
        self.bytes -= row.bytes();
        match result {
            Ok(()) => reply::ok(&mut row.out),
            Err(why) => reply::error(&mut row.out, &format!("ERR {why}")),
        }
        self.bytes += row.bytes();
        row.state = State::Open;
        row.wake();
        self.owed.push(place.index);
    }

    // --- waiting ---------------------------------------------------------------------------------------------------

    /// Ends the waits that are over: acknowledgements came, or time passed.
    pub(crate) fn end_waits(&mut self, heart: &Heart) {
        for index in mem::take(&mut self.waiting) {
            let Some(row) = self.rows[index as usize].as_mut() else { continue };
            let State::Waiting(wait) = &row.state else { continue };
            let (reached, own) = (heart.reached(wait.level, wait.record), heart.keeps(wait.record));
            let enough = reached >= wait.replicas && (own || !wait.own);
            if !enough && wait.until.is_none_or(|until| until > heart.now) {
                self.waiting.push(index);
                continue;
            }
            self.bytes -= row.bytes();
            row.session.waited(own, reached, &mut row.out);
            self.bytes += row.bytes();
            row.state = State::Open;
            row.wake();
            self.owed.push(index);
        }
    }

    /// The role or the history changed: every wait is over, in redis's words for it, and its client is read again.
    pub(crate) fn unblock(&mut self) {
        for index in mem::take(&mut self.waiting) {
            let Some(row) = self.rows[index as usize].as_mut() else { continue };
            if !matches!(row.state, State::Waiting(_)) {
                continue;
            }
            self.bytes -= row.bytes();
            reply::error(&mut row.out, UNBLOCKED);
            self.bytes += row.bytes();
            row.state = State::Open;
            row.wake();
            self.owed.push(index);
        }
    }

    /// When the first wait ends by itself.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        let rows = self.waiting.iter().filter_map(|index| self.rows[*index as usize].as_ref());
        let until = rows.filter_map(|row| match &row.state {
            State::Waiting(wait) => wait.until,
            State::Open | State::Retrying | State::Asking | State::Ending => None,
        });
        until.min()
    }

    /// Whether somebody waits for a moment in which writes are possible.
    pub(crate) fn any_retrying(&self) -> bool {
        !self.retrying.is_empty()
    }

    /// That moment has come, for so many of them.
    pub(crate) fn retry(&mut self, clients_max: usize) {
        for _ in 0..clients_max {
            let Some((_, index)) = self.retrying.pop_first() else { break };
            if let Some(row) = self.rows[index as usize].as_mut().filter(|row| row.state == State::Retrying) {
                row.state = State::Open;
                row.wake();
            }
        }
    }

    // --- replies ---------------------------------------------------------------------------------------------------

    /// This client's socket takes more, or it has more to say.
    pub(crate) fn note_owed(&mut self, index: u32) {
        let owed = self.rows.get(index as usize).and_then(Option::as_ref).is_some_and(|row| row.owes());
        if owed {
            self.owed.push(index);
        }
    }

    /// Writes every reply that can be written.
    pub(crate) fn write(&mut self, heart: &mut Heart, errands: &mut Vec<Errand>) {
        for index in mem::take(&mut self.owed) {
            let Some(mut row) = self.rows[index as usize].take() else { continue };
            self.bytes -= row.bytes();
            let written = row.write();
            heart.tally.client_bytes.1 += mem::take(&mut row.wrote);
            match written {
                Poll::Pending => {}
                Poll::Ready(Ok(())) => row.unstall(),
                Poll::Ready(Err(_)) => {
                    heart.tally.clients -= 1;
                    continue;
                }
            }
            if row.state == State::Ending {
                heart.tally.clients -= 1;
                let (transport, last_words) = row.into_last_words();
                errands.push(Errand::Farewell(transport, last_words));
                continue;
            }
            self.bytes += row.bytes();
            self.rows[index as usize] = Some(row);
        }
    }

    /// The server stops: nobody is read any more, replies still leave.
    pub(crate) fn end_all(&mut self) {
        for (index, row) in self.rows.iter_mut().enumerate() {
            if let (Some(row), Ok(index)) = (row, u32::try_from(index)) {
                row.state = State::Ending;
                self.owed.push(index);
            }
        }
    }
}
