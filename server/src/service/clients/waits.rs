//! Clients that wait: for replicas or the disk to reach a record, or for a moment in which writes are possible.

use std::mem;

use towline_core::Time;

use super::Clients;
use super::row::{State, Wait};
use crate::command::{Session, reply};
use crate::service::keys::Replicated;

/// The error of redis for a wait whose node changed its role.
const UNBLOCKED: &str =
    "UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)";

impl Clients {
    /// Ends the waits that are over: acknowledgements came, or time passed.
    pub(crate) fn end_waits(&mut self, replicated: &Replicated) {
        for index in mem::take(&mut self.waiting) {
            let Some(wait) = self.wait_of(index) else { continue };
            let (reached, own) = (replicated.reached(wait.level, wait.record), replicated.keeps(wait.record));
            let enough = reached >= wait.replicas && (own || !wait.own);
            if !enough && wait.until.is_none_or(|until| until > replicated.now()) {
                self.waiting.push(index);
                continue;
            }
            self.resume(index, |session, out| session.waited(own, reached, out));
        }
    }

    /// Ends every wait with the error of redis, because the role or the history changed; the clients are read again.
    pub(crate) fn unblock(&mut self) {
        for index in mem::take(&mut self.waiting) {
            if self.wait_of(index).is_some() {
                self.resume(index, |session, out| {
                    session.reply_late(out, |out| reply::error(out, UNBLOCKED));
                });
            }
        }
    }

    /// Returns the acknowledgement that this client waits for, if it does.
    pub(super) fn wait_of(&self, index: u32) -> Option<&Wait> {
        match &self.rows[index as usize].as_ref()?.state {
            State::Waiting(wait) => Some(wait),
            State::Open | State::Retrying | State::Asking | State::Ending => None,
        }
    }

    /// Writes the reply a client waited for, and reads it again.
    pub(super) fn resume(&mut self, index: u32, reply: impl FnOnce(&mut Session, &mut Vec<u8>)) {
        let Some(row) = self.rows[index as usize].as_mut() else { return };
        self.bytes -= row.bytes();
        reply(&mut row.session, &mut row.out);
        self.bytes += row.bytes();
        row.state = State::Open;
        row.wake();
        self.owed.push(index);
    }

    /// Returns when the first wait ends by itself.
    pub(crate) fn next_wait(&self) -> Option<Time> {
        self.waiting.iter().filter_map(|index| self.wait_of(*index)?.until).min()
    }

    /// Returns whether a client waits for a moment in which writes are possible.
    pub(crate) fn any_retrying(&self) -> bool {
        !self.retrying.is_empty()
    }

    /// Reads so many of them again, because that moment has come.
    pub(crate) fn retry(&mut self, clients_max: usize) {
        for _ in 0..clients_max {
            let Some((_, index)) = self.retrying.pop_first() else { break };
            if let Some(row) = self.rows[index as usize].as_mut().filter(|row| row.state == State::Retrying) {
                row.state = State::Open;
                row.wake();
            }
        }
    }
}
