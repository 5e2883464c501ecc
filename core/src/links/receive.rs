//! Bytes in: one frame at a time, from its head to the room that reads it.
//!
//! A frame's length is bounded by its kind and phase before anything waits for it; its check is verified before
//! anything reads its body, except that of a batch and of a piece, which the log and the snapshot chain. Which frame
//! may come in which phase is decided here and nowhere else.

use crate::config::Config;
use crate::error::Fault;
use crate::input::{Next, Step};
use crate::limits::{BATCH_HEAD_BYTES, HEAD_BYTES, SCRATCH_BYTES};
use crate::links::{Down, Link, Links, Phase, Up};
use crate::shared::Shared;
use crate::wire::{FrameKind, Head, PIECE_BODY_BYTES, decode_head, verify};

/// A frame that may come now, by the room that reads it: the body of a control frame, or a whole frame.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arrival<'a> {
    /// No room reads it.
    Skipped,
    Hello(&'a [u8]),
    Welcome(&'a [u8]),
    Goodbye(&'a [u8]),
    Join(&'a [u8]),
    Ack(&'a [u8]),
    Admit(&'a [u8]),
    Beat(&'a [u8]),
    Batch(&'a [u8]),
    Begin(&'a [u8]),
    Piece(&'a [u8]),
}

impl Links {
    /// Notes how many unread bytes the host shows on a link.
    #[inline]
    pub(crate) fn note_shown(&mut self, shared: &Shared, row: usize, bytes: usize) {
        let link = &mut self.rows[row];
        if bytes > link.shown {
            link.received_at = shared.clock.alive();
        }
        link.shown = bytes;
    }

    /// Notes how many of them were taken.
    #[inline]
    pub(crate) fn note_used(&mut self, row: usize, used: usize) {
        let link = &mut self.rows[row];
        link.shown -= used.min(link.shown);
    }

    /// Reads the head of the next frame. Returns it if all of its frame is here; if not, `step` says what is needed.
    pub(crate) fn head(
        &self,
        config: &Config,
        row: usize,
        data: &[u8],
        step: &mut Step,
    ) -> Result<Option<Head>, Fault> {
        if data.len() < HEAD_BYTES {
            step.need = HEAD_BYTES;
            return Ok(None);
        }
        let link = &self.rows[row];
        let shaken = link.handshake_done();
        let head = decode_head(data).map_err(|fault| if shaken { fault } else { Fault::BadMagic })?;
        link.bound(config, &head)?;
        if !shaken && !matches!(head.kind, Some(FrameKind::Hello | FrameKind::Welcome | FrameKind::Goodbye)) {
            return Err(Fault::NotShaken);
        }
        let length = head.length as usize;
        if data.len() < length {
            step.need = length;
            return Ok(None);
        }
        (step.used, step.next) = (length, Next::Again);
        if data.len() - length < HEAD_BYTES {
            (step.next, step.need) = (Next::NeedBytes, HEAD_BYTES);
        }
        debug_assert!(step.used <= data.len() && HEAD_BYTES <= step.used, "a frame is used whole");
        Ok(Some(head))
    }

    /// Decides which room reads a frame. `rejoined`: we asked to join more than once on the upstream link.
    pub(crate) fn sort<'a>(
        &self,
        row: usize,
        head: &Head,
        frame: &'a [u8],
        rejoined: bool,
    ) -> Result<Arrival<'a>, Fault> {
        let Some(kind) = head.kind else {
            return verify(frame, 0, head.check).map(|()| Arrival::Skipped);
        };
        let chained = matches!(kind, FrameKind::Batch | FrameKind::Piece);
        if !chained {
            verify(frame, 0, head.check)?;
        }
        let phase = self.rows[row].phase;
        let body = &frame[HEAD_BYTES..];
        let (joined, joining) = (
            phase == Phase::Downstream(Down::Joined),
            matches!(phase, Phase::Downstream(Down::Join | Down::Joined)),
        );
        let (admitted, asking) =
            (phase == Phase::Upstream(Up::Admitted), phase == Phase::Upstream(Up::Admit));
        match kind {
            FrameKind::Goodbye => Ok(Arrival::Goodbye(body)),
            FrameKind::Hello if phase == Phase::Downstream(Down::Hello) => Ok(Arrival::Hello(body)),
            FrameKind::Hello => Err(Fault::SecondHello),
            FrameKind::Welcome if phase == Phase::Upstream(Up::Welcome) => Ok(Arrival::Welcome(body)),
            FrameKind::Join if joining => Ok(Arrival::Join(body)),
            FrameKind::Ack if joined => Ok(Arrival::Ack(body)),
            FrameKind::Admit if admitted || asking => Ok(Arrival::Admit(body)),
            FrameKind::Beat if admitted || asking => Ok(Arrival::Beat(body)),
            FrameKind::Batch if admitted => Ok(Arrival::Batch(frame)),
            FrameKind::Begin if admitted => Ok(Arrival::Begin(frame)),
            FrameKind::Piece if admitted => Ok(Arrival::Piece(frame)),
            // We joined again, from another position: what left before that was read there is of no use, and counts in
            // no window. Nothing else comes unasked.
            FrameKind::Batch | FrameKind::Begin | FrameKind::Piece if asking && rejoined => {
                Ok(Arrival::Skipped)
            }
            FrameKind::Welcome
            | FrameKind::Join
            | FrameKind::Ack
            | FrameKind::Admit
            | FrameKind::Beat
            | FrameKind::Batch
            | FrameKind::Begin
            | FrameKind::Piece => Err(Fault::Unexpected),
        }
    }
}

impl Link {
    /// Checks a frame's length against its kind.
    fn bound(&self, config: &Config, head: &Head) -> Result<(), Fault> {
        let bulk = matches!(head.kind, Some(FrameKind::Batch | FrameKind::Piece));
        if bulk && self.may_hold_a_replica() {
            // Bulk only flows down: nobody waits for megabytes that would be refused.
            return Err(Fault::Unexpected);
        }
        let (least, most) = match head.kind {
            Some(FrameKind::Batch) => (BATCH_HEAD_BYTES, config.frame_bytes_max() as usize),
            Some(FrameKind::Piece) => {
                (HEAD_BYTES + PIECE_BODY_BYTES, config.piece_frame_bytes_max() as usize)
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
}
