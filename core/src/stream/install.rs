//! A snapshot arrives: admitted, begun, received piece by piece, installed by the host.

use crate::cursor::Decoded;
use crate::error::{Fault, Misuse};
use crate::id::{Offset, SnapshotId};
use crate::input::{Payload, PayloadKind, Step};
use crate::limits::HEAD_BYTES;
use crate::links::{Control, Links, Up};
use crate::shared::Shared;
use crate::stream::Stream;
use crate::stream::receive::mark;
use crate::wire::control::Begin;
use crate::wire::fields::u64_at;
use crate::wire::join::{Admit, Verdict};
use crate::wire::{FLAG_LAST, Head, PIECE_BODY_BYTES, verify};

impl Stream {
    /// Follows an ADMIT by which a snapshot comes, or goes on, with a tail beside it or without.
    pub(super) fn snapshot_comes(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        admit: &Admit,
        step: &mut Step,
    ) -> Result<(), Fault> {
        let tail = admit.verdict == Verdict::Snapshot;
        let held = self.upstream.receiving.as_ref();
        if held.is_some_and(|held| held.id == admit.snapshot && held.next_piece == admit.next_piece) {
            if tail {
                self.stands_at(admit)?;
                self.go_with(links, shared, row, admit);
            }
            let held = self.upstream.receiving.as_mut().expect("just seen");
            held.tail_stopped = !tail;
            self.upstream.streaming = tail;
            return Ok(());
        }
        if self.upstream.base && admit.snapshot == self.upstream.installed && admit.next_piece > 0 {
            return self.news_of_installed(links, shared, row, admit, tail);
        }
        let foreign = self.upstream.base && admit.history != self.log.history;
        if foreign && !self.upstream.adopt {
            return Err(Fault::HistoryDiffers);
        }
        if admit.next_piece != 0 {
            return Err(Fault::PieceOrder);
        }
        let (fork, replaces) = self.upstream.replaced(&self.log, admit);
        if let Some(fork) = fork {
            step.payload = Some(mark(PayloadKind::Fork, fork.0, 0));
        }
        // Without a fork all of ours is in the sender's history; of another history nothing is.
        let kept = if foreign { Offset(0) } else { fork.unwrap_or(Offset(u64::MAX)) };
        self.rebase(links, shared, kept);
        let epochs = admit.epochs.cut(admit.from.boundary, admit.from.epoch);
        self.log.reset(admit.history, admit.from, if epochs.is_empty() { &admit.epochs } else { &epochs });
        self.upstream.stand_before(admit, replaces, self.log.sealed(), tail);
        self.go_with(links, shared, row, admit);
        self.upstream.streaming = tail;
        assert!(!self.upstream.base && !self.admitted(), "nobody is fed from a state that is not whole");
        Ok(())
    }

    /// The sender does not know yet that its snapshot is installed: the stream goes on beside it, or stopped.
    fn news_of_installed(
        &mut self,
        links: &mut Links,
        shared: &mut Shared,
        row: usize,
        admit: &Admit,
        tail: bool,
    ) -> Result<(), Fault> {
        assert!(self.upstream.base, "an installed snapshot is a base");
        if tail {
            self.stands_at(admit)?;
            self.go_with(links, shared, row, admit);
        } else {
            self.ask_to_join(links, shared, row);
        }
        Ok(())
    }

