//! The upstream's stream, into the store: executes the commands of a [`Receiver`] on the store and its spool.
//!
//! The driver's own choices are here: waiting batches are in a [`Spool`], a batch and its cursor are one step of the
//! store, no turn is long ([`REPLAY_BYTES`]), and the stream beside a snapshot is slowed down.
//!
//! Bounds: batches that come over a full spool are not acknowledged, so the sender stops within its window; those that
//! were under way are still kept. Pieces go on. The upper half of the spool fills ever more slowly ([`brake`]).
//!
//! Beside a snapshot the spool fills no faster than the snapshot comes ([`HEAD_START_BYTES`], [`FIFTHS`]). A stream
//! faster than that would fill it before the snapshot is complete, and be lost; slowed down early, it leaves the link
//! to the pieces, and its sender has the time to slow its writers down.

use towline_core::receiver::{Batch, Command, Receiver, Standing, Taking};
use towline_core::{Input, Offset, Position, Records, Step, Time};
use tracing::{info, warn};

use self::brake::Brake;
use super::replicated::ReplicatedStore;
use crate::store::{Pace, Spool, Store};

mod brake;

/// The part of the spool that is applied in one turn: more than a turn reads, so that it runs empty in the end.
const REPLAY_BYTES: usize = 2 << 20;
/// The most that the spool may hold however little of the snapshot is here.
const HEAD_START_BYTES: u64 = 32 << 20;
/// The most beyond that, for five bytes of the snapshot: a snapshot of 600 MB fits the usual spool.
const FIFTHS: u64 = 2;

/// The receiving side's state.
#[derive(Debug)]
pub(crate) struct Receive {
    receiver: Receiver,
    spool: Spool,
    brake: Brake,
    /// Set while nothing is acknowledged to the node, because the store is full.
    untold: bool,
    /// The offset of the snapshot that is loading, and how much of it is here.
    at: Offset,
    piece_bytes: u64,
    /// Records of ours that left the history: epoch number, first, end.
    pub(super) fork: Option<(u32, Offset, Offset)>,
    pub(super) forked: Option<(u32, Offset, Offset)>,
}

impl Receive {
    pub(crate) fn new(spool: Spool) -> Self {
        Self {
            receiver: Receiver::new(true),
            spool,
            brake: Brake::default(),
            untold: false,
            at: Offset(0),
            piece_bytes: 0,
            fork: None,
            forked: None,
        }
    }

    /// Returns true if received records are still to be applied.
    pub(crate) fn replaying(&self) -> bool {
        self.receiver.is_replaying()
    }

    /// Returns true if a snapshot is loading.
    pub(crate) fn loading(&self) -> bool {
        self.receiver.is_loading()
    }

    /// Returns the bytes in the spool, and its bound.
    pub(crate) fn spool_bytes(&self) -> (u64, u64) {
        (self.spool.bytes(), self.spool.bytes_max())
    }

    /// Returns the newest range of records that left the history here.
    pub(crate) fn forked(&self) -> Option<(u32, Offset, Offset)> {
        self.forked
    }

    /// Returns true if a batch may be acknowledged.
    fn has_room(&mut self, now: Time) -> bool {
        !self.is_ahead() && self.brake.lets(now, self.spool.filled_bytes(), self.spool.bytes_max())
    }

    /// Returns true if the spool has filled faster than the snapshot came.
    fn is_ahead(&self) -> bool {
        let share = HEAD_START_BYTES + self.piece_bytes / 5 * FIFTHS;
        self.receiver.is_joining() && self.spool.bytes() > share
    }

    /// Returns when more of the spool may be used, if batches wait for that alone.
    pub(crate) fn next(&self) -> Option<Time> {
        let waits = self.receiver.withholds() && !self.untold && !self.is_ahead();
        self.brake.next().filter(|_| waits)
    }

    /// Drops the batches that end at or before `upto`, or all.
    fn drop_spooled(&mut self, upto: Option<Offset>) -> std::io::Result<()> {
        let Some(upto) = upto else { return self.spool.clear() };
        while let Some(batch) = self.spool.pop()? {
            if batch.upto > upto {
                self.spool.put_back(batch);
                break;
            }
        }
        Ok(())
    }
}

impl<S: Store> ReplicatedStore<S> {
    /// Handles the result of a step. `data` are the bytes that were handed over as [`Input::Bytes`].
    pub(crate) fn receive(&mut self, data: &[u8], step: &Step) {
        if self.store_is_broken() {
            return;
        }
        let ready = step.payload.is_some() && self.pace() == Pace::Ready;
        let received = self.receive.receiver.receive(step, Standing::of(&self.node), ready);
        if let Err(why) = received.map_err(text).and_then(|()| self.obey(data)) {
            self.give_up(&why);
        }
    }

    fn give_up(&mut self, why: &str) {
        self.receive.receiver.failed();
        self.fail(why);
    }

    /// Executes everything that is due before the next frame. The end of a snapshot is executed at once, not in later
    /// turns.
    fn obey(&mut self, data: &[u8]) -> Result<(), String> {
        loop {
            while let Some(command) = self.receive.receiver.poll() {
                self.execute(command, data)?;
            }
            if !self.receive.loading() {
                return Ok(());
            }
            let Some(command) = self.receive.receiver.work() else { return Ok(()) };
            self.execute(command, data)?;
        }
    }

    /// Applies a part of the spool. Returns whether there is more.
    pub(crate) fn replay(&mut self) -> bool {
        self.replay_part().unwrap_or_else(|why| {
            self.give_up(&why);
            false
        })
    }

