//! The write throttle: client writes are slowed down while a replica that joins would otherwise lose its stream.
//!
//! A replica that receives a snapshot also follows the stream; if the ring overtakes it there, it will need another
//! snapshot. So while one joins, no more is written than it takes ([`law`] says how). Reads go on; a write that is held
//! is answered some milliseconds later, in the order in which clients came. Deletions of expired keys are held as well,
//! and have a part of each round to themselves.
//!
//! A replica *joins* from the moment it is seen receiving a snapshot until it has kept up for [`SETTLED`]: after the
//! snapshot it still has the spool to work off, and one that is overtaken right behind it begins all over. One that
//! keeps up no better than this goes on being waited for, with a line in the log.
//!
//! Nobody is held for a replica that is away, that has no stream, or whose link has made no progress for the idle
//! limit.

use towline_core::{Lag, LinkId, NodeId, Offset, Replica, ReplicaState, Role, Span, Stages, Time};
use tracing::{info, warn};

use self::law::Law;
pub(crate) use self::law::WriteRoom;
use super::replicated::ReplicatedStore;
use crate::store::Store;

mod law;

/// A replica that has nearly everything applied for so long has joined.
const SETTLED: Span = Span::from_secs(10);
/// The time between two looks at the replicas while no writer is held.
const LOOK: Span = Span::from_millis(1);
/// The part of the ring after whose writing they are looked at, whatever the clock says.
const UNSEEN_SHARE: u64 = 64;
/// The time between two log lines that writes are still held for a replica.
const REMIND: Span = Span::from_secs(60);

/// The state of the throttle.
#[derive(Debug)]
pub(crate) struct WriteThrottle {
    enabled: bool,
    law: Law,
    next_look: Time,
    /// Bytes written since the last look.
    unseen_bytes: u64,
    /// The bytes that the slowest joining replica has not received.
    untaken: u64,
    /// At most as many as the node remembers replicas.
    joiners: Vec<Joiner>,
}

/// A replica that joins.
#[derive(Debug)]
struct Joiner {
    node: NodeId,
    seen_at: Time,
    /// The time since which it keeps up.
    near_since: Time,
    /// How far its link came, and when that last changed.
    progress: Progress,
    progress_at: Time,
    /// The time since which writes are held for it, and the milliseconds for which they had been held before.
    held_since: Option<(Time, u64)>,
    remind_at: Time,
}

/// Values that change while a link makes progress: bytes received, and records acknowledged.
type Progress = (Option<LinkId>, Option<u64>, Stages<Option<Offset>>);

impl WriteThrottle {
    pub(crate) fn new(enabled: bool, ring: u64) -> Self {
        let joiners = Vec::new();
        Self { enabled, law: Law::new(ring), next_look: Time::ZERO, unseen_bytes: 0, untaken: 0, joiners }
    }

