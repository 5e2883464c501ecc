//! Beginnings, timers and ends of links.

use crate::deadline::Timer;
use crate::error::{Fault, Misuse};
use crate::events::LinkFact;
use crate::id::LinkId;
use crate::input::Side;
use crate::links::{Closing, Control, Down, Link, Links, Peer, Phase, Up};
use crate::set::EnumSet;
use crate::shared::Shared;
use crate::time::{Span, Time};

/// Returns how long a peer is asked to stay away.
pub(crate) fn retry_after(fault: Fault) -> Span {
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

/// The result of a link's timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// The row is free, or its link's end is to be notified: no timer is wanted.
    Over,
    /// Nothing is due yet.
    Nothing,
    /// A beat is due to a replica.
    Beat,
    /// An acknowledgement is due to the upstream, as a sign of life.
    Ack,
    /// The link must end.
    Fault(Fault),
}

impl Link {
    /// Returns since when an answer is awaited, on the clock of silence. The answer to a JOIN on a link that has
    /// streamed comes behind the bytes under way: as long as bytes come, it may be among the next ones.
    fn asked(&self) -> u64 {
        if self.phase == Phase::Upstream(Up::Admit) { self.opened.max(self.received_at) } else { self.opened }
    }

    /// Returns whether the peer's next step of the handshake is awaited.
    fn in_handshake(&self) -> bool {
        match self.phase {
            Phase::Downstream(Down::Hello | Down::Join) | Phase::Upstream(Up::Welcome | Up::Admit) => true,
            Phase::Free
            | Phase::Closing(_)
            | Phase::Downstream(Down::Joined)
            | Phase::Upstream(Up::Admitted) => false,
        }
    }
}

impl Links {
    // --- beginnings ------------------------------------------------------------------------------------------------

    /// Returns the row of a link that may be opened now.
    pub(crate) fn may_open(&self, link: LinkId, side: Side) -> Result<usize, Misuse> {
        let free = self.get(link).ok_or(Misuse::LinkOutOfRange)?.is_free();
        if !free {
            return Err(Misuse::LinkBusy);
        }
        if self.shut {
            return Err(Misuse::ShutDown);
        }
        if side == Side::Upstream {
            self.may_fail_to_dial()?;
        }
        Ok(link.row())
    }

    /// Opens a link. Returns whether there is room for it; if not it is to be closed as one too many.
    pub(crate) fn open(&mut self, shared: &mut Shared, row: usize, side: Side) -> bool {
        let open = self.rows.iter().filter(|link| !link.is_free()).count();
        let alive = shared.clock.alive();
        let opened = &mut self.rows[row];
        assert!(opened.is_free(), "checked by may_open");
        (opened.opened, opened.received_at) = (alive, alive);
        opened.outbox.offered(alive);
        opened.next_beat = shared.clock.now() + shared.config.options().beat;
        match side {
            Side::Upstream => {
                opened.phase = Phase::Upstream(Up::Welcome);
                self.upstream = Some(row);
                self.dial_no_more();
                self.add_pending(shared, row, Control::Hello);
                true
            }
            Side::Downstream => {
                opened.phase = Phase::Downstream(Down::Hello);
                open < shared.config.options().links_max as usize
            }
        }
    }

    /// Takes note that the peer has joined.
    pub(crate) fn joined(&mut self, shared: &mut Shared, row: usize) {
        assert!(self.rows[row].may_hold_a_replica(), "a replica joins after its HELLO");
        self.rows[row].phase = Phase::Downstream(Down::Joined);
        self.rows[row].next_beat = shared.clock.now() + shared.config.options().beat;
        self.arm(shared, row);
    }

    /// Asks to join: the answer has a handshake's time from here on.
    pub(crate) fn ask_to_join(&mut self, shared: &mut Shared, row: usize) {
        let link = &mut self.rows[row];
        assert!(matches!(link.phase, Phase::Upstream(_)), "only a replica joins");
        link.phase = Phase::Upstream(Up::Admit);
        link.next_beat = shared.clock.now() + shared.config.options().beat;
        link.opened = shared.clock.alive();
        self.add_pending(shared, row, Control::Join);
        self.arm(shared, row);
    }

    /// Takes note that the upstream answered our JOIN.
    pub(crate) fn admitted(&mut self, row: usize) {
        assert!(matches!(self.rows[row].phase, Phase::Upstream(_)), "only an upstream admits us");
        self.rows[row].phase = Phase::Upstream(Up::Admitted);
    }

    // --- timers ----------------------------------------------------------------------------------------------------

    fn idle(shared: &Shared) -> u64 {
        shared.config.options().idle.0
    }

