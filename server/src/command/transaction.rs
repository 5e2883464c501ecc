//! Transactions: MULTI, EXEC, DISCARD, WATCH, UNWATCH.
//!
//! States of a client: *plain*, *queueing* (from MULTI on: a command is checked, and kept instead of run), and *failed*
//! (one could not be queued: EXEC does nothing). EXEC runs all of them over an [`Overlay`], one after another, and
//! writes their changes as one record: on this node and on every replica all of it is done, or nothing.
//!
//! As in redis, a command that fails while it runs leaves the others alone. Failures that redis does not know are a
//! failure of the whole, with nothing done: a record or a reply over its limit, more work than one step may take.
//!
//! Bounds: the queue takes at most [`queue_bytes_max`], and the watched keys as much again; both are counted in
//! [`Transaction::bytes`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use towline_kv::Args;

use super::backend::Outcome;
use super::call::{Answer, Call, CommandError, WHOLE_STEPS};
use super::counts::Ending;
use super::overlay::Overlay;
use super::reply;
use super::table::{Command, Flags};
use super::watch::Mark;
use crate::store::KeyValueStore;
use towline_driver::Refusal;

/// The least bound of the queue, however small records are.
const QUEUE_BYTES_LEAST: usize = 1 << 20;
/// The memory of a watched key beyond its bytes, here and in the table of watched keys.
const WATCH_BYTES: usize = 200;

const NESTED: CommandError = CommandError::Static("ERR MULTI calls can not be nested");
const NO_MULTI: CommandError = CommandError::Static("ERR Command not allowed inside a transaction");
const FAILED: CommandError =
    CommandError::Static("EXECABORT Transaction discarded because of previous errors.");

/// Returns the most bytes of queued commands, on a node whose records are at most so long.
const fn queue_bytes_max(record_bytes_max: usize) -> usize {
    let twice = record_bytes_max.saturating_mul(2);
    if twice > QUEUE_BYTES_LEAST { twice } else { QUEUE_BYTES_LEAST }
}

/// The watched keys and queued commands of a client.
#[derive(Debug, Default)]
pub(super) struct Transaction {
    watched: BTreeMap<Box<[u8]>, Arc<Mark>>,
    watched_bytes: usize,
    queueing: bool,
    failed: bool,
    writes: bool,
    /// The queued commands and where the arguments of each end; the arguments; their bytes.
    commands: Vec<(&'static Command, usize)>,
    places: Vec<Range<u32>>,
    text: Vec<u8>,
}

impl Transaction {
    /// Returns whether this command is queued now, and not run. One that would run at once and has a wrong number of
    /// arguments is queued too, to fail the transaction.
    pub(super) fn queues(&self, command: &Command, args: usize) -> bool {
        self.queueing && (!command.flags.has(Flags::DIRECT) || !command.takes(args))
    }

    /// Fails the transaction: nothing will be run, so nothing is kept.
    pub(super) fn fail(&mut self) {
        if self.queueing {
            self.failed = true;
            (self.commands, self.places, self.text) = Default::default();
        }
    }

    /// Returns the number of queued commands; none if it does not queue.
    pub(super) fn queued_count(&self) -> Option<usize> {
        self.queueing.then_some(self.commands.len())
    }

    /// Returns the number of watched keys.
    pub(super) fn watched_count(&self) -> usize {
        self.watched.len()
    }

    /// Returns the bytes it takes in memory.
    pub(super) fn bytes(&self) -> usize {
        self.queue_bytes() + self.watched_bytes
    }

    fn queue_bytes(&self) -> usize {
        self.text.capacity()
            + self.places.capacity() * size_of::<Range<u32>>()
            + self.commands.capacity() * size_of::<(&Command, usize)>()
    }

    /// Returns whether a watched key has changed, or has expired since.
    fn is_stale(&self, store: &dyn KeyValueStore, now_ms: u64) -> bool {
        self.watched.iter().any(|(key, mark)| mark.changed() || (!mark.dead() && is_past(store, key, now_ms)))
    }

