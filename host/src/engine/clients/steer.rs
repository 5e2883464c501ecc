//! Clients that are ended by others, and pauses for all of them: CLIENT KILL, CLIENT PAUSE.

use std::time::Duration;

use towline_core::{Span, Time};

use super::Clients;
use super::row::State;
use crate::command::Client;
use crate::engine::heart::Heart;

/// A pause of client commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pause {
    /// When it ends.
    pub(crate) until: Time,
    /// It holds reads too.
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
}

impl Heart {
    /// Holds client commands for a time. Of two pauses that overlap, the longer time and the wider kind count.
    pub(crate) fn pause(&mut self, time: Duration, all: bool) {
        let until = self.now + Span(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        let old = self.paused();
        self.pause = Some(Pause {
            until: old.map_or(until, |old| old.until.max(until)),
            all: all || old.is_some_and(|old| old.all),
        });
    }

    /// The pause there is now.
    pub(crate) fn paused(&self) -> Option<Pause> {
        self.pause.filter(|pause| pause.until > self.now)
    }
}
