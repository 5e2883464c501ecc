//! The verbs of a host over its log: it writes, changes its role, completes what it was handed, opens views.
//!
//! Each verb asks the log first whether it makes sense, then moves time, then acts.

use crate::error::{Fault, Misuse};
use crate::events::NodeFact;
use crate::id::{Offset, SnapshotId};
use crate::input::Step;
use crate::links::life::retry_after;
use crate::node::Node;
use crate::stream::completions::Completed;
use crate::time::Time;

impl Node {
    // --- a primary -------------------------------------------------------------------------------------------------

    #[inline]
    fn may_write(&self) -> Result<(), Misuse> {
        if self.links.is_shut() { Err(Misuse::ShutDown) } else { self.stream.may_write() }
    }

    pub(super) fn write(&mut self, now: Time, data: &[u8]) -> Result<Step, Misuse> {
        self.may_write()?;
        if data.len() as u64 > u64::from(self.shared.config.options().record_bytes_max) {
            return Err(Misuse::RecordTooLong);
        }
        self.advance(now);
        let before = self.stream.next();
        self.stream.append(&mut self.links, &mut self.shared, data);
        debug_assert!(self.stream.next().0 == before.0 + 1, "a record is one offset");
        Ok(Step { offset: Some(self.stream.next()), ..Step::default() })
    }

    pub(super) fn flush(&mut self, now: Time) -> Result<Step, Misuse> {
        self.may_write()?;
        self.advance(now);
        self.stream.seal(&self.shared.clock);
        debug_assert!(self.stream.position().boundary == self.stream.next(), "no open batch is left");
        Ok(self.position())
    }

    /// Returns the step of an input that moved the position.
    fn position(&self) -> Step {
        Step { position: Some(self.stream.position()), ..Step::default() }
    }

    pub(super) fn promote(&mut self, now: Time) -> Result<Step, Misuse> {
        if self.links.is_shut() {
            return Err(Misuse::ShutDown);
        }
        self.stream.may_promote()?;
        self.advance(now);
        self.stream.promote(&mut self.links, &mut self.shared);
        debug_assert!(self.links.upstream().is_none(), "a primary has no upstream");
        Ok(self.position())
    }

    pub(super) fn follow(&mut self, now: Time, adopt: bool) -> Result<(), Misuse> {
        if self.links.is_shut() {
            return Err(Misuse::ShutDown);
        }
        self.advance(now);
        self.stream.follow(&mut self.links, &mut self.shared, adopt);
        Ok(())
    }

    pub(super) fn shutdown(&mut self, now: Time) {
        self.advance(now);
        let Self { shared, links, stream } = self;
        stream.seal(&shared.clock);
        links.shut();
        shared.events.drop_of_node(NodeFact::Dial);
        for row in 0..links.len() {
            if !links[row].is_free() {
                stream.close(links, shared, row, Fault::Shutdown, retry_after(Fault::Shutdown));
            }
        }
        debug_assert!((0..links.len()).all(|row| links[row].is_free() || links[row].is_closing()));
        // A view asked for now could not be opened: the host may not flush any more.
        stream.drop_all_views(links, shared);
    }

    // --- completions -----------------------------------------------------------------------------------------------

    pub(super) fn completed(
        &mut self,
        now: Time,
        upto: Offset,
        persisted: Option<Offset>,
    ) -> Result<(), Misuse> {
        self.stream.may_complete(upto)?;
        self.advance(now);
        let done = Completed { taken: upto, applied: upto, persisted };
        self.stream.completed(&mut self.links, &mut self.shared, done);
        Ok(())
    }

    pub(super) fn taken(&mut self, now: Time, upto: Offset, pieces: u64) -> Result<(), Misuse> {
        self.stream.may_take(upto, pieces)?;
        self.advance(now);
        self.stream.taken(&mut self.links, &mut self.shared, upto, pieces);
        Ok(())
    }

    pub(super) fn rewound(&mut self, now: Time) -> Result<Step, Misuse> {
        let to = self.stream.may_rewind()?;
        self.advance(now);
        self.stream.rewound(&mut self.links, &mut self.shared, to);
        Ok(self.position())
    }

    pub(super) fn installed(&mut self, now: Time, snapshot: SnapshotId) -> Result<Step, Misuse> {
        self.stream.may_be_installed(snapshot)?;
        self.advance(now);
        self.stream.installed(&mut self.links, &mut self.shared);
        Ok(self.position())
    }

    pub(super) fn snapshot_ready(
        &mut self,
        now: Time,
        snapshot: SnapshotId,
        cursor: &[u8],
        bytes: Option<u64>,
    ) -> Result<(), Misuse> {
        let at = self.stream.may_be_ready(snapshot, cursor)?;
        self.advance(now);
        self.stream.view_ready(&mut self.links, &mut self.shared, snapshot, (&at, bytes));
        Ok(())
    }

    pub(super) fn snapshot_piece(
        &mut self,
        now: Time,
        piece: (SnapshotId, u64),
        data: &[u8],
        last: bool,
    ) -> Result<(), Misuse> {
        self.stream.issued(piece.0)?;
        if data.len() > self.shared.config.options().piece_bytes_max as usize || (data.is_empty() && !last) {
            return Err(Misuse::PieceLength);
        }
        self.advance(now);
        self.stream.view_piece(&mut self.links, &mut self.shared, piece, data, last);
        Ok(())
    }

    pub(super) fn snapshot_failed(
        &mut self,
        now: Time,
        snapshot: SnapshotId,
        retry: bool,
    ) -> Result<(), Misuse> {
        self.stream.issued(snapshot)?;
        self.advance(now);
        self.stream.view_failed(&mut self.links, &mut self.shared, snapshot, retry);
        Ok(())
    }
}
