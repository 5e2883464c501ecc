use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use super::{QUEUE_BYTES, Queue};

/// The bound of a wait for another thread.
const PATIENCE: Duration = Duration::from_secs(20);

/// A stderr whose every write is decided by the test: taken whole, or in part before it fails.
struct Scripted {
    answers: Receiver<io::Result<usize>>,
    seen: Sender<String>,
}

impl Write for Scripted {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        // At the test's end everything is taken.
        let taken = self.answers.recv().unwrap_or(Ok(usize::MAX))?.min(text.len());
        self.seen.send(String::from_utf8_lossy(&text[..taken]).into_owned()).ok();
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lines lost in all tests together.
static LOST: AtomicU64 = AtomicU64::new(0);

fn count_lost() {
    LOST.fetch_add(1, Ordering::Relaxed);
}

fn scripted() -> (Queue, Sender<io::Result<usize>>, Receiver<String>) {
    let ((answer, answers), (seen, written)) = (channel(), channel());
    (Queue::start(Box::new(Scripted { answers, seen }), count_lost), answer, written)
}

fn full() -> io::Result<usize> {
    Err(io::ErrorKind::StorageFull.into())
}

#[test]
fn lines_wait_until_the_first_one_is_known() {
    let (queue, answer, written) = scripted();
    queue.push(b"opening\n");
    queue.flush(Duration::ZERO);
    queue.open(b"first\n");
    drop(answer);
    assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "first\n");
    assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "opening\n");
}

#[test]
fn lost_lines_are_counted_and_told_once_a_line_can_be_written() {
    let before = LOST.load(Ordering::Relaxed);
    let (queue, answer, written) = scripted();
    queue.open(b"");
    for line in ["a\n", "b\n"] {
        answer.send(full()).unwrap();
        queue.push(line.as_bytes());
        queue.flush(PATIENCE);
    }
    // Half a line is written, and then no more.
    answer.send(Ok(40)).unwrap();
    answer.send(full()).unwrap();
    queue.push(b"c\n");
    queue.flush(PATIENCE);
    assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "2 log lines were lost: stderr could not ");
    assert!(LOST.load(Ordering::Relaxed) >= before + 3);
    drop(answer);
    queue.push(b"d\n");
    let told = "\n3 log lines were lost: stderr could not be written\nd\n";
    assert_eq!(written.recv_timeout(PATIENCE).unwrap(), told);
    queue.push(b"e\n");
    assert_eq!(written.recv_timeout(PATIENCE).unwrap(), "e\n");
}

#[test]
fn a_stderr_that_nobody_reads_holds_up_nobody() {
    let (queue, answer, written) = scripted();
    queue.open(b"");
    let line = [b'x'; 1024];
    queue.push(&line);
    while !queue.lock().writing {
        std::thread::yield_now();
    }
    // Nothing is taken meanwhile: the writer waits with one line.
    for _ in 0..QUEUE_BYTES / line.len() + 10 {
        queue.push(&line);
    }
    let state = queue.lock();
    assert!(state.bytes <= QUEUE_BYTES && state.lost == 10, "{} bytes, {} lost", state.bytes, state.lost);
    drop(state);
    queue.flush(Duration::from_millis(10));
    drop(answer);
    queue.flush(PATIENCE);
    let first = written.recv_timeout(PATIENCE).unwrap();
    assert_eq!(first.len(), line.len());
    assert!(written.try_iter().any(|text| text.contains("log lines were lost")));
}
