//! Node and store, and the rule that binds them: every record that one has the other has.
//!
//! On a primary a record is applied and appended in one step, and at the end of a turn in which something was written
//! (or sooner: [`super::writes`]) the log is flushed and the store committed at exactly that boundary. On a replica
//! each batch is applied and committed with its cursor ([`super::receive`]).
//!
//! Invariants: everything applied to the store since its last commit was appended to the log, and nothing else
//! (`dirty`). A store whose disk refuses is not written until the disk accepts its backlog, and is still committed:
//! applied and answered records are at its boundary. A broken one is never written or committed again (`failure`).

use std::task::{Context, Poll};

use towline_core::{Config, Cursor, EpochOffset, Input, Misuse, Node, NodeId, Role, Step, Time};
use tracing::{info, warn};

use super::counters::Counters;
use super::failure::StoreState;
use super::receive::Receive;
use super::throttle::WriteRoom;
use super::upstream::Upstream;
use crate::clock::Clock;
use crate::connection::LogLimit;
use crate::store::Store;

/// The most written in one turn, if the ring is large: a turn must leave the links time to send it.
const TURN_BYTES: u64 = 1 << 20;
/// The part of the ring written in one turn, if it is small.
const TURN_SHARE: u64 = 16;
/// Steps of the application's work in one turn: some 5 ms, for links and other requests wait as long.
const TURN_STEPS: u64 = 1_600_000;

/// A node and its store, which move together.
pub struct ReplicatedStore<S> {
    pub(crate) node: Node,
    pub(crate) store: S,
    pub(crate) clock: Clock,
    /// This turn's time.
    pub(crate) now: Time,
    pub(crate) role: Role,
    pub(crate) receive: Receive,
    pub(crate) upstream: Upstream,
    pub(crate) counters: Counters,
    /// Log lines about connections that are no replicas, on the replicas' port.
    pub(crate) no_replica: LogLimit,
    /// How much may be written before the write throttle is asked again.
    pub(crate) room: WriteRoom,
    /// Set when the role or the history changed: earlier waits are over.
    pub(crate) turned: bool,
    /// Set when the node asked for a dial while the store had failed.
    pub(crate) dial_waits: bool,
    /// The number of snapshots that are being read.
    pub(crate) views: usize,
    pub(super) facts: Facts,
    /// Set while the driver is stopping: nothing new begins.
    closing: bool,
    /// Set when a client waits for the disk.
    flush_soon: bool,
    pub(super) dirty: bool,
    pub(super) uncommitted_bytes: u64,
    pub(super) turn_bytes: u64,
    turn_steps: u64,
    pub(super) failure: StoreState,
    /// Set while more waits for the disk than it writes in the promised time.
    pub(super) behind: bool,
    /// The time since which a write is held because the disk is behind.
    pub(super) behind_since: Option<Time>,
}

/// Facts that stand beside node and store.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// The address at which replicas connect.
    pub(crate) replication_addr: Option<String>,
    /// The address from which each link's peer connected, by link id.
    pub(crate) peers: Vec<Option<String>>,
    /// The newest record that survives a power cut, which may be one of a history that was left; unknown for a store
    /// that keeps nothing.
    pub(crate) persisted: Option<EpochOffset>,
    /// The most that connection buffers and the spool take in memory, in bytes.
    pub(crate) buffers_bytes_max: u64,
}

impl<S: Store> std::fmt::Debug for ReplicatedStore<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("ReplicatedStore").field("role", &self.role).finish_non_exhaustive()
    }
}

impl<S: Store> ReplicatedStore<S> {
    pub(super) fn new(
        node: Node,
        store: S,
        clock: Clock,
        receive: Receive,
        upstream: Upstream,
        facts: Facts,
    ) -> Self {
        let role = node.stats().role;
        let now = clock.now();
        // A primary's new epoch belongs in the store before anything is written in it.
        let dirty = role == Role::Primary;
        Self {
            node,
            store,
            clock,
            now,
            role,
            receive,
            upstream,
            counters: Counters::default(),
            no_replica: LogLimit::default(),
            room: WriteRoom::OPEN,
            turned: false,
            dial_waits: false,
            views: 0,
            facts,
            closing: false,
            flush_soon: false,
            dirty,
            uncommitted_bytes: 0,
            turn_bytes: 0,
            turn_steps: 0,
            failure: StoreState::default(),
            behind: false,
            behind_since: None,
        }
    }

    /// Begins a turn.
    pub(super) fn begin_turn(&mut self) {
        let before = std::mem::replace(&mut self.now, self.clock.begin_turn());
        debug_assert!(self.now >= before, "the runtime's clock does not go back");
        (self.turn_bytes, self.turn_steps) = (0, 0);
        self.note_pace();
    }

    /// Returns the store. Only records change the part of it that is replicated.
    pub const fn store(&self) -> &S {
        &self.store
    }

    /// Returns the store, for the parts of it that are not replicated.
    pub const fn store_mut(&mut self) -> &mut S {
        &mut self.store
    }

    /// Returns the time of this turn.
    pub const fn now(&self) -> Time {
        self.now
    }

