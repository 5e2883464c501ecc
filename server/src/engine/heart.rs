//! Node and store, and the rule that binds them: what one says the other holds.
//!
//! On a primary a record is applied and appended in one step, and at the end of a turn in which something was written
//! (or after [`COMMIT_BYTES`]) the log is flushed and the store committed at exactly that boundary. On a replica each
//! batch is applied and committed with its cursor ([`super::receive`]).
//!
//! Invariants: everything applied to the store since its last commit was appended to the log, and nothing else
//! (`dirty`). A store whose disk refuses is written no more until it takes what it has, and still committed: what was
//! applied and answered stands at its boundary. A broken one is never written or committed again (`failure`).

use std::task::{Context, Poll};

use towline_core::{Cursor, EpochOffset, Input, Misuse, Node, Offset, Role, Time};
use towline_kv::Effect;
use tracing::{info, warn};

use super::clients::Pause;
use super::failure::StoreState;
use super::receive::Receive;
use super::tally::Tally;
use super::throttle::WriteRoom;
use super::upstream::Upstream;
use crate::command::backend::Refusal;
use crate::command::watch::Watches;
use crate::store::{Store, View};
use towline_driver::Clock;
use towline_driver::connection::LogLimit;

/// A commit is due after so many bytes of records.
const COMMIT_BYTES: u64 = 64 << 10;
/// Written in one turn, if the ring is large: a turn must leave the links time to send what it wrote.
const TURN_BYTES: u64 = 1 << 20;
/// And the part of the ring, if it is small.
const TURN_SHARE: u64 = 16;
/// Steps of clients' commands in one turn: some 5 ms, for links and other clients wait as long.
const TURN_STEPS: u64 = 1_600_000;
/// Keys whose time has come, deleted in one turn.
const EXPIRE_KEYS: usize = 256;

/// Limits on log lines that anybody who connects can cause.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// A browser's request came to the clients' port.
    pub(crate) http: LogLimit,
    /// The clients' buffers were full, and this one held the most.
    pub(crate) memory: LogLimit,
    /// Memory was short, and a request did not go on.
    pub(crate) unfinished: LogLimit,
    /// No replica, on the replicas' port.
    pub(crate) no_replica: LogLimit,
}

/// Node, store and what they need to agree.
pub(crate) struct Heart {
    pub(crate) node: Node,
    pub(crate) store: Box<dyn Store>,
    pub(crate) clock: Clock,
    /// This turn's time.
    pub(crate) now: Time,
    pub(crate) role: Role,
    pub(crate) receive: Receive,
    pub(crate) upstream: Upstream,
    pub(crate) tally: Tally,
    /// Clients' commands are held until then.
    pub(crate) pause: Option<Pause>,
    /// What was logged about connections that misbehave.
    pub(crate) strangers: Strangers,
    /// Keys that clients watch.
    pub(crate) watches: Watches,
    /// How much may be written before the write throttle is asked again.
    pub(crate) room: WriteRoom,
    /// The server is stopping: nothing new begins.
    pub(crate) closing: bool,
    /// The role or the history changed: whoever waits for something of before waits for nothing.
    pub(crate) turned: bool,
    /// Somebody waits for the disk.
    pub(crate) flush_soon: bool,
    dirty: bool,
    uncommitted_bytes: u64,
    turn_bytes: u64,
    turn_steps: u64,
    failure: StoreState,
    /// The node asked for a dial that a failed store had no use for.
    pub(crate) dial_waits: bool,
    /// Since when a client's write is held because the disk is behind.
    behind_since: Option<Time>,
    dice: u64,
    scratch: Vec<u8>,
}

