//! The commands: which one the host is to do next.

use super::state::{Asked, Fork, Fresh, Loading, Stage, State};
use super::{Command, Receiver, Taking};
use crate::input::Input;

impl Receiver {
    /// Returns what is to be done before the next frame. `None`: feed on.
    #[must_use]
    pub fn poll(&mut self) -> Option<Command> {
        if self.state == State::Failed {
            return None;
        }
        // Batches leave the spool before others enter it.
        if let Some(upto) = self.dropping.take() {
            return Some(Command::DropSpooled { upto });
        }
        if let Some(at) = self.forked.take() {
            return Some(Command::Forked { at });
        }
        if self.fresh.is_some()
            && let Some(command) = self.hand_out()
        {
            return Some(command);
        }
        self.say().or_else(|| self.go_back())
    }

    /// Returns what is to be done when there is time: an install, or one batch of the spool. `None`: nothing waits, or
    /// the store has not ended what it was asked before.
    #[must_use]
    pub fn work(&mut self) -> Option<Command> {
        if self.asked != Asked::Nothing || self.fresh.is_some() || self.dropping.is_some() {
            return None;
        }
        match self.state {
            State::Whole(Fork::None) => self.apply_spooled(),
            State::Loading(loading) => self.load_tail_spooled(&loading).or_else(|| self.install(&loading)),
            State::Whole(Fork::Due(_) | Fork::Said) | State::Named(_) | State::Failed => None,
        }
    }

    /// Returns the command for the last frame.
    fn hand_out(&mut self) -> Option<Command> {
        match self.fresh.take()? {
            Fresh::Keep(batch) => {
                debug_assert!(self.spool.is_empty() || self.spool.to == batch.first, "one unbroken run");
                if self.spool.is_empty() {
                    self.spool.from = batch.first;
                }
                self.spool.to = batch.position.boundary;
                Some(Command::Keep(batch))
            }
            Fresh::Apply(batch) => {
                debug_assert!(
                    self.spool.is_empty() && self.asked == Asked::Nothing,
                    "in order, one at a time"
                );
                self.asked = Asked::Apply(batch.position.boundary);
                Some(Command::Apply(batch))
            }
            Fresh::LoadTail(batch) => {
                debug_assert!(
                    self.spool.is_empty() && self.asked == Asked::Nothing,
                    "in order, one at a time"
                );
                self.asked = Asked::LoadTail;
                self.fresh = Some(Fresh::Offered(batch.clone()));
                Some(Command::LoadTail(batch))
            }
            offered @ Fresh::Offered(_) => {
                self.fresh = Some(offered);
                None
            }
            Fresh::Begin(range) => {
                let State::Loading(Loading { snapshot, at, .. }) = self.state else { return None };
                Some(Command::Begin { range, snapshot, at })
            }
            Fresh::Load(range, piece) => {
                let State::Loading(Loading { stage, .. }) = self.state else { return None };
                Some(Command::Load { range, piece, last: stage != Stage::Coming })
            }
            Fresh::Installed(snapshot) => Some(Command::Say(Input::Installed { snapshot })),
            Fresh::Rewind(position) => Some(Command::Rewind { position }),
        }
    }

    /// Returns a completion that the node does not know yet.
    fn say(&mut self) -> Option<Command> {
        let (done, said) = (&mut self.done, &mut self.said);
        debug_assert!(
            said.applied <= done.applied && said.persisted <= done.persisted,
            "never ahead of the store"
        );
        if self.taking == Taking::Nothing
            || matches!(self.state, State::Loading(Loading { stage: Stage::Said, .. }))
        {
            return None;
        }
        if done.applied > said.applied {
            said.applied = done.applied;
            said.taken = said.taken.max(done.applied);
            return Some(Command::Say(Input::Applied { upto: done.applied }));
        }
        if done.persisted > said.persisted {
            said.persisted = done.persisted;
            return Some(Command::Say(Input::Persisted { upto: done.persisted }));
        }
        if self.taking == Taking::All {
            done.taken = self.spool.to;
        }
        if done.taken > said.taken || done.pieces > said.pieces {
            (said.taken, said.pieces) = (done.taken.max(said.taken), done.pieces);
            return Some(Command::Say(Input::Taken { upto: said.taken, pieces: done.pieces }));
        }
        None
    }

    /// The way back to a fork: what lies before it is applied, then the node is told.
    fn go_back(&mut self) -> Option<Command> {
        let State::Whole(Fork::Due(at)) = self.state else { return None };
        if self.asked != Asked::Nothing {
            return None;
        }
        if self.spool.from < at
            && let Some(command) = self.apply_spooled()
        {
            return Some(command);
        }
        debug_assert!(self.fresh.is_none() && self.forked.is_none(), "all before the fork is handed out");
        self.state = State::Whole(Fork::Said);
        Some(Command::Say(Input::Rewound))
    }

    fn apply_spooled(&mut self) -> Option<Command> {
        if self.spool.is_empty() {
            return None;
        }
        debug_assert!(self.asked == Asked::Nothing, "one request at a time");
        self.asked = Asked::ApplySpooled;
        Some(Command::ApplySpooled { first: self.spool.from })
    }

    fn load_tail_spooled(&mut self, loading: &Loading) -> Option<Command> {
        if self.spool.is_empty() || !self.may_load_tail(loading) {
            return None;
        }
        if self.spool.from < loading.at {
            // The snapshot holds them. None lies on both sides of its offset.
            self.spool.from = loading.at.min(self.spool.to);
            return Some(Command::DropSpooled { upto: Some(loading.at) });
        }
        self.asked = Asked::LoadTailSpooled;
        Some(Command::LoadTailSpooled { first: self.spool.from })
    }

    fn install(&mut self, loading: &Loading) -> Option<Command> {
        let whole = loading.stage == Stage::Complete && loading.loaded == loading.pieces;
        if !whole {
            return None;
        }
        debug_assert!(self.asked == Asked::Nothing, "one request at a time");
        self.asked = Asked::Install;
        Some(Command::Install { snapshot: loading.snapshot, at: loading.at })
    }
}
