//! Connections: opened, lost, the bytes that come over them. And time, which ends them.

use crate::deadline::Timer;
use crate::error::{Fault, Misuse};
use crate::id::LinkId;
use crate::input::{Next, Side, Step};
use crate::links::Control;
use crate::links::handshake::read_goodbye;
use crate::links::life::Lapse;
use crate::links::receive::Arrival;
use crate::node::Node;
use crate::shared::Shared;
use crate::time::{Span, Time};

impl Node {
    /// Moves time: clamps, counts silence, fires what is due. Each source fires at most once a call, because firing
    /// arms it strictly later.
    #[inline]
    pub(super) fn advance(&mut self, now: Time) {
        let Shared { config, clock, timers, .. } = &mut self.shared;
        if now != clock.now() {
            clock.advance(now, config.options().beat);
        }
        if timers.first().is_some_and(|first| first <= clock.now()) {
            self.fire_due();
        }
        debug_assert!(
            self.shared.timers.first().is_none_or(|first| first > self.shared.clock.now()),
            "firing arms strictly later"
        );
    }

    fn fire_due(&mut self) {
        while let Some(timer) = self.shared.timers.pop_due(self.shared.clock.now()) {
            match timer {
                Timer::Redial => self.links.redial_due(&mut self.shared),
                Timer::Link(row) => self.link_due(row),
                Timer::Slot(slot) => self.stream.slot_due(&mut self.shared, slot),
            }
        }
    }

    fn link_due(&mut self, row: usize) {
        let Self { shared, links, stream } = self;
        match links.lapse(shared, row) {
            Lapse::Over => return,
            Lapse::Nothing => {}
            Lapse::Beat => stream.beat(links, shared, row),
            Lapse::Ack => links.add_pending(shared, row, Control::Ack),
            Lapse::Fault(fault) => stream.fault(links, shared, row, fault),
        }
        links.arm(shared, row);
    }

    pub(super) fn opened(&mut self, now: Time, link: LinkId, side: Side) -> Result<(), Misuse> {
        let row = self.links.may_open(link, side)?;
        self.advance(now);
        let Self { shared, links, stream } = self;
        if !links.open(shared, row, side) {
            stream.fault(links, shared, row, Fault::Full);
        }
        links.arm(shared, row);
        debug_assert!(!links[row].is_free() && links[row].side() == Some(side), "the row is taken");
        Ok(())
    }

    pub(super) fn lost(&mut self, now: Time, link: LinkId) -> Result<(), Misuse> {
        let row = self.links.open_row(link)?;
        self.advance(now);
        // Time alone may have ended it; then only the row is left to free.
        if !self.links[row].is_closing() {
            self.stream.let_go(&mut self.links, &mut self.shared, row, Span::ZERO);
        }
        self.free(row);
        debug_assert!(self.links[row].is_free() && self.links.upstream() != Some(row));
        Ok(())
    }

    pub(super) fn free(&mut self, row: usize) {
        self.links.free(&mut self.shared, row);
        self.stream.forget(row);
    }

    pub(super) fn dial_failed(&mut self, now: Time) -> Result<(), Misuse> {
        self.links.may_fail_to_dial()?;
        self.advance(now);
        self.links.back_off(&mut self.shared, Span::ZERO);
        Ok(())
    }

    pub(super) fn bytes(&mut self, now: Time, link: LinkId, data: &[u8]) -> Result<Step, Misuse> {
        let row = self.links.open_row(link)?;
        self.advance(now);
        let mut step = Step::default();
        if self.links[row].is_closing() {
            step.next = Next::Closed;
            return Ok(step);
        }
        self.links.note_shown(&self.shared, row, data.len());
        if let Err(fault) = self.frame(row, data, &mut step) {
            self.stream.fault(&mut self.links, &mut self.shared, row, fault);
            step = Step { next: Next::Closed, ..Step::default() };
        }
        self.links.note_used(row, step.used);
        self.shared.counters.bytes_received += step.used as u64;
        if self.links[row].is_closing() {
            step.next = Next::Closed;
        }
        let inside = step.payload.as_ref().is_none_or(|payload| payload.range.end <= step.used);
        debug_assert!(inside && step.used <= data.len(), "a payload lies in the frame that was used");
        Ok(step)
    }

    /// Takes at most one frame, and hands it to the room that reads it.
    fn frame(&mut self, row: usize, data: &[u8], step: &mut Step) -> Result<(), Fault> {
        let Self { shared, links, stream } = self;
        let Some(head) = links.head(&shared.config, row, data, step)? else {
            return Ok(());
        };
        stream.saw(shared, head.epoch_number);
        let frame = &data[..head.length as usize];
        match links.sort(row, &head, frame, stream.rejoined())? {
            Arrival::Skipped => Ok(()),
            Arrival::Hello(body) => links.on_hello(shared, row, body),
            Arrival::Welcome(body) => {
                let history = links.on_welcome(&shared.config, row, body)?;
                stream.welcomed(links, shared, row, history);
                Ok(())
            }
            Arrival::Goodbye(body) => {
                stream.closed_by_peer(links, shared, row, read_goodbye(body)?);
                Ok(())
            }
            Arrival::Join(body) => stream.on_join(links, shared, row, body),
            Arrival::Ack(body) => stream.on_ack(links, shared, row, body),
            Arrival::Admit(body) => stream.on_admit(links, shared, row, body, step),
            Arrival::Beat(body) => stream.on_beat(links, shared, body),
            Arrival::Batch(frame) => stream.on_batch(links, shared, &head, frame, step),
            Arrival::Begin(frame) => stream.on_begin(frame, step),
            Arrival::Piece(frame) => stream.on_piece(links, &head, frame, step),
        }
    }
}
