//! The completions: a host's work that has ended.

use super::state::{Asked, Done, Fork, Fresh, Loading, Stage, State, Tail};
use super::{Receiver, ReceiverError, Taking};
use crate::id::{Offset, Position, SnapshotId};

impl Receiver {
    /// The host says how much may be taken from now on.
    pub const fn set_taking(&mut self, taking: Taking) {
        self.taking = taking;
    }

    /// The batch that was to be applied is, and ends at `upto`.
    ///
    /// # Errors
    /// None was to be applied, or another.
    pub fn applied(&mut self, upto: Offset) -> Result<(), ReceiverError> {
        match self.asked {
            Asked::Overtaken => {}
            Asked::Apply(end) if end == upto => {
                if self.spool.is_empty() {
                    self.spool.stand_at(upto);
                }
                self.done.applied = upto;
            }
            Asked::ApplySpooled if self.spool.from < upto && upto <= self.spool.to => {
                self.spool.from = upto;
                self.done.applied = upto;
            }
            Asked::Apply(_)
            | Asked::ApplySpooled
            | Asked::Nothing
            | Asked::LoadTail
            | Asked::LoadTailSpooled
            | Asked::Install
            | Asked::Rewind(_) => return Err(ReceiverError::NotAsked),
        }
        self.asked = Asked::Nothing;
        self.done.taken = self.done.taken.max(self.done.applied);
        debug_assert!(self.spool.is_empty() || self.done.applied <= self.spool.from, "applied in order");
        Ok(())
    }

    /// Records up to `upto` survive a power cut: of the state that stands, not of one before it. Beside a snapshot it
    /// is not listened to.
    pub fn persisted(&mut self, upto: Offset) {
        if matches!(self.state, State::Whole(_)) {
            self.done.persisted = self.done.persisted.max(upto);
        }
    }

    /// The batch that was to be done on the loading snapshot is, and ends at `upto`; or it could not be, and waits.
    ///
    /// # Errors
    /// None was to be done, or another.
    pub fn tailed(&mut self, upto: Offset, done: bool) -> Result<(), ReceiverError> {
        if self.asked == Asked::Overtaken {
            self.asked = Asked::Nothing;
            return Ok(());
        }
        let State::Loading(loading) = &mut self.state else { return Err(ReceiverError::NotAsked) };
        match self.asked {
            Asked::LoadTail => {
                let Some(Fresh::Offered(batch)) = self.fresh.take_if(|fresh| fresh.is_offered(upto)) else {
                    return Err(ReceiverError::NotAsked);
                };
                if done {
                    self.spool.stand_at(upto);
                } else {
                    self.fresh = Some(Fresh::Keep(batch));
                }
            }
            Asked::LoadTailSpooled if self.spool.from < upto && upto <= self.spool.to => {
                if done {
                    self.spool.from = upto;
                }
            }
            Asked::LoadTailSpooled
            | Asked::Nothing
            | Asked::Apply(_)
            | Asked::ApplySpooled
            | Asked::Install
            | Asked::Rewind(_)
            | Asked::Overtaken => return Err(ReceiverError::NotAsked),
        }
        loading.tail = if done { Tail::Open(upto) } else { Tail::Waits(loading.tail.end()) };
        self.asked = Asked::Nothing;
        Ok(())
    }

    /// The first `pieces` pieces of the snapshot are loaded.
    ///
    /// # Errors
    /// So many were not handed out.
    pub fn loaded(&mut self, pieces: u64) -> Result<(), ReceiverError> {
        match &mut self.state {
            State::Loading(loading) if pieces <= loading.pieces => {
                loading.loaded = loading.loaded.max(pieces);
                self.done.pieces = loading.loaded;
                Ok(())
            }
            // Of a snapshot that was given up meanwhile.
            State::Named(_) => Ok(()),
            State::Loading(_) | State::Whole(_) | State::Failed => Err(ReceiverError::NotAsked),
        }
    }

