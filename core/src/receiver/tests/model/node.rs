//! The model's upstream and its node: what it has received, the snapshot it was named, and what it answers.

use std::vec::Vec;

use super::super::super::*;
use super::super::at;
use super::{World, count, offset};
use crate::id::{Position, SnapshotId};
use crate::input::Input;

#[derive(Clone)]
pub(super) struct Named {
    pub(super) id: SnapshotId,
    pub(super) view: Vec<u32>,
    pub(super) begun: bool,
    pub(super) pieces: u64,
    pub(super) complete: bool,
    /// The upstream has it too.
    pub(super) known: bool,
}

impl World {
    pub(super) fn write(&mut self, records: usize) {
        for _ in 0..records {
            self.next += 1;
            self.upstream.push(self.next);
        }
    }

    /// Another upstream, which lacks the newest records and has others.
    pub(super) fn diverge(&mut self, records: usize) {
        self.streaming = false;
        self.upstream.truncate(self.upstream.len().saturating_sub(records));
        self.write(1);
        if let Some(receiving) = &mut self.receiving {
            receiving.known = false;
        }
    }

    pub(super) fn admit(&mut self, again: bool) {
        let known = self.receiving.as_ref().is_some_and(|named| named.known);
        if !self.base && known && !again {
            // It goes on, if the log is still a part of it.
            self.streaming = self.upstream.starts_with(&self.line);
            return self.settle_step(Step::default(), &[]);
        }
        let shared = self.line.iter().zip(&self.upstream).take_while(|(a, b)| a == b).count();
        if self.base && shared == self.line.len() && !again {
            (self.streaming, self.fork) = (true, None);
            return self.settle_step(Step::default(), &[]);
        }
        if self.base && self.rewinds && !again {
            (self.streaming, self.fork) = (false, Some(shared));
            return self.payload(PayloadKind::Fork, shared, 1, None, &[]);
        }
        let forks = self.base && shared < self.line.len();
        self.name();
        if forks {
            self.payload(PayloadKind::Fork, shared, 0, None, &[]);
        } else {
            self.settle_step(Step::default(), &[]);
        }
    }

    /// A snapshot of all there is now, whose tail begins a little before.
    pub(super) fn name(&mut self) {
        self.snapshots += 1;
        let (view, from) = (self.upstream.clone(), self.upstream.len().saturating_sub(2));
        self.line = self.upstream[..from].to_vec();
        (self.base, self.streaming, self.fork, self.taken) = (false, true, None, from);
        let id = SnapshotId(self.snapshots);
        self.receiving = Some(Named { id, view, begun: false, pieces: 0, complete: false, known: true });
    }

    pub(super) fn stream(&mut self, records: usize) {
        let from = self.line.len();
        // A batch never lies on both sides of a view's offset: there was a boundary.
        let view = self.receiving.as_ref().map_or(0, |named| named.view.len());
        let stop = if from < view { view } else { usize::MAX };
        let to = (from + records).min(self.upstream.len()).min(stop);
        if !self.streaming || from == to {
            return;
        }
        let records = self.upstream[from..to].to_vec();
        self.line.extend(&records);
        let kind = if self.base { PayloadKind::Batch } else { PayloadKind::Spool };
        self.payload(kind, from, to - from, Some(at(to as u64)), &records);
    }

    pub(super) fn send_snapshot(&mut self, last: bool) {
        let Some(named) = &mut self.receiving else { return };
        if named.complete || !named.known {
            return;
        }
        if !std::mem::replace(&mut named.begun, true) {
            let first = named.view.len();
            return self.payload(PayloadKind::Begin, first, 0, Some(at(first as u64)), &[]);
        }
        let piece = named.pieces;
        named.pieces += 1;
        named.complete = last;
        // The last piece brings all of it: how a view is cut is not the receiver's business.
        let records = if last { named.view.clone() } else { Vec::new() };
        let kind = if last { PayloadKind::LastPiece } else { PayloadKind::Piece };
        self.payload(kind, usize::try_from(piece).unwrap(), 0, None, &records);
    }

    pub(super) fn payload(
        &mut self,
        kind: PayloadKind,
        first: usize,
        count: usize,
        position: Option<Position>,
        data: &[u32],
    ) {
        let snapshot = self.receiving.as_ref().map_or(SnapshotId(0), |named| named.id);
        let count = u32::try_from(count).unwrap();
        let payload = Some(Payload { range: 0..data.len(), first: first as u64, count, kind, snapshot });
        self.settle_step(Step { position, payload, ..Step::default() }, data);
    }

    pub(super) fn settle_step(&mut self, step: Step, data: &[u32]) {
        let named = self.receiving.as_ref();
        let node = Standing {
            base: self.base,
            end: offset(self.line.len()),
            snapshot: named.map(|named| named.id),
            pieces: named.map_or(0, |named| named.pieces),
        };
        self.receiver.receive(&step, node, self.ready && !self.late).expect("steps in order");
        self.receiver.check();
        self.settle(data);
    }

    /// Returns the node's answer; `None` is a refusal, and a mistake of the receiver panics.
    pub(super) fn said(&mut self, input: Input<'_>) -> Option<Position> {
        let end = offset(self.line.len());
        match input {
            Input::Taken { upto, pieces } => {
                let handed = self.receiving.as_ref().map_or(0, |named| named.pieces);
                assert!(upto <= end && (pieces <= handed || self.receiving.is_none()), "never handed out");
                self.taken = self.taken.max(count(upto));
            }
            Input::Applied { upto } | Input::Persisted { upto } => {
                assert!(!self.base || upto <= end, "never handed out");
                assert!(self.base, "the receiver knows that there is no base");
                assert!(count(upto) <= self.store.len(), "not applied yet");
                self.taken = self.taken.max(count(upto));
            }
            Input::Installed { snapshot } => {
                let named = self.receiving.take_if(|named| named.id == snapshot && named.complete)?;
                self.base = true;
                if self.line.len() < named.view.len() || !self.line.starts_with(&named.view) {
                    (self.taken, self.line, self.streaming) = (named.view.len(), named.view, false);
                }
                return Some(at(self.line.len() as u64));
            }
            Input::Rewound => {
                let to = self.fork.take()?;
                self.line.truncate(to);
                self.taken = to;
                return Some(at(to as u64));
            }
            Input::Tick
            | Input::Opened { .. }
            | Input::Lost { .. }
            | Input::DialFailed
            | Input::Bytes { .. }
            | Input::Write { .. }
            | Input::Flush
            | Input::SnapshotReady { .. }
            | Input::SnapshotPiece { .. }
            | Input::SnapshotFailed { .. }
            | Input::Promote
            | Input::Follow { .. }
            | Input::Shutdown => panic!("{input:?} is not the receiver's to say"),
        }
        Some(at(end.0))
    }
}
