//! One connection: a thread that writes commands, and one that reads replies, with at most `pipeline` between them.
//!
//! Two threads, because one that writes while the server waits to be read would stop both. The reader is done when the
//! writer, having seen the last answer, shuts the socket.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::Thread;
use std::time::{Duration, Instant};

use super::{Counters, Plan};

/// The size of a write that costs the kernel least per byte.
const BATCH_BYTES: usize = 256 << 10;
const READ_BYTES: usize = 256 << 10;
/// A bound above every error reply.
const REPLY_MAX: usize = 4 << 10;
/// A server that owes an answer and sends nothing for so long is taken to be stuck.
const SILENCE_MAX: Duration = Duration::from_secs(30);
/// The pause between two attempts to dial, and the time after which it gives up.
const REDIAL_EVERY: Duration = Duration::from_millis(100);
const REDIAL_FOR: Duration = Duration::from_secs(60);
/// A writer that was late may catch up on so much, never more: a rate is a ceiling.
const CATCH_UP: Duration = Duration::from_millis(20);
const NAP: Duration = Duration::from_millis(1);

/// Sends all commands of `lane`, over as many connections as it takes; an error says why it could not go on.
pub(super) fn run(plan: &Plan, lane: u64, counters: &Counters) -> Result<(), String> {
    let answered = AtomicU64::new(0);
    loop {
        let Some(stream) = dial(plan)? else { return Ok(()) };
        let done = session(plan, lane, stream, &answered, counters);
        match done {
            Ok(()) => return Ok(()),
            Err(_) if plan.reconnect && !plan.over() => {
                counters.reconnects.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(REDIAL_EVERY);
            }
            Err(_) if plan.reconnect => return Ok(()),
            Err(why) => {
                let count = answered.load(Ordering::Relaxed);
                return Err(format!(
                    "{} {why} after {count} replies; --reconnect goes on all the same",
                    plan.addr
                ));
            }
        }
    }
}

/// Returns a connection, or none when the time is up first.
fn dial(plan: &Plan) -> Result<Option<TcpStream>, String> {
    let first = Instant::now();
    loop {
        let why = match TcpStream::connect(plan.addr) {
            Ok(stream) => return Ok(Some(stream)),
            Err(why) => why,
        };
        if !plan.reconnect {
            return Err(format!("cannot connect to {}: {why}; is the server running?", plan.addr));
        }
        if plan.over() {
            return Ok(None);
        }
        if first.elapsed() > REDIAL_FOR {
            return Err(format!("cannot connect to {} for {} s: {why}", plan.addr, REDIAL_FOR.as_secs()));
        }
        std::thread::sleep(REDIAL_EVERY);
    }
}

/// The state that the two threads of a connection share.
struct Window<'a> {
    answered: &'a AtomicU64,
    sent: AtomicU64,
    /// Set by the writer: from now on the end of the replies is no fault.
    complete: AtomicBool,
    /// Set by the reader when it ends.
    closed: AtomicBool,
}

fn session(
    plan: &Plan,
    lane: u64,
    stream: TcpStream,
    answered: &AtomicU64,
    counters: &Counters,
) -> Result<(), String> {
    let wrong = |what: &str, why: std::io::Error| format!("{what}: {why}");
    stream.set_nodelay(true).map_err(|why| wrong("refused a socket option", why))?;
    stream.set_read_timeout(Some(SILENCE_MAX)).map_err(|why| wrong("refused a socket option", why))?;
    let window = Window {
        answered,
        sent: AtomicU64::new(answered.load(Ordering::Relaxed)),
        complete: AtomicBool::new(false),
        closed: AtomicBool::new(false),
    };
    let writer = std::thread::current();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let done = read_replies(&stream, &window, &writer, counters);
            window.closed.store(true, Ordering::Release);
            stream.shutdown(Shutdown::Both).ok();
            writer.unpark();
            done
        });
        let written = write_commands(plan, lane, &stream, &window);
        window.complete.store(written.is_ok(), Ordering::Release);
        stream.shutdown(Shutdown::Both).ok();
        // The reader's error names the cause; the writer's is often only its consequence.
        reader.join().expect("the reader does not panic").and(written)
    })
}

