//! What happens to an agent, and what its host does about it: reads, applies, syncs, rewinds, views, installs, dies.

use std::collections::VecDeque;

use towline_core::*;

use super::agent::{Agent, Effects, Loading, Op, boot};
use super::store::{Batch, Store, flaw, records_in, records_of, written};
use crate::oracle::Invariant;

impl Agent {
    pub(super) fn say(&mut self, input: Input<'_>) -> Step {
        let said = self.node.handle(self.now, input);
        said.unwrap_or_else(|misuse| panic!("the host was told of misuse: {misuse:?} for {input:?}"))
    }

    pub(super) fn run(&mut self, op: Op, frame: &[u8], effects: &mut Effects) {
        match op {
            Op::Write { name } => {
                let parent = self.store.records.last().map_or(0, |record| record[0]);
                self.say(Input::Write { data: &written([name, parent]) });
                self.store.records.push([name, parent]);
            }
            Op::Frame { link, .. } => self.read(link, frame, effects),
            Op::Wait { span_ns } => {
                self.now = self.now + Span(span_ns);
                self.say(Input::Tick);
            }
            Op::Apply => self.apply(),
            Op::Sync => self.sync(),
            Op::View => self.view(),
            Op::Install => self.install(effects),
            Op::Lost { link } => {
                self.open &= !(1 << link);
                self.say(Input::Lost { link: LinkId(link.into()) });
            }
            Op::Open { link, upstream } => {
                self.open |= 1 << link;
                let side = if upstream { Side::Upstream } else { Side::Downstream };
                self.say(Input::Opened { link: LinkId(link.into()), side });
            }
            Op::DialFailed => {
                self.say(Input::DialFailed);
            }
            Op::Crash { loses, primary } => self.crash(loses, primary),
            Op::Promote => {
                self.apply_all();
                self.say(Input::Promote);
            }
            Op::Follow => {
                if self.is_primary() {
                    self.commit();
                }
                self.say(Input::Follow { adopt: false });
            }
        }
    }

    fn read(&mut self, link: u8, frame: &[u8], effects: &mut Effects) {
        let step = self.say(Input::Bytes { link: LinkId(link.into()), data: frame });
        let Some(payload) = step.payload else { return };
        let data = &frame[payload.range.clone()];
        let mut wrong = |invariant, text: String| effects.wrong = Some((invariant, text));
        match payload.kind {
            Kind::Batch | Kind::Spool => {
                let position = step.position.expect("a batch has a position");
                let Some(records) = records_of(data) else {
                    return wrong(Invariant::B1, format!("a record that nobody wrote at {}", payload.first));
                };
                let (first, frame_bytes) = (payload.first, frame.len() as u64);
                let cursor = self.node.cursor(position).as_bytes().into();
                self.take_batch(payload.kind, Batch { first, records, cursor, frame_bytes }, effects);
            }
            Kind::Fork if payload.count == 1 => {
                effects.rewound = true;
                self.rewind(payload.first);
            }
            Kind::Fork => {}
            Kind::Begin => {
                self.held.clear();
                if self.spool.last().is_some_and(|last| last.end() != self.node.stats().end.0) {
                    // The tail of a snapshot that is not to come: what was written there may be gone.
                    self.spool.clear();
                }
                let cursor = data.into();
                self.loading = Some(Loading { cursor, next_piece: 0, bytes: Vec::new(), complete: None });
            }
            Kind::Piece | Kind::LastPiece => {
                let due = self.loading.as_ref().map(|loading| loading.next_piece);
                let Some(loading) =
                    self.loading.as_mut().filter(|loading| loading.next_piece == payload.first)
                else {
                    return wrong(Invariant::N4, format!("piece {} came, {due:?} was due", payload.first));
                };
                loading.bytes.extend_from_slice(data);
                loading.next_piece += 1;
                loading.complete = (payload.kind == Kind::LastPiece).then_some(payload.snapshot);
                self.say(Input::Taken { upto: Offset(0), pieces: payload.first + 1 });
            }
        }
    }

    fn take_batch(&mut self, kind: Kind, batch: Batch, effects: &mut Effects) {
        if kind == Kind::Spool {
            if self.spool.last().is_some_and(|last| last.end() != batch.first) {
                // Another snapshot's tail begins; what rode beside the last one is of no use.
                self.spool.clear();
            }
            let upto = Offset(batch.end());
            self.spool.push(batch);
            self.say(Input::Taken { upto, pieces: 0 });
        } else if batch.first == self.line_end() {
            self.held.push_back(batch);
        } else {
            let text = format!("a batch from {} came, the host stands at {}", batch.first, self.line_end());
            effects.wrong = Some((Invariant::S2, text));
        }
    }

