//! Short pauses for client writes while a replica that joins would otherwise lose its stream.
//!
//! A replica that receives a snapshot also follows the stream; if the ring overtakes it there, it will need another
//! snapshot. While less than a quarter of the ring is left to it, writes wait: at most [`HOLD`] at a time, and never
//! for more than half of the time. Reads go on; a write that waits is answered a moment later.

use towline_core::{ReplicaState, Role, Span, Time};

use super::heart::Heart;

/// One pause, at most.
const HOLD: Span = Span::from_millis(50);
/// How often the replicas are looked at.
const LOOK: Span = Span::from_millis(5);

/// When writes are held.
#[derive(Debug)]
pub(crate) struct Hold {
    enabled: bool,
    /// Since when writes are held.
    since: Option<Time>,
    /// Not again before this.
    rest_until: Time,
    next_look: Time,
    /// Whether the last look found a replica in danger.
    danger: bool,
}

impl Hold {
    pub(crate) fn new(enabled: bool) -> Self {
        Self { enabled, since: None, rest_until: Time::ZERO, next_look: Time::ZERO, danger: false }
    }

    /// Begins or ends a pause. `wanted` says whether somebody wants to write.
    pub(crate) fn update(&mut self, heart: &mut Heart) {
        let now = heart.now;
        if self.enabled && now >= self.next_look {
            self.next_look = now + LOOK;
            self.danger = heart.role == Role::Primary && !heart.closing && in_danger(heart);
        }
        match self.since {
            Some(since) if !self.danger || now >= since + HOLD => {
                let held = now.since(since);
                heart.tally.held_ns += held.0;
                // As long a rest as the pause was: half of any time at most.
                (self.since, self.rest_until) = (None, now + held);
            }
            None if self.danger && now >= self.rest_until => self.since = Some(now),
            Some(_) | None => {}
        }
        heart.holding = self.since.is_some();
    }

    /// When to update at the latest.
    pub(crate) fn next(&self) -> Option<Time> {
        let end = self.since.map(|since| since + HOLD);
        let look = self.danger.then_some(self.next_look);
        end.into_iter().chain(look).min()
    }
}

/// Whether a replica that joins has less than a quarter of the ring left before it is overtaken.
fn in_danger(heart: &Heart) -> bool {
    let ring = heart.node.config().backlog_bytes;
    heart.node.replicas().any(|replica| {
        let behind = replica.lag[0].and_then(|lag| lag.bytes);
        replica.state == ReplicaState::Snapshot && behind.is_some_and(|bytes| bytes > ring / 4 * 3)
    })
}
