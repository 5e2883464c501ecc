//! The host of an agent: it reads, applies, syncs, rewinds, opens views, installs and dies.

use std::collections::VecDeque;

use towline_core::receiver::{Command, Receiver, Standing, Taking};
use towline_core::*;

use super::agent::{Agent, Effects, Loading, Op, boot};
use super::store::{Batch, Store, flaw, records_in, records_of, written};
use crate::oracle::Invariant;

impl Agent {
    pub(super) fn say(&mut self, input: Input<'_>) -> Step {
        let said = self.node.handle(self.now, input);
        said.unwrap_or_else(|misuse| panic!("the host made a misuse: {misuse:?} for {input:?}"))
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
            Op::Apply => drop(self.work(effects)),
            Op::Sync => self.sync(),
            Op::View => self.view(),
            Op::Install => {
                // The tail is applied with it.
                self.work(effects);
                self.apply_all(effects);
            }
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
                self.apply_all(effects);
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
        if let Err(error) = self.receiver.receive(&step, Standing::of(&self.node), false) {
            let invariant = match step.payload.as_ref().map(|payload| payload.kind) {
                Some(PayloadKind::Begin | PayloadKind::Piece | PayloadKind::LastPiece) => Invariant::N4,
                Some(PayloadKind::Batch | PayloadKind::Spool | PayloadKind::Fork) | None => Invariant::S2,
            };
            effects.wrong = Some((invariant, format!("{error}: {:?}", step.payload)));
            return;
        }
        self.obey(frame, effects);
    }

    fn obey(&mut self, frame: &[u8], effects: &mut Effects) {
        while let Some(command) = self.receiver.poll() {
            self.execute(command, frame, effects);
        }
        self.receiver.check();
    }

    /// Does one piece of work that takes time.
    fn work(&mut self, effects: &mut Effects) -> bool {
        let command = self.receiver.work();
        let some = command.is_some();
        if let Some(command) = command {
            self.execute(command, &[], effects);
            self.obey(&[], effects);
        }
        some
    }

    fn execute(&mut self, command: Command, frame: &[u8], effects: &mut Effects) {
        match command {
            Command::Say(input) => {
                let position = self.say(input).position;
                if self.receiver.answered(position).is_err() {
                    effects.wrong = Some((Invariant::N2, "a tail that does not fit its snapshot".to_owned()));
                }
            }
            Command::Keep(batch) => self.keep(batch, frame, effects),
            Command::ApplySpooled { .. } => {
                let batch = self.spool.pop_front().expect("one waits");
                let upto = Offset(batch.end());
                self.store.records.extend_from_slice(&batch.records);
                self.store.cursor = Some(batch.cursor);
                self.receiver.applied(upto).expect("asked for");
            }
            Command::DropSpooled { upto } => {
                self.spool.retain(|batch| upto.is_some_and(|upto| batch.end() > upto.0));
            }
            Command::Forked { .. } => {}
            Command::Begin { range, .. } => {
                self.loading = Some(Loading { cursor: frame[range].into(), bytes: Vec::new() });
            }
            Command::Load { range, piece, .. } => {
                let loading = self.loading.as_mut().expect("it began");
                loading.bytes.extend_from_slice(&frame[range]);
                self.receiver.loaded(piece + 1).expect("handed out");
            }
            Command::Install { .. } => self.install(effects),
            Command::Rewind { position } => {
                effects.rewound = true;
                self.rewind(position);
            }
            Command::Apply(_) | Command::LoadTail(_) | Command::LoadTailSpooled { .. } => {
                unreachable!("this store is never ready, and does nothing on a snapshot that loads")
            }
        }
    }

    /// Keeps a batch: that of a whole state is taken when it is applied, one beside a snapshot at once.
    fn keep(&mut self, batch: receiver::Batch, frame: &[u8], effects: &mut Effects) {
        let first = batch.first.0;
        let Some(records) = records_of(&frame[batch.range]) else {
            effects.wrong = Some((Invariant::B1, format!("a record that nobody wrote at {first}")));
            return;
        };
        let beside = self.receiver.is_joining();
        if !beside && first != self.line_end() {
            let text = format!("a batch from {first} came, the host is at {}", self.line_end());
            effects.wrong = Some((Invariant::S2, text));
        }
        let cursor = self.node.cursor(batch.position).as_bytes().into();
        self.spool.push_back(Batch { first, records, cursor, frame_bytes: frame.len() as u64 });
        self.receiver.set_taking(if beside { Taking::All } else { Taking::Pieces });
    }

    /// Applies everything, for the promotion of a node that has all it received.
    fn apply_all(&mut self, effects: &mut Effects) {
        while self.receiver.is_replaying() && self.work(effects) {}
    }

    fn sync(&mut self) {
        if self.is_primary() {
            return self.commit();
        }
        self.durable = self.store.clone();
        let upto = Offset(self.store.records.len() as u64);
        self.say(Input::Persisted { upto });
    }

    /// Commits at a boundary, durably, on a primary.
    pub(super) fn commit(&mut self) {
        let position = self.say(Input::Flush).position.expect("a flush answers its position");
        self.store.cursor = Some(self.node.cursor(position).as_bytes().into());
        self.durable = self.store.clone();
    }

    fn rewind(&mut self, position: Position) {
        let to = position.boundary.0;
        self.store.records.truncate(usize::try_from(to).expect("few records"));
        self.store.cursor = Some(self.node.cursor(position).as_bytes().into());
        if self.durable.records.len() as u64 > to {
            self.durable = self.store.clone();
        }
        self.receiver.rewound().expect("asked for");
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
        let loading = self.loading.take().expect("one is loaded");
        let records = records_in(&loading.bytes);
        let at = Cursor::describe(&loading.cursor).map(|(_, position)| position.boundary.0);
        if at != Some(records.len() as u64) {
            let text = format!("a snapshot of {at:?} came as {} records", records.len());
            effects.wrong = Some((Invariant::N4, text));
        } else if let Some(flaw) = flaw(&records) {
            effects.wrong = Some((Invariant::N2, format!("a snapshot was installed that is none: {flaw}")));
        }
        self.store = Store { records, cursor: Some(loading.cursor) };
        self.receiver.installed().expect("asked for");
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
        (self.receiver, self.spool, self.loading) = (Receiver::new(false), VecDeque::new(), None);
        (self.views, self.wanted) = (Vec::new(), Vec::new());
        if primary {
            self.commit();
        }
    }
}
