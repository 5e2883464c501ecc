//! The receiving side of a replica: which payload is applied, which waits, which is forgotten, and what the node is
//! told.
//!
//! A host gives it every [`Step`] of its upstream's link and every completion of its store, and does the [`Command`]s
//! it gets. The receiver holds no bytes and no batches: the host keeps a *spool*, a queue of batches that wait, each
//! with its end and its cursor, and commands speak of its front and its back.
//!
//! ## The host's part
//!
//! 1. After [`Node::handle`](crate::Node::handle) of an `Input::Bytes`: [`Receiver::receive`], then do what
//!    [`Receiver::poll`] returns until it is `None`. Its commands name ranges of that frame's data, so they come
//!    before the next frame. `Load`, `Apply` and `Rewind` may end later (then the host copies what it needs); the rest
//!    is done at once.
//! 2. When there is time: do what [`Receiver::work`] returns, and after each completion [`Receiver::poll`] again. It
//!    is the long part: an install, and the spool, one batch a call. A host with a bound for its turn stops where it
//!    likes.
//! 3. [`Receiver::set_taking`] whenever the spool fills or empties, and `poll` again.
//!
//! Which payload kinds there are, a host need not know.
//!
//! ## States
//!
//! *Whole*: the store shows a complete state. A batch is applied as it comes, or kept while the store is busy, while
//! older ones wait, or while a rewind is due. *Named*: the node follows a snapshot whose BEGIN is not here; batches
//! are kept. *Loading*: its pieces come; batches are kept, or done on the loading state where the host can do that.
//! When the last piece is loaded it is installed, and the state is whole again. *Failed*: the store said that it
//! cannot go on; nothing more is asked of it.
//!
//! ## Rules
//!
//! - A link that is lost changes nothing here. A snapshot that goes on after it goes on; another one shows in
//!   [`Standing`], and all that belongs to the one before is forgotten, batches of the replaced state too.
//! - The spool is one unbroken run of batches. Beside a snapshot it begins where the node's log did when the snapshot
//!   was named.
//! - After an install the batches past the snapshot are applied, up to the log's end; if the log ends at the snapshot,
//!   none is, whatever waits.
//! - To rewind, what was handed out before the fork is applied first; the store is asked to go back only once the node
//!   has agreed, for meanwhile another upstream may have told that nothing parts. A store that then cannot do it
//!   fails: its state stays what it was, and a node started from its cursor without
//!   [`Options::can_rewind`](crate::Options::can_rewind) gets a snapshot instead.
//! - What ends after something overtook it (an apply or an install of a state that is to be replaced) is not said to
//!   the node. Nothing else is asked of the store until it has ended.
//! - `Follow`, `Promote` and an adopted history need no call: what changes for the receiver comes with the next steps.
//!   A promoted node still applies its spool.
//! - A host that starts its node again starts with a new receiver and an empty spool.
//!
//! ## Bounds
//!
//! Fixed memory, no allocation, constant time a call. The spool's bound is the host's: with [`Taking::Pieces`] the
//! upstream sends no more than its window.

use crate::id::{Offset, SnapshotId};
use crate::input::{Payload, PayloadKind, Step};

use state::{Asked, Done, Fork, Fresh, Loading, Run, Stage, State, Tail};

pub use command::{Batch, Command, ReceiverError, Standing, Taking};

mod command;
mod complete;
mod poll;
mod state;
#[cfg(test)]
mod tests;

/// See the [module](self).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Receiver {
    state: State,
    asked: Asked,
    spool: Run,
    fresh: Option<Fresh>,
    /// Batches up to here, or all, are to be dropped before anything else is done.
    dropping: Option<Option<Offset>>,
    /// A fork that the host was not told of yet.
    forked: Option<Offset>,
    taking: Taking,
    done: Done,
    said: Done,
    loads_tail: bool,
}

impl Receiver {
    /// A receiver for a node that has just been made. `loads_tail`: the store can do batches on a snapshot that is
    /// still loading ([`Command::LoadTail`]), so that fewer have to wait.
    #[must_use]
    pub const fn new(loads_tail: bool) -> Self {
        Self {
            state: State::Whole(Fork::None),
            asked: Asked::Nothing,
            spool: Run { from: Offset(0), to: Offset(0) },
            fresh: None,
            dropping: None,
            forked: None,
            taking: Taking::All,
            done: Done::NOTHING,
            said: Done::NOTHING,
            loads_tail,
        }
    }

    /// Takes in a step of the upstream's link, one after the other, those without a payload too; `node` stands as
    /// after it. `ready` says whether the store could apply a batch now; else it is kept.
    ///
    /// # Errors
    /// [`ReceiverError`], if the host left something out.
    pub fn receive(&mut self, step: &Step, node: Standing, ready: bool) -> Result<(), ReceiverError> {
        if self.state == State::Failed {
            return Err(ReceiverError::Failed);
        }
        if self.fresh.is_some() || self.dropping.is_some() || self.forked.is_some() {
            return Err(ReceiverError::Unpolled);
        }
        let Some(payload) = &step.payload else {
            self.look(node, node.end);
            return Ok(());
        };
        match payload.kind {
            PayloadKind::Batch => self.batch(batch_of(payload, step)?, ready)?,
            PayloadKind::Spool => {
                self.look(node, Offset(payload.first));
                self.tail(batch_of(payload, step)?)?;
            }
            PayloadKind::Fork if payload.count == 1 => self.fork(Offset(payload.first))?,
            PayloadKind::Fork => {
                self.look(node, node.end);
                self.forked = Some(Offset(payload.first));
            }
            PayloadKind::Begin => {
                self.look(node, node.end);
                self.begin(payload)?;
            }
            PayloadKind::Piece | PayloadKind::LastPiece => self.piece(payload)?,
        }
        Ok(())
    }

