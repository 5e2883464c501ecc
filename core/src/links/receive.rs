//! Bytes in: one frame at a time, from its head to the room that reads it. And HELLO, WELCOME, GOODBYE.

use crate::error::{Fault, Misuse};
use crate::id::{LinkId, SnapshotId};
use crate::input::{Next, Payload, Step};
use crate::limits::{BATCH_HEAD_BYTES, HEAD_BYTES, RETRY_AFTER_MAX_NS, SCRATCH_BYTES};
use crate::links::{Peer, Phase, due};
use crate::node::{Node, self_tell};
use crate::time::{Span, Time};
use crate::wire::control::Goodbye;
use crate::wire::hello::Hello;
use crate::wire::{FrameKind, Head, decode_head, verify};

impl Node {
    pub(crate) fn bytes(&mut self, now: Time, link: LinkId, data: &[u8]) -> Result<Step, Misuse> {
        let row = self.open_link(link)?;
        self.advance(now);
        let mut step = Step::default();
        if self.links[row].phase == Phase::Closing {
            step.next = Next::Closed;
            return Ok(step);
        }
        let life = data.len() > self.links[row].seen;
        if life && !mutant!(self.config, 27 | 125) {
            self.links[row].heard = self.clock.alive();
        }
        self.links[row].seen = data.len();
        if let Err(fault) = self.frame(row, data, &mut step) {
            self.fault(row, fault);
            step = Step { next: Next::Closed, ..Step::default() };
        }
        if mutant!(self.config, 125) && step.used > 0 {
            self.links[row].heard = self.clock.alive();
        }
        self.links[row].seen -= step.used.min(self.links[row].seen);
        self.counters.bytes_received += step.used as u64;
        if self.links[row].phase == Phase::Closing {
            step.next = Next::Closed;
        }
        Ok(step)
    }

    fn frame(&mut self, row: usize, data: &[u8], step: &mut Step) -> Result<(), Fault> {
        if data.len() < HEAD_BYTES {
            step.need = HEAD_BYTES;
            return Ok(());
        }
        mutant!(self.config, 126 => if let Some(believed) = Self::believed(data) {
            *step = believed;
            return Ok(());
        });
        let shaken = self.links[row].phase.shaken();
        let head = decode_head(data).map_err(|fault| if shaken { fault } else { Fault::BadMagic })?;
        self.bound(row, &head)?;
        let length = head.length as usize;
        if !shaken && !matches!(head.kind, Some(FrameKind::Hello | FrameKind::Welcome | FrameKind::Goodbye)) {
            return Err(Fault::NotShaken);
        }
        if data.len() < length {
            step.need = length;
            return Ok(());
        }
        let frame = &data[..length];
        (step.used, step.next) = (length, Next::Again);
        if data.len() - length < HEAD_BYTES {
            (step.next, step.need) = (Next::NeedBytes, HEAD_BYTES);
        }
        if head.epoch_number > self.seen {
            self.saw(head.epoch_number);
        }
        self.dispatch(row, &head, frame, step)
    }

    /// A frame's length is bounded by its kind before anything waits for it.
    fn bound(&self, row: usize, head: &Head) -> Result<(), Fault> {
        let bulk = matches!(head.kind, Some(FrameKind::Batch | FrameKind::Piece));
        if bulk && self.links[row].phase.shaken() && !self.links[row].upstream {
            // Bulk only flows down: nobody waits for megabytes that would be refused.
            return Err(Fault::Unexpected);
        }
        let (least, most) = match head.kind {
            Some(FrameKind::Batch) => (BATCH_HEAD_BYTES, self.config.frame_bytes_max() as usize),
            Some(FrameKind::Piece) => {
                (HEAD_BYTES + crate::wire::PIECE_BODY_BYTES, self.config.piece_frame_bytes_max() as usize)
            }
            Some(
                FrameKind::Hello
                | FrameKind::Welcome
                | FrameKind::Join
                | FrameKind::Admit
                | FrameKind::Goodbye
                | FrameKind::Beat
                | FrameKind::Ack
                | FrameKind::Begin,
            )
            | None => (HEAD_BYTES, SCRATCH_BYTES),
        };
        let length = head.length as usize;
        if (least..=most).contains(&length) { Ok(()) } else { Err(Fault::FrameLength) }
    }

