//! What comes from the upstream, into the store: batches, snapshots, and the tail that rides along with one.
//!
//! States: *live* (a batch is applied and committed as it comes), *joining* (a snapshot is loaded beside the state, and
//! batches are done on it as they come; from the first that cannot be they wait in the spool for the snapshot's end),
//! *replaying* (the snapshot is installed, or a busy store let batches wait; the spool, and behind it every new batch,
//! is applied part by part, so that no turn is long).
//!
//! Invariants: a batch and its cursor are one step; a spooled batch carries the cursor it had when it came; what was
//! done on the loading snapshot (`tail_to`) and the spool behind it are one unbroken run of batches (`spooled_to`). A
//! snapshot's number is not remembered here: a new one begins with [`Kind::Begin`], or with a batch that does not
//! continue the run.
//!
//! Bounds: what comes over a full spool is no longer said to be taken, so the sender stops within its window; what was
//! under way is still kept. Pieces go on. The upper half of the spool fills ever more slowly ([`brake`]).
//! [`REPLAY_BYTES`] of it are applied in a turn.
//!
//! Beside a snapshot the spool fills no faster than the snapshot comes ([`HEAD_START_BYTES`], [`FIFTHS`]). A stream
//! faster than that would fill it before the snapshot is complete, and be lost; slowed down early, it leaves the link
//! to the pieces, and its sender has the time to slow its writers down.

use towline_core::{Input, Kind, Offset, Payload, Position, Records, SnapshotId, Step, Time};
use tracing::{info, warn};

use self::brake::Brake;
use super::heart::Heart;
use crate::store::{Pace, Spool};

mod brake;

/// The part of the spool that is applied in one turn: more than a turn reads, so that it runs empty in the end.
const REPLAY_BYTES: usize = 2 << 20;
/// What the spool may hold however little of the snapshot is here.
const HEAD_START_BYTES: u64 = 32 << 20;
/// And beyond that, for five bytes of the snapshot: a snapshot of 600 MB fits the usual spool.
const FIFTHS: u64 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Live,
    Joining,
    Replaying,
}

/// The receiving side's state.
#[derive(Debug)]
pub(crate) struct Receive {
    spool: Spool,
    brake: Brake,
    phase: Phase,
    /// The offset after the last spooled batch.
    spooled_to: Offset,
    /// What the node was told is taken; and whether it was not, because the store is full.
    taken_to: Offset,
    untold: bool,
    /// Where the snapshot that is loading lies; pieces taken of it.
    loading: Option<Offset>,
    /// Up to where the tail is done on it; and whether the rest must wait in the spool for its end.
    tail_to: Offset,
    tail_waits: bool,
    pieces: u64,
    piece_bytes: u64,
    /// Records of ours that left the history: epoch number, first, end.
    pub(super) fork: Option<(u32, Offset, Offset)>,
    pub(super) forked: Option<(u32, Offset, Offset)>,
}

impl Receive {
    pub(crate) fn new(spool: Spool) -> Self {
        Self {
            spool,
            brake: Brake::default(),
            phase: Phase::Live,
            spooled_to: Offset(0),
            taken_to: Offset(0),
            untold: false,
            loading: None,
            tail_to: Offset(0),
            tail_waits: false,
            pieces: 0,
            piece_bytes: 0,
            fork: None,
            forked: None,
        }
    }

    /// Whether something received is still to be applied.
    pub(crate) fn replaying(&self) -> bool {
        self.phase == Phase::Replaying
    }

    /// Whether a snapshot is loading.
    pub(crate) fn loading(&self) -> bool {
        self.loading.is_some()
    }

    /// Bytes in the spool, and its bound.
    pub(crate) fn spool_bytes(&self) -> (u64, u64) {
        (self.spool.bytes(), self.spool.bytes_max())
    }

    /// The newest range of records that left the history here.
    pub(crate) fn forked(&self) -> Option<(u32, Offset, Offset)> {
        self.forked
    }

    /// Whether a batch may be said to be taken.
    fn has_room(&mut self, now: Time) -> bool {
        !self.is_ahead() && self.brake.lets(now, self.spool.filled_bytes(), self.spool.bytes_max())
    }

    /// Whether the spool has filled faster than the snapshot came.
    fn is_ahead(&self) -> bool {
        let share = HEAD_START_BYTES + self.piece_bytes / 5 * FIFTHS;
        self.phase == Phase::Joining && self.spool.bytes() > share
    }

    /// When more of the spool may be used, if batches wait for that alone.
    pub(crate) fn next(&self) -> Option<Time> {
        let waits = self.taken_to < self.spooled_to && !self.untold && !self.is_ahead();
        self.brake.next().filter(|_| waits)
    }

