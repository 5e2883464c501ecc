//! One connection: requests are read from its bytes, one after another, each answered behind the last.
//!
//! States: *reading* (between runs it remembers how far it read into an unfinished request), *waiting* (after
//! [`Outcome::Wait`], until [`Session::waited`]; the driver does not run it meanwhile), *in a slice* (a command that
//! takes long is run again from where it stopped, and its request is not used up before it is done), *closed* (after
//! [`Outcome::Close`], [`Outcome::Http`] or [`Outcome::Shutdown`]; the driver drops it).
//!
//! Bounds: see [`crate::command`].

use towline_core::Level;
use towline_kv::{Args, Parsed, ProtocolError, RequestLimits, RequestReader};

use super::backend::{Backend, Outcome};
use super::call::{Call, Cost};
use super::client::{Client, ClientUsage, Replies};
use super::counts::Ending;
use super::transaction::{self, Transaction};
use super::walk::Walk;
use super::{http, reply, table};

/// The most requests of one run: some 100 microseconds of small ones.
pub const REQUESTS_PER_RUN: u32 = 512;
/// Reply bytes after which a run ends.
pub const OUT_BYTES_PER_RUN: usize = 256 << 10;
/// The most bytes of a buffer that is kept between commands.
const BUFFER_KEPT: usize = 32 << 10;
/// The least bytes that a client may send in one argument, however small records are.
const BULK_MAX_LEAST: usize = 1 << 20;
/// The most bytes of an unknown command's arguments that are quoted back.
const QUOTED_MAX: usize = 128;

/// Returns the limits of a client's requests on a node whose records are at most so long.
///
/// A value of up to twice the limit is still read, to be refused with a reply; a longer one ends the connection. A
/// connection's input buffer never grows past `request_max` and one read.
#[must_use]
pub fn request_limits(record_bytes_max: usize) -> RequestLimits {
    let redis = RequestLimits::REDIS;
    let bulk = record_bytes_max.saturating_mul(2).max(BULK_MAX_LEAST);
    let bulk_max = u32::try_from(bulk).unwrap_or(u32::MAX).min(redis.bulk_max);
    RequestLimits { bulk_max, request_max: bulk_max.saturating_mul(2).min(redis.request_max), ..redis }
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Bytes of the input that are done with.
    pub used: usize,
    /// Commands executed, for the counter in [`Status`](super::Status).
    pub commands: u32,
    /// The cost, in steps of some 3 ns each.
    pub steps: u64,
    /// The next step.
    pub then: Then,
}

/// The next step of a session after a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Then {
    /// Run it again when at least `need` bytes lie behind those that were used.
    NeedBytes {
        /// Always more than there are now.
        need: usize,
    },
    /// A bound was reached: send the replies, let others have a turn, run it again.
    Again,
    /// Carry this out. It is never [`Outcome::Done`].
    Do(Outcome),
}

/// One client's connection, without its socket.
#[derive(Debug)]
pub struct Session {
    reader: RequestReader,
    client: Client,
    record: Vec<u8>,
    scratch: Vec<u8>,
    waiting: Level,
    /// Bytes of the request that was read and is to be run again.
    again: Option<usize>,
    /// Set once a request was read.
    begun: bool,
    tx: Option<Box<Transaction>>,
    walk: Option<Box<Walk>>,
}

impl Session {
    /// Makes the session of a client that just connected.
    #[must_use]
    pub const fn new(client: Client, limits: RequestLimits) -> Self {
        let reader = RequestReader::new(limits);
        Self {
            reader,
            client,
            record: Vec::new(),
            scratch: Vec::new(),
            waiting: Level::Applied,
            again: None,
            begun: false,
            tx: None,
            walk: None,
        }
    }