    /// The snapshot stands in the place of the state before.
    ///
    /// # Errors
    /// None was to be installed.
    pub fn installed(&mut self) -> Result<(), ReceiverError> {
        match self.asked {
            Asked::Overtaken => {}
            Asked::Install => {
                let State::Loading(loading) = &mut self.state else { return Err(ReceiverError::NotAsked) };
                debug_assert!(loading.stage == Stage::Complete && loading.loaded == loading.pieces);
                loading.stage = Stage::Said;
                self.fresh = Some(Fresh::Installed(loading.snapshot));
            }
            Asked::Nothing
            | Asked::Apply(_)
            | Asked::ApplySpooled
            | Asked::LoadTail
            | Asked::LoadTailSpooled
            | Asked::Rewind(_) => return Err(ReceiverError::NotAsked),
        }
        self.asked = Asked::Nothing;
        Ok(())
    }

    /// The store stands where it was to go back to.
    ///
    /// # Errors
    /// It was not asked to.
    pub fn rewound(&mut self) -> Result<(), ReceiverError> {
        match self.asked {
            Asked::Rewind(_) | Asked::Overtaken => {
                debug_assert!(
                    self.asked == Asked::Overtaken || !self.is_joining(),
                    "a snapshot overtakes it"
                );
                self.asked = Asked::Nothing;
                Ok(())
            }
            Asked::Nothing
            | Asked::Apply(_)
            | Asked::ApplySpooled
            | Asked::LoadTail
            | Asked::LoadTailSpooled
            | Asked::Install => Err(ReceiverError::NotAsked),
        }
    }

    /// The store cannot go on: nothing is asked of it any more, and nothing said to the node.
    pub fn failed(&mut self) {
        self.state = State::Failed;
        (self.fresh, self.dropping, self.forked, self.asked) = (None, None, None, Asked::Nothing);
    }

    /// The node's answer to what it was last told: its position, or `None` if it refused. Only the answers to
    /// `Installed` and `Rewound` matter; any other may be given too.
    ///
    /// # Errors
    /// The stream that the spool holds does not reach from the installed snapshot to the log's end: a step was left
    /// out. The receiver stands as after [`Self::failed`].
    pub fn answered(&mut self, position: Option<Position>) -> Result<(), ReceiverError> {
        match self.state {
            State::Loading(loading) if self.awaits(&loading) => match position {
                Some(position) => self.stands(&loading, position)?,
                // Meanwhile another snapshot was named.
                None => self.join_anew(SnapshotId(0), Offset(0)),
            },
            State::Whole(Fork::Said) => match position {
                Some(position) => self.goes_back(position),
                // Another upstream admitted us meanwhile, and nothing parts.
                None => self.state = State::Whole(Fork::None),
            },
            State::Whole(Fork::None | Fork::Due(_)) | State::Named(_) | State::Loading(_) | State::Failed => {
            }
        }
        Ok(())
    }

    /// Asks the store to go back to where the node is.
    fn goes_back(&mut self, position: Position) {
        debug_assert!(self.asked == Asked::Nothing, "what came before the fork is applied");
        let at = position.boundary;
        self.state = State::Whole(Fork::None);
        self.forget_spool(at);
        self.done.applied = at;
        self.done.persisted = self.done.persisted.min(at);
        self.said = self.done;
        self.asked = Asked::Rewind(at);
        self.fresh = Some(Fresh::Rewind(position));
    }

    /// Returns whether `Installed` was said and not answered.
    fn awaits(&self, loading: &Loading) -> bool {
        loading.stage == Stage::Said && self.fresh.is_none()
    }

    /// The snapshot is installed, and the log ends at `position`.
    fn stands(&mut self, loading: &Loading, position: Position) -> Result<(), ReceiverError> {
        let (tail, end) = (loading.tail.end(), position.boundary);
        let reaches = end > tail;
        let fits = tail <= end && (!reaches || self.spool.from <= tail && self.spool.to == end);
        if !fits {
            self.failed();
            return Err(ReceiverError::OutOfOrder);
        }
        self.state = State::Whole(Fork::None);
        let taken = self.done.taken;
        self.done = Done { taken: taken.max(tail), pieces: 0, applied: tail, persisted: Offset(0) };
        // Also where nothing lies past it: what was not said to be taken of the stream before is done with it.
        self.said = Done { taken: self.said.taken, ..Done::NOTHING };
        if reaches {
            if self.spool.from < tail {
                self.dropping = Some(Some(tail));
            }
            self.spool.from = tail;
        } else {
            self.forget_spool(end);
        }
        debug_assert!(self.spool.to == end, "the run goes on where the log ends");
        Ok(())
    }
}
