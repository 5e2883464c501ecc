//! What a host does with what its node hands it: batches, snapshots, rewinds; applying, committing, syncing.
//!
//! Completions are said when the work is done, never after a rewind or an install overtook it: both begin a new round,
//! and what finishes under an older one is not listened to.

use super::host::Turn;
use super::queue::What;
use super::receive::Batch;
use super::store::Saved;
use crate::oracle::Gauge;
use crate::plan::Kind as FaultKind;
use crate::trace::{Cause, Fact};
use towline_core::{Input, Offset, Payload, PayloadKind as Kind, Records, Role, SnapshotId, Step};

impl Turn<'_> {
    /// Does what a frame of the upstream brought.
    pub(super) fn receive(&mut self, frame: &[u8], step: &Step) {
        let Some(payload) = &step.payload else {
            return;
        };
        self.process.wants_ring = true;
        let data = &frame[payload.range.clone()];
        let (first, upto) = (payload.first, payload.first + u64::from(payload.count));
        if matches!(payload.kind, Kind::Batch | Kind::Spool) {
            let handed = Gauge::Handed { first, end: upto, beside: payload.kind == Kind::Spool };
            self.world.told.gauge(self.world.t_us, self.me, handed);
        }
        match payload.kind {
            Kind::Batch => self.batch(first, upto, frame.len() as u64, data, step),
            Kind::Spool => {
                let runs_on = self.process.receive.runs_on(payload.first);
                if !self.process.receive.joining {
                    self.process.receive.join_anew();
                } else if !runs_on {
                    self.process.receive.forget_queue();
                }
                self.queue((payload.first, upto), frame.len() as u64, data, step);
            }
            Kind::Fork => self.fork(payload),
            Kind::Begin => {
                let end = self.process.node.stats().end.0;
                self.process.receive.begin(Saved::new(data), payload.first, end);
                self.process.receive.snapshot = payload.snapshot.0;
                let (snapshot, offset) = (payload.snapshot.0, payload.first);
                self.tell(&Fact::Begun { snapshot, offset });
            }
            Kind::Piece | Kind::LastPiece => self.piece(payload, data, frame.len() as u64),
        }
    }

    // --- batches ---------------------------------------------------------------------------------------------------

    fn cursor_of(&self, step: &Step) -> Saved {
        let position = step.position.expect("a batch has a position");
        Saved::new(self.process.node.cursor(position).as_bytes())
    }

    fn apply_us(&self) -> u64 {
        self.machine.ails.applies_each_us.unwrap_or(self.world.plan.knobs.apply)
    }

    fn batch(&mut self, first: u64, upto: u64, frame: u64, data: &[u8], step: &Step) {
        if self.world.is(18) {
            // Says what is not done yet.
            let _ = self.say(Input::Persisted { upto: Offset(upto) });
        }
        let busy = !self.process.receive.queue.is_empty() || self.process.receive.joining;
        if busy || self.apply_us() > 0 || self.machine.ails.stops_applying || self.machine.ails.stops_taking {
            self.queue((first, upto), frame, data, step);
            return self.apply_next();
        }
        let cursor = self.cursor_of(step);
        self.apply(first, data, cursor);
        self.say_applied();
    }

    fn queue(&mut self, run: (u64, u64), frame: u64, data: &[u8], step: &Step) {
        let cursor = self.cursor_of(step);
        self.process.receive.push(run, frame, cursor, data);
        self.say_taken();
        self.tell_spool();
    }

    fn tell_spool(&mut self) {
        let bytes = self.process.receive.queued_bytes;
        self.world.told.gauge(self.world.t_us, self.me, Gauge::Spool { bytes });
    }

    /// Says what was taken, while the queue has room for more.
    fn say_taken(&mut self) {
        if self.machine.ails.stops_taking {
            return self.took_effect(FaultKind::StopTaking);
        }
        let (upto, pieces) = self.process.receive.take(self.world.plan.knobs.spool);
        self.say(Input::Taken { upto: Offset(upto), pieces }).expect("it was handed out");
    }

    /// A batch and its cursor, in one step.
    fn apply(&mut self, first: u64, data: &[u8], cursor: Saved) {
        let store = &mut self.machine.store;
        let known = (store.end() as u64).saturating_sub(first) as usize;
        let skip = if self.world.is(16) { 0 } else { known };
        let ahead = self.world.is(30) && store.end() > 0;
        for record in Records::new(data).skip(skip) {
            let held = self.world.memo.read(store.end(), store.chain(), record);
            store.records.push(held);
        }
        store.commit(cursor);
        if ahead && store.disk {
            // The cursor is on disk, its data is not.
            store.durable_cursor = store.cursor.clone();
        }
        let at = store.visible();
        self.tell(&Fact::Visible { at, cause: Cause::Applied });
        self.begin_sync();
    }

    fn say_applied(&mut self) {
        if self.machine.ails.stops_taking {
            return self.took_effect(FaultKind::StopTaking);
        }
        let upto = Offset(self.machine.store.committed as u64);
        self.say(Input::Applied { upto }).expect("it was handed out");
    }

    /// The store begins its next batch, if one waits and it may.
    pub(super) fn apply_next(&mut self) {
        let receive = &self.process.receive;
        if receive.joining || receive.applying || receive.queue.is_empty() {
            return;
        }
        if self.machine.ails.stops_taking {
            return self.took_effect(FaultKind::StopTaking);
        }
        if self.machine.ails.stops_applying {
            return self.took_effect(FaultKind::StopApplying);
        }
        if self.machine.ails.applies_each_us.is_some() {
            self.took_effect(FaultKind::SlowApplying);
        }
        let each_us = self.apply_us();
        if each_us == 0 {
            return self.apply_all();
        }
        self.process.receive.applying = true;
        let (birth, round) = (self.process.birth, self.process.receive.round);
        let event = What::Applied { machine: self.me as u8, birth, round };
        self.world.queue.push(self.world.t_us + each_us, event);
    }

    fn apply_all(&mut self) {
        let mut any = false;
        while let Some(batch) = self.process.receive.pop() {
            self.apply_queued(batch);
            any = true;
        }
        if any {
            self.say_applied();
            self.tell_spool();
        }
    }

    fn apply_queued(&mut self, batch: Batch) {
        self.apply(batch.first, &batch.records, batch.cursor.clone());
        self.process.receive.give_back(batch);
    }

    /// What finished since the last turn.
    pub(super) fn complete(&mut self) {
        // What came in this turn may have overtaken it.
        if self.process.applied.take() == Some(self.process.receive.round) {
            self.process.receive.applying = false;
            if let Some(batch) = self.process.receive.pop() {
                self.apply_queued(batch);
                self.say_applied();
                self.tell_spool();
            }
            self.apply_next();
        }
        if std::mem::take(&mut self.process.synced) {
            self.sync_ends();
        }
        for at in 0..self.process.views_due.len() {
            self.open_view(self.process.views_due[at]);
        }
        self.process.views_due.clear();
    }

    // --- syncs -----------------------------------------------------------------------------------------------------

    /// One sync covers every commit so far; the next begins when it ends.
    pub(super) fn begin_sync(&mut self) {
        if !self.machine.store.disk || self.process.syncing.is_some() || !self.machine.store.is_unsynced() {
            return;
        }
        if self.machine.ails.sync_us.is_some() {
            self.took_effect(FaultKind::SlowDisk);
        }
        let sync_us = self.machine.ails.sync_us.unwrap_or(self.world.plan.knobs.sync);
        self.process.syncing = Some(self.machine.store.unsynced());
        let (birth, round) = (self.process.birth, self.process.sync_round);
        let event = What::Synced { machine: self.me as u8, birth, round };
        self.world.queue.push(self.world.t_us + sync_us.max(1), event);
    }

    fn sync_ends(&mut self) {
        let Some(commits) = self.process.syncing.take() else {
            return;
        };
        if self.machine.ails.sync_fails {
            self.took_effect(FaultKind::SyncFails);
            return self.begin_sync();
        }
        self.machine.store.synced(commits);
        self.process.waits.news = true;
        self.say_persisted();
        self.begin_sync();
    }

    /// What a sync under way covers is overtaken.
    fn forget_sync(&mut self) {
        (self.process.syncing, self.process.synced) = (None, false);
        self.process.sync_round += 1;
    }

    fn say_persisted(&mut self) {
        let durable = self.machine.store.durable;
        let at = self.machine.store.at(durable);
        self.tell(&Fact::Durable { at });
        if self.machine.ails.stops_taking {
            return self.took_effect(FaultKind::StopTaking);
        }
        self.say(Input::Persisted { upto: Offset(durable as u64) }).expect("it was handed out");
    }

    /// A primary's store commits what was written, at a boundary.
    pub(super) fn commit(&mut self) {
        let Ok(step) = self.say(Input::Flush) else {
            return;
        };
        let cursor = self.cursor_of(&step);
        let news = self.machine.store.committed < self.machine.store.end();
        if !news {
            // The same records; the epoch may be another.
            self.machine.store.cursor = Some(cursor);
            return;
        }
        self.machine.store.commit(cursor);
        self.process.wants_ring = true;
        let at = self.machine.store.visible();
        self.tell(&Fact::Visible { at, cause: Cause::Written });
        self.begin_sync();
    }

    /// Withheld completions are said again: what the store holds now.
    pub(super) fn say_again(&mut self) {
        let free = !self.machine.ails.stops_taking && !self.machine.ails.stops_applying;
        if let Some(snapshot) = self.process.receive.install_due.take_if(|_| free) {
            self.say_taken();
            return self.install(snapshot);
        }
        if !self.process.receive.queue.is_empty() || self.process.receive.joining {
            self.say_taken();
        }
        let on_ground = self.role() == Role::Replica && self.process.node.stats().base;
        if on_ground && !self.process.receive.joining {
            self.say_applied();
            if self.machine.store.disk {
                let upto = Offset(self.machine.store.durable as u64);
                self.say(Input::Persisted { upto }).expect("it was handed out");
            }
        }
        self.apply_next();
    }

    /// The connection shows what of its bytes nobody took yet.
    pub(super) fn note_untaken(&mut self) {
        if let Some(conn) = self.process.upstream_conn {
            self.world.net.conns[conn].untaken = self.process.receive.untaken;
        }
    }

    // --- forks and snapshots ---------------------------------------------------------------------------------------

    fn fork(&mut self, payload: &Payload) {
        let (offset, rewinds) = (payload.first, payload.count == 1);
        self.tell(&Fact::Forked { offset, rewinds });
        if !rewinds {
            return;
        }
        while let Some(batch) = self.process.receive.pop() {
            if batch.end <= offset {
                self.apply_queued(batch);
            } else {
                self.process.receive.give_back(batch);
            }
        }
        self.process.receive.forget_queue();
        self.forget_sync();
        let step = self.say(Input::Rewound).expect("it was asked for");
        let cursor = self.cursor_of(&step);
        let before = self.machine.store.committed;
        self.machine.store.rewind(offset as usize, cursor);
        if before as u64 != offset {
            let at = self.machine.store.visible();
            self.tell(&Fact::Visible { at, cause: Cause::Rewound });
        }
        self.begin_sync();
        self.look_away();
    }

    fn piece(&mut self, payload: &Payload, data: &[u8], frame: u64) {
        let last = payload.kind == Kind::LastPiece;
        let (snapshot, piece) = (payload.snapshot.0, payload.first);
        self.tell(&Fact::Piece { snapshot, piece, last });
        let receive = &mut self.process.receive;
        receive.note_piece(piece, frame);
        let record_bytes = self.world.plan.knobs.snapshot_record.max(16) as usize;
        let loading = receive.loading.as_mut().expect("a snapshot begins before its pieces");
        loading.load(&mut self.world.memo, data, record_bytes);
        if self.world.is(14) {
            // A reader sees what came so far.
            let (records, cursor) = (loading.records.clone(), loading.cursor.clone());
            self.machine.store.replace(records, cursor);
            let at = self.machine.store.visible();
            self.tell(&Fact::Visible { at, cause: Cause::Applied });
        }
        self.say_taken();
        if last && self.machine.ails.stops_applying {
            self.took_effect(FaultKind::StopApplying);
        }
        if last && (self.machine.ails.stops_taking || self.machine.ails.stops_applying) {
            self.process.receive.install_due = Some(payload.snapshot);
        } else if last {
            self.install(payload.snapshot);
        }
    }

    /// The snapshot takes the old state's place, and what waited goes on from there.
    fn install(&mut self, snapshot: SnapshotId) {
        let was_syncing = self.process.syncing.is_some();
        self.forget_sync();
        let receive = &mut self.process.receive;
        let loading = receive.loading.take().expect("it was just loaded");
        (receive.joining, receive.applying) = (false, false);
        receive.round += 1;
        let old = self.world.is(33).then(|| self.machine.store.records.clone());
        self.machine.store.replace(loading.records, loading.cursor);
        self.machine.store.replaced = old;
        self.machine.installed += 1;
        let step = self.say(Input::Installed { snapshot }).expect("it is complete");
        let at = self.machine.store.visible();
        self.tell(&Fact::Visible { at, cause: Cause::Installed });
        self.begin_sync();
        if self.world.is(139) && was_syncing {
            self.say(Input::Persisted { upto: Offset(at.offset) }).expect("it was installed");
        }
        let reaches = step.position.map_or(loading.offset, |position| position.boundary.0) > loading.offset;
        let receive = &mut self.process.receive;
        let keeps = self.world.is(16);
        while receive.queue.front().is_some_and(|batch| !reaches || !keeps && batch.end <= loading.offset) {
            let batch = receive.pop().expect("it is there");
            receive.give_back(batch);
        }
        self.say_again();
        self.look_away();
    }
}
