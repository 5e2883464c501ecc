//! Short pauses for client writes while a replica that joins would otherwise lose its stream.
//!
//! A replica that receives a snapshot also follows the stream; if the ring overtakes it there, it will need another
//! snapshot. From a quarter of the ring behind it writes are held now and then, for [`HOLD`] at a time: a third of the
//! time at first, and half of it, which is the most, from half of the ring on. Reads go on; a write that waits is
//! answered a moment later.
//!
//! So early and so evenly, because all of the ring may be 60 ms deep: half of it is left for a replica that stalls.
//!
//! A replica *joins* from the moment it is seen receiving a snapshot until it has kept up for [`SETTLED`]: after the
//! snapshot it still has the spool to work off, and whoever is overtaken right behind it begins all over.

use towline_core::{Lag, NodeId, ReplicaState, Role, Span, Time};

use super::heart::Heart;

/// One pause. Short ones keep the ring's level even; 50 ms would be the most.
const HOLD: Span = Span::from_millis(10);
/// Nearly everything applied for so long: the replica has joined.
const SETTLED: Span = Span::from_secs(10);
/// How often the replicas are looked at.
const LOOK: Span = Span::from_millis(1);

/// When writes are held.
#[derive(Debug)]
pub(crate) struct Hold {
    enabled: bool,
    /// Since when writes are held.
    since: Option<Time>,
    /// Not again before this.
    rest_until: Time,
    next_look: Time,
    /// How far behind the last look found a replica that joins, in bytes; and whether that is too far.
    behind: u64,
    danger: bool,
    /// Who joins, and since when it keeps up: at most as many as the node remembers replicas.
    joining: Vec<(NodeId, Time)>,
}

impl Hold {
    pub(crate) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            since: None,
            rest_until: Time::ZERO,
            next_look: Time::ZERO,
            behind: 0,
            danger: false,
            joining: Vec::new(),
        }
    }

    /// Begins or ends a pause.
    pub(crate) fn update(&mut self, heart: &mut Heart) {
        let now = heart.now;
        let quarter = heart.node.config().backlog_bytes / 4;
        if self.enabled && now >= self.next_look {
            self.next_look = now + LOOK;
            let leads = heart.role == Role::Primary && !heart.closing;
            self.behind = if leads { self.look(heart) } else { 0 };
            self.danger = self.behind > quarter;
        }
        match self.since {
            Some(since) if !self.danger || now >= since + HOLD => {
                let held = now.since(since);
                heart.tally.held_ns += held.0;
                // From twice as long a rest as the pause was down to as long: half of any time at most.
                let rest = held.0.saturating_mul(2 * quarter) / self.behind.clamp(quarter, 2 * quarter);
                (self.since, self.rest_until) = (None, now + Span(rest));
            }
            None if self.danger && now >= self.rest_until => self.since = Some(now),
            Some(_) | None => {}
        }
        heart.holding = self.since.is_some();
    }

    /// When to update at the latest.
    pub(crate) fn next(&self) -> Option<Time> {
        let end = self.since.map(|since| since + HOLD);
        let look = self.danger.then_some(self.next_look.max(self.rest_until));
        end.into_iter().chain(look).min()
    }

    /// How far behind the last of the replicas that join is.
    fn look(&mut self, heart: &Heart) -> u64 {
        let ring = heart.node.config().backlog_bytes;
        let mut behind = 0;
        for replica in heart.node.replicas() {
            let known = self.joining.iter().position(|(node, _)| *node == replica.node);
            let keeps_up = match replica.state {
                ReplicaState::Snapshot => false,
                ReplicaState::Streaming => is_near(replica.lag[1], ring / 4),
                ReplicaState::Away | ReplicaState::Waiting => continue,
            };
            let since = match known {
                Some(place) if keeps_up => self.joining[place].1,
                Some(_) | None => heart.now,
            };
            let joins = !keeps_up || heart.now.since(since) < SETTLED;
            match known {
                Some(place) if joins => self.joining[place].1 = since,
                Some(place) => drop(self.joining.swap_remove(place)),
                None if replica.state == ReplicaState::Snapshot => self.joining.push((replica.node, since)),
                None => continue,
            }
            if joins {
                behind = behind.max(replica.unsent_bytes.unwrap_or_default());
            }
        }
        self.joining.truncate(heart.node.config().slots_max as usize);
        behind
    }
}

/// Whether a lag is known to be at most so many bytes.
fn is_near(lag: Option<Lag>, bytes: u64) -> bool {
    lag.and_then(|lag| lag.bytes).is_some_and(|behind| behind <= bytes)
}
