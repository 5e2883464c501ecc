//! The model's store: its spool, what it loads, and what it has not ended yet.

use std::vec::Vec;

use super::super::super::*;
use super::{World, count, offset};

pub(super) struct Kept {
    pub(super) first: usize,
    pub(super) records: Vec<u32>,
}

pub(super) struct Beside {
    pub(super) at: usize,
    pub(super) records: Vec<u32>,
    pub(super) tail: Vec<u32>,
}

pub(super) enum Pending {
    Apply(usize, Vec<u32>),
    Install,
    Rewind(usize),
}

impl World {
    pub(super) fn settle(&mut self, data: &[u32]) {
        while let Some(command) = self.receiver.poll() {
            self.obey(command, data);
            self.receiver.check();
        }
    }

    pub(super) fn work(&mut self) {
        if let Some(command) = self.receiver.work() {
            self.obey(command, &[]);
            self.settle(&[]);
        }
    }

    pub(super) fn obey(&mut self, command: Command, data: &[u32]) {
        match command {
            Command::Say(input) => {
                let position = self.said(input);
                self.receiver.answered(position).expect("honest upstreams leave no gap");
            }
            Command::Keep(batch) => {
                let end =
                    self.spool.back().map_or(count(batch.first), |last| last.first + last.records.len());
                assert_eq!(count(batch.first), end, "one run");
                self.spool.push_back(Kept { first: end, records: data.to_vec() });
            }
            Command::Apply(batch) => self.start(Pending::Apply(count(batch.first), data.to_vec())),
            Command::ApplySpooled { first } => {
                let kept = self.spool.pop_front().expect("one waits");
                assert_eq!(kept.first, count(first));
                self.start(Pending::Apply(kept.first, kept.records));
            }
            Command::LoadTail(batch) => self.load_tail(count(batch.first), data),
            Command::LoadTailSpooled { first } => {
                let kept = self.spool.pop_front().expect("one waits");
                assert_eq!(kept.first, count(first));
                self.load_tail(kept.first, &kept.records.clone());
                if !self.ready {
                    self.spool.push_front(kept);
                }
            }
            Command::DropSpooled { upto } => {
                let upto = upto.map_or(usize::MAX, count);
                self.spool.retain(|kept| kept.first + kept.records.len() > upto);
            }
            Command::Forked { .. } => {}
            Command::Begin { at, .. } => {
                self.loads.clear();
                self.loading = Some(Beside { at: count(at), records: Vec::new(), tail: Vec::new() });
            }
            Command::Load { piece, .. } => {
                self.loads.push_back((piece, data.to_vec()));
                if !self.late {
                    self.end_loads();
                }
            }
            Command::Install { at, .. } => {
                let loaded = self.loading.take().expect("one is loaded");
                assert_eq!((loaded.at, loaded.records.len()), (count(at), count(at)));
                self.installing = Some(loaded);
                self.start(Pending::Install);
            }
            Command::Rewind { position } => self.start(Pending::Rewind(count(position.boundary))),
        }
    }

    /// A store that is not ready cannot do it either.
    pub(super) fn load_tail(&mut self, first: usize, records: &[u32]) {
        let loading = self.loading.as_mut().expect("one is loading");
        assert_eq!(first, loading.at + loading.tail.len(), "the tail is one run");
        if self.ready {
            loading.tail.extend(records);
        }
        self.receiver.tailed(offset(first + records.len()), self.ready).expect("asked for");
    }

    pub(super) fn start(&mut self, pending: Pending) {
        assert!(self.pending.is_none(), "the store does one thing at a time");
        self.pending = Some(pending);
        if !self.late {
            self.end_pending();
        }
    }

    pub(super) fn end_loads(&mut self) {
        while let Some((piece, records)) = self.loads.pop_front() {
            self.loading.as_mut().expect("it began").records.extend(records);
            self.receiver.loaded(piece + 1).expect("handed out");
        }
    }

    pub(super) fn end_pending(&mut self) {
        if self.loading.is_some() && self.receiver.is_loading() {
            self.end_loads();
        }
        match self.pending.take() {
            Some(Pending::Apply(first, records)) => {
                assert_eq!(first, self.store.len(), "in order");
                self.store.extend(records);
                self.receiver.applied(offset(self.store.len())).expect("asked for");
                self.receiver.persisted(offset(self.store.len()));
            }
            Some(Pending::Install) => {
                let Beside { records, tail, .. } = self.installing.take().expect("one is installed");
                self.store = [records, tail].concat();
                self.receiver.installed().expect("asked for");
            }
            Some(Pending::Rewind(to)) => {
                assert!(to <= self.store.len(), "all before the fork is applied");
                self.store.truncate(to);
                self.receiver.rewound().expect("asked for");
            }
            None => {}
        }
        self.receiver.check();
        self.settle(&[]);
    }
}