    /// Forgets the run of batches, and begins to join.
    fn join_anew(&mut self) -> std::io::Result<()> {
        self.phase = Phase::Joining;
        (self.spooled_to, self.taken_to) = (Offset(0), Offset(0));
        self.spool.clear()
    }
}

impl Heart {
    /// Does what a frame brought. `data` is what was said as [`Input::Bytes`].
    pub(crate) fn receive(&mut self, data: &[u8], step: &Step) {
        let (Some(payload), None) = (&step.payload, self.failed()) else {
            return;
        };
        let bytes = &data[payload.range.clone()];
        let done = match payload.kind {
            Kind::Batch => self.batch(bytes, payload, step.position),
            Kind::Spool => self.spool(bytes, payload, step.position),
            Kind::Fork => {
                self.note_fork(Offset(payload.first));
                Ok(())
            }
            Kind::Begin => self.begin(bytes, Offset(payload.first)),
            Kind::Piece => self.piece(bytes, payload.first),
            Kind::LastPiece => self.last_piece(bytes, payload.first, payload.snapshot),
        };
        if let Err(why) = done {
            self.fail(&why);
        }
    }

    // --- the stream ------------------------------------------------------------------------------------------------

    fn batch(&mut self, records: &[u8], payload: &Payload, position: Option<Position>) -> Result<(), String> {
        let position = position.ok_or("a batch without a position")?;
        if self.receive.replaying() || self.store.pace() != Pace::Ready {
            self.receive.phase = Phase::Replaying;
            return self.spool(records, payload, Some(position));
        }
        self.apply(records)?;
        self.applied(self.node.cursor(position).as_bytes(), position.boundary)
    }