    fn replay_part(&mut self) -> Result<bool, String> {
        let waited = self.receive.next().is_some_and(|at| at <= self.now);
        if self.receive.untold || waited {
            self.look_at_room();
            self.obey(&[])?;
        }
        if !self.receive.replaying() || self.failed().is_some() {
            return Ok(false);
        }
        let mut bytes = 0;
        while bytes < REPLAY_BYTES {
            if self.pace() != Pace::Ready {
                return Ok(false);
            }
            let Some(command) = self.receive.receiver.work() else { return Ok(false) };
            bytes += self.execute(command, &[])?.max(1);
            self.obey(&[])?;
        }
        Ok(true)
    }

    /// Acknowledges received batches, as long as the spool has room.
    fn look_at_room(&mut self) {
        let pace = self.pace();
        let receive = &mut self.receive;
        receive.untold = pace == Pace::Full;
        let taking = if receive.untold {
            Taking::Nothing
        } else if receive.has_room(self.now) {
            Taking::All
        } else {
            Taking::Pieces
        };
        receive.receiver.set_taking(taking);
    }

    // --- commands --------------------------------------------------------------------------------------------------

    /// Executes a command, whose ranges are of `data`. Returns the bytes of records it took out of the spool.
    fn execute(&mut self, command: Command, data: &[u8]) -> Result<usize, String> {
        match command {
            Command::Say(input) => self.report(input)?,
            Command::Keep(batch) => {
                let cursor = self.node.cursor(batch.position);
                let (upto, records) = (batch.position.boundary, &data[batch.range]);
                self.receive.spool.push(upto, cursor.as_bytes(), records).map_err(text)?;
                self.look_at_room();
            }
            Command::Apply(Batch { range, position, .. }) => {
                let cursor = self.node.cursor(position);
                self.apply(&data[range], cursor.as_bytes(), position.boundary)?;
            }
            Command::ApplySpooled { .. } => {
                let batch = self.receive.spool.pop().map_err(text)?.ok_or("the spool ran empty")?;
                self.apply(&batch.records, &batch.cursor, batch.upto)?;
                return Ok(batch.records.len());
            }
            Command::LoadTail(Batch { range, position, .. }) => {
                let cursor = self.node.cursor(position);
                self.load_tail(&data[range], cursor.as_bytes(), position.boundary)?;
            }
            Command::LoadTailSpooled { .. } => {
                let batch = self.receive.spool.pop().map_err(text)?.ok_or("the spool ran empty")?;
                if !self.load_tail(&batch.records, &batch.cursor, batch.upto)? {
                    self.receive.spool.put_back(batch);
                }
            }
            Command::DropSpooled { upto } => self.receive.drop_spooled(upto).map_err(text)?,
            Command::Forked { at } => self.note_fork(at),
            Command::Begin { range, at, .. } => self.begin(&data[range], at)?,
            Command::Load { range, piece, .. } => self.load(&data[range], piece)?,
            Command::Install { .. } => self.install()?,
            Command::Rewind { position: Position { boundary, .. } } => {
                return Err(format!("this store cannot go back to {boundary}"));
            }
        }
        Ok(0)
    }

    fn report(&mut self, input: Input<'static>) -> Result<(), String> {
        let position = match self.say(input) {
            Ok(step) => step.position,
            // Harmless, and a bug: the sender goes on with the next acknowledgement.
            Err(misuse) if matches!(input, Input::Taken { .. }) => {
                warn!("{input:?}: {misuse}");
                None
            }
            Err(misuse) => return Err(format!("{input:?}: {misuse}")),
        };
        self.receive.receiver.answered(position).map_err(text)?;
        if let (Input::Installed { .. }, Some(_)) = (input, position) {
            let waits = self.receive.receiver.waiting();
            let at = self.receive.at;
            info!("the snapshot at {at} is installed; {waits} records follow from the spool");
        }
        Ok(())
    }

    /// Applies records and cursor, in one step of the store.
    fn apply(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> Result<(), String> {
        for record in Records::new(records) {
            self.store.apply(record).map_err(text)?;
        }
        self.store.commit(cursor, upto);
        self.receive.receiver.applied(upto).map_err(text)
    }

    // --- snapshots -------------------------------------------------------------------------------------------------

    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> Result<bool, String> {
        let done = self.store.load_tail(records, cursor, upto).map_err(text)?;
        self.receive.receiver.tailed(upto, done).map_err(text)?;
        self.look_at_room();
        Ok(done)
    }

    fn begin(&mut self, cursor: &[u8], at: Offset) -> Result<(), String> {
        info!("a snapshot at {at} is coming in");
        self.announce_adoption(cursor);
        (self.receive.at, self.receive.piece_bytes) = (at, 0);
        self.store.load_begin(cursor, at).map_err(text)
    }

    fn load(&mut self, bytes: &[u8], piece: u64) -> Result<(), String> {
        self.store.load(bytes).map_err(|error| format!("snapshot: {error}"))?;
        debug_assert!(self.receive.loading(), "pieces come after BEGIN");
        self.receive.piece_bytes += bytes.len() as u64;
        self.receive.receiver.loaded(piece + 1).map_err(text)?;
        self.look_at_room();
        Ok(())
    }

    fn install(&mut self) -> Result<(), String> {
        let replaced = self.replaced();
        self.note_memory();
        self.store.install(replaced).map_err(|error| format!("snapshot: {error}"))?;
        (self.turned, self.counters.installed) = (true, self.counters.installed + 1);
        self.receive.receiver.installed().map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