    /// Returns the bytes it keeps between two runs beyond small buffers: queued commands, watched keys, a walk under
    /// way.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let tx = self.tx.as_ref().map_or(0, |tx| tx.bytes());
        tx + self.walk.as_ref().map_or(0, |walk| walk.bytes())
    }

    /// Returns the client.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Returns its queued and watched counts, for CLIENT LIST; the driver adds its own part.
    #[must_use]
    pub fn usage(&self) -> ClientUsage {
        let Some(tx) = &self.tx else { return ClientUsage::default() };
        ClientUsage {
            queued: tx.queued_count(),
            queued_bytes: tx.bytes(),
            watched: tx.watched_count(),
            ..ClientUsage::default()
        }
    }

    /// Executes the requests in `input`, the bytes that were not used yet, and writes the replies behind `out`.
    pub fn run(&mut self, input: &[u8], backend: &mut dyn Backend, out: &mut Vec<u8>) -> Ran {
        let now_ms = backend.now_ms();
        let out_max = out.len().saturating_add(OUT_BYTES_PER_RUN);
        let mut ran = Ran { used: 0, commands: 0, steps: 0, then: Then::Again };
        let mut cost = Cost::new();
        let mut paused = backend.is_paused();
        for _ in 0..REQUESTS_PER_RUN {
            let rest = &input[ran.used..];
            let used = match self.next(rest) {
                Ok(Parsed::Request { used }) => used,
                Ok(Parsed::Empty { used }) => {
                    ran.used += used;
                    continue;
                }
                Ok(Parsed::NeedBytes { need }) => {
                    ran.then = Then::NeedBytes { need };
                    break;
                }
                Err(error) => {
                    // The error answers the request that cannot be read.
                    reply::error(out, &format!("ERR {error}"));
                    ran.used = input.len();
                    ran.then = Then::Do(Outcome::Close);
                    break;
                }
            };
            let begin = out.len();
            self.client.request_bytes = used;
            let outcome = if paused && self.is_held(rest) {
                Outcome::Retry
            } else {
                self.execute(rest, now_ms, backend, &mut cost, out)
            };
            if outcome == Outcome::Again {
                self.again = Some(used);
                break;
            }
            if outcome == Outcome::Retry {
                ran.then = Then::Do(outcome);
                break;
            }
            ran.used += used;
            ran.commands += 1;
            paused = paused && backend.is_paused();
            if self.client.replies != Replies::On {
                self.mute(begin, &outcome, out);
            }
            cost.spend_request(self.reader.args(rest).len(), used + (out.len() - begin));
            if outcome != Outcome::Done {
                ran.then = Then::Do(outcome);
                break;
            }
            if out.len() >= out_max || cost.left() == 0 {
                break;
            }
        }
        ran.steps = cost.spent;
        self.trim();
        ran
    }

    /// Takes back a reply that its client does not want.
    #[cold]
    fn mute(&mut self, begin: usize, outcome: &Outcome, out: &mut Vec<u8>) {
        if self.client.is_muted() {
            out.truncate(begin);
        }
        self.client.replies = match self.client.replies {
            Replies::SkipNext => Replies::Skip,
            // The reply that is still to come belongs to this command.
            Replies::Skip if *outcome != Outcome::Done => Replies::Skip,
            Replies::On | Replies::Skip => Replies::On,
            Replies::Off => Replies::Off,
        };
    }

    /// Returns whether a pause holds this request: all but those that may end it.
    #[cold]
    fn is_held(&self, rest: &[u8]) -> bool {
        !self.reader.args(rest).get(0).is_some_and(|name| name.eq_ignore_ascii_case(b"client"))
    }

    /// Returns the next request; or the last one, if it is to be run again.
    #[inline]
    fn next(&mut self, rest: &[u8]) -> Result<Parsed, ProtocolError> {
        match self.again.take() {
            Some(used) => Ok(Parsed::Request { used }),
            None => self.reader.read(rest),
        }
    }

    /// Ends the wait of [`Outcome::Wait`]: `replicas` have reached the offset; `own` says whether this node's own store
    /// has persisted it.
    pub fn waited(&mut self, own: bool, replicas: u32, out: &mut Vec<u8>) {
        let waiting = self.waiting;
        self.reply_late(out, |out| {
            match waiting {
                Level::Persisted => {
                    reply::array(out, 2);
                    reply::integer(out, i64::from(own));
                }
                Level::Received | Level::Applied => {}
            }
            reply::integer(out, replicas);
        });
    }

    /// Writes the reply of a command that had to wait, unless its client wants none.
    pub fn reply_late(&mut self, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        if !self.client.is_muted() {
            write(out);
        }
        if self.client.replies == Replies::Skip {
            self.client.replies = Replies::On;
        }
    }

    /// Executes the request the reader found, or queues it.
    #[inline]
    fn execute(
        &mut self,
        rest: &[u8],
        now_ms: u64,
        backend: &mut dyn Backend,
        cost: &mut Cost,
        out: &mut Vec<u8>,
    ) -> Outcome {
        let args = self.reader.args(rest);
        let first = !std::mem::replace(&mut self.begun, true);
        if self.reader.is_inline() && http::is_http(args, first) {
            return Outcome::Http;
        }
        let Some(command) = args.get(0).and_then(table::find) else {
            if let Some(tx) = &mut self.tx {
                tx.fail();
            }
            unknown(args, backend, out);
            return Outcome::Done;
        };
        (self.client.seen_ms, self.client.last_command) = (now_ms, command.name);
        self.record.clear();
        let begin = out.len();
        let queues = self.tx.as_ref().is_some_and(|tx| tx.queues(command, args.len()));
        let mut call = Call {
            command,
            args,
            client: &mut self.client,
            backend,
            out,
            record: &mut self.record,
            scratch: &mut self.scratch,
            now_ms,
            expired: 0,
            tx: &mut self.tx,
            walk: &mut self.walk,
            overlay: None,
            cost,
        };
        let answer = if queues { transaction::queue(&mut call) } else { call.run() };
        let command = call.command;
        let (outcome, ending) = match answer {
            Ok(outcome) => (outcome, Ending::Done),
            Err(error) => {
                let ending = error.ending();
                self.walk = None;
                out.truncate(begin);
                (error.answer(out), ending)
            }
        };
        let counted_later =
            matches!(outcome, Outcome::Retry | Outcome::Again) || (queues && ending == Ending::Done);
        if !counted_later {
            backend.counts_mut().note(command, ending, &out[begin..]);
        }
        if let Outcome::Wait { level, .. } = outcome {
            self.waiting = level;
        }
        outcome
    }

    /// Frees buffers that only large requests need.
    fn trim(&mut self) {
        for buffer in [&mut self.record, &mut self.scratch] {
            if buffer.capacity() > BUFFER_KEPT {
                buffer.clear();
                buffer.shrink_to(BUFFER_KEPT);
            }
        }
    }
}

/// Replies with redis's text for an unknown command.
#[cold]
fn unknown(args: Args<'_>, backend: &mut dyn Backend, out: &mut Vec<u8>) {
    let begin = out.len();
    let quote =
        |bytes: &[u8], max: usize| String::from_utf8_lossy(&bytes[..bytes.len().min(max)]).into_owned();
    let name = quote(args.get(0).unwrap_or_default(), QUOTED_MAX);
    let mut quoted = String::new();
    for arg in args.iter().skip(1) {
        if quoted.len() >= QUOTED_MAX {
            break;
        }
        quoted += &format!("'{}' ", quote(arg, QUOTED_MAX - quoted.len()));
    }
    let asks_for_replication =
        ["psync", "sync", "replconf"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let told = if asks_for_replication {
        format!(
            "ERR unknown command '{name}': a redis cannot follow this server; `towline follow` makes a replica"
        )
    } else {
        format!("ERR unknown command '{name}', with args beginning with: {quoted}")
    };
    reply::error(out, &told);
    backend.counts_mut().note_error(&out[begin..]);
}
