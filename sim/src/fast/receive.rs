//! What a replica's host keeps between its node and its store: batches that wait, and the snapshot that is loading.
//!
//! States: *live* (batches wait only for the store), *joining* (a snapshot comes: they wait for it). A batch is taken
//! when the host says so, which it does while the queue is within the spool's bound, and is applied in order.
//!
//! Invariants: the queue is one unbroken run of batches; each carries the cursor it had when it came.

use super::store::{Held, Memo, Saved};
use super::tap::Bulk;
use std::collections::VecDeque;
use towline_core::SnapshotId;

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
    pub(super) offset: u64,
    /// The part of a record that came.
    rest: Vec<u8>,
    pub(super) records: Vec<Held>,
}

impl Loading {
    /// A piece came.
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
#[derive(Debug, Default)]
pub(super) struct Receive {
    pub(super) queue: VecDeque<Batch>,
    /// Frame bytes of the queue.
    pub(super) queued_bytes: u64,
    pub(super) joining: bool,
    /// The snapshot the last ADMIT named.
    pub(super) snapshot: u64,
    pub(super) loading: Option<Loading>,
    /// Pieces of it that came.
    pub(super) pieces: u64,
    piece_bytes: u64,
    /// What came and was not said to be taken.
    pub(super) untaken: Bulk,
    taken_to: u64,
    /// The store is at the first batch of the queue.
    pub(super) applying: bool,
    /// Which round of applying is meant; earlier ones were overtaken by a rewind or a snapshot.
    pub(super) round: u32,
    /// A whole snapshot that may not be said to be taken yet.
    pub(super) install_due: Option<SnapshotId>,
    spare: Vec<Vec<u8>>,
}

impl Receive {
    /// A batch came that cannot be applied now.
    pub(super) fn push(&mut self, (first, end): (u64, u64), frame: u64, cursor: Saved, records: &[u8]) {
        let mut bytes = self.spare.pop().unwrap_or_default();
        bytes.clear();
        bytes.extend_from_slice(records);
        self.queue.push_back(Batch { first, end, frame, taken: false, cursor, records: bytes });
        self.queued_bytes += frame;
        self.untaken.stream += frame;
    }

    /// The oldest batch is applied, or not wanted.
    pub(super) fn pop(&mut self) -> Option<Batch> {
        let batch = self.queue.pop_front()?;
        self.queued_bytes -= batch.frame;
        if !batch.taken {
            self.untaken.stream -= batch.frame;
        }
        Some(batch)
    }

    /// Its buffer is free.
    pub(super) fn give_back(&mut self, batch: Batch) {
        if self.spare.len() < 64 {
            self.spare.push(batch.records);
        }
    }

    /// Whether the next batch of a tail goes on where the last one ended.
    pub(super) fn runs_on(&self, first: u64) -> bool {
        self.queue.back().is_some_and(|last| last.end == first)
    }

    /// A snapshot comes: what waits belongs to the state it will replace.
    pub(super) fn join_anew(&mut self) {
        self.joining = true;
        self.install_due = None;
        self.forget_queue();
        (self.untaken, self.loading, self.pieces, self.piece_bytes) = (Bulk::default(), None, 0, 0);
    }

    pub(super) fn forget_queue(&mut self) {
        while let Some(batch) = self.pop() {
            self.give_back(batch);
        }
        self.applying = false;
        self.round += 1;
        self.taken_to = 0;
    }

    /// A snapshot begins, while the log ends at `end`: what waits and does not end there rode beside another one,
    /// maybe on a branch that is gone.
    pub(super) fn begin(&mut self, cursor: Saved, offset: u64, end: u64) {
        if !self.joining {
            self.join_anew();
        } else if self.queue.back().is_some_and(|last| last.end != end) {
            self.forget_queue();
        }
        self.loading = Some(Loading { cursor, offset, rest: Vec::new(), records: Vec::new() });
        (self.pieces, self.piece_bytes) = (0, 0);
    }

    /// A piece came, of a frame of so many bytes.
    pub(super) fn note_piece(&mut self, number: u64, frame: u64) {
        self.pieces = number + 1;
        self.piece_bytes += frame;
        self.untaken.pieces += frame;
    }

    /// What is taken now: records up to, and pieces. The queue takes no more while it is over its bound.
    pub(super) fn take(&mut self, spool_bytes: u64) -> (u64, u64) {
        if self.queued_bytes <= spool_bytes {
            for batch in self.queue.iter_mut().rev() {
                if std::mem::replace(&mut batch.taken, true) {
                    break;
                }
                self.untaken.stream -= batch.frame;
                self.taken_to = self.taken_to.max(batch.end);
            }
        }
        self.untaken.pieces = 0;
        (self.taken_to, self.pieces)
    }
}

#[cfg(test)]
mod tests;
