//! Beginnings, timers and ends of links.

use crate::error::{Fault, Misuse};
use crate::id::LinkId;
use crate::input::Side;
use crate::links::dial::Dial;
use crate::links::outbox::Stage;
use crate::links::{Farewell, Phase, due, tell};
use crate::node::{Node, self_tell};
use crate::time::{Span, Time};

/// How long a peer is asked to stay away.
fn retry_after(fault: Fault) -> Span {
    match fault {
        Fault::Full | Fault::Stale | Fault::SnapshotFailed => Span::from_secs(1),
        Fault::HistoryDiffers | Fault::Version | Fault::Feature | Fault::FrameLimit | Fault::SameNode => {
            Span::from_secs(5)
        }
        Fault::Shutdown | Fault::Rebased => Span::from_millis(200),
        Fault::Other
        | Fault::BadMagic
        | Fault::HeadCheck
        | Fault::UnknownKind
        | Fault::UnknownFlag
        | Fault::FrameLength
        | Fault::BodyCheck
        | Fault::Malformed
        | Fault::Gap
        | Fault::Parent
        | Fault::EpochOrder
        | Fault::AckAhead
        | Fault::AckBackwards
        | Fault::NotShaken
        | Fault::Unexpected
        | Fault::SecondHello
        | Fault::PieceOrder
        | Fault::Window
        | Fault::HandshakeTimeout
        | Fault::Idle
        | Fault::Stalled
        | Fault::Replaced
        | Fault::IdentityClash
        | Fault::Overrun
        | Fault::Left
        | Fault::SnapshotDiffers => Span::ZERO,
    }
}

impl Node {
    pub(crate) fn open_link(&self, link: LinkId) -> Result<usize, Misuse> {
        let row = link.0 as usize;
        match self.links.get(row) {
            Some(found) if found.phase != Phase::Free => Ok(row),
            Some(_) | None => Err(Misuse::UnknownLink),
        }
    }

    pub(crate) fn link_id(row: usize) -> LinkId {
        LinkId(u32::try_from(row).expect("link ids are u32"))
    }

    /// Moves time: clamps, counts silence, fires what is due. Each source fires at most once a call, because firing
    /// arms it strictly later.
    #[inline]
    pub(crate) fn advance(&mut self, now: Time) {
        if now != self.clock.now() {
            let counted = mutant!(self.config, 130 => Span(u64::MAX), else self.config.beat);
            self.clock.advance(now, counted);
        }
        if self.deadlines.first().is_some_and(|first| first <= self.clock.now()) {
            self.fire_due();
        }
    }

    fn fire_due(&mut self) {
        while let Some(source) = self.deadlines.pop_due(self.clock.now()) {
            let links = self.config.link_ids();
            if source == Self::SELF {
                self.redial_due();
            } else if source <= links {
                self.link_fires(source as usize - 1);
            } else {
                self.slot_fires((source - links - 1) as usize);
            }
        }
    }

    pub(crate) fn opened(&mut self, now: Time, link: LinkId, side: Side) -> Result<(), Misuse> {
        let row = link.0 as usize;
        let phase = self.links.get(row).ok_or(Misuse::LinkOutOfRange)?.phase;
        if phase != Phase::Free {
            return Err(Misuse::LinkBusy);
        }
        if self.shut {
            return Err(Misuse::ShutDown);
        }
        if side == Side::Upstream && self.upstream.dial != Dial::Under {
            return Err(Misuse::NotDialling);
        }
        self.advance(now);
        let open = self.links.iter().filter(|link| link.phase != Phase::Free).count();
        let alive = self.clock.alive();
        let opened = &mut self.links[row];
        (opened.opened, opened.heard, opened.outbox.offered_since) = (alive, alive, alive);
        opened.next_beat = self.clock.now() + self.config.beat;
        opened.upstream = side == Side::Upstream;
        match side {
            Side::Upstream => {
                opened.phase = Phase::Welcome;
                self.upstream.link = Some(row);
                self.upstream.dial = Dial::Idle;
                self.owe(row, due::HELLO);
            }
            Side::Downstream => {
                opened.phase = Phase::Hello;
                if open >= self.config.links_max as usize {
                    self.fault(row, Fault::Full);
                }
            }
        }
        self.arm_link(row);
        Ok(())
    }