    fn apply(&mut self) {
        if let Some(batch) = self.held.pop_front() {
            self.store.records.extend_from_slice(&batch.records);
            self.store.cursor = Some(batch.cursor);
            let upto = Offset(self.store.records.len() as u64);
            self.say(Input::Applied { upto });
        }
    }

    /// An operator promotes a node that has caught up with itself.
    fn apply_all(&mut self) {
        while !self.held.is_empty() {
            self.apply();
        }
    }

    fn sync(&mut self) {
        if self.is_primary() {
            return self.commit();
        }
        self.durable = self.store.clone();
        let upto = Offset(self.store.records.len() as u64);
        self.say(Input::Persisted { upto });
    }

    /// A primary commits at a boundary, durably.
    pub(super) fn commit(&mut self) {
        let position = self.say(Input::Flush).position.expect("a flush answers its position");
        self.store.cursor = Some(self.node.cursor(position).as_bytes().into());
        self.durable = self.store.clone();
    }

    fn rewind(&mut self, to: u64) {
        self.held.retain(|batch| batch.first < to);
        self.apply_all();
        self.store.records.truncate(usize::try_from(to).expect("few records"));
        let position = self.say(Input::Rewound).position.expect("a rewind answers its position");
        self.store.cursor = Some(self.node.cursor(position).as_bytes().into());
        if self.durable.records.len() as u64 > to {
            self.durable = self.store.clone();
        }
    }

    fn view(&mut self) {
        let (snapshot, from) = self.wanted.remove(0);
        if self.is_primary() {
            self.commit();
        }
        let cursor = self.store.cursor.clone().filter(|_| self.store.records.len() as u64 >= from.0);
        if let Some(cursor) = cursor {
            self.views.push((snapshot, self.store.records[..].into()));
            self.say(Input::SnapshotReady { snapshot, cursor: &cursor, bytes: None });
        } else {
            self.say(Input::SnapshotFailed { snapshot, retry: true });
        }
    }

    fn install(&mut self, effects: &mut Effects) {
        let Some(loading) = self.loading.take() else { return };
        let snapshot = loading.complete.expect("can_install");
        if self.node.handle(self.now, Input::Installed { snapshot }).is_err() {
            // Meanwhile another one was named: this one is of no use.
            return;
        }
        let records = records_in(&loading.bytes);
        let at = Cursor::describe(&loading.cursor).map(|(_, position)| position.boundary.0);
        if at != Some(records.len() as u64) {
            let text = format!("a snapshot of {at:?} came as {} records", records.len());
            effects.wrong = Some((Invariant::N4, text));
        } else if let Some(flaw) = flaw(&records) {
            effects.wrong = Some((Invariant::N2, format!("a snapshot was installed that is none: {flaw}")));
        }
        self.store = Store { records, cursor: Some(loading.cursor) };
        for batch in std::mem::take(&mut self.spool) {
            let have = self.store.records.len() as u64;
            if batch.first > have {
                break;
            }
            if batch.end() > have {
                let known = usize::try_from(have - batch.first).expect("few records");
                self.store.records.extend_from_slice(&batch.records[known..]);
                self.store.cursor = Some(batch.cursor);
            }
        }
        let upto = Offset(self.store.records.len() as u64);
        self.say(Input::Applied { upto });
    }

    fn crash(&mut self, loses: bool, primary: bool) {
        if !loses && self.is_primary() {
            self.commit();
        }
        let store = if loses { self.durable.clone() } else { self.store.clone() };
        let role = if primary { Role::Primary } else { Role::Replica };
        let boots = self.boots + 1;
        let node = boot(*self.node.config(), self.index, boots, role, store.cursor.as_deref());
        (self.node, self.boots, self.now, self.open) = (node, boots, Time::ZERO, 0);
        (self.durable, self.store) = (store.clone(), store);
        (self.held, self.spool, self.loading) = (VecDeque::new(), Vec::new(), None);
        (self.views, self.wanted) = (Vec::new(), Vec::new());
        if primary {
            self.commit();
        }
    }
}
