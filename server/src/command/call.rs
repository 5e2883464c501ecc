//! One command under way: its arguments, the state it may use, and its failures.
//!
//! A writing handler reads its keys with [`Call::look`], pushes effects, calls [`Call::commit`] and replies after that.
//! A reading handler only reads; keys that it found expired are deleted when it is done. Both read through the call
//! alone ([`Call::look`], [`Call::lives`], [`Call::key_count`], [`Call::some_key`], [`Call::walk_part`]): inside a
//! transaction it shows the changes of the commands before this one.
//!
//! A reply that may be long is bounded before it is built ([`Call::reply_fits`]). A command that may take long counts
//! its steps ([`Cost`]) and ends a slice with [`Outcome::Again`].
//!
//! Invariants: `record` holds the effects of this command and no other; after `commit` it is empty. A failure before
//! `commit` leaves the store as it was.

use std::sync::Arc;

use towline_core::EpochOffset;
use towline_kv::{Args, Effect, ExpiryMs, parse_i64};

use super::backend::{Backend, Outcome};
use super::client::Client;
pub(super) use super::cost::{Cost, KEY_STEPS, WHOLE_STEPS};
pub(super) use super::error::CommandError;
use super::overlay::Overlay;
use super::reply;
use super::table::{Command, Flags};
use super::transaction::Transaction;
use super::walk::{Walk, Wanted};
use crate::store::Found;
use towline_driver::Refusal;

/// The most arguments of a command that is not cut into slices.
const ARGS_MAX: usize = 1 << 17;

/// The end of a command: an outcome or an error.
pub(super) type Answer = Result<Outcome, CommandError>;

/// One command under way.
pub(super) struct Call<'a> {
    pub(super) command: &'static Command,
    /// The arguments, beginning with the name.
    pub(super) args: Args<'a>,
    pub(super) client: &'a mut Client,
    pub(super) backend: &'a mut dyn Backend,
    pub(super) out: &'a mut Vec<u8>,
    /// The effects so far.
    pub(super) record: &'a mut Vec<u8>,
    /// A buffer for a reply that has its length before it.
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) now_ms: u64,
    /// How many keys have a `DEL` in `record` because they had expired.
    pub(super) expired: u64,
    /// The client's transaction: watched keys and queued commands.
    pub(super) tx: &'a mut Option<Box<Transaction>>,
    /// The walk of a command that goes on in slices.
    pub(super) walk: &'a mut Option<Box<Walk>>,
    /// The changes of the running transaction so far; none outside of EXEC.
    pub(super) overlay: Option<&'a mut Overlay>,
    pub(super) cost: &'a mut Cost,
}

impl<'a> Call<'a> {
    /// Checks the command against the table and runs it.
    #[inline]
    pub(super) fn run(&mut self) -> Answer {
        self.check()?;
        if self.command.writes() {
            self.backend.writable()?;
        }
        self.ready_for(self.command)?;
        let outcome = (self.command.run)(self)?;
        if !self.record.is_empty() {
            self.delete_expired();
        }
        Ok(outcome)
    }

    /// Checks the number of arguments.
    #[inline]
    pub(super) fn check(&self) -> Result<(), CommandError> {
        if !self.command.takes(self.args.len()) {
            return Err(CommandError::Arity(self.command.name));
        }
        if self.args.len() > ARGS_MAX {
            let (args, name) = (self.args.len(), self.command.name);
            let text =
                format!("ERR {args} arguments for '{name}' at once, the limit is {ARGS_MAX}: ask in parts");
            return Err(CommandError::Text(text));
        }
        Ok(())
    }

    /// Checks that a command may run: the state is complete, or the command does not need it.
    pub(super) fn ready_for(&self, command: &Command) -> Result<(), CommandError> {
        if command.flags.has(Flags::LOADING) || !self.backend.loading() {
            return Ok(());
        }
        Err(CommandError::Static("LOADING Towline is loading the dataset in memory"))
    }

    /// Returns the number of arguments, the name counted.
    pub(super) fn len(&self) -> usize {
        self.args.len()
    }

