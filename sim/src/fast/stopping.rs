//! A process that stops in order: it takes no more writes, waits until every connected replica has received all its
//! records, and then says goodbye.
//!
//! The wait is bounded ([`STOP_WAIT_US`]): a replica that does not get there must not keep a machine from its end.

use super::host::Turn;
use super::queue::What;
use crate::oracle::Gauge;
use towline_core::Input;

/// How long a stop waits for its replicas.
const STOP_WAIT_US: u64 = 10_000_000;

/// A stop that is under way.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stopping {
    /// The offset that the replicas must receive.
    end: u64,
    until_us: u64,
    /// Set once the goodbyes are on their way.
    closes: bool,
}

impl Turn<'_> {
    /// Begins to stop.
    pub(super) fn begin_stop(&mut self) {
        let until_us = self.world.t_us + STOP_WAIT_US;
        self.forget_dial();
        self.process.stopping =
            Some(Stopping { end: self.process.node.stats().end.0, until_us, closes: false });
        self.world.told.gauge(self.world.t_us, self.me, Gauge::Stops);
        self.world.queue.push(until_us, What::Turn { machine: self.me as u8 });
        self.stop_when_received();
    }

    /// Says goodbye when there is no replica left to wait for.
    pub(super) fn stop_when_received(&mut self) {
        let Some(stopping) = self.process.stopping.filter(|stopping| !stopping.closes) else { return };
        let gives_up = self.world.t_us >= stopping.until_us;
        let lacks = |replica: &towline_core::Replica| {
            // A replica that waits for a snapshot is connected, too.
            replica.link.is_some() && replica.acked.received.is_none_or(|received| received.0 < stopping.end)
        };
        if !gives_up && self.process.node.replicas().any(|replica| lacks(&replica)) {
            return;
        }
        if gives_up {
            self.world.told.gauge(self.world.t_us, self.me, Gauge::GivesUp);
        }
        self.process.stopping = Some(Stopping { closes: true, ..stopping });
        self.say(Input::Shutdown).expect("a node can always be stopped");
    }
}
