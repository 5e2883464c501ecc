//! Clients that are ended or unblocked by others, and pauses for all of them: CLIENT KILL, UNBLOCK, PAUSE.

use std::time::Duration;

use towline_core::{Span, Time};

use super::Clients;
use super::row::State;
use crate::command::{Client, reply};
use crate::service::keys::Replicated;

/// The error of redis for a wait that another client ended.
const UNBLOCKED_BY_CLIENT: &str = "UNBLOCKED client unblocked via CLIENT UNBLOCK";

/// A pause of client commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    /// The time at which it ends.
    pub(crate) until: Time,
    /// Set if it holds reads too.
    pub(crate) all: bool,
}

impl Clients {
    /// Ends the connections of all wanted clients but one that is being run. Returns how many.
    pub(crate) fn kill(&mut self, wanted: &mut dyn FnMut(&Client) -> bool) -> u64 {
        let mut killed = 0;
        for (index, row) in self.rows.iter_mut().enumerate() {
            let (Some(row), Ok(index)) = (row, u32::try_from(index)) else { continue };
            if row.state != State::Ending && wanted(row.session.client()) {
                self.bytes -= row.bytes();
                row.drop_replies();
                self.bytes += row.bytes();
                self.owed.push(index);
                killed += 1;
            }
        }
        killed
    }

    /// Ends the wait of one client: as if its time had passed, or with an error. Returns whether it waited.
    pub(crate) fn unblock_one(&mut self, replicated: &Replicated, id: u64, with_error: bool) -> bool {
        let is_it = |index: &u32| self.rows[*index as usize].as_ref().is_some_and(|row| row.id == id);
        let Some(index) = self.waiting.iter().copied().find(is_it) else { return false };
        let Some(wait) = self.wait_of(index) else { return false };
        let (own, reached) = (replicated.keeps(wait.record), replicated.reached(wait.level, wait.record));
        self.waiting.retain(|other| *other != index);
        self.resume(index, |session, out| {
            if with_error {
                session.reply_late(out, |out| reply::error(out, UNBLOCKED_BY_CLIENT));
            } else {
                session.waited(own, reached, out);
            }
        });
        true
    }
}

impl Clients {
    /// Holds client commands for a time. Of two pauses that overlap, the longer time and the wider kind apply.
    pub(crate) fn pause(&mut self, now: Time, time: Duration, all: bool) {
        let until = now + Span(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let old = self.paused(now);
        self.pause = Some(Pause {
            until: old.map_or(until, |old| old.until.max(until)),
            all: all || old.is_some_and(|old| old.all),
        });
    }

    /// Returns the present pause.
    pub(crate) fn paused(&self, now: Time) -> Option<Pause> {
        self.pause.filter(|pause| pause.until > now)
    }
}