    /// Returns an argument that the arity promises; an empty one if the promise is broken.
    #[inline]
    pub(super) fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index).unwrap_or(b"")
    }

    /// Returns an argument that is a number.
    pub(super) fn number(&self, index: usize) -> Result<i64, CommandError> {
        parse_i64(self.arg(index)).ok_or(CommandError::NotInteger)
    }

    /// Returns the time as redis counts it, signed.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.now_ms).unwrap_or(i64::MAX)
    }

    /// Returns the live entry of a key. An expired key has none; on a primary its deletion goes into the record.
    #[inline]
    pub(super) fn look(&mut self, key: &[u8]) -> Option<Found> {
        let found = self.find(key);
        if self.command.flags.has(Flags::READ) {
            self.backend.counts_mut().note_read(found.is_some());
        }
        found
    }

    #[inline]
    fn find(&mut self, key: &[u8]) -> Option<Found> {
        let found = match &self.overlay {
            None => self.backend.store().get(key)?,
            Some(overlay) => overlay.get(self.backend.store(), key)?,
        };
        if self.command.writes() {
            // A store hashes the old value, and copies one that grows.
            self.cost.spend_bytes(found.value.len());
        }
        if found.expiry.is_some_and(|at| at.get() <= self.now_ms) {
            self.expire(key);
            return None;
        }
        Some(found)
    }

    /// Returns how many keys there are. Expired keys count until they are deleted, as in redis.
    pub(super) fn key_count(&self) -> u64 {
        self.overlay.as_ref().map_or_else(|| self.backend.store().len(), |overlay| overlay.len())
    }

    /// Returns some key, expired or not.
    pub(super) fn some_key(&mut self) -> Option<Arc<[u8]>> {
        let random = self.backend.random();
        let Some(overlay) = &self.overlay else { return self.backend.store().some_key(random) };
        let ours = overlay.entries().count() as u64;
        let draw = random % overlay.len().max(1);
        let stored = || self.backend.store().some_key(random).filter(|key| !overlay.hides(key));
        let of_ours = || {
            let nth = usize::try_from(draw % ours.max(1)).unwrap_or_default();
            overlay.entries().nth(nth).map(|(key, _)| Arc::from(key))
        };
        if draw < ours { of_ours() } else { stored().or_else(of_ours) }
    }

    /// Goes on with a walk by one part of the keys; `show` gets each wanted key.
    pub(super) fn walk_part(
        &mut self,
        walk: &mut Walk,
        wanted: Wanted<'_>,
        show: &mut dyn FnMut(&mut Vec<u8>, &[u8]),
    ) {
        walk.part(self.backend.store(), self.overlay.as_deref(), wanted, self.cost, show);
    }

    /// Ends a slice: keeps the walk for the next one. A transaction has no next one, so the command takes too long.
    pub(super) fn go_on_later(&mut self, walk: Box<Walk>) -> Answer {
        if self.overlay.is_some() {
            return Err(CommandError::TooCostly);
        }
        *self.walk = Some(walk);
        Ok(Outcome::Again)
    }

    /// Returns whether this is a command of a running transaction: it cannot wait.
    pub(super) fn in_transaction(&self) -> bool {
        self.overlay.is_some()
    }

    /// Refuses a reply of so many bytes that would be too long, before it is built.
    pub(super) fn reply_fits(&self, bytes: usize) -> Result<(), CommandError> {
        let (bytes, bytes_max) = (bytes as u64, self.backend.reply_bytes_max() as u64);
        if bytes <= bytes_max { Ok(()) } else { Err(CommandError::ReplyTooLong { bytes, bytes_max }) }
    }

    /// Returns a pattern that is not too long to be matched.
    pub(super) fn pattern(&self, index: usize) -> Result<&'a [u8], CommandError> {
        let (pattern, max) = (self.arg(index), super::glob::PATTERN_MAX);
        if pattern.len() <= max {
            return Ok(pattern);
        }
        let len = pattern.len();
        Err(CommandError::Text(format!("ERR the pattern is {len} bytes long, the limit is {max} bytes")))
    }

    /// Returns whether a key has a live entry.
    pub(super) fn lives(&mut self, key: &[u8]) -> bool {
        self.look(key).is_some()
    }

    #[cold]
    fn expire(&mut self, key: &[u8]) {
        let end = Effect::Del { key };
        // The expiry index finds the expired keys that have no room in this record.
        let room = self.backend.record_bytes_max().saturating_sub(self.record.len());
        if end.encoded_len() <= room && self.backend.writable().is_ok() {
            end.encode(self.record);
            self.expired += 1;
        }
    }

    /// Adds the effects that give a key this value and this expiry, whatever it held.
    pub(super) fn push_entry(&mut self, key: &[u8], value: &[u8], expiry: Option<ExpiryMs>) {
        self.push(&Effect::Set { key, value });
        if let Some(at) = expiry {
            self.push(&Effect::PExpireAt { key, at });
        }
    }

    /// Adds an effect to the record.
    pub(super) fn push(&mut self, effect: &Effect<'_>) {
        effect.encode(self.record);
    }

    /// Refuses an entry that would not fit a record as a `SET`, which is how snapshots carry it.
    #[inline]
    pub(super) fn fits(&self, key: &[u8], value_len: usize) -> Result<(), CommandError> {
        self.within(Effect::set_len(key.len(), value_len))
    }

    /// The same for a value that a command makes longer, with redis's text for that.
    pub(super) fn may_grow(&self, key: &[u8], value_len: usize) -> Result<(), CommandError> {
        let (bytes, bytes_max) = (Effect::set_len(key.len(), value_len), self.backend.record_bytes_max());
        if bytes <= bytes_max {
            return Ok(());
        }
        Err(CommandError::Outgrown { bytes: bytes as u64, bytes_max: bytes_max as u64 })
    }

    #[inline]
    pub(super) fn within(&self, len: usize) -> Result<(), CommandError> {
        let max = self.backend.record_bytes_max();
        if len <= max {
            return Ok(());
        }
        Err(Refusal::TooLong { bytes: len as u64, bytes_max: max as u64 }.into())
    }

    /// Writes the record, unless it is empty.
    #[inline]
    pub(super) fn commit(&mut self) -> Result<(), CommandError> {
        if !self.record.is_empty()
            && let Some(offset) = self.write()?
        {
            self.client.last_write = offset;
        }
        Ok(())
    }

    /// Writes the record; inside a transaction it only becomes a part of the transaction's record.
    fn write(&mut self) -> Result<Option<EpochOffset>, CommandError> {
        self.within(self.record.len())?;
        if let Some(overlay) = &mut self.overlay {
            let taken = overlay.take(self.backend.store(), self.record);
            taken.map_err(|error| CommandError::Text(format!("ERR {error}")))?;
            overlay.expired += std::mem::take(&mut self.expired);
            self.record.clear();
            return Ok(None);
        }
        let place = self.backend.write(self.record)?;
        self.record.clear();
        if self.expired > 0 {
            self.backend.note_expired(std::mem::take(&mut self.expired));
        }
        Ok(Some(place))
    }

    /// Deletes the keys that a read found expired. The read is valid even if that fails; the keys are found again.
    #[cold]
    pub(super) fn delete_expired(&mut self) {
        if !self.record.is_empty() && self.write().is_err() {
            self.record.clear();
            self.expired = 0;
        }
    }

    /// Ends a command whose reply is complete.
    pub(super) fn done() -> Answer {
        Ok(Outcome::Done)
    }

    /// Replies OK.
    pub(super) fn ok(&mut self) -> Answer {
        reply::ok(self.out);
        Self::done()
    }

    /// Replies with a number.
    pub(super) fn integer(&mut self, number: impl TryInto<i64>) -> Answer {
        reply::integer(self.out, number);
        Self::done()
    }

    /// Replies with bytes.
    pub(super) fn bulk(&mut self, bytes: &[u8]) -> Answer {
        reply::bulk(self.out, bytes);
        Self::done()
    }

    /// Replies that nothing exists.
    pub(super) fn null(&mut self) -> Answer {
        reply::null(self.out, self.client.resp);
        Self::done()
    }

    /// Replies with a value, or that there is none.
    pub(super) fn value(&mut self, found: Option<&Found>) -> Answer {
        match found {
            Some(found) => self.bulk(&found.value),
            None => self.null(),
        }
    }
}

/// Runs the subcommand that is the second argument.
pub(super) fn run_sub(call: &mut Call<'_>) -> Answer {
    let given = call.arg(1);
    if given.eq_ignore_ascii_case(b"help") && call.len() == 2 {
        return super::docs::help(call);
    }
    let sub = call.command.find_sub(given, call.len())?;
    call.ready_for(sub)?;
    call.client.last_command = sub.name;
    call.command = sub;
    (sub.run)(call)
}

impl Command {
    /// Returns the subcommand of this name, which takes so many arguments.
    pub(super) fn find_sub(&self, given: &[u8], args: usize) -> Result<&'static Self, CommandError> {
        let Some(sub) = self.sub(given) else {
            let given = String::from_utf8_lossy(&given[..given.len().min(128)]);
            let name = self.name.to_ascii_uppercase();
            return Err(CommandError::Text(format!("ERR unknown subcommand '{given}'. Try {name} HELP.")));
        };
        if sub.takes(args) { Ok(sub) } else { Err(CommandError::Arity(sub.name)) }
    }
}