    pub(crate) fn lost(&mut self, now: Time, link: LinkId) -> Result<(), Misuse> {
        let row = self.open_link(link)?;
        self.advance(now);
        // Time alone may have ended it; then only the row is left to free.
        if self.links[row].phase != Phase::Closing {
            self.detach(row, Span::ZERO);
        }
        self.links[row].clear();
        Ok(())
    }

    /// Something is due on a link; if the host is not busy with it, it is told.
    pub(crate) fn owe(&mut self, row: usize, due: u16) {
        self.links[row].due |= due;
        self.want(row);
    }

    /// Tells the host that a link has something to write, unless it knows.
    pub(crate) fn want(&mut self, row: usize) {
        if !self.links[row].outbox.told {
            self.tell_link(row, tell::WANTS_WRITE);
        }
    }

    pub(crate) fn tell_link(&mut self, row: usize, fact: u8) {
        self.links[row].tell |= fact;
        self.pending.push(Self::link_subject(row));
    }

    pub(crate) fn tell_self(&mut self, fact: u8) {
        self.tell |= fact;
        self.pending.push(Self::SELF);
    }

    /// A peer's mistake, or our refusal: this link ends, the others never notice.
    pub(crate) fn fault(&mut self, row: usize, fault: Fault) {
        let retry_after = retry_after(fault);
        self.counters.faults += 1;
        self.close(row, fault, false, retry_after);
    }

    /// Ends a link: what it holds is let go at once, then the goodbye leaves, or lingers.
    pub(crate) fn close(&mut self, row: usize, fault: Fault, by_peer: bool, retry_after: Span) {
        if self.links[row].phase == Phase::Closing {
            return;
        }
        self.cut_stage(row);
        // Our own wish about our own redial is not the peer's: it honours what it was told.
        self.detach_for(row, fault, by_peer, retry_after);
        let linger = self.clock.now() + self.config.linger;
        let link = &mut self.links[row];
        link.phase = Phase::Closing;
        link.farewell = Some(Farewell { fault, by_peer, retry_after, linger });
        // A piece's buffer goes with its ship; a half-sent piece cannot be followed by a goodbye.
        let half_sent = matches!(link.outbox.stage, Stage::Piece { .. }) && link.outbox.mid_frame();
        if matches!(link.outbox.stage, Stage::Piece { .. }) {
            link.outbox.stage = Stage::Idle;
        }
        if by_peer || half_sent {
            link.due = 0;
            self.tell_link(row, tell::CLOSE);
        } else {
            link.due = due::GOODBYE;
            self.want(row);
        }
        self.arm_link(row);
    }

    fn detach_for(&mut self, row: usize, fault: Fault, by_peer: bool, retry_after: Span) {
        if self.links[row].upstream && by_peer && fault == Fault::IdentityClash {
            self.detach(row, retry_after);
            self.upstream.dial = Dial::Stopped;
            return;
        }
        self.detach(row, if by_peer { retry_after } else { Span::ZERO });
    }

    /// Lets go of what a link holds: its slot and ship, or our place at the upstream.
    pub(crate) fn detach(&mut self, row: usize, retry_after: Span) {
        if self.links[row].upstream {
            self.upstream_gone(row, retry_after);
        } else {
            self.downstream_gone(row);
        }
    }

    pub(crate) fn shutdown(&mut self, now: Time) {
        self.advance(now);
        self.seal();
        self.shut = true;
        self.upstream.dial = Dial::Stopped;
        self.tell &= !self_tell::DIAL;
        for row in 0..self.links.len() {
            if self.links[row].phase != Phase::Free {
                self.close(row, Fault::Shutdown, false, retry_after(Fault::Shutdown));
            }
        }
        // A view asked for now could not be opened: the host may not flush any more.
        self.drop_all_snapshots();
    }

    // --- timers ----------------------------------------------------------------------------------------------------

    fn idle(&self) -> u64 {
        mutant!(self.config, 26 => u64::MAX, else self.config.idle.0)
    }

