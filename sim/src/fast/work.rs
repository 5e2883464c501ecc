//! The work of a host: the commands of its receiver; applying, committing, syncing.
//!
//! Completions are said when the work is done, never after a rewind or an install overtook it: both begin a new round,
//! and work that finishes under an older one is not listened to.

use super::host::Turn;
use super::queue::What;
use super::receive::{Batch, Loading};
use super::store::Saved;
use crate::oracle::Gauge;
use crate::plan::Kind as FaultKind;
use crate::trace::{Cause, Fact};
use towline_core::receiver::{Command, Standing};
use towline_core::{Input, Offset, Payload, PayloadKind as Kind, Position, Records, Role, Step};

impl Turn<'_> {
    /// Handles a step of the upstream's link.
    pub(super) fn receive(&mut self, frame: &[u8], step: &Step) {
        if let Some(payload) = &step.payload {
            self.tell_payload(payload, frame.len() as u64);
        }
        let ready = self.apply_us() == 0 && self.machine.ails.installs();
        let receive = &mut self.process.receive;
        let was_loading = receive.receiver.is_loading();
        receive.receiver.receive(step, Standing::of(&self.process.node), ready).expect("in order");
        if was_loading && !receive.receiver.is_loading() {
            receive.untaken.pieces = 0;
        }
        self.obey(frame);
        if step.payload.is_some() {
            self.apply_next();
        }
    }

    fn tell_payload(&mut self, payload: &Payload, frame_bytes: u64) {
        self.process.wants_ring = true;
        let (first, upto) = (payload.first, payload.first + u64::from(payload.count));
        match payload.kind {
            Kind::Batch | Kind::Spool => {
                let handed = Gauge::Handed { first, end: upto, beside: payload.kind == Kind::Spool };
                self.world.told.gauge(self.world.t_us, self.me, handed);
            }
            Kind::Fork => self.tell(&Fact::Forked { offset: first, rewinds: payload.count == 1 }),
            Kind::Begin => {}
            Kind::Piece | Kind::LastPiece => {
                let last = payload.kind == Kind::LastPiece;
                self.tell(&Fact::Piece { snapshot: payload.snapshot.0, piece: first, last });
                self.process.receive.untaken.pieces += frame_bytes;
            }
        }
    }

    /// Executes the receiver's commands; `frame` is the last one.
    fn obey(&mut self, frame: &[u8]) {
        while let Some(command) = self.process.receive.receiver.poll() {
            self.execute(command, frame);
        }
        self.process.receive.receiver.check();
    }

    fn execute(&mut self, command: Command, frame: &[u8]) {
        match command {
            Command::Say(input) => self.report(input),
            Command::Keep(batch) => {
                let cursor = self.cursor_of(batch.position);
                let run = (batch.first.0, batch.position.boundary.0);
                self.process.receive.push(run, frame.len() as u64, cursor, &frame[batch.range]);
                self.may_take(true);
                self.tell_spool();
            }
            Command::Apply(batch) => {
                let cursor = self.cursor_of(batch.position);
                self.apply(batch.first.0, &frame[batch.range], cursor);
                self.note_applied(batch.position.boundary);
            }
            Command::ApplySpooled { .. } => {
                let batch = self.process.receive.pop().expect("one waits");
                let end = Offset(batch.end);
                self.apply_queued(batch);
                self.note_applied(end);
            }
            Command::DropSpooled { upto } => self.drop_spooled(upto),
            Command::Forked { .. } => {}
            Command::Begin { range, snapshot, at } => {
                let cursor = Saved::new(&frame[range]);
                self.process.receive.loading = Some(Loading::new(cursor));
                self.tell(&Fact::Begun { snapshot: snapshot.0, offset: at.0 });
            }
            Command::Load { range, piece, last } => self.load(&frame[range], piece, last),
            Command::Install { .. } => self.install(),
            Command::Rewind { position } => self.rewind(position),
            Command::LoadTail(_) | Command::LoadTailSpooled { .. } => {
                unreachable!("this store does nothing on a snapshot that loads")
            }
        }
    }

    fn report(&mut self, input: Input<'static>) {
        if let Input::Taken { upto, .. } = input {
            self.process.receive.note_taken(upto.0);
        }
        let position = self.say(input).expect("it was handed out").position;
        self.process.receive.receiver.answered(position).expect("the tail fits");
    }

    // --- batches ---------------------------------------------------------------------------------------------------

    fn cursor_of(&self, position: Position) -> Saved {
        Saved::new(self.process.node.cursor(position).as_bytes())
    }

    fn apply_us(&self) -> u64 {
        self.machine.ails.applies_each_us.unwrap_or(self.world.plan.knobs.apply)
    }

    fn tell_spool(&mut self) {
        let bytes = self.process.receive.queued_bytes;
        self.world.told.gauge(self.world.t_us, self.me, Gauge::Spool { bytes });
    }

    /// Lets the receiver say how much is taken, while the queue has room for more.
    fn may_take(&mut self, some: bool) {
        let withheld = self.machine.ails.stops_taking;
        if withheld && some {
            self.took_effect(FaultKind::StopTaking);
        }
        self.process.receive.take(withheld, self.world.plan.knobs.spool);
    }

    fn drop_spooled(&mut self, upto: Option<Offset>) {
        while let Some(front) = self.process.receive.queue.front() {
            if upto.is_some_and(|upto| front.end > upto.0) {
                break;
            }
            let batch = self.process.receive.pop().expect("just seen");
            self.process.receive.give_back(batch);
        }
        self.process.receive.overtake();
    }

    /// Applies a batch and its cursor, in one step.
    fn apply(&mut self, first: u64, data: &[u8], cursor: Saved) {
        let store = &mut self.machine.store;
        let known = (store.end() as u64).saturating_sub(first) as usize;
        for record in Records::new(data).skip(known) {
            let held = self.world.memo.read(store.end(), store.chain(), record);
            store.records.push(held);
        }
        store.commit(cursor);
        let at = store.visible();
        self.tell(&Fact::Visible { at, cause: Cause::Applied });
        self.begin_sync();
    }

    fn note_applied(&mut self, upto: Offset) {
        if self.machine.ails.stops_taking {
            self.took_effect(FaultKind::StopTaking);
        }
        self.process.receive.receiver.applied(upto).expect("asked for");
    }

    /// Lets the store begin its next batch, if one waits and it may.
    pub(super) fn apply_next(&mut self) {
        let receive = &self.process.receive;
        if receive.receiver.is_joining() || receive.applying || receive.queue.is_empty() {
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
        while self.apply_one() {}
        self.obey(&[]);
        self.tell_spool();
    }

    /// Applies the oldest batch that waits, if there is one.
    fn apply_one(&mut self) -> bool {
        let command = self.process.receive.receiver.work();
        let some = command.is_some();
        if let Some(command) = command {
            self.execute(command, &[]);
        }
        some
    }

    fn apply_queued(&mut self, batch: Batch) {
        self.apply(batch.first, &batch.records, batch.cursor.clone());
        self.process.receive.give_back(batch);
    }

    /// Takes in the work that finished since the last turn.
    pub(super) fn complete(&mut self) {
        // A frame of this turn may have overtaken it.
        if self.process.applied.take() == Some(self.process.receive.round) {
            self.process.receive.applying = false;
            if self.apply_one() {
                self.obey(&[]);
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

    /// Begins a sync, which covers every commit so far; the next begins when it ends.
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

    /// Forgets a sync under way: the commits that it covers are overtaken.
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
        self.process.receive.receiver.persisted(Offset(durable as u64));
        self.obey(&[]);
    }

    /// Commits the written records on a primary, at a boundary.
    pub(super) fn commit(&mut self) {
        let Ok(step) = self.say(Input::Flush) else {
            return;
        };
        let cursor = self.cursor_of(step.position.expect("a flush answers a position"));
        let news = self.machine.store.committed < self.machine.store.end();
        if !news {
            // The records are the same, but the epoch may be another.
            self.machine.store.cursor = Some(cursor);
            return;
        }
        self.machine.store.commit(cursor);
        self.process.wants_ring = true;
        let at = self.machine.store.visible();
        self.tell(&Fact::Visible { at, cause: Cause::Written });
        self.begin_sync();
    }

    /// Says all that was withheld.
    pub(super) fn say_again(&mut self) {
        let ails = &self.machine.ails;
        let installs =
            self.process.receive.receiver.is_joining() && !ails.stops_taking && !ails.stops_applying;
        let waits = !self.process.receive.queue.is_empty() || self.process.receive.receiver.is_joining();
        let stats = self.process.node.stats();
        let on_ground = stats.role == Role::Replica && stats.base;
        self.may_take(waits || on_ground);
        if on_ground && self.machine.store.disk {
            self.process.receive.receiver.persisted(Offset(self.machine.store.durable as u64));
        }
        self.obey(&[]);
        if installs && let Some(install) = self.process.receive.receiver.work() {
            return self.execute(install, &[]);
        }
        self.apply_next();
    }

    /// Notes how many of the connection's bytes nobody took yet.
    pub(super) fn note_untaken(&mut self) {
        if let Some(conn) = self.process.upstream_conn {
            self.world.net.conns[conn].untaken = self.process.receive.untaken;
        }
    }

    // --- forks and snapshots ---------------------------------------------------------------------------------------

    /// Rewinds: everything before is applied, and the node agreed.
    fn rewind(&mut self, position: Position) {
        self.process.receive.overtake();
        self.forget_sync();
        let (before, offset) = (self.machine.store.committed as u64, position.boundary.0);
        let cursor = self.cursor_of(position);
        self.machine.store.rewind(offset as usize, cursor);
        if before != offset {
            let at = self.machine.store.visible();
            self.tell(&Fact::Visible { at, cause: Cause::Rewound });
        }
        self.begin_sync();
        self.look_away();
        self.process.receive.receiver.rewound().expect("asked for");
    }

    fn load(&mut self, data: &[u8], piece: u64, last: bool) {
        let record_bytes = self.world.plan.knobs.snapshot_record.max(16) as usize;
        let receive = &mut self.process.receive;
        let loading = receive.loading.as_mut().expect("a snapshot begins before its pieces");
        loading.load(&mut self.world.memo, data, record_bytes);
        receive.receiver.loaded(piece + 1).expect("handed out");
        self.may_take(true);
        self.obey(&[]);
        if last && self.machine.ails.stops_applying {
            self.took_effect(FaultKind::StopApplying);
        }
        let install = || self.process.receive.receiver.work();
        if let Some(install) = (last && self.machine.ails.installs()).then(install).flatten() {
            self.execute(install, &[]);
        }
    }

    /// Installs the snapshot in place of the old state, and goes on with the waiting batches.
    fn install(&mut self) {
        self.forget_sync();
        let receive = &mut self.process.receive;
        let loading = receive.loading.take().expect("it was just loaded");
        receive.overtake();
        self.machine.store.replace(loading.records, loading.cursor);
        self.machine.installed += 1;
        let at = self.machine.store.visible();
        self.tell(&Fact::Visible { at, cause: Cause::Installed });
        self.begin_sync();
        self.process.receive.receiver.installed().expect("asked for");
        self.obey(&[]);
        self.say_again();
        self.look_away();
    }
}
