//! Lines on stderr, written so that no reader, and no missing reader, can delay or end the process.
//!
//! A server's lines go through a bounded queue to a thread of their own ([`queue`]); every other command writes its
//! lines in place. In both, a line that cannot be written is dropped. The queue counts dropped lines, for its caller
//! too, and reports them in one line as soon as a line can be written again.
//!
//! States of the queue: *held* until [`open`], because the first line a server prints is its addresses; then *open*.
//! Bounds: `QUEUE_BYTES` of lines that wait; `PATIENCE` for them at the end of the process.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Bytes of lines that wait to be written: about a thousand lines.
const QUEUE_BYTES: usize = 128 << 10;
/// The time for the remaining lines when the process ends.
const PATIENCE: Duration = Duration::from_secs(1);
/// The pause before a stderr that is not ready is tried again: it was made non-blocking by its owner.
const AGAIN: Duration = Duration::from_millis(10);

/// The process's queue, once there is one.
static QUEUE: OnceLock<Queue> = OnceLock::new();

/// Writes one or more whole lines to stderr, without their last line break.
pub fn say(lines: &str) {
    say_raw(&format!("{lines}\n"));
}

/// Writes text to stderr as it is.
pub fn say_raw(text: &str) {
    match QUEUE.get() {
        Some(queue) => queue.push(text.as_bytes()),
        // Without a reader there is nobody to notify.
        None => drop(io::stderr().write_all(text.as_bytes())),
    }
}

/// Sends all further lines through a queue, which holds them until [`open`]. `lost` is called for each line that is
/// dropped.
pub fn queue(lost: fn()) -> Queue {
    QUEUE.get_or_init(|| Queue::start(Box::new(io::stderr()), lost)).clone()
}

/// Writes `first`, then the lines that were held; from now on lines pass.
pub fn open(first: &str) {
    if let Some(queue) = QUEUE.get() {
        queue.open(first.as_bytes());
    }
}

/// Returns whether lines pass.
pub fn is_open() -> bool {
    QUEUE.get().is_none_or(|queue| !queue.lock().held)
}

/// Waits until all earlier lines are written, as far as stderr takes them.
pub fn flush() {
    if let Some(queue) = QUEUE.get() {
        queue.flush(PATIENCE);
    }
}

/// Lines on their way to a thread that writes them. Clones are the same queue.
#[derive(Clone)]
pub struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    held: bool,
    /// Set while the writer has taken a line that is not written yet.
    writing: bool,
    /// Lines lost since the last one that was written.
    lost: u64,
    count_lost: fn(),
}

impl Queue {
    fn start(out: Box<dyn Write + Send>, count_lost: fn()) -> Self {
        let lines = VecDeque::new();
        let state = State { lines, bytes: 0, held: true, writing: false, lost: 0, count_lost };
        let queue = Self(Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() }));
        let writer = queue.clone();
        // Without the thread every line is lost, but the bound of the queue still holds.
        std::thread::Builder::new().name("stderr".to_owned()).spawn(move || writer.write_to(out)).ok();
        queue
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a line, or drops it when there is no room; never waits for stderr.
    fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.bytes + line.len() > QUEUE_BYTES {
            state.lose();
            return;
        }
        state.bytes += line.len();
        state.lines.push_back(line.to_vec());
        drop(state);
        self.0.changed.notify_all();
    }

    fn open(&self, first: &[u8]) {
        let mut state = self.lock();
        state.held = false;
        if !first.is_empty() {
            state.bytes += first.len();
            state.lines.push_front(first.to_vec());
        }
        drop(state);
        self.0.changed.notify_all();
    }

    /// Waits until nothing is left to write, or for `patience`.
    fn flush(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        while state.writing || (!state.lines.is_empty() && !state.held) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { return };
            let waited = self.0.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Writes one line after another, as long as the process lives.
    fn write_to(&self, mut out: Box<dyn Write + Send>) {
        let mut torn = false;
        loop {
            let (line, lost) = self.next();
            let mut text = if torn { b"\n".to_vec() } else { Vec::new() };
            if lost > 0 {
                let s = if lost == 1 { " was" } else { "s were" };
                text.extend(format!("{lost} log line{s} lost: stderr could not be written\n").bytes());
            }
            text.extend(line);
            let written = write_all(&mut *out, &text);
            let mut state = self.lock();
            state.writing = false;
            match written {
                Ok(()) => {
                    torn = false;
                    state.lost -= lost;
                }
                Err(after) => {
                    torn |= after > 0;
                    state.lose();
                }
            }
            drop(state);
            self.0.changed.notify_all();
        }
    }

    /// Returns the next line to write, and how many were lost before it.
    fn next(&self) -> (Vec<u8>, u64) {
        let mut state = self.lock();
        loop {
            if !state.held
                && let Some(line) = state.lines.pop_front()
            {
                state.bytes -= line.len();
                state.writing = true;
                return (line, state.lost);
            }
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    fn lose(&mut self) {
        self.lost += 1;
        (self.count_lost)();
    }
}

/// Writes all of `text`, or returns how much of it was written before it failed.
fn write_all(out: &mut dyn Write, text: &[u8]) -> Result<(), usize> {
    let mut written = 0;
    while written < text.len() {
        match out.write(&text[written..]) {
            Ok(0) => return Err(written),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(AGAIN),
            Err(_) => return Err(written),
        }
    }
    Ok(())
}

/// Takes one log line, or several, into the queue.
impl Write for Queue {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.push(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