    /// The next moment a link must be looked at.
    fn link_due(&self, row: usize) -> Option<Time> {
        let link = &self.links[row];
        let idle = self.idle();
        // In a handshake nobody beats, but who is not called each beat is taken to be away.
        let quiet = link.next_beat.min(self.clock.when(link.heard.saturating_add(idle)));
        match link.phase {
            Phase::Free => None,
            Phase::Closing => link.farewell.map(|farewell| farewell.linger),
            Phase::Hello | Phase::Join | Phase::Welcome | Phase::Admit => {
                let handshake = self.clock.when(link.asked().saturating_add(self.config.handshake.0));
                Some(handshake.min(quiet))
            }
            Phase::Waiting | Phase::Forked | Phase::Stream | Phase::Admitted => {
                let mut at = quiet;
                if link.outbox.told {
                    at = at.min(self.clock.when(link.outbox.offered_since.saturating_add(idle)));
                }
                Some(at)
            }
        }
    }

    pub(crate) fn arm_link(&mut self, row: usize) {
        if let Some(at) = self.link_due(row) {
            self.deadlines.arm(Self::link_subject(row), at.max(self.clock.now() + Span(1)));
        }
    }

    fn link_fires(&mut self, row: usize) {
        let (now, alive) = (self.clock.now(), self.clock.alive());
        let (idle, beat) = (self.idle(), self.config.beat);
        let link = &mut self.links[row];
        match link.phase {
            Phase::Free => return,
            Phase::Closing => {
                if link.farewell.is_some_and(|farewell| now >= farewell.linger) {
                    link.due = 0;
                    self.tell_link(row, tell::CLOSE);
                    return;
                }
            }
            Phase::Hello | Phase::Join | Phase::Welcome | Phase::Admit => {
                if alive >= link.asked().saturating_add(self.config.handshake.0) {
                    self.fault(row, Fault::HandshakeTimeout);
                } else if alive >= link.heard.saturating_add(idle) {
                    self.fault(row, Fault::Idle);
                } else if now >= link.next_beat {
                    link.next_beat = now + beat;
                }
            }
            Phase::Waiting | Phase::Forked | Phase::Stream | Phase::Admitted => {
                if alive >= link.heard.saturating_add(idle) {
                    self.fault(row, Fault::Idle);
                } else if link.outbox.told && alive >= link.outbox.offered_since.saturating_add(idle) {
                    self.fault(row, Fault::Stalled);
                } else if now >= link.next_beat {
                    link.next_beat = now + beat;
                    self.beat_due(row);
                }
            }
        }
        self.arm_link(row);
    }

    fn beat_due(&mut self, row: usize) {
        if self.links[row].upstream {
            self.owe(row, due::ACK);
            return;
        }
        self.links[row].beats += 1;
        self.owe(row, due::BEAT);
        mutant!(self.config, 9 => self.begin_again(row));
        mutant!(self.config, 24 => if self.role == crate::input::Role::Primary { self.append(&[]) });
        mutant!(self.config, 36 => self.expire_connected(row));
        if self.links[row].phase == Phase::Waiting {
            self.reconsider(row);
        }
    }

    fn reconnect_window(&self) -> Span {
        mutant!(self.config, 35 => self.shorter_window(), else self.config.reconnect_window)
    }

    pub(crate) fn arm_slot(&mut self, slot: usize) {
        if let Some(at) = self.slots.rows[slot].expires_at(self.reconnect_window()) {
            let source = self.slot_subject(slot);
            self.deadlines.arm(source, at.max(self.clock.now() + Span(1)));
        }
    }

    fn slot_fires(&mut self, slot: usize) {
        let expires = self.slots.rows[slot].expires_at(self.reconnect_window());
        if expires.is_some_and(|at| at <= self.clock.now()) {
            if self.slots.rows[slot].expired.is_none() {
                self.expire(slot);
                return;
            }
            // A former owner's end is still untold; this one's waits a moment for its turn.
            let source = self.slot_subject(slot);
            self.deadlines.arm(source, self.clock.now() + Span(1));
            return;
        }
        self.arm_slot(slot);
    }
}