    /// Returns the next moment that a link must be looked at.
    fn due_at(&self, shared: &Shared, row: usize) -> Option<Time> {
        let link = &self.rows[row];
        let (clock, idle) = (&shared.clock, Self::idle(shared));
        match link.phase {
            Phase::Free => return None,
            Phase::Closing(closing) => return Some(closing.linger),
            Phase::Downstream(_) | Phase::Upstream(_) => {}
        }
        // In a handshake nobody beats, but a host that is not called each beat counts as away.
        let quiet = link.next_beat.min(clock.when(link.received_at.saturating_add(idle)));
        let other = if link.in_handshake() {
            Some(link.asked().saturating_add(shared.config.options().handshake.0))
        } else {
            link.outbox.notified_since().map(|since| since.saturating_add(idle))
        };
        Some(other.map_or(quiet, |other| quiet.min(clock.when(other))))
    }

    pub(crate) fn arm(&mut self, shared: &mut Shared, row: usize) {
        if let Some(at) = self.due_at(shared, row) {
            shared.arm_later(Timer::Link(row), at);
        }
    }

    /// Looks at a link whose timer fired.
    pub(crate) fn lapse(&mut self, shared: &mut Shared, row: usize) -> Lapse {
        let (now, alive) = (shared.clock.now(), shared.clock.alive());
        let (idle, handshake) = (Self::idle(shared), shared.config.options().handshake.0);
        let link = &mut self.rows[row];
        let in_handshake = link.in_handshake();
        match link.phase {
            Phase::Free => return Lapse::Over,
            Phase::Closing(closing) if now >= closing.linger => {
                self.close_now(shared, row);
                return Lapse::Over;
            }
            Phase::Closing(_) => return Lapse::Nothing,
            Phase::Downstream(_) | Phase::Upstream(_) => {}
        }
        if in_handshake && alive >= link.asked().saturating_add(handshake) {
            return Lapse::Fault(Fault::HandshakeTimeout);
        }
        if alive >= link.received_at.saturating_add(idle) {
            return Lapse::Fault(Fault::Idle);
        }
        let stalled = |since: u64| alive >= since.saturating_add(idle);
        if !in_handshake && link.outbox.notified_since().is_some_and(stalled) {
            return Lapse::Fault(Fault::Stalled);
        }
        if now < link.next_beat {
            return Lapse::Nothing;
        }
        link.next_beat = now + shared.config.options().beat;
        if in_handshake {
            // Nobody beats in a handshake.
            return Lapse::Nothing;
        }
        match link.side() {
            Some(Side::Upstream) => Lapse::Ack,
            Some(Side::Downstream) | None => Lapse::Beat,
        }
    }

    /// Sends a beat on a link to a replica.
    pub(crate) fn beat(&mut self, shared: &mut Shared, row: usize) {
        debug_assert!(self.rows[row].is_joined(), "beats are for replicas that joined");
        self.rows[row].beats += 1;
        self.add_pending(shared, row, Control::Beat);
    }

    // --- ends ------------------------------------------------------------------------------------------------------

    /// Ends a link that nothing holds any more: the goodbye leaves or lingers, or its end is notified at once.
    pub(crate) fn close(
        &mut self,
        shared: &mut Shared,
        row: usize,
        fault: Fault,
        by_peer: bool,
        pause: Span,
    ) {
        let link = &mut self.rows[row];
        assert!(!link.is_closing(), "a link ends once");
        let side = link.side().expect("an open link leads somewhere");
        let linger = shared.clock.now() + shared.config.options().linger;
        link.phase = Phase::Closing(Closing { side, fault, by_peer, retry_after: pause, linger });
        // A piece's buffer goes with its transfer; a half-sent piece cannot be followed by a goodbye.
        let half_sent = link.outbox.drop_piece();
        if by_peer || half_sent {
            self.close_now(shared, row);
        } else {
            link.pending = EnumSet::only(Control::Goodbye);
            self.notify_wants_write(shared, row);
        }
        self.arm(shared, row);
    }

    /// Notifies the end: no goodbye can leave any more.
    pub(crate) fn close_now(&mut self, shared: &mut Shared, row: usize) {
        assert!(self.rows[row].is_closing(), "its end has a reason");
        self.rows[row].pending = EnumSet::EMPTY;
        shared.events.notify_link(row, LinkFact::Close);
    }

    /// The upstream's link ended. Returns whether that was this row.
    pub(crate) fn leave_upstream(&mut self, row: usize) -> bool {
        let was = self.upstream == Some(row);
        if was {
            self.upstream = None;
        }
        was
    }

    /// Opens and dials no more.
    pub(crate) fn shut(&mut self) {
        self.shut = true;
        self.stop_dialling();
        debug_assert!(self.may_fail_to_dial().is_err(), "no dial is under way");
    }

    /// Frees a row.
    pub(crate) fn free(&mut self, shared: &mut Shared, row: usize) {
        assert!(self.upstream != Some(row), "the upstream's link was let go");
        let link = &mut self.rows[row];
        assert!(!link.is_free(), "a row is freed once");
        link.outbox.clear();
        link.phase = Phase::Free;
        (link.pending, link.shown, link.peer) = (EnumSet::EMPTY, 0, Peer::default());
        shared.events.forget_link(row);
    }
}
