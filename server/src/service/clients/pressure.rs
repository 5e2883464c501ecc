//! The memory of all clients' buffers, and the choice of clients to close when it is too much.
//!
//! Rules: when a client needs more than is left, the client that holds the most is closed, be it that one or another;
//! those that asked not to be (CLIENT NO-EVICT) last. From half of the bound on, a request of which no byte came for
//! [`UNFINISHED`] is given up. A client that sends no request for longer than `--timeout` is closed. One that is being
//! closed has [`LAST_WRITE`] to receive its replies.
//!
//! An error is written only where a client waits for a reply: to a request that has begun and whose earlier replies
//! were all sent. Elsewhere the client would read it as the reply to its next request, so the connection just ends.
//!
//! Bounds: rows are checked one by one only when memory is short or a time is over, once a second at most.

use towline_core::{Span, Time};
use tracing::warn;

use super::row::{Row, State};
use super::{Clients, EngineRequest, Place};
use crate::command::reply;
use crate::service::keys::Replicated;

/// A request that does not go on for so long is given up when memory is short.
const UNFINISHED: Span = Span::from_secs(10);
/// The time for the last replies of a client that is being closed.
const LAST_WRITE: Span = Span::from_secs(5);
/// The time between two checks of the clients' times.
const SWEEP: Span = Span::from_secs(1);

const TOO_MUCH: &str = "ERR the clients' buffers are full, and this client holds the most: send less at once";
const TOO_SLOW: &str = "ERR the clients' buffers are half full, and no byte of this request came for 10 s";

impl Clients {
    /// Returns the most that all buffers hold.
    pub(crate) fn bytes_bound(&self) -> u64 {
        self.bytes_max + u64::from(self.clients_max) * super::row::ROOM as u64
    }

    /// Returns the limit between two commands: it leaves room for one reply of the longest kind, which is built at
    /// once.
    fn bytes_limit(&self) -> u64 {
        self.bytes_bound().saturating_sub(self.reply_bytes_max as u64)
    }

    /// Returns the bytes left for the client that is being run.
    pub(super) fn bytes_left(&self) -> u64 {
        self.bytes_limit().saturating_sub(self.bytes)
    }

    /// Closes the clients that hold the most, until `beyond` bytes fit below the limit.
    pub(super) fn make_room(&mut self, replicated: &mut Replicated, beyond: u64) {
        while self.bytes + beyond > self.bytes_limit() {
            let most = |row: &Row| (!row.session.client().no_evict, row.bytes());
            let rows = self.rows.iter().enumerate().filter_map(|(index, row)| Some((index, row.as_ref()?)));
            let Some((index, row)) = rows.max_by_key(|(_, row)| most(row)) else { return };
            if let Some(repeats) = self.strangers.memory.note(replicated.now()) {
                let (addr, held) = (&row.session.client().addr, row.bytes());
                let bound = self.bytes_max;
                warn!(
                    "closed {addr}: the clients' buffers are full ({bound} bytes), and it held the most \
                     ({held} bytes){repeats}"
                );
            }
            self.end(index, TOO_MUCH);
        }
    }

    /// Ends a connection. The client gets the reason only if it waits for a reply.
    fn end(&mut self, index: usize, why: &str) {
        let Some(row) = self.rows[index].take() else { return };
        self.bytes -= row.bytes();
        self.counters.clients -= 1;
        let mut words = Vec::new();
        if row.awaits_a_reply() {
            reply::error(&mut words, why);
        }
        self.requests.push(EngineRequest::Close(row.into_transport(), words));
    }

    /// Checks all clients' times, if that is due.
    pub(crate) fn sweep(&mut self, replicated: &mut Replicated) {
        self.end_lingering(replicated);
        let short = self.is_short();
        if (self.timeout.is_none() && !short)
            || self.swept.is_some_and(|swept| replicated.now() < swept + SWEEP)
        {
            return;
        }
        self.swept = Some(replicated.now());
        for index in 0..self.rows.len() {
            let Some(row) = &self.rows[index] else { continue };
            let quiet = replicated.now().since(row.moved);
            match row.state {
                State::Open if short && quiet >= UNFINISHED && row.is_unfinished() => {
                    if let Some(repeats) = self.strangers.unfinished.note(replicated.now()) {
                        let addr = &row.session.client().addr;
                        warn!(
                            "closed {addr}: no byte of its unfinished request came for 10 s, and the clients' \
                             buffers are more than half full{repeats}"
                        );
                    }
                    self.end(index, TOO_SLOW);
                }
                State::Open if self.timeout.is_some_and(|timeout| quiet >= timeout) => {
                    self.end(index, "");
                }
                State::Open | State::Waiting(_) | State::Retrying | State::Asking | State::Ending => {}
            }
        }
    }

    /// Gives a client that is being closed some time to receive its replies.
    pub(super) fn linger(&mut self, replicated: &Replicated, index: u32, row: &mut Row) {
        if !std::mem::replace(&mut row.lingers, true) {
            self.lingering.push_back((replicated.now() + LAST_WRITE, Place { index, id: row.id }));
        }
    }

    /// Ends the clients whose time for that is over.
    fn end_lingering(&mut self, replicated: &mut Replicated) {
        while let Some((_, place)) = self.lingering.pop_front_if(|(until, _)| *until <= replicated.now()) {
            let index = place.index as usize;
            if self.rows[index].as_ref().is_some_and(|row| row.id == place.id) {
                self.end(index, "");
            }
        }
    }

    /// Returns when times are to be checked, if any may be over.
    pub(crate) fn next_sweep(&self) -> Option<Time> {
        let lingering = self.lingering.front().map(|(until, _)| *until);
        let any = self.timeout.is_some() || self.is_short();
        let sweep = any.then(|| self.swept.map_or(Time::ZERO, |swept| swept + SWEEP));
        lingering.into_iter().chain(sweep).min()
    }

    fn is_short(&self) -> bool {
        self.bytes > self.bytes_max / 2
    }
}
