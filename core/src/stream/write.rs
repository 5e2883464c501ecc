//! The primary's own verbs: write, flush, promote; and turning to follow. The ring makes room here.

use crate::error::Misuse;
use crate::id::Epoch;
use crate::input::{Role, Step};
use crate::node::{Node, self_tell};
use crate::time::Time;

impl Node {
    fn writes(&self) -> Result<(), Misuse> {
        if self.shut {
            return Err(Misuse::ShutDown);
        }
        match self.role {
            Role::Replica => Err(Misuse::NotPrimary),
            Role::Primary if self.upstream.applied < self.upstream.inherited => Err(Misuse::NotApplied),
            Role::Primary => Ok(()),
        }
    }

    pub(crate) fn write(&mut self, now: Time, data: &[u8]) -> Result<Step, Misuse> {
        self.writes()?;
        if data.len() as u64 > u64::from(self.config.record_bytes_max) {
            return Err(Misuse::RecordTooLong);
        }
        self.advance(now);
        self.append(data);
        Ok(Step { offset: Some(self.log.next()), ..Step::default() })
    }

    /// Appends a record, for which the ring makes room.
    pub(crate) fn append(&mut self, data: &[u8]) {
        loop {
            let (cost, seal_first) = self.log.cost(data.len());
            if seal_first {
                self.seal();
            } else if self.log.free() >= cost {
                break;
            } else {
                self.evict();
            }
        }
        if self.log.append(data) {
            self.seal();
        }
        self.wake_dry();
    }

    pub(crate) fn flush(&mut self, now: Time) -> Result<Step, Misuse> {
        self.writes()?;
        self.advance(now);
        self.seal();
        Ok(Step { position: Some(self.log.position()), ..Step::default() })
    }

    pub(crate) fn seal(&mut self) {
        self.log.seal(self.clock.unix_ns());
    }

    /// Opens an epoch above all seen, at the log's end.
    pub(crate) fn open_epoch(&mut self) {
        self.seal();
        self.seen = self.seen.max(self.log.epochs.number()) + 1;
        let dice = mutant!(self.config, 101 => 0, else self.identity.word());
        self.log.open_epoch(Epoch::new(self.seen, dice));
    }

    pub(crate) fn promote(&mut self, now: Time) -> Result<Step, Misuse> {
        if self.shut {
            return Err(Misuse::ShutDown);
        }
        if !self.upstream.base {
            return Err(Misuse::NoBase);
        }
        self.advance(now);
        if self.role == Role::Replica {
            self.leave_upstream();
            self.role = Role::Primary;
            self.upstream.inherited = self.log.end();
        }
        self.open_epoch();
        self.tell_self(self_tell::ROLE);
        self.epochs_changed();
        Ok(Step { position: Some(self.log.position()), ..Step::default() })
    }

    pub(crate) fn follow(&mut self, now: Time, adopt: bool) -> Result<(), Misuse> {
        if self.shut {
            return Err(Misuse::ShutDown);
        }
        self.advance(now);
        self.seal();
        if self.role == Role::Primary {
            self.role = Role::Replica;
            // What a primary wrote is applied; what it inherited may still be on its way.
            let applied = if self.upstream.applied < self.upstream.inherited {
                self.upstream.applied
            } else {
                self.log.end()
            };
            let persisted = self.upstream.persisted;
            self.upstream.stand_on(self.log.end(), self.log.sealed());
            (self.upstream.applied, self.upstream.persisted) = (applied, persisted.min(applied));
            self.tell_self(self_tell::ROLE);
        }
        self.leave_upstream();
        self.upstream.adopt = adopt;
        self.upstream.attempt = 0;
        self.dial_at(self.clock.now());
        Ok(())
    }

    /// Makes room in the ring; readers of what goes are taken down a rung.
    pub(crate) fn evict(&mut self) {
        let (_, after) = self.log.oldest_frame().expect("frame_bytes_max is a quarter of the ring");
        let overtaken = after > self.reader_floor;
        if overtaken {
            self.overtake(after);
        }
        self.log.evict();
        if overtaken {
            self.fall_all();
        }
    }
}