impl Heart {
    pub(crate) fn new(
        node: Node,
        store: Box<dyn Store>,
        clock: Clock,
        receive: Receive,
        upstream: Upstream,
        tally: Tally,
        dice: u64,
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
            tally,
            pause: None,
            strangers: Strangers::default(),
            watches: Watches::default(),
            room: WriteRoom::OPEN,
            closing: false,
            turned: false,
            flush_soon: false,
            dirty,
            uncommitted_bytes: 0,
            turn_bytes: 0,
            turn_steps: 0,
            failure: StoreState::default(),
            dial_waits: false,
            behind_since: None,
            dice,
            scratch: Vec::new(),
        }
    }

    /// Says something to the node that it may refuse because the world moved on.
    pub(crate) fn say(&mut self, input: Input<'_>) -> Result<towline_core::Step, Misuse> {
        self.node.handle(self.now, input)
    }

    /// A turn begins.
    pub(crate) fn begin_turn(&mut self) {
        self.now = self.clock.begin_turn();
        (self.turn_bytes, self.turn_steps) = (0, 0);
        let counted = self.tally.counted();
        self.tally.rate.begin_turn(self.now, counted);
    }

    /// Clients' commands have cost so many steps.
    pub(crate) fn spent(&mut self, steps: u64) {
        self.turn_steps += steps;
    }

    /// Whether this turn has written its share, or has run commands for long enough.
    /// Bytes of records that this turn has written.
    pub(crate) fn turn_bytes(&self) -> u64 {
        self.turn_bytes
    }

    /// Whether this turn has written its share.
    pub(crate) fn turn_is_full(&self) -> bool {
        self.turn_steps >= TURN_STEPS
            || self.turn_bytes >= TURN_BYTES.min(self.node.config().options().backlog_bytes / TURN_SHARE)
    }

    /// Why the store takes nothing now, if it does not.
    pub(crate) fn failed(&self) -> Option<&str> {
        self.failure.reason()
    }

    /// Whether nothing is built on the store any more.
    pub(crate) fn store_is_broken(&self) -> bool {
        self.failure.is_broken()
    }

    /// A record could not be applied: nothing is built on this store any more.
    pub(crate) fn fail(&mut self, why: &str) {
        self.failure.break_down(why);
    }

    // --- a primary's writes ----------------------------------------------------------------------------------------

    pub(crate) fn may_write(&self) -> Result<(), Refusal> {
        match (self.role, self.failed()) {
            (Role::Replica, _) => Err(Refusal::ReadOnly),
            (Role::Primary, Some(why)) => Err(Refusal::Store(why.to_owned())),
            (Role::Primary, None) if self.receive.replaying() => Err(Refusal::NotApplied),
            (Role::Primary, None) => Ok(()),
        }
    }

    /// Appends a record to the log and applies it to the store; answers its place in the history. Every refusal comes
    /// before either.
    pub(crate) fn append(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        self.may_write()?;
        let bytes_max = u64::from(self.node.config().options().record_bytes_max);
        let bytes = record.len() as u64;
        if bytes > bytes_max {
            return Err(Refusal::TooLong { bytes, bytes_max });
        }
        self.watches.note(record, &*self.store);
        if let Err(error) = self.store.apply(record) {
            self.fail(&format!("a record of our own making: {error}"));
            return Err(Refusal::Store(error.to_string()));
        }
        let offset = match self.say(Input::Write { data: record }) {
            Ok(step) => step.offset.unwrap_or_default(),
            Err(misuse) => {
                // Checked above; if it happens, store and log differ and nothing may be built on it.
                self.fail(&misuse.to_string());
                return Err(Refusal::Store(misuse.to_string()));
            }
        };
        self.dirty = true;
        self.uncommitted_bytes += bytes;
        self.turn_bytes += bytes;
        if self.uncommitted_bytes >= COMMIT_BYTES {
            self.commit();
        }
        Ok(self.node.place(offset).unwrap_or_default())
    }

    /// Counts the time in which somebody (`waits`) was held because the disk is behind. Returns whether it is.
    pub(crate) fn note_behind(&mut self, waits: bool) -> bool {
        let behind = self.role == Role::Primary && self.store.holds_writers();
        match self.behind_since {
            None if behind && waits => self.behind_since = Some(self.now),
            Some(since) if !behind => {
                self.tally.durability_held_ns += self.now.since(since).0;
                self.behind_since = None;
            }
            None | Some(_) => {}
        }
        behind
    }

    /// Ends the step: everything written is sealed, and the store stands exactly at that boundary.
    pub(crate) fn commit(&mut self) {
        let leads = self.role == Role::Primary && !self.receive.replaying();
        if !self.dirty || !leads || self.failure.is_broken() {
            return;
        }
        match self.say(Input::Flush) {
            Ok(step) => {
                if let Some(position) = step.position {
                    self.store.commit(self.node.cursor(position).as_bytes(), position.boundary);
                }
                (self.dirty, self.uncommitted_bytes) = (false, 0);
            }
            Err(misuse) => self.fail(&format!("flush refused: {misuse}")),
        }
    }

    /// A view of the newest boundary.
    ///
    /// # Errors
    /// The store is broken, or says why it cannot.
    pub(crate) fn view(&mut self) -> std::io::Result<Box<dyn View>> {
        self.commit();
        match &self.failure {
            StoreState::Broken(why) => Err(std::io::Error::other(why.clone())),
            StoreState::Well | StoreState::Refusing(_) => self.store.view(),
        }
    }

    /// Deletes keys whose time has come. Answers whether more are due now.
    pub(crate) fn expire(&mut self) -> bool {
        let now_ms = self.clock.unix_ms();
        let due = self.store.next_due().is_some_and(|next| next.get() <= now_ms);
        if !due || !self.may_expire() {
            return false;
        }
        let keys = self.store.due(now_ms, EXPIRE_KEYS);
        let mut record = std::mem::take(&mut self.scratch);
        for key in &keys {
            if self.room.expiry == 0 {
                break;
            }
            record.clear();
            Effect::Del { key }.encode(&mut record);
            if self.append(&record).is_err() {
                break;
            }
            self.room.spend_expiry(record.len() as u64);
            self.tally.expired_keys += 1;
        }
        self.scratch = record;
        self.may_expire() && keys.len() == EXPIRE_KEYS
    }

    /// Whether keys may be deleted now. When the disk is less behind, another turn comes.
    fn may_expire(&self) -> bool {
        let room = self.room.expiry > 0 && !self.store.holds_writers();
        room && !self.closing && self.paused().is_none() && self.may_write().is_ok()
    }

    /// When the next key's time comes, if this node will have to do something then.
    pub(crate) fn next_expiry(&self) -> Option<Time> {
        let next = self.store.next_due().filter(|_| self.may_expire())?;
        Some(self.clock.look_at_unix_ms(next.get()))
    }

    // --- what the store says ---------------------------------------------------------------------------------------

    /// Tells the node what survives a power cut. Answers whether there was news.
    pub(crate) fn persisted(&mut self, task: &mut Context<'_>) -> bool {
        let mut news = false;
        while !self.failure.is_broken() {
            match self.store.poll_persisted(task) {
                Poll::Pending => break,
                Poll::Ready(Err(error)) => self.failure.refuse(error.to_string()),
                Poll::Ready(Ok(cursor)) => {
                    if self.failure.recover() && std::mem::take(&mut self.dial_waits) {
                        // It had asked while there was no use for an upstream; now it asks again.
                        drop(self.say(Input::DialFailed));
                    }
                    self.note_persisted(&cursor);
                    news = true;
                }
            }
        }
        news
    }

    fn note_persisted(&mut self, cursor: &[u8]) {
        let Some(place) = Cursor::newest(cursor) else {
            return self.failure.break_down("it keeps a cursor that nobody gave it");
        };
        self.tally.persisted = Some(place);
        // A state that was replaced meanwhile, or written under another history, says nothing of this one.
        if self.node.holds(place)
            && let Err(misuse) = self.say(Input::Persisted { upto: place.offset })
        {
            warn!("persisted {}: {misuse}", place.offset);
        }
    }

    /// Has the disk asked for what was committed, if somebody waits for it.
    pub(crate) fn flush_if_asked(&mut self) {
        if std::mem::take(&mut self.flush_soon) {
            self.store.hurry();
        }
    }

    /// How many records of this history survive a power cut here; unknown for a store that keeps nothing. What is on
    /// disk may be another history, or a branch that this one left: then it is none.
    pub(crate) fn kept(&self) -> Option<Offset> {
        let place = self.tally.persisted?;
        Some(if self.node.holds(place) { place.offset } else { Offset(0) })
    }

    // --- turning ---------------------------------------------------------------------------------------------------

    /// Becomes primary, if the state is complete.
    pub(crate) fn promote(&mut self) -> Result<(), Misuse> {
        self.commit();
        self.say(Input::Promote)?;
        self.turned |= self.role == Role::Replica;
        self.role = Role::Primary;
        self.upstream.none();
        // The new epoch is committed as soon as everything received is applied.
        self.dirty = true;
        self.commit();
        Ok(())
    }

    /// Follows an address, and replaces our data by its history if that is another and the operator consented.
    pub(crate) fn follow(&mut self, addr: &str, adopt: bool) -> Result<(), Misuse> {
        self.commit();
        self.say(Input::Follow { adopt })?;
        self.role = Role::Replica;
        self.room = WriteRoom::OPEN;
        self.turned = true;
        self.upstream.turn_to(addr);
        info!("following {addr}");
        Ok(())
    }

    /// Dice of our own, for what needs no more than being different each time (splitmix64).
    pub(crate) fn roll(&mut self) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.dice;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }
}