    /// Returns the clock, which reads the same throughout a turn.
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the role of the node.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Returns the node's id.
    pub fn node_id(&self) -> NodeId {
        self.node.stats().node
    }

    /// Returns the node's configuration.
    pub fn config(&self) -> &Config {
        self.node.config()
    }

    /// Returns whether a stop has begun.
    pub const fn is_closing(&self) -> bool {
        self.closing
    }

    /// Counts steps of the application's work, each some 3 ns, against this turn.
    pub fn spend(&mut self, steps: u64) {
        self.turn_steps += steps;
    }

    /// Returns how many bytes of records this turn has written.
    pub const fn turn_bytes(&self) -> u64 {
        self.turn_bytes
    }

    /// Returns whether this turn has written its share, or has worked for long enough.
    pub fn turn_is_full(&self) -> bool {
        self.turn_steps >= TURN_STEPS
            || self.turn_bytes >= TURN_BYTES.min(self.node.config().options().backlog_bytes / TURN_SHARE)
    }

    /// Returns why the store takes nothing now, if it does not.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failure.reason()
    }

    /// Returns true if nothing is built on the store any more.
    pub(crate) fn store_is_broken(&self) -> bool {
        self.failure.is_broken()
    }

    /// Records that a record could not be applied: nothing is built on this store any more.
    pub(crate) fn fail(&mut self, why: &str) {
        self.failure.break_down(why);
        debug_assert!(self.failed().is_some());
    }

    /// Passes an input to the node, which may refuse it because its state has changed meanwhile.
    pub(crate) fn say(&mut self, input: Input<'_>) -> Result<Step, Misuse> {
        self.node.handle(self.now, input)
    }

    // --- durability ------------------------------------------------------------------------------------------------

    /// Reports to the node how much survives a power cut. Returns true if that has changed.
    pub(super) fn persisted(&mut self, task: &mut Context<'_>) -> bool {
        let mut news = false;
        while !self.failure.is_broken() {
            let Some(persistence) = self.store.persistence() else { break };
            match persistence.poll_persisted(task) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => self.failure.refuse(error.to_string()),
                Poll::Ready(Ok(cursor)) => {
                    if self.failure.recover() && std::mem::take(&mut self.dial_waits) {
                        // The node asked while an upstream was of no use; now it asks again.
                        drop(self.say(Input::DialFailed));
                    }
                    self.note_persisted(&cursor);
                    news = true;
                }
            }
        }
        self.note_pace();
        news
    }

    fn note_persisted(&mut self, cursor: &[u8]) {
        let Some(place) = Cursor::newest(cursor) else {
            return self.failure.break_down("it keeps a cursor that nobody gave it");
        };
        self.facts.persisted = Some(place);
        // A state that was replaced meanwhile, or written under another history, says nothing about this one.
        if self.node.holds(place)
            && let Err(misuse) = self.say(Input::Persisted { upto: place.offset })
        {
            warn!("persisted {}: {misuse}", place.offset);
        }
    }

    /// Asks for the written records to be made durable soon, at the end of this turn, because a client waits for it.
    pub fn flush_soon(&mut self) {
        self.flush_soon = true;
    }

    /// Passes that request on to the store.
    pub(super) fn flush_if_asked(&mut self) {
        debug_assert!(!self.is_dirty(), "records that are not committed cannot be made durable");
        if std::mem::take(&mut self.flush_soon)
            && let Some(persistence) = self.store.persistence()
        {
            persistence.flush_soon();
            self.note_pace();
        }
    }

    /// Returns the newest record that survives a power cut here, as a place that may be of a history that was left.
    pub(super) const fn persisted_place(&self) -> Option<EpochOffset> {
        self.facts.persisted
    }

    // --- roles -----------------------------------------------------------------------------------------------------

    /// Becomes primary, if the state is complete.
    ///
    /// # Errors
    /// The state is not complete.
    pub fn promote(&mut self) -> Result<(), Misuse> {
        self.commit();
        self.say(Input::Promote)?;
        self.turned |= self.role == Role::Replica;
        self.role = Role::Primary;
        self.upstream.none();
        // The new epoch is committed as soon as everything received is applied.
        self.dirty = true;
        self.commit();
        debug_assert_eq!(self.node.stats().role, self.role);
        Ok(())
    }

    /// Follows an address, and replaces our data by its history if that is another and `adopt` is set, by which the
    /// operator consents.
    ///
    /// # Errors
    /// The node refused.
    pub fn follow(&mut self, addr: &str, adopt: bool) -> Result<(), Misuse> {
        self.commit();
        self.say(Input::Follow { adopt })?;
        self.role = Role::Replica;
        self.room = WriteRoom::OPEN;
        self.turned = true;
        self.upstream.turn_to(addr);
        debug_assert_eq!(self.node.stats().role, self.role);
        info!("following {addr}");
        Ok(())
    }

    /// Begins to stop: written records are committed and made durable soon, and nothing new begins.
    pub(super) fn begin_closing(&mut self) {
        self.commit();
        self.closing = true;
        self.flush_soon = true;
        self.flush_if_asked();
    }
}