    fn dispatch(&mut self, row: usize, head: &Head, frame: &[u8], step: &mut Step) -> Result<(), Fault> {
        let Some(kind) = head.kind else {
            return verify(frame, 0, head.check);
        };
        if !matches!(kind, FrameKind::Batch | FrameKind::Piece) {
            verify(frame, 0, head.check)?;
        }
        let body = &frame[HEAD_BYTES..];
        let phase = self.links[row].phase;
        let down = phase == Phase::Join || phase.joined();
        match (kind, phase) {
            (FrameKind::Goodbye, _) => self.on_goodbye(row, body),
            (FrameKind::Hello, Phase::Hello) => self.on_hello(row, body),
            (FrameKind::Hello, _) => Err(Fault::SecondHello),
            (FrameKind::Welcome, Phase::Welcome) => self.on_welcome(row, body),
            (FrameKind::Join, _) if down => self.on_join(row, body),
            (FrameKind::Ack, _) if phase.joined() => self.on_ack(row, body),
            (FrameKind::Admit, Phase::Admit | Phase::Admitted) => self.on_admit(row, body, step),
            (FrameKind::Beat, Phase::Admit | Phase::Admitted) => self.on_beat(body),
            (FrameKind::Batch, Phase::Admitted) => self.on_batch(head, frame, step),
            (FrameKind::Begin, Phase::Admitted) => self.on_begin(frame, step),
            (FrameKind::Piece, Phase::Admitted) => self.on_piece(head, frame, step),
            // We joined again, from other ground: what left before that was read there is of no use, and counts in no
            // window. Nothing else comes unasked.
            (FrameKind::Batch | FrameKind::Begin | FrameKind::Piece, Phase::Admit)
                if self.upstream.joins > 1 =>
            {
                Ok(())
            }
            _ => Err(Fault::Unexpected),
        }
    }

    /// A payload without bytes or records.
    pub(crate) fn mark(kind: crate::input::Kind, first: u64, count: u32) -> Payload {
        Payload { range: 0..0, first, count, kind, snapshot: SnapshotId(0) }
    }

    /// A higher epoch number was seen somewhere: it travels up, and a primary's host is told.
    pub(crate) fn saw(&mut self, number: u32) {
        if number > self.seen {
            self.seen = number;
            if self.role == crate::input::Role::Primary {
                self.tell_self(self_tell::OUTRANKED);
            }
        }
    }

    fn on_hello(&mut self, row: usize, body: &[u8]) -> Result<(), Fault> {
        let hello = Hello::decode(body)?;
        if hello.node == self.id {
            return Err(Fault::SameNode);
        }
        let frames = hello.frame_bytes_max >= self.config.frame_bytes_max();
        let pieces = hello.piece_bytes_max >= self.config.piece_bytes_max;
        if !frames || !pieces || hello.window_bytes == 0 || hello.piece_window_bytes == 0 {
            return Err(Fault::FrameLimit);
        }
        self.links[row].peer = peer_of(&hello);
        self.links[row].phase = Phase::Join;
        self.owe(row, due::WELCOME);
        Ok(())
    }

    fn on_welcome(&mut self, row: usize, body: &[u8]) -> Result<(), Fault> {
        let hello = Hello::decode(body)?;
        if hello.node == self.id {
            return Err(Fault::SameNode);
        }
        if hello.frame_bytes_max > self.config.frame_bytes_max()
            || hello.piece_bytes_max > self.config.piece_bytes_max
        {
            return Err(Fault::FrameLimit);
        }
        self.links[row].peer = peer_of(&hello);
        let upstream = &mut self.upstream;
        (upstream.peer_history, upstream.admit, upstream.joins) = (hello.history, 0, 0);
        upstream.stale_beats = 0;
        self.ask_to_join(row);
        Ok(())
    }

    fn on_goodbye(&mut self, row: usize, body: &[u8]) -> Result<(), Fault> {
        let goodbye = Goodbye::decode(body)?;
        let retry_after = Span(goodbye.retry_after.0.min(RETRY_AFTER_MAX_NS));
        self.close(row, goodbye.fault, true, retry_after);
        Ok(())
    }
}

fn peer_of(hello: &Hello) -> Peer {
    Peer {
        node: hello.node,
        incarnation: hello.incarnation,
        window_bytes: hello.window_bytes,
        piece_window_bytes: hello.piece_window_bytes,
    }
}