    pub(crate) fn on_begin(&mut self, frame: &[u8], step: &mut Step) -> Result<(), Fault> {
        let begin = Begin::decode(&frame[HEAD_BYTES..])?;
        let decoded = Decoded::from_bytes(begin.cursor).ok_or(Fault::Malformed)?;
        let receiving = self.upstream.receiving.as_mut().filter(|receiving| receiving.id == begin.snapshot);
        let receiving = receiving.ok_or(Fault::PieceOrder)?;
        if decoded.history != self.log.history {
            return Err(Fault::HistoryDiffers);
        }
        if let Some(begun) = &receiving.begun {
            // A resumed snapshot begins again on the wire; the host has begun long ago.
            return if *begun == decoded { Ok(()) } else { Err(Fault::SnapshotDiffers) };
        }
        if !receiving.fits(&self.log, decoded.position) {
            return Err(Fault::SnapshotDiffers);
        }
        assert!(receiving.next_piece == 0, "pieces come after BEGIN");
        let first = decoded.position.boundary.0;
        step.position = Some(decoded.position);
        step.payload = Some(Payload {
            range: Begin::CURSOR_AT..frame.len(),
            first,
            count: 0,
            kind: PayloadKind::Begin,
            snapshot: begin.snapshot,
        });
        receiving.begun = Some(decoded);
        Ok(())
    }

    pub(crate) fn on_piece(
        &mut self,
        links: &mut Links,
        head: &Head,
        frame: &[u8],
        step: &mut Step,
    ) -> Result<(), Fault> {
        let (snapshot, piece) = (SnapshotId(u64_at(frame, HEAD_BYTES)), u64_at(frame, HEAD_BYTES + 8));
        let receiving = self.upstream.receiving.as_mut().ok_or(Fault::PieceOrder)?;
        receiving.expects(snapshot, piece)?;
        verify(frame, receiving.chain, head.check)?;
        self.upstream.pieces.receive(frame.len() as u64)?;
        let last = head.flags & FLAG_LAST != 0;
        receiving.note(head.check, last, self.upstream.pieces.received);
        links.note_progress();
        let kind = if last { PayloadKind::LastPiece } else { PayloadKind::Piece };
        let range = HEAD_BYTES + PIECE_BODY_BYTES..frame.len();
        step.payload = Some(Payload { range, first: piece, count: 0, kind, snapshot });
        Ok(())
    }

    /// Checks that this snapshot is the one under way, and complete.
    pub(crate) fn may_be_installed(&self, snapshot: SnapshotId) -> Result<(), Misuse> {
        let receiving = self.upstream.receiving.as_ref().filter(|receiving| receiving.id == snapshot);
        let receiving = receiving.ok_or(Misuse::UnknownSnapshot)?;
        if receiving.complete { Ok(()) } else { Err(Misuse::NotAsked) }
    }

    /// Takes note that the host installed the snapshot under way: the log is there, or behind the tail beside it.
    pub(crate) fn installed(&mut self, links: &mut Links, shared: &mut Shared) {
        let receiving = self.upstream.receiving.take().expect("checked by may_be_installed");
        self.upstream.installed = receiving.id;
        let begun = receiving.begun.expect("pieces come after BEGIN");
        let at = begun.position.boundary;
        let differs = self.log.find(at).is_some_and(|place| place.digest != begun.position.digest);
        debug_assert!(!differs, "BEGIN and each batch were checked against each other");
        let reaches = at <= self.log.end();
        let (taken, persisted) = (self.upstream.taken, self.upstream.persisted);
        if reaches {
            self.upstream.stand_on(at, self.log.sealed());
            self.upstream.taken = taken;
        } else {
            self.log.reset(begun.history, begun.position, &begun.epochs);
            self.upstream.stand_on(at, self.log.sealed());
        }
        self.upstream.persisted = persisted;
        self.upstream.adopt = false;
        self.upstream.admitted = reaches && self.upstream.streaming;
        assert!(self.upstream.base && at <= self.log.end(), "the log stands there, or behind its tail");
        let asked = links.upstream_in(Up::Admit);
        if let Some(row) = asked.or(links.upstream_in(Up::Admitted)) {
            if asked.is_some() || receiving.tail_stopped || !reaches {
                // A JOIN that was not answered yet named the position before.
                self.ask_to_join(links, shared, row);
            } else {
                links.add_pending(shared, row, Control::Ack);
            }
        }
        self.note_caught_up(shared);
        self.reconsider_all(links, shared);
    }
}
