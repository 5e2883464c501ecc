//! The end of a link, for the log: what it holds is let go before its goodbye leaves.

use crate::deadline::Timer;
use crate::error::Fault;
use crate::events::Subject;
use crate::id::{LinkId, SnapshotId};
use crate::input::Side;
use crate::links::Links;
use crate::links::life::retry_after;
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::readers::Serving;
use crate::stream::slots::Slot;
use crate::time::Span;

impl Stream {
    /// A peer's mistake, or our refusal: this link ends, the others never notice.
    pub(crate) fn fault(&mut self, links: &mut Links, shared: &mut Shared, row: usize, fault: Fault) {
        shared.counters.faults += 1;
        self.close(links, shared, row, fault, retry_after(fault));
    }

    /// Ends a link by our own will.
    pub(crate) fn close(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        fault: Fault,
        pause: Span,
    ) {
        if links[row].is_closing() {
            return;
        }
        self.cut_run(links, row);
        // Our own wish about our own redial is not the peer's: the pause is what we ask of it.
        self.let_go(links, shared, row, Span::ZERO);
        links.close(shared, row, fault, false, pause);
        debug_assert!(links[row].is_closing() && !self.readers[row].serving.joined());
    }

    /// Ends a link whose peer sent a goodbye, and asked us to stay away for `pause`.
    pub(crate) fn closed_by_peer(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        (fault, pause): (Fault, Span),
    ) {
        assert!(!links[row].is_closing(), "nothing is read on a closing link");
        self.cut_run(links, row);
        let ours = links[row].side() == Some(Side::Upstream);
        self.let_go(links, shared, row, pause);
        if ours && fault == Fault::IdentityClash {
            links.stop_dialling();
        }
        links.close(shared, row, fault, true, pause);
    }

    /// Lets go of what a link holds: its slot and transfer, or our place at the upstream.
    pub(crate) fn let_go(&mut self, links: &mut Links, shared: &mut Shared, row: usize, pause: Span) {
        if links[row].side() == Some(Side::Downstream) {
            self.replica_left(links, shared, row);
        } else if links.leave_upstream(row) {
            self.upstream.disconnected();
            links.back_off(shared, pause);
        }
    }

    /// Ends the upstream's link, because the host turned elsewhere; no dial is wanted.
    pub(super) fn leave_upstream(&mut self, links: &mut Links, shared: &mut Shared) {
        if let Some(row) = links.upstream() {
            self.close(links, shared, row, Fault::Left, Span::ZERO);
        }
        links.dial_no_more();
        self.upstream.left();
        assert!(links.upstream().is_none(), "one upstream at a time");
    }

    /// Forgets the replica of a link that is free now.
    pub(crate) fn forget(&mut self, row: usize) {
        assert!(!self.readers[row].serving.joined(), "the replica was let go");
        self.readers.forget(row);
    }

    /// Takes note that the link of a replica ended: its slot remembers, its transfer is free.
    fn replica_left(&mut self, links: &mut Links, shared: &mut Shared, row: usize) {
        let reader = &mut self.readers[row];
        if !reader.serving.joined() {
            return;
        }
        let (slot, assigned) = (reader.slot, reader.serving.assigned());
        assert!(self.slots.rows[slot].link == Some(LinkId::of_row(row)), "one link a slot");
        let cut_off = assigned.and_then(|assigned| Some((assigned.transfer?, assigned.snapshot)));
        reader.serving = Serving::Absent;
        if let Some((transfer, snapshot)) = cut_off {
            self.transfers.rows[transfer].link = None;
            self.slots.rows[slot].cut_off = Some(snapshot);
        }
        self.slots.rows[slot].link = None;
        self.slots.rows[slot].last_seen = shared.clock.now();
        self.arm_slot(shared, slot);
        if cut_off.is_some() {
            self.reconsider_all(links, shared);
        }
    }

    // --- slots -----------------------------------------------------------------------------------------------------

    fn arm_slot(&self, shared: &mut Shared, slot: usize) {
        if let Some(at) = self.slots.rows[slot].expires_at(shared.config.options().reconnect_window) {
            shared.arm_later(Timer::Slot(slot), at);
        }
    }

    /// The timer of a slot fired: a replica that was away too long is forgotten.
    pub(crate) fn slot_due(&mut self, shared: &mut Shared, slot: usize) {
        let (row, now) = (&self.slots.rows[slot], shared.clock.now());
        if row.expires_at(shared.config.options().reconnect_window).is_none_or(|at| at > now) {
            self.arm_slot(shared, slot);
        } else if row.expired.is_none() {
            self.expire(shared, slot);
        } else {
            // A former owner's end is still pending; this one's waits a moment for its turn.
            shared.timers.arm(Timer::Slot(slot), now + Span(1));
        }
    }

    /// Forgets a replica and notifies the host.
    pub(super) fn expire(&mut self, shared: &mut Shared, slot: usize) {
        let gone = self.slots.rows[slot];
        assert!(gone.used && gone.link.is_none(), "a connected replica never expires");
        let lag = self.log.next().0.saturating_sub(gone.acked.received.0);
        self.slots.rows[slot] = Slot { expired: Some((gone.node, lag)), ..Slot::default() };
        if let Some(snapshot) = gone.cut_off {
            self.drop_if_unused(shared, snapshot);
        }
        shared.events.notify(Subject::Slot(slot));
    }

    /// Frees the view nobody needs any more.
    pub(super) fn drop_if_unused(&mut self, shared: &mut Shared, snapshot: SnapshotId) {
        let remembered = self.slots.rows.iter().any(|slot| slot.used && slot.cut_off == Some(snapshot));
        if remembered || self.transfers.is_assigned(snapshot) {
            return;
        }
        if let Some(view) = self.transfers.find(snapshot) {
            self.transfers.views[view].as_mut().expect("found").done = true;
            shared.events.notify(Subject::View(view));
        }
    }
}
