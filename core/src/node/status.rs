//! The state of a node, for status pages and metrics.

use crate::config::Config;
use crate::id::{LinkId, Offset};
use crate::node::Node;
use crate::stats::{InFlight, Lag, Replica, Stats};
use crate::time::Time;

impl Node {
    /// The state of this node at a glance; ages count to the last call that brought the time.
    #[inline(always)]
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats_at(self.shared.clock.now())
    }

    /// The same, with ages that count to `now`: between two inputs time passes too.
    #[inline(always)]
    #[must_use]
    pub fn stats_at(&self, now: Time) -> Stats {
        self.stream.stats(&self.links, &self.shared, now)
    }

    /// The configuration this node was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// The remembered replicas, connected or away; ages count to the last call that brought the time.
    pub fn replicas(&self) -> impl Iterator<Item = Replica> + '_ {
        self.replicas_at(self.shared.clock.now())
    }

    /// The same, with ages that count to `now`.
    pub fn replicas_at(&self, now: Time) -> impl Iterator<Item = Replica> + '_ {
        self.stream.replicas(&self.shared.clock, now)
    }

    /// The bytes that count as under way to a replica: staged or sent since it joined, and not acknowledged as taken.
    /// None on a link without a replica.
    #[must_use]
    pub fn in_flight(&self, link: LinkId) -> Option<InFlight> {
        self.stream.in_flight(&self.links, link)
    }

    /// How far an offset is behind this node's end.
    #[must_use]
    pub fn lag(&self, offset: Offset) -> Lag {
        self.lag_at(offset, self.shared.clock.now())
    }

    /// The same, with an age that counts to `now`.
    #[must_use]
    pub fn lag_at(&self, offset: Offset, now: Time) -> Lag {
        self.stream.lag(&self.shared.clock, offset, now)
    }
}
