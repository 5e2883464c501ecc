//! The primary's own verbs: write, flush, promote; and turning to follow.

use crate::clock::Clock;
use crate::error::Misuse;
use crate::events::NodeFact;
use crate::id::Epoch;
use crate::input::Role;
use crate::links::Links;
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::place::Cost;

impl Stream {
    /// Returns whether this log may be written now: by a primary that has applied all it inherited.
    #[inline]
    pub(crate) fn may_write(&self) -> Result<(), Misuse> {
        match self.role {
            Role::Replica => Err(Misuse::NotPrimary),
            Role::Primary if !self.upstream.inherited_applied() => Err(Misuse::NotApplied),
            Role::Primary => Ok(()),
        }
    }

    /// Appends a record, for which the ring makes room.
    pub(crate) fn append(&mut self, links: &mut Links, shared: &mut Shared, data: &[u8]) {
        assert!(self.role == Role::Primary, "checked by may_write");
        loop {
            let Cost { bytes, seal_first } = self.log.cost(data.len());
            if seal_first {
                self.seal(&shared.clock);
            } else if self.log.free() >= bytes {
                break;
            } else {
                self.evict(links, shared);
            }
        }
        if self.log.append(data) {
            self.seal(&shared.clock);
        }
        self.wake_idle(shared);
    }

    /// Seals the open batch, if any.
    pub(crate) fn seal(&mut self, clock: &Clock) {
        self.log.seal(clock.unix_ns());
    }

    /// Notifies idle links that the log grew: O(1), however many there are.
    #[inline]
    pub(super) fn wake_idle(&self, shared: &mut Shared) {
        if self.readers.has_idle() {
            shared.events.notify_node(NodeFact::Idle);
        }
    }

    /// Opens an epoch above all seen, at the log's end.
    pub(super) fn open_epoch(&mut self, clock: &Clock) {
        self.seal(clock);
        self.seen = self.seen.max(self.log.epochs().number()) + 1;
        let nonce = self.identity.word();
        self.log.open_epoch(Epoch::new(self.seen, nonce));
    }

    /// Returns whether the state is complete: else it cannot be promoted.
    pub(crate) fn may_promote(&self) -> Result<(), Misuse> {
        if self.upstream.base { Ok(()) } else { Err(Misuse::NoBase) }
    }

    /// Becomes primary, or opens another epoch as one.
    pub(crate) fn promote(&mut self, links: &mut Links, shared: &mut Shared) {
        assert!(self.upstream.base, "checked by may_promote");
        if self.role == Role::Replica {
            self.leave_upstream(links, shared);
            self.role = Role::Primary;
            self.upstream.inherited = self.log.end();
        }
        self.open_epoch(&shared.clock);
        shared.events.notify_node(NodeFact::Role);
        self.epochs_changed(links, shared);
    }

    /// Follows an upstream, another one if it followed before.
    pub(crate) fn follow(&mut self, links: &mut Links, shared: &mut Shared, adopt: bool) {
        self.seal(&shared.clock);
        if self.role == Role::Primary {
            self.role = Role::Replica;
            self.upstream.stand_as_written(&self.log);
            shared.events.notify_node(NodeFact::Role);
        }
        self.leave_upstream(links, shared);
        assert!(self.role == Role::Replica && !self.log.has_open(), "a replica has no open batch");
        self.upstream.adopt = adopt;
        links.dial_anew(shared);
    }
}