fn write_commands(plan: &Plan, lane: u64, mut stream: &TcpStream, window: &Window<'_>) -> Result<(), String> {
    let share = plan.share(lane);
    let batch_max = (BATCH_BYTES / plan.ops.command_bytes()).max(1) as u64;
    // Waiting for a quarter of the window keeps writes large and wake-ups few.
    let room_min = plan.pipeline.div_ceil(4).min(batch_max);
    let mut batch = Vec::with_capacity(BATCH_BYTES + plan.ops.command_bytes());
    let mut sent = window.sent.load(Ordering::Relaxed);
    let mut pace = plan.gap.map(Pace::new);
    loop {
        let on_the_way = sent - window.answered.load(Ordering::Acquire);
        let over = sent == share || plan.over();
        if over && on_the_way == 0 {
            return Ok(());
        }
        if window.closed.load(Ordering::Acquire) {
            return Err("closed the connection".to_owned());
        }
        let room = (plan.pipeline - on_the_way).min(share - sent);
        if over || room < room_min.min(share - sent) {
            std::thread::park_timeout(NAP);
            continue;
        }
        let mut count = room.min(batch_max);
        if let Some(pace) = &mut pace {
            count = pace.take(count);
            if count == 0 {
                std::thread::sleep(NAP);
                continue;
            }
        }
        batch.clear();
        for n in sent..sent + count {
            plan.ops.write(lane + n * plan.lanes, &mut batch);
        }
        sent += count;
        window.sent.store(sent, Ordering::Release);
        stream.write_all(&batch).map_err(|why| format!("stopped taking commands ({why})"))?;
    }
}

fn read_replies(
    mut stream: &TcpStream,
    window: &Window<'_>,
    writer: &Thread,
    counters: &Counters,
) -> Result<(), String> {
    let mut buffer = vec![0; READ_BYTES];
    let mut held = 0;
    loop {
        let complete = || window.complete.load(Ordering::Acquire);
        let read = match stream.read(&mut buffer[held..]) {
            Ok(0) if complete() => return Ok(()),
            Ok(0) => return Err("closed the connection".to_owned()),
            Ok(read) => read,
            Err(why) if matches!(why.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if window.sent.load(Ordering::Acquire) == window.answered.load(Ordering::Relaxed) {
                    continue;
                }
                return Err(format!("gave no answer for {} s", SILENCE_MAX.as_secs()));
            }
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            Err(_) if complete() => return Ok(()),
            Err(why) => return Err(format!("broke the connection ({why})")),
        };
        held += read;
        let replies = count_replies(&buffer[..held], counters)?;
        buffer.copy_within(replies.used..held, 0);
        held -= replies.used;
        if held > REPLY_MAX {
            return Err("sent a reply without an end: is this a RESP server?".to_owned());
        }
        let on_the_way = window.sent.load(Ordering::Acquire) - window.answered.load(Ordering::Relaxed);
        if replies.count > on_the_way {
            return Err("answered more than it was asked".to_owned());
        }
        window.answered.fetch_add(replies.count, Ordering::Release);
        counters.answered.fetch_add(replies.count, Ordering::Relaxed);
        writer.unpark();
    }
}

/// The number of whole replies at the start of some bytes, and their end.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Replies {
    pub(super) count: u64,
    pub(super) used: usize,
}

pub(super) fn count_replies(bytes: &[u8], counters: &Counters) -> Result<Replies, String> {
    let mut replies = Replies { count: 0, used: 0 };
    loop {
        let rest = &bytes[replies.used..];
        if rest.starts_with(b"+OK\r\n") {
            replies.used += 5;
        } else {
            let Some(end) = rest.iter().position(|byte| *byte == b'\n') else { return Ok(replies) };
            let line = rest[..end].trim_ascii_end();
            match line.split_first() {
                Some((b'-', error)) => refuse(error, counters),
                Some((b'+', _)) => {}
                Some(_) | None => {
                    let line = String::from_utf8_lossy(line).into_owned();
                    return Err(format!("answered a SET with {line:?}: is this a RESP server?"));
                }
            }
            replies.used += end + 1;
        }
        replies.count += 1;
    }
}

fn refuse(error: &[u8], counters: &Counters) {
    let word = error.split(|byte| *byte == b' ').next().unwrap_or(error);
    let word = String::from_utf8_lossy(word).into_owned();
    counters.refused.fetch_add(1, Ordering::Relaxed);
    *counters.words.lock().expect("no lane panicked").entry(word).or_default() += 1;
}

/// Keeps commands at least `gap` apart, on average over [`CATCH_UP`].
pub(super) struct Pace {
    gap: Duration,
    /// The time of the next command.
    due: Instant,
}

impl Pace {
    pub(super) fn new(gap: Duration) -> Self {
        Self { gap, due: Instant::now() }
    }

    /// Returns how many of `wanted` commands may go now.
    fn take(&mut self, wanted: u64) -> u64 {
        self.take_at(Instant::now(), wanted)
    }

    pub(super) fn take_at(&mut self, now: Instant, wanted: u64) -> u64 {
        if now < self.due {
            return 0;
        }
        if let Some(earliest) = now.checked_sub(CATCH_UP) {
            self.due = self.due.max(earliest);
        }
        let due = (now - self.due).as_nanos() / self.gap.as_nanos().max(1) + 1;
        let count = wanted.min(u64::try_from(due).unwrap_or(u64::MAX));
        self.due += self.gap * u32::try_from(count).unwrap_or(u32::MAX);
        count
    }
}
