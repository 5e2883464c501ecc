//! The store of a replica's receiver: batches that wait, and the snapshot that is loading.
//!
//! The receiver says when each is done with. Counted here are the bytes that came and were not said to be taken: a
//! batch is taken once the receiver said so, or is applied or dropped.
//!
//! Invariants: the queue is one unbroken run of batches; each carries the cursor it had when it came.

use super::store::{Held, Memo, Saved};
use super::tap::Bulk;
use std::collections::VecDeque;
use towline_core::receiver::{Receiver, Taking};

/// A batch that waits.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) first: u64,
    pub(super) end: u64,
    /// The length of its frame.
    pub(super) frame: u64,
    taken: bool,
    pub(super) cursor: Saved,
    pub(super) records: Vec<u8>,
}

/// A snapshot that is loading beside the state.
#[derive(Debug)]
pub(super) struct Loading {
    pub(super) cursor: Saved,
    /// The received part of a record.
    rest: Vec<u8>,
    pub(super) records: Vec<Held>,
}

impl Loading {
    pub(super) const fn new(cursor: Saved) -> Self {
        Self { cursor, rest: Vec::new(), records: Vec::new() }
    }

    /// Adds a piece.
    pub(super) fn load(&mut self, memo: &mut Memo, data: &[u8], record_bytes: usize) {
        self.rest.extend_from_slice(data);
        let whole = self.rest.len() / record_bytes;
        for record in self.rest.chunks_exact(record_bytes) {
            let word = |at: usize| u64::from_le_bytes(record[at..at + 8].try_into().expect("8 bytes"));
            let (op, bytes) = (word(0) as u32, word(8) as u32);
            let chain = self.records.last().map_or(0, |last| last.chain);
            self.records.push(memo.of_op(self.records.len(), chain, op, bytes));
        }
        self.rest.drain(..whole * record_bytes);
    }
}

/// The receiving side.
#[derive(Debug)]
pub(super) struct Receive {
    pub(super) receiver: Receiver,
    pub(super) queue: VecDeque<Batch>,
    /// Frame bytes of the queue.
    pub(super) queued_bytes: u64,
    pub(super) loading: Option<Loading>,
    /// The bytes that came and were not said to be taken.
    pub(super) untaken: Bulk,
    /// Set while the store applies the first batch of the queue.
    pub(super) applying: bool,
    /// The round of applying; earlier ones were overtaken by a rewind or a snapshot.
    pub(super) round: u32,
    spare: Vec<Vec<u8>>,
}

impl Receive {
    pub(super) fn new() -> Self {
        Self {
            receiver: Receiver::new(false),
            queue: VecDeque::new(),
            queued_bytes: 0,
            loading: None,
            untaken: Bulk::default(),
            applying: false,
            round: 0,
            spare: Vec::new(),
        }
    }

    /// Adds a batch that cannot be applied now.
    pub(super) fn push(&mut self, (first, end): (u64, u64), frame: u64, cursor: Saved, records: &[u8]) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(records);
        self.queue.push_back(Batch { first, end, frame, taken: false, cursor, records: bytes });
        self.queued_bytes += frame;
        self.untaken.stream += frame;
    }

    /// Removes the oldest batch, which is applied, or not wanted.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        let batch = self.queue.pop_front()?;
        self.queued_bytes -= batch.frame;
        if !batch.taken {
            self.untaken.stream -= batch.frame;
        }
        Some(batch)
    }

    /// Frees its buffer.
    pub(super) fn give_back(&mut self, batch: Batch) {
        if self.spare.len() < 64 {
            self.spare.push(batch.records);
        }
    }

    /// Forgets the batch that the store is at: it is overtaken.
    pub(super) fn overtake(&mut self) {
        self.applying = false;
        self.round += 1;
    }

    /// Returns how much may be reported as taken: the queue takes no more while it is over its bound.
    pub(super) fn take(&mut self, withheld: bool, spool_bytes: u64) {
        self.receiver.set_taking(match withheld {
            true => Taking::Nothing,
            false if self.queued_bytes <= spool_bytes => Taking::All,
            false => Taking::Pieces,
        });
    }

    /// Notes that a report of taken batches was made.
    pub(super) fn note_taken(&mut self, upto: u64) {
        for batch in self.queue.iter_mut().rev().skip_while(|batch| batch.end > upto) {
            if std::mem::replace(&mut batch.taken, true) {
                break;
            }
            self.untaken.stream -= batch.frame;
        }
        self.untaken.pieces = 0;
    }
}