    fn apply(&mut self, records: &[u8]) -> Result<(), String> {
        for record in Records::new(records) {
            self.watches.note(record, &*self.store);
            self.store.apply(record).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn applied(&mut self, cursor: &[u8], upto: Offset) -> Result<(), String> {
        self.store.commit(cursor, upto);
        self.say(Input::Applied { upto }).map_err(|misuse| format!("applied {upto}: {misuse}"))?;
        Ok(())
    }

    fn spool(&mut self, records: &[u8], payload: &Payload, position: Option<Position>) -> Result<(), String> {
        let position = position.ok_or("a batch without a position")?;
        let runs_on = self.receive.spooled_to.0 == payload.first;
        let rides_along = payload.kind == Kind::Spool;
        if rides_along && (self.receive.phase != Phase::Joining || !runs_on) {
            self.receive.join_anew().map_err(|error| error.to_string())?;
        }
        let cursor = self.node.cursor(position);
        let upto = position.boundary;
        let done =
            rides_along && self.receive.spool.is_empty() && self.absorb(upto, cursor.as_bytes(), records)?;
        if !done {
            let pushed = self.receive.spool.push(upto, cursor.as_bytes(), records);
            pushed.map_err(|error| error.to_string())?;
        }
        self.receive.spooled_to = upto;
        self.take();
        Ok(())
    }

    /// Does a batch of the tail on the snapshot that is loading, if that is possible: then it needs no spool.
    fn absorb(&mut self, upto: Offset, cursor: &[u8], records: &[u8]) -> Result<bool, String> {
        let receive = &self.receive;
        // Another snapshot's tail can be here before its BEGIN: the node then counts pieces from 0 again.
        let ours = receive.pieces > 0 && self.node.stats().receiving_pieces == Some(receive.pieces);
        let Some(at) = receive.loading.filter(|_| ours && !receive.tail_waits) else { return Ok(false) };
        if upto > at {
            let done = self.store.load_tail(records, cursor, upto).map_err(|error| error.to_string())?;
            self.receive.tail_waits = !done;
            if !done {
                return Ok(false);
            }
            self.receive.tail_to = upto;
        }
        Ok(true)
    }

    /// Does what waits in the spool, as far as possible.
    fn absorb_spool(&mut self) -> Result<(), String> {
        while !self.receive.tail_waits {
            let Some(batch) = self.receive.spool.pop().map_err(|error| error.to_string())? else { break };
            if !self.absorb(batch.upto, &batch.cursor, &batch.records)? {
                self.receive.spool.put_back(batch);
                break;
            }
        }
        Ok(())
    }

    /// Says what is taken: all of it, as long as the spool has room.
    fn take(&mut self) {
        let receive = &mut self.receive;
        receive.untold = self.store.pace() == Pace::Full;
        if receive.untold {
            return;
        }
        if receive.has_room(self.now) {
            receive.taken_to = receive.taken_to.max(receive.spooled_to);
        }
        // A stream may run beside another snapshot before its BEGIN is here: the node then counts pieces from 0 again.
        let announced = self.node.stats().receiving_pieces.unwrap_or_default();
        let (upto, pieces) = (receive.taken_to, receive.pieces.min(announced));
        if let Err(misuse) = self.say(Input::Taken { upto, pieces }) {
            warn!("taken up to {upto} and {pieces} pieces: {misuse}");
        }
    }

    /// Applies a part of the spool. Answers whether there is more.
    pub(crate) fn replay(&mut self) -> bool {
        let waited = self.receive.next().is_some_and(|at| at <= self.now);
        if self.receive.untold || waited {
            self.take();
        }
        if !self.receive.replaying() || self.failed().is_some() {
            return false;
        }
        if !self.node.stats().base {
            // Another snapshot is on its way, and what waits here belongs to the state it replaces.
            if let Err(error) = self.receive.join_anew() {
                self.fail(&error.to_string());
            }
            return false;
        }
        let mut bytes = 0;
        while bytes < REPLAY_BYTES {
            if self.store.pace() != Pace::Ready {
                return false;
            }
            match self.replay_one() {
                Ok(0) => {
                    self.receive.phase = Phase::Live;
                    return false;
                }
                Ok(more) => bytes += more,
                Err(why) => {
                    self.fail(&why);
                    return false;
                }
            }
        }
        true
    }

    /// Applies the oldest spooled batch; answers its length, 0 if there is none.
    fn replay_one(&mut self) -> Result<usize, String> {
        let Some(batch) = self.receive.spool.pop().map_err(|error| error.to_string())? else {
            return Ok(0);
        };
        self.apply(&batch.records)?;
        self.applied(&batch.cursor, batch.upto)?;
        Ok(batch.records.len().max(1))
    }

    // --- snapshots -------------------------------------------------------------------------------------------------

    fn begin(&mut self, cursor: &[u8], at: Offset) -> Result<(), String> {
        // A spool that does not end where the log ends rode beside another snapshot, maybe on a branch that is gone.
        let ours = self.receive.spooled_to == self.node.stats().end;
        if self.receive.phase != Phase::Joining || !ours {
            self.receive.join_anew().map_err(|error| error.to_string())?;
        }
        info!("a snapshot at {at} is coming in");
        self.announce_adoption(cursor);
        self.receive.loading = Some(at);
        (self.receive.tail_to, self.receive.tail_waits) = (at, false);
        (self.receive.pieces, self.receive.piece_bytes) = (0, 0);
        self.store.load_begin(cursor, at).map_err(|error| error.to_string())
    }

    fn piece(&mut self, bytes: &[u8], number: u64) -> Result<(), String> {
        self.store.load(bytes).map_err(|error| format!("snapshot: {error}"))?;
        self.receive.pieces = number + 1;
        self.receive.piece_bytes += bytes.len() as u64;
        self.absorb_spool()?;
        self.take();
        Ok(())
    }

    fn last_piece(&mut self, bytes: &[u8], number: u64, snapshot: SnapshotId) -> Result<(), String> {
        self.piece(bytes, number)?;
        let at = self.receive.loading.take().ok_or("the end of a snapshot that never began")?;
        let replaced = self.replaced();
        self.note_memory();
        self.watches.note_all();
        self.store.install(replaced).map_err(|error| format!("snapshot: {error}"))?;
        self.turned = true;
        let step = self.say(Input::Installed { snapshot }).map_err(|misuse| misuse.to_string())?;
        self.tally.installed += 1;
        let end = step.position.map_or(at, |position| position.boundary);
        let done = self.receive.tail_to;
        if end < done {
            return Err(format!("the stream up to {done} does not belong to the snapshot at {at}"));
        }
        info!("the snapshot at {at} is installed; {} records follow from the spool", end.0 - done.0);
        if done > at {
            self.say(Input::Applied { upto: done }).map_err(|misuse| format!("applied {done}: {misuse}"))?;
        }
        self.receive.phase = Phase::Replaying;
        self.drop_spooled(done, end)
    }

    /// Lets go of what the snapshot holds already; and of everything, if the tail does not reach it.
    fn drop_spooled(&mut self, at: Offset, end: Offset) -> Result<(), String> {
        let receive = &mut self.receive;
        if end == at {
            return receive.spool.clear().map_err(|error| error.to_string());
        }
        let mut kept = None;
        while let Some(batch) = receive.spool.pop().map_err(|error| error.to_string())? {
            if batch.upto > at {
                kept = Some(batch);
                break;
            }
        }
        if let Some(batch) = kept {
            // The first batch past the snapshot begins exactly there: both are boundaries.
            self.apply(&batch.records)?;
            self.applied(&batch.cursor, batch.upto)?;
        }
        Ok(())
    }
}