    /// Updates the room for the writes of the next turn; called once a turn.
    pub(crate) fn update<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) {
        if !self.enabled {
            return;
        }
        let now = replicated.now;
        self.unseen_bytes += replicated.turn_bytes();
        let much = self.unseen_bytes >= replicated.node.config().options().backlog_bytes / UNSEEN_SHARE;
        if self.law.acts() || now >= self.next_look || much {
            (self.next_look, self.unseen_bytes) = (now + LOOK, 0);
            let leads = replicated.role == Role::Primary && !replicated.is_closing();
            self.untaken = if leads { self.look(replicated) } else { 0 };
        }
        if let Some(held) = self.law.update(now, self.untaken, &mut replicated.room) {
            replicated.counters.held_ns += held.0;
            replicated.counters.held_longest = replicated.counters.held_longest.max(held);
            debug_assert!(replicated.counters.held_longest.0 <= replicated.counters.held_ns);
        }
    }

    /// Returns when to update at the latest.
    pub(crate) fn next(&self) -> Option<Time> {
        self.law.next()
    }

    /// Returns the bytes that the slowest of the joining replicas has not received.
    fn look<S: Store>(&mut self, replicated: &ReplicatedStore<S>) -> u64 {
        let (now, ring) = (replicated.now, replicated.node.config().options().backlog_bytes);
        let mut untaken = 0;
        for replica in replicated.node.replicas() {
            let known = self.joiners.iter().position(|joiner| joiner.node == replica.node);
            let place = match (known, replica.state) {
                (Some(place), ReplicaState::Snapshot | ReplicaState::Streaming) => place,
                (None, ReplicaState::Snapshot) => {
                    self.joiners.push(Joiner::new(&replica, now));
                    self.joiners.len() - 1
                }
                (Some(place), ReplicaState::Away | ReplicaState::Waiting) => {
                    (self.joiners[place].seen_at, self.joiners[place].near_since) = (now, now);
                    continue;
                }
                (None, ReplicaState::Streaming | ReplicaState::Away | ReplicaState::Waiting) => continue,
            };
            let joiner = &mut self.joiners[place];
            joiner.note(&replica, now, ring);
            if now.since(joiner.near_since) >= SETTLED {
                joiner.settle(replicated);
                self.joiners.swap_remove(place);
                continue;
            }
            let behind = replica.untaken_bytes.unwrap_or_default();
            if now.since(joiner.progress_at) <= replicated.node.config().options().idle {
                joiner.report(replicated, behind > ring / 4);
                untaken = untaken.max(behind);
            }
        }
        // Drops those that the node has forgotten.
        self.joiners.retain(|joiner| joiner.seen_at == now);
        untaken
    }
}

impl Joiner {
    fn new(replica: &Replica, now: Time) -> Self {
        Self {
            node: replica.node,
            seen_at: now,
            near_since: now,
            progress: progress(replica),
            progress_at: now,
            held_since: None,
            remind_at: Time::NEVER,
        }
    }

    /// Records how far the replica is.
    fn note(&mut self, replica: &Replica, now: Time, ring: u64) {
        self.seen_at = now;
        let near = replica.state == ReplicaState::Streaming && is_near(replica.lag.applied, ring / 4);
        if !near {
            self.near_since = now;
        }
        let progress = progress(replica);
        // With nothing left to receive there is no progress to make.
        if progress != self.progress || replica.untaken_bytes == Some(0) {
            (self.progress, self.progress_at) = (progress, now);
        }
    }

    /// Logs when writes begin to be held for it, and now and then that they still are.
    fn report<S: Store>(&mut self, replicated: &ReplicatedStore<S>, pressed: bool) {
        let (now, held) = (replicated.now, replicated.counters.held_ns);
        match self.held_since {
            None if pressed => {
                info!(
                    "replica {} joins more slowly than is written: client writes are slowed down",
                    self.node
                );
                (self.held_since, self.remind_at) = (Some((now, held)), now + REMIND);
            }
            Some((since, before)) if now >= self.remind_at => {
                let (seconds, held) = (now.since(since).as_millis() / 1000, Span(held - before).as_millis());
                warn!(
                    "replica {} does not catch up: in {seconds} s client writes were held for {held} ms, so that it \
                     keeps its stream; give it more of its machine, write less, or start with --join-hold off",
                    self.node
                );
                self.remind_at = now + REMIND;
            }
            None | Some(_) => {}
        }
    }

    /// Logs that it has joined.
    fn settle<S: Store>(&self, replicated: &ReplicatedStore<S>) {
        if let Some((since, before)) = self.held_since {
            let seconds = replicated.now.since(since).as_millis() / 1000;
            let held = Span(replicated.counters.held_ns - before).as_millis();
            info!("replica {} keeps up; client writes were held for {held} ms in {seconds} s", self.node);
        }
    }
}

fn progress(replica: &Replica) -> Progress {
    (replica.link, replica.taken_bytes, replica.acked)
}

/// Returns true if a lag is known to be at most so many bytes.
fn is_near(lag: Option<Lag>, bytes: u64) -> bool {
    lag.and_then(|lag| lag.bytes).is_some_and(|behind| behind <= bytes)
}
