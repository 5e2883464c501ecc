//! One command under way: its arguments, what it may touch, and how it fails.
//!
//! A writing handler looks at its keys with [`Call::look`], pushes effects, says [`Call::commit`] and replies after
//! that. A reading handler only looks; what it found to be past its time is deleted when it is done.
//!
//! Invariants: `record` holds the effects of this command and no other; after `commit` it is empty. A fault before
//! `commit` leaves the store as it was.

use towline_core::Offset;
use towline_kv::{Args, Effect, parse_i64};

use super::backend::{Backend, Outcome, Refusal};
use super::client::Client;
use super::reply;
use super::table::Command;
use crate::store::Found;

/// How a command ends.
pub(super) type Answer = Result<Outcome, Fault>;

/// Why a command failed. The texts are redis's own where redis has one.
#[derive(Debug)]
pub(super) enum Fault {
    /// Too few arguments, or too many; with the command's full name.
    Arity(&'static str),
    /// Options that make no sense.
    Syntax,
    /// Something that is no number.
    NotInteger,
    /// A time that is none; with the command's name.
    ExpireTime(&'static str),
    /// A text of its own.
    Static(&'static str),
    /// A text made for the occasion.
    Text(String),
    /// The node refused.
    Refused(Refusal),
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Fault {
    /// Replies with the fault; or has the command come again.
    pub(super) fn answer(self, out: &mut Vec<u8>) -> Outcome {
        match self {
            Self::Arity(name) => {
                reply::error(out, &format!("ERR wrong number of arguments for '{name}' command"))
            }
            Self::Syntax => reply::error(out, "ERR syntax error"),
            Self::NotInteger => reply::error(out, "ERR value is not an integer or out of range"),
            Self::ExpireTime(name) => {
                reply::error(out, &format!("ERR invalid expire time in '{name}' command"))
            }
            Self::Static(text) => reply::error(out, text),
            Self::Text(text) => reply::error(out, &text),
            Self::Refused(Refusal::ReadOnly) => {
                reply::error(out, "READONLY You can't write against a read only replica.");
            }
            Self::Refused(Refusal::TooLong { bytes, bytes_max }) => {
                let text =
                    format!("ERR the record would be {bytes} bytes long, the limit is {bytes_max} bytes");
                reply::error(out, &text);
            }
            Self::Refused(Refusal::Store(text)) => {
                reply::error(out, &format!("MISCONF Errors writing to the store: {text}"));
            }
            Self::Refused(Refusal::NotApplied) => return Outcome::Retry,
        }
        Outcome::Done
    }
}

/// One command under way.
pub(super) struct Call<'a> {
    pub(super) command: &'static Command,
    /// The name is the first.
    pub(super) args: Args<'a>,
    pub(super) client: &'a mut Client,
    pub(super) backend: &'a mut dyn Backend,
    pub(super) out: &'a mut Vec<u8>,
    /// The effects so far.
    pub(super) record: &'a mut Vec<u8>,
    /// Room for a reply whose length stands before it.
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) now_ms: u64,
    /// Keys whose `DEL` stands in `record` because their time had come.
    pub(super) expired: u64,
}

impl<'a> Call<'a> {
    /// Checks what the table knows and runs the command.
    #[inline]
    pub(super) fn run(&mut self) -> Answer {
        if !self.command.takes(self.args.len()) {
            return Err(Fault::Arity(self.command.name));
        }
        if self.command.writes() {
            self.backend.writable()?;
        }
        let outcome = (self.command.run)(self)?;
        if !self.record.is_empty() {
            self.bury();
        }
        Ok(outcome)
    }

    /// Arguments, the name counted.
    pub(super) fn len(&self) -> usize {
        self.args.len()
    }

    /// An argument the arity promises; nothing at all if it lied.
    #[inline]
    pub(super) fn arg(&self, index: usize) -> &'a [u8] {
        self.args.get(index).unwrap_or(b"")
    }

    /// An argument that is a number.
    pub(super) fn number(&self, index: usize) -> Result<i64, Fault> {
        parse_i64(self.arg(index)).ok_or(Fault::NotInteger)
    }

    /// The time as redis counts it, signed.
    pub(super) fn now(&self) -> i64 {
        i64::try_from(self.now_ms).unwrap_or(i64::MAX)
    }

    /// What lives under a key now. A key past its time does not; on a primary its end goes into the record.
    #[inline]
    pub(super) fn look(&mut self, key: &[u8]) -> Option<Found> {
        let found = self.backend.store().get(key)?;
        if found.expiry.is_some_and(|at| at.get() <= self.now_ms) {
            self.expire(key);
            return None;
        }
        Some(found)
    }

    /// Whether anything lives under a key now.
    pub(super) fn lives(&mut self, key: &[u8]) -> bool {
        self.look(key).is_some()
    }

    #[cold]
    fn expire(&mut self, key: &[u8]) {
        let end = Effect::Del { key };
        // What finds no room in this record the expiry index will find.
        let room = self.backend.record_bytes_max().saturating_sub(self.record.len());
        if end.encoded_len() <= room && self.backend.writable().is_ok() {
            end.encode(self.record);
            self.expired += 1;
        }
    }

    /// Adds an effect to the record.
    pub(super) fn push(&mut self, effect: &Effect<'_>) {
        effect.encode(self.record);
    }

    /// Refuses what would not fit a record as a `SET`, which is how snapshots carry it.
    #[inline]
    pub(super) fn fits(&self, key: &[u8], value_len: usize) -> Result<(), Fault> {
        self.within(Effect::set_len(key.len(), value_len))
    }

    #[inline]
    fn within(&self, len: usize) -> Result<(), Fault> {
        let max = self.backend.record_bytes_max();
        if len <= max {
            return Ok(());
        }
        Err(Refusal::TooLong { bytes: len as u64, bytes_max: max as u64 }.into())
    }

    /// Writes the record, if there is anything in it.
    #[inline]
    pub(super) fn commit(&mut self) -> Result<(), Fault> {
        if !self.record.is_empty() {
            self.client.last_write = self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<Offset, Fault> {
        self.within(self.record.len())?;
        let offset = self.backend.write(self.record)?;
        self.record.clear();
        if self.expired > 0 {
            self.backend.note_expired(std::mem::take(&mut self.expired));
        }
        Ok(offset)
    }

    /// Deletes what a read found past its time. The read stands even when that fails; the keys are found again.
    #[cold]
    pub(super) fn bury(&mut self) {
        if !self.record.is_empty() && self.write().is_err() {
            self.record.clear();
            self.expired = 0;
        }
    }

    /// Nothing more to say.
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

    /// Replies that nothing is there.
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
    let Some(sub) = call.command.sub(given) else {
        let given = String::from_utf8_lossy(&given[..given.len().min(128)]);
        let name = call.command.name.to_ascii_uppercase();
        return Err(Fault::Text(format!("ERR unknown subcommand '{given}'. Try {name} HELP.")));
    };
    if !sub.takes(call.len()) {
        return Err(Fault::Arity(sub.name));
    }
    call.client.last_command = sub.name;
    (sub.run)(call)
}
