//! The state that a snapshot replaces, named in the log before it happens and when it has.
//!
//! Three cases: an older state of the same history (nothing to say), a state with records that left the history (a
//! fork), and the data of another history (adopted, because an operator said so). The last two are kept aside by a
//! store on disk, the newest of each; a store in memory keeps neither, and the log says that.

use towline_core::{Cursor, HistoryId, Offset};
use tracing::{info, warn};

use super::replicated::ReplicatedStore;
use crate::store::{Replaced, Store};

impl<S: Store> ReplicatedStore<S> {
    /// Records that our history differs from the upstream's at `from` on; a snapshot follows.
    pub(crate) fn note_fork(&mut self, from: Offset) {
        let ours = self.store.cursor().and_then(Cursor::describe);
        let parts = ours.filter(|(_, position)| position.boundary > from);
        self.receive.fork = parts.map(|(_, position)| (position.epoch.number(), from, position.boundary));
        if let Some((epoch, from, end)) = self.receive.fork {
            warn!(
                "records {from} to {end} of epoch {epoch} are not in the upstream's history: a snapshot replaces them"
            );
        }
    }

    /// Returns the history of the data here, if there are any and a snapshot of `theirs` replaces it by that of
    /// another.
    fn adopted(&self, theirs: HistoryId) -> Option<(HistoryId, Offset)> {
        let (ours, position) = self.store.cursor().and_then(Cursor::describe)?;
        (ours != theirs && self.store.size().entries != Some(0)).then_some((ours, position.boundary))
    }

    /// Logs what a snapshot of another history will replace, when it begins to come in.
    pub(crate) fn announce_adoption(&self, cursor: &[u8]) {
        let Some((theirs, _)) = Cursor::describe(cursor) else { return };
        if let Some((ours, at)) = self.adopted(theirs) {
            let (addr, data) = (self.upstream.addr().unwrap_or("the upstream"), self.data());
            warn!(
                "adopting history {theirs} of {addr}: when its snapshot is complete it replaces the data here, \
                 {data} of history {ours} at {at}"
            );
        }
    }

    /// Describes the data here for a log line.
    fn data(&self) -> String {
        self.store.size().entries.map_or_else(|| "the records".to_owned(), |count| format!("{count} entries"))
    }

    /// Returns the state that the loaded snapshot, the node's history now, replaces.
    pub(crate) fn replaced(&mut self) -> Replaced {
        let theirs = self.node.stats().history;
        if let Some((history, at)) = self.adopted(theirs) {
            self.receive.fork = None;
            let data = self.data();
            if self.persisted_place().is_some() {
                warn!(
                    "adopted history {theirs}: {data} of history {history} at {at} are replaced, and kept in \
                     replaced-{history}"
                );
            } else {
                warn!(
                    "adopted history {theirs}: {data} of history {history} at {at} are replaced; a store in \
                     memory keeps no copy of them"
                );
            }
            return Replaced::Adopted { history };
        }
        match self.receive.fork.take() {
            Some((epoch, from, end)) => {
                self.receive.forked = Some((epoch, from, end));
                info!("records {from} to {end} of epoch {epoch} left the history");
                Replaced::Forked { epoch, from, end }
            }
            None => Replaced::Outdated,
        }
    }
}
