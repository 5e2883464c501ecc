//! Clients that wait until their write is held, as the host serves them: `WAIT`, `WAITAOF`.
//!
//! A wait asks first and waits after. It belongs to the role it was made in: at each change of role all waits end
//! without an answer, because the records they count may leave the history. The numbers of the writes decide which are
//! waited for, and for what, so that no draw is needed.
//!
//! Bounds: [`WAITS_MAX`]; the client that waits longest gives up first.

use super::host::Turn;
use crate::trace::Fact;
use std::collections::VecDeque;
use towline_core::Level;

/// The most clients that wait at the same time.
const WAITS_MAX: usize = 64;
/// How many writes there are for one that is waited for.
const ONE_OF: u32 = 8;
/// The most replicas that a client asks for.
const REPLICAS_MAX: u32 = 3;

/// A client that waits.
#[derive(Debug, Clone, Copy)]
struct Wait {
    op: u32,
    /// The end of the log after its write.
    offset: u64,
    level: Level,
    replicas: u32,
    own: bool,
}

/// The waits of a process.
#[derive(Debug, Default)]
pub(super) struct Waits {
    rows: VecDeque<Wait>,
    /// Set when something happened that may answer one.
    pub(super) news: bool,
}

impl Waits {
    /// Begins the wait of this write's client, if it is one that waits.
    pub(super) fn begin(&mut self, op: u32, offset: u64) {
        if !op.is_multiple_of(ONE_OF) {
            return;
        }
        let turn = op / ONE_OF;
        let level = [Level::Applied, Level::Persisted, Level::Received][turn as usize % 3];
        let replicas = 1 + turn / 3 % REPLICAS_MAX;
        let own = level == Level::Persisted && turn.is_multiple_of(2);
        if self.rows.len() == WAITS_MAX {
            self.rows.pop_front();
        }
        self.rows.push_back(Wait { op, offset, level, replicas, own });
        self.news = true;
    }

    /// Ends all waits without an answer: the role changes.
    pub(super) fn end(&mut self) {
        self.rows.clear();
    }
}

impl Turn<'_> {
    /// Ends every wait that is fulfilled, with its answer.
    pub(super) fn answer_waits(&mut self) {
        if !std::mem::take(&mut self.process.waits.news) {
            return;
        }
        let store = &self.machine.store;
        let durable = if store.disk && !store.hides_another() { store.durable as u64 } else { 0 };
        let mut at = 0;
        while let Some(wait) = self.process.waits.rows.get(at).copied() {
            let reached = self.process.node.acked(wait.level, wait.replicas).0 >= wait.offset;
            if reached && (!wait.own || durable >= wait.offset) {
                self.process.waits.rows.remove(at);
                let Wait { op, replicas, level, own, .. } = wait;
                self.tell(&Fact::Granted { op: op.into(), replicas, level, own });
            } else {
                at += 1;
            }
        }
    }

    /// Ends all waits of the process: its role changes.
    pub(super) fn end_waits(&mut self) {
        self.process.waits.end();
    }
}
