//! A snapshot arrives: admitted, begun, received piece by piece, installed by the host.

use crate::cursor::Decoded;
use crate::error::{Fault, Misuse};
use crate::id::{Offset, SnapshotId};
use crate::input::{Kind, Payload, Step};
use crate::limits::HEAD_BYTES;
use crate::links::{Phase, due};
use crate::node::Node;
use crate::stream::receiving::{Receiving, Replaced};
use crate::time::Time;
use crate::wire::control::Begin;
use crate::wire::fields::u64_at;
use crate::wire::join::{Admit, Verdict};
use crate::wire::{FLAG_LAST, Head, PIECE_BODY_BYTES, verify};

impl Node {
    pub(crate) fn snapshot_comes(&mut self, row: usize, admit: &Admit, step: &mut Step) -> Result<(), Fault> {
        let tail = admit.verdict == Verdict::Snapshot;
        let held = self.upstream.receiving.as_ref();
        if held.is_some_and(|held| held.id == admit.snapshot && held.next_piece == admit.next_piece) {
            if tail {
                self.stands_at(admit)?;
                self.go_with(row, admit);
            }
            let held = self.upstream.receiving.as_mut().expect("just seen");
            held.tail_stopped = !tail;
            self.upstream.streaming = tail;
            return Ok(());
        }
        if self.upstream.base && admit.snapshot == self.upstream.installed && admit.next_piece > 0 {
            return self.news_of_installed(row, admit, tail);
        }
        let foreign = self.upstream.base && admit.history != self.log.history;
        if foreign && !self.upstream.adopt && !mutant!(self.config, 4) {
            return Err(Fault::HistoryDiffers);
        }
        if admit.next_piece != 0 {
            return Err(Fault::PieceOrder);
        }
        let (fork, replaces) = self.replaced(admit);
        if let Some(fork) = fork {
            step.payload = Some(Self::mark(Kind::Fork, fork.0, 0));
        }
        self.rebase();
        let epochs = admit.epochs.cut(admit.from.boundary, admit.from.epoch);
        self.log.reset(admit.history, admit.from, if epochs.is_empty() { &admit.epochs } else { &epochs });
        mutant!(self.config, 111 => self.move_readers());
        let upstream = &mut self.upstream;
        let (stream, pieces) = (upstream.stream, upstream.pieces);
        upstream.stand_on(Offset(0), self.log.sealed());
        upstream.taken = (admit.from.boundary, self.log.sealed());
        upstream.base = false;
        upstream.fork = None;
        // Without a tail the log stands nowhere until the snapshot is installed.
        upstream.receiving = Some(Receiving::new(admit.snapshot, !tail, replaces));
        // What the old ground had under way is released with it.
        upstream.stream.released = stream.received;
        upstream.pieces.released = pieces.received;
        upstream.streaming = false;
        self.go_with(row, admit);
        self.upstream.streaming = tail;
        Ok(())
    }

    /// What a new snapshot will replace, and where the history parts from that, if the sender said that it parts.
    fn replaced(&mut self, admit: &Admit) -> (Option<Offset>, Option<Replaced>) {
        if self.upstream.base {
            let replaced = Replaced { epochs: self.log.epochs.clone(), end: self.log.end() };
            return (admit.fork, Some(replaced));
        }
        // The sender knows the ground of a snapshot that is given up, not what stands beside it.
        let replaced = self.upstream.receiving.take().and_then(|receiving| receiving.replaces);
        let parting = replaced.as_ref().and_then(|replaced| replaced.parting(&admit.epochs));
        (parting.filter(|_| admit.fork.is_some()), replaced)
    }

    /// The sender does not know yet that its snapshot is installed: the stream goes on beside it, or stopped.
    fn news_of_installed(&mut self, row: usize, admit: &Admit, tail: bool) -> Result<(), Fault> {
        if tail {
            self.stands_at(admit)?;
            self.go_with(row, admit);
        } else {
            self.ask_to_join(row);
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
            // A resumed snapshot says again what it is; the host has begun long ago.
            return if *begun == decoded { Ok(()) } else { Err(Fault::SnapshotDiffers) };
        }
        let first = decoded.position.boundary.0;
        step.position = Some(decoded.position);
        step.payload = Some(Payload {
            range: Begin::CURSOR_AT..frame.len(),
            first,
            count: 0,
            kind: Kind::Begin,
            snapshot: begin.snapshot,
        });
        receiving.begun = Some(decoded);
        mutant!(self.config, 12 => self.upstream.planted.hide_begin(step));
        Ok(())
    }

    pub(crate) fn on_piece(&mut self, head: &Head, frame: &[u8], step: &mut Step) -> Result<(), Fault> {
        let (snapshot, piece) = (SnapshotId(u64_at(frame, HEAD_BYTES)), u64_at(frame, HEAD_BYTES + 8));
        let receiving = self.upstream.receiving.as_mut().ok_or(Fault::PieceOrder)?;
        receiving.expects(snapshot, piece)?;
        verify(frame, receiving.chain, head.check)?;
        self.upstream.pieces.receive(frame.len() as u64)?;
        let last = head.flags & FLAG_LAST != 0;
        receiving.note(head.check, last, self.upstream.pieces.received);
        self.upstream.attempt = 0;
        let kind = if last { Kind::LastPiece } else { Kind::Piece };
        let range = HEAD_BYTES + PIECE_BODY_BYTES..frame.len();
        step.payload = Some(Payload { range, first: piece, count: 0, kind, snapshot });
        Ok(())
    }

    pub(crate) fn installed(&mut self, now: Time, snapshot: SnapshotId) -> Result<Step, Misuse> {
        let receiving = self.upstream.receiving.as_ref().filter(|receiving| receiving.id == snapshot);
        let Some(receiving) = receiving else {
            return Err(Misuse::UnknownSnapshot);
        };
        if !receiving.complete {
            return Err(Misuse::NotAsked);
        }
        self.advance(now);
        let receiving = self.upstream.receiving.take().expect("just seen");
        self.upstream.installed = snapshot;
        mutant!(self.config, 12 => self.upstream.planted.installed());
        let ground = receiving.begun.expect("pieces come after BEGIN");
        let at = ground.position.boundary;
        let differs = self.log.find(at).is_some_and(|place| place.digest != ground.position.digest);
        let reaches = at <= self.log.end() && !differs;
        let (taken, persisted) = (self.upstream.taken, self.upstream.persisted);
        if reaches {
            self.upstream.stand_on(at, self.log.sealed());
            self.upstream.taken = taken;
        } else {
            self.log.reset(ground.history, ground.position, &ground.epochs);
            self.upstream.stand_on(at, self.log.sealed());
        }
        self.upstream.persisted = mutant!(self.config, 133 => self.upstream.persisted, else persisted);
        self.upstream.adopt = false;
        self.upstream.admitted = reaches && self.upstream.streaming;
        let phase = self.upstream.link.map(|row| self.links[row].phase);
        let asked = phase == Some(Phase::Admit);
        if let Some(row) = self.upstream.link.filter(|_| asked || phase == Some(Phase::Admitted)) {
            if differs {
                self.fault(row, Fault::SnapshotDiffers);
            } else if asked || receiving.tail_stopped || !reaches {
                // A JOIN that was not answered yet spoke of the ground before.
                self.ask_to_join(row);
            } else {
                self.owe(row, due::ACK);
            }
        }
        self.note_caught_up();
        self.reconsider_all();
        Ok(Step { position: Some(self.log.position()), ..Step::default() })
    }
}