    /// Joins anew if the node follows another snapshot than the one that is known, or the same from its first piece:
    /// all that waits belongs to the state that it will replace, or to a snapshot that was given up. The log ended at
    /// `log_end` before this step.
    fn look(&mut self, node: Standing, log_end: Offset) {
        let Some(snapshot) = node.snapshot.filter(|_| !node.base) else { return };
        let known = match self.state {
            State::Whole(_) | State::Failed => None,
            State::Named(snapshot) => Some((snapshot, 0)),
            State::Loading(loading) => Some((loading.snapshot, loading.pieces)),
        };
        if known != Some((snapshot, node.pieces)) {
            self.join_anew(snapshot, log_end);
        }
    }

    /// Waits for a snapshot, whose tail begins at `at`.
    fn join_anew(&mut self, snapshot: SnapshotId, at: Offset) {
        debug_assert!(self.fresh.is_none(), "the frame before was done with");
        self.state = State::Named(snapshot);
        self.forget_spool(at);
        (self.done, self.said) = (Done::taken_to(at), Done::taken_to(at));
        if self.asked != Asked::Nothing {
            self.asked = Asked::Overtaken;
        }
    }

    /// Drops every batch. The run goes on at `at`.
    fn forget_spool(&mut self, at: Offset) {
        if !self.spool.is_empty() {
            self.dropping = Some(None);
        }
        self.spool.stand_at(at);
        (self.done.taken, self.said.taken) = (at, at);
    }

    fn batch(&mut self, batch: Batch, ready: bool) -> Result<(), ReceiverError> {
        let State::Whole(fork) = self.state else { return Err(ReceiverError::OutOfOrder) };
        if fork == Fork::Said || !self.spool.is_empty() && batch.first != self.spool.to {
            return Err(ReceiverError::OutOfOrder);
        }
        // An upstream admitted us where we stand: there is nothing to rewind any more.
        self.state = State::Whole(Fork::None);
        let at_once = ready && self.spool.is_empty() && self.asked == Asked::Nothing;
        self.fresh = Some(if at_once { Fresh::Apply(batch) } else { Fresh::Keep(batch) });
        Ok(())
    }

    /// A batch that rides along with a snapshot.
    fn tail(&mut self, batch: Batch) -> Result<(), ReceiverError> {
        if batch.first != self.spool.to {
            return Err(ReceiverError::OutOfOrder);
        }
        let open = match self.state {
            State::Loading(loading) if self.may_load_tail(&loading) && self.spool.is_empty() => Some(loading),
            State::Loading(_) | State::Named(_) => None,
            State::Whole(_) | State::Failed => return Err(ReceiverError::OutOfOrder),
        };
        match open {
            // The snapshot holds it already.
            Some(loading) if batch.position.boundary <= loading.at => {
                self.spool.stand_at(batch.position.boundary);
            }
            Some(_) => self.fresh = Some(Fresh::LoadTail(batch)),
            None => self.fresh = Some(Fresh::Keep(batch)),
        }
        Ok(())
    }

    /// Returns whether batches may be done on the loading snapshot now.
    fn may_load_tail(&self, loading: &Loading) -> bool {
        let all_loaded = loading.loaded > 0 && loading.loaded == loading.pieces;
        let open = matches!(loading.tail, Tail::Open(_)) && loading.stage != Stage::Said;
        self.loads_tail && open && all_loaded && self.asked == Asked::Nothing
    }

    fn fork(&mut self, at: Offset) -> Result<(), ReceiverError> {
        match self.state {
            State::Whole(Fork::None | Fork::Due(_)) => self.state = State::Whole(Fork::Due(at)),
            State::Whole(Fork::Said) | State::Named(_) | State::Loading(_) | State::Failed => {
                return Err(ReceiverError::OutOfOrder);
            }
        }
        Ok(())
    }

    fn begin(&mut self, payload: &Payload) -> Result<(), ReceiverError> {
        if self.state != State::Named(payload.snapshot) {
            return Err(ReceiverError::OutOfOrder);
        }
        debug_assert!(self.done.pieces == 0, "a snapshot that is only named has no pieces");
        let at = Offset(payload.first);
        let (stage, tail) = (Stage::Coming, Tail::Open(at));
        self.state =
            State::Loading(Loading { snapshot: payload.snapshot, at, pieces: 0, loaded: 0, stage, tail });
        self.fresh = Some(Fresh::Begin(payload.range.clone()));
        Ok(())
    }

    fn piece(&mut self, payload: &Payload) -> Result<(), ReceiverError> {
        let State::Loading(loading) = &mut self.state else { return Err(ReceiverError::OutOfOrder) };
        let due = (loading.snapshot, loading.pieces, Stage::Coming);
        if due != (payload.snapshot, payload.first, loading.stage) {
            return Err(ReceiverError::OutOfOrder);
        }
        loading.pieces += 1;
        debug_assert!(loading.loaded < loading.pieces, "what was not handed out is not loaded");
        if payload.kind == PayloadKind::LastPiece {
            loading.stage = Stage::Complete;
        }
        self.fresh = Some(Fresh::Load(payload.range.clone(), payload.first));
        Ok(())
    }
}

fn batch_of(payload: &Payload, step: &Step) -> Result<Batch, ReceiverError> {
    let position = step.position.ok_or(ReceiverError::OutOfOrder)?;
    Ok(Batch { range: payload.range.clone(), first: Offset(payload.first), position })
}