    fn push(&mut self, command: &'static Command, args: Args<'_>) {
        for arg in args.iter() {
            let begin = place(self.text.len());
            self.text.extend_from_slice(arg);
            self.places.push(begin..place(self.text.len()));
        }
        self.commands.push((command, self.places.len()));
        self.writes |= command.writes();
    }

    /// Returns the queued commands, in order.
    fn queued(&self) -> impl Iterator<Item = (&'static Command, Args<'_>)> {
        let mut begin = 0;
        self.commands.iter().map(move |(command, end)| {
            let places = &self.places[std::mem::replace(&mut begin, *end)..*end];
            (*command, Args::new(&self.text, places))
        })
    }
}

/// Returns whether a key exists and has expired.
fn is_past(store: &dyn KeyValueStore, key: &[u8], now_ms: u64) -> bool {
    store.get(key).is_some_and(|found| found.expiry.is_some_and(|at| at.get() <= now_ms))
}

/// Returns a place in the queue, which is far shorter than a u32 can count.
fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Queues a command, or replies why it cannot be queued: then EXEC will do nothing.
pub(super) fn queue(call: &mut Call<'_>) -> Answer {
    match checked(call) {
        Ok(command) => {
            call.client.last_command = command.name;
            if let Some(tx) = call.tx.as_deref_mut().filter(|tx| !tx.failed) {
                tx.push(call.command, call.args);
            }
            reply::simple(call.out, "QUEUED");
            Call::done()
        }
        Err(error) => {
            if let Some(tx) = call.tx {
                tx.fail();
            }
            Err(error)
        }
    }
}

/// Returns the command or subcommand that is asked for, or the error that is known before it runs.
fn checked(call: &Call<'_>) -> Result<&'static Command, CommandError> {
    call.check()?;
    let mut command = call.command;
    if !command.subs.is_empty() && call.len() > 1 && !call.arg(1).eq_ignore_ascii_case(b"help") {
        command = command.find_sub(call.arg(1), call.len())?;
    }
    if command.flags.has(Flags::NO_MULTI) {
        return Err(NO_MULTI);
    }
    call.ready_for(command)?;
    if call.command.writes() {
        match call.backend.writable() {
            // It passes by itself: EXEC waits for it.
            Ok(()) | Err(Refusal::NotNow) => {}
            Err(refusal) => return Err(refusal.into()),
        }
    }
    let bytes_max = queue_bytes_max(call.backend.record_bytes_max());
    let ours: usize = call.args.iter().map(<[u8]>::len).sum();
    let bytes = call.tx.as_ref().map_or(0, |tx| tx.queue_bytes()) + ours;
    if bytes > bytes_max {
        let text = format!("ERR the transaction would be {bytes} bytes long, the limit is {bytes_max} bytes");
        return Err(CommandError::Text(text));
    }
    Ok(command)
}

/// Runs MULTI.
pub(super) fn multi(call: &mut Call<'_>) -> Answer {
    let tx = call.tx.get_or_insert_default();
    if tx.queueing {
        return Err(NESTED);
    }
    tx.queueing = true;
    call.ok()
}

/// Runs DISCARD.
pub(super) fn discard(call: &mut Call<'_>) -> Answer {
    if !is_queueing(call) {
        return Err(CommandError::Static("ERR DISCARD without MULTI"));
    }
    *call.tx = None;
    call.ok()
}

fn is_queueing(call: &Call<'_>) -> bool {
    call.tx.as_ref().is_some_and(|tx| tx.queueing)
}

/// Runs WATCH.
pub(super) fn watch(call: &mut Call<'_>) -> Answer {
    if is_queueing(call) {
        return Err(CommandError::Static("ERR WATCH inside MULTI is not allowed"));
    }
    // A primary deletes expired keys before it watches them.
    for key in call.args.iter().skip(1) {
        call.look(key);
    }
    call.delete_expired();
    let known = call.tx.as_ref().map_or(0, |tx| tx.watched_bytes);
    let ours: usize = call.args.iter().skip(1).map(|key| key.len() + WATCH_BYTES).sum();
    let (bytes, bytes_max) = (known + ours, queue_bytes_max(call.backend.record_bytes_max()));
    if bytes > bytes_max {
        let text = format!("ERR the watched keys would take {bytes} bytes, the limit is {bytes_max} bytes");
        return Err(CommandError::Text(text));
    }
    let tx = call.tx.get_or_insert_default();
    for key in call.args.iter().skip(1) {
        if tx.watched.contains_key(key) {
            continue;
        }
        let dead = is_past(call.backend.store(), key, call.now_ms);
        let mark = call.backend.watch(key, dead);
        tx.watched_bytes += key.len() + WATCH_BYTES;
        tx.watched.insert(key.into(), mark);
    }
    call.ok()
}

/// Runs UNWATCH.
pub(super) fn unwatch(call: &mut Call<'_>) -> Answer {
    *call.tx = None;
    call.ok()
}

/// Runs EXEC.
pub(super) fn exec(call: &mut Call<'_>) -> Answer {
    let Some(tx) = call.tx.take_if(|tx| tx.queueing) else {
        return Err(CommandError::Static("ERR EXEC without MULTI"));
    };
    if tx.failed {
        return Err(FAILED);
    }
    if tx.is_stale(call.backend.store(), call.now_ms) {
        reply::null_array(call.out, call.client.resp);
        return Call::done();
    }
    let writable = if tx.writes { call.backend.writable() } else { Ok(()) };
    let done = writable.map_err(CommandError::from).and_then(|()| run_all(call, &tx));
    match done {
        Ok(()) => Call::done(),
        Err(CommandError::Refused(Refusal::NotNow)) => {
            *call.tx = Some(tx);
            Ok(Outcome::Retry)
        }
        Err(error) => Err(discarded(error)),
    }
}

/// Returns the error of a transaction that was not done as a whole.
fn discarded(error: CommandError) -> CommandError {
    let mut line = Vec::new();
    error.answer(&mut line);
    let why = String::from_utf8_lossy(line.get(1..).unwrap_or_default());
    CommandError::Text(format!("EXECABORT Transaction discarded because: {}", why.trim_end()))
}

/// Runs every queued command over an overlay and writes their changes as one record.
fn run_all(call: &mut Call<'_>, tx: &Transaction) -> Result<(), CommandError> {
    let (begin, limit) = (call.out.len(), call.cost.limit);
    let mut overlay = Overlay::new(call.backend.store(), (tx.commands.len(), tx.bytes()));
    call.cost.limit = call.cost.spent + WHOLE_STEPS;
    reply::array(call.out, tx.commands.len());
    let ran = tx.queued().try_for_each(|(command, args)| {
        run_one(call, &mut overlay, command, args)?;
        call.reply_fits(call.out.len() - begin)?;
        call.within(overlay.record.len())?;
        if call.cost.left() == 0 { Err(CommandError::TooCostly) } else { Ok(()) }
    });
    call.cost.limit = limit;
    ran?;
    std::mem::swap(call.record, &mut overlay.record);
    call.expired = overlay.expired;
    call.commit()
}

/// Runs one of them. Its failure is its reply; an error here is about the whole.
fn run_one(
    call: &mut Call<'_>,
    overlay: &mut Overlay,
    command: &'static Command,
    args: Args<'_>,
) -> Result<(), CommandError> {
    let before = call.out.len();
    call.cost.spend_request(args.len(), 0);
    let mut one = Call {
        command,
        args,
        client: &mut *call.client,
        backend: &mut *call.backend,
        out: &mut *call.out,
        record: &mut *call.record,
        scratch: &mut *call.scratch,
        now_ms: call.now_ms,
        expired: 0,
        tx: &mut None,
        walk: &mut None,
        overlay: Some(overlay),
        cost: &mut *call.cost,
    };
    let ran = one.run();
    let command = one.command;
    call.record.clear();
    let error = match ran {
        Ok(_) => {
            call.backend.counts_mut().note(command, Ending::Done, &[]);
            call.cost.spend_bytes(call.out.len() - before);
            return Ok(());
        }
        Err(error) => error,
    };
    call.out.truncate(before);
    if matches!(error, CommandError::Refused(Refusal::NotNow) | CommandError::TooCostly) {
        return Err(error);
    }
    let ending = error.ending();
    error.answer(call.out);
    call.backend.counts_mut().note(command, ending, &call.out[before..]);
    Ok(())
}
