//! What the host did with what it was handed: taken, applied, persisted, rewound; and the acknowledgement that says so.

use crate::error::{Fault, Misuse};
use crate::id::Offset;
use crate::input::{Role, Step};
use crate::links::outbox::Stage;
use crate::links::{Phase, due};
use crate::node::Node;
use crate::time::Time;
use crate::wire::control::Ack;

impl Node {
    pub(crate) fn ack(&mut self) -> Ack {
        let upstream = &mut self.upstream;
        let counted = |offset: Offset| if upstream.base { offset } else { Offset(0) };
        let ack = Ack {
            admit: upstream.admit,
            base: upstream.base,
            volatile: !self.config.persists,
            received: self.log.end(),
            applied: counted(mutant!(self.config, 110 =>
                upstream.planted.applied(upstream.applied, self.log.end()), else upstream.applied)),
            persisted: counted(mutant!(self.config, 134 =>
                upstream.planted.applied(upstream.persisted, upstream.applied), else upstream.persisted)),
            stream_released: upstream.stream.released,
            pieces_released: mutant!(self.config, 136 =>
                upstream.planted.less(upstream.pieces.released), else upstream.pieces.released),
            echo: upstream.echo,
        };
        (upstream.stream.told, upstream.pieces.told) = (ack.stream_released, ack.pieces_released);
        ack
    }

    pub(crate) fn completed(
        &mut self,
        now: Time,
        taken: Offset,
        applied: Option<Offset>,
        persisted: Option<Offset>,
    ) -> Result<(), Misuse> {
        let (taken, applied, persisted) = mutant!(self.config, 32 =>
            self.within(taken, applied, persisted), else (taken, applied, persisted));
        if self.upstream.base && taken > self.log.next() {
            return Err(Misuse::NeverHandedOut);
        }
        self.advance(now);
        if !self.upstream.base {
            // Late news of the state that a snapshot is about to replace.
            return Ok(());
        }
        let before = (self.upstream.applied, self.upstream.persisted, self.upstream.taken);
        self.take(taken);
        let upstream = &mut self.upstream;
        upstream.applied = upstream.applied.max(applied.unwrap_or_default());
        upstream.persisted = upstream.persisted.max(persisted.unwrap_or_default());
        mutant!(self.config, 19 => upstream.applied = applied.unwrap_or(upstream.applied));
        mutant!(self.config, 19 => upstream.persisted = upstream.persisted.min(upstream.applied));
        if before != (upstream.applied, upstream.persisted, upstream.taken) {
            self.owe_ack();
        }
        Ok(())
    }

    pub(crate) fn taken(&mut self, now: Time, upto: Offset, pieces: u64) -> Result<(), Misuse> {
        let handed_out = self.upstream.receiving.as_ref().map_or(0, |receiving| receiving.next_piece);
        let ahead = upto > self.log.next() && !mutant!(self.config, 32);
        if ahead || pieces > handed_out && self.upstream.receiving.is_some() {
            return Err(Misuse::NeverHandedOut);
        }
        self.advance(now);
        let before = (self.upstream.taken, self.upstream.pieces.released);
        mutant!(self.config, 119 => {}, else self.take(upto));
        if let Some(receiving) = &mut self.upstream.receiving {
            let released = receiving.take(pieces);
            self.upstream.pieces.released = released.unwrap_or(0).max(self.upstream.pieces.released);
        }
        if before != (self.upstream.taken, self.upstream.pieces.released) {
            self.owe_ack();
        }
        Ok(())
    }

    /// Frees the window of the frames the host took.
    fn take(&mut self, upto: Offset) {
        if self.role == Role::Primary {
            return;
        }
        let (mut boundary, mut at) = self.upstream.taken;
        while at < self.log.sealed() {
            let (after, end) = self.log.frame_ends(at);
            if end > upto {
                break;
            }
            (boundary, at) = (end, after);
        }
        self.upstream.taken = (boundary, at);
        let untaken = self.log.sealed() - at;
        let stream = &mut self.upstream.stream;
        stream.released = stream.released.max(stream.received.saturating_sub(untaken));
    }

    pub(crate) fn owe_ack(&mut self) {
        if let Some(row) = self.upstream.link.filter(|row| self.links[*row].phase == Phase::Admitted) {
            self.owe(row, due::ACK);
        }
    }

    pub(crate) fn rewound(&mut self, now: Time) -> Result<Step, Misuse> {
        let Some(to) = self.upstream.fork else {
            return Err(Misuse::NotAsked);
        };
        self.advance(now);
        self.upstream.fork = None;
        mutant!(self.config, 110 => self.upstream.planted.rewound(self.upstream.applied));
        mutant!(self.config, 134 => self.upstream.planted.rewound(self.upstream.persisted));
        self.rebase();
        self.log.rewind(to);
        mutant!(self.config, 111 => self.move_readers());
        let persisted = self.upstream.persisted.min(to.boundary);
        self.upstream.stand_on(to.boundary, self.log.sealed());
        self.upstream.persisted = persisted;
        if let Some(row) = self.upstream.link.filter(|row| self.links[*row].phase == Phase::Admitted) {
            self.ask_to_join(row);
        }
        Ok(Step { position: Some(self.log.position()), ..Step::default() })
    }

    /// We go back, or to other ground: who stands on ours must return and wait.
    pub(crate) fn rebase(&mut self) {
        mutant!(self.config, 111 => return self.hold_readers());
        for row in 0..self.links.len() {
            let phase = self.links[row].phase;
            if phase.joined() || phase == Phase::Join {
                self.fault(row, Fault::Rebased);
            }
        }
        for row in 0..self.links.len() {
            // A goodbye follows the rest of a frame, and the ring is about to forget it.
            if matches!(self.links[row].outbox.stage, Stage::Ring { .. }) {
                self.leave_ring(row);
            }
        }
        self.drop_all_snapshots();
    }
}
