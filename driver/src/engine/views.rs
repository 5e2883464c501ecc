//! Open views of the store, and the pieces that are cut from them.
//!
//! Invariants: a view is open from [`Event::SnapshotWanted`](towline_core::Event) until `SnapshotDone`, at the store's
//! last commit; a piece serves every replica that waits for it.
//!
//! Bounds: the core keeps two views at most and asks for a piece of each transfer at most; [`PIECES`] are cut in a
//! turn.

use std::collections::VecDeque;

use towline_core::{Input, SnapshotId};
use tracing::{info, warn};

use super::replicated::ReplicatedStore;
use crate::store::{Size, Store, View};

/// Pieces cut in one turn.
const PIECES: usize = 2;

/// The open views.
#[derive(Default)]
pub(crate) struct Views {
    open: Vec<(SnapshotId, Box<dyn View>)>,
    asked: VecDeque<(SnapshotId, u64)>,
    piece: Vec<u8>,
    /// The reason why the last view could not be opened.
    refused: Option<String>,
}

impl Views {
    /// Returns how many are open.
    pub(crate) fn len(&self) -> usize {
        self.open.len()
    }

    /// Opens a view at the newest boundary.
    pub(crate) fn open<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>, snapshot: SnapshotId) {
        let view = match replicated.view() {
            Ok(view) => view,
            Err(error) => return self.refuse(replicated, snapshot, &error.to_string()),
        };
        let said = replicated.say(Input::SnapshotReady { snapshot, cursor: view.cursor(), bytes: None });
        match said {
            Ok(_) => {
                self.refused = None;
                info!("snapshot {snapshot}{} is open", described(replicated.store.size()));
                debug_assert!(
                    self.open.iter().all(|(open, _)| *open != snapshot),
                    "a number is given out once"
                );
                self.open.push((snapshot, view));
            }
            Err(misuse) => {
                warn!("snapshot {snapshot}: {misuse}");
                // The node knows this number: it asked.
                drop(replicated.say(Input::SnapshotFailed { snapshot, retry: true }));
            }
        }
    }

    /// Refuses a view. Replicas ask again and again, so the reason is logged once.
    fn refuse<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>, snapshot: SnapshotId, why: &str) {
        if self.refused.as_deref() != Some(why) {
            warn!("snapshot {snapshot} cannot be opened: {why}");
            self.refused = Some(why.to_owned());
        }
        // The node knows this number: it asked.
        drop(replicated.say(Input::SnapshotFailed { snapshot, retry: false }));
    }

    pub(crate) fn ask(&mut self, snapshot: SnapshotId, piece: u64) {
        if !self.asked.contains(&(snapshot, piece)) {
            self.asked.push_back((snapshot, piece));
        }
    }

    pub(crate) fn done(&mut self, snapshot: SnapshotId) {
        self.open.retain(|(open, _)| *open != snapshot);
        self.asked.retain(|(asked, _)| *asked != snapshot);
        debug_assert!(!self.asked.iter().any(|(asked, _)| *asked == snapshot));
        if self.open.is_empty() {
            self.piece = Vec::new();
        }
    }

    /// Cuts a turn's share of pieces. Returns true if more are asked for.
    pub(crate) fn cut<S: Store>(&mut self, replicated: &mut ReplicatedStore<S>) -> bool {
        let bytes_max = replicated.node.config().options().piece_bytes_max as usize;
        for _ in 0..PIECES {
            let Some((snapshot, piece)) = self.asked.pop_front() else { break };
            let Some((_, view)) = self.open.iter_mut().find(|(open, _)| *open == snapshot) else { continue };
            let last = view.piece(piece, bytes_max, &mut self.piece);
            let said = replicated.say(Input::SnapshotPiece { snapshot, piece, data: &self.piece, last });
            if let Err(misuse) = said {
                warn!("piece {piece} of snapshot {snapshot}: {misuse}");
                drop(replicated.say(Input::SnapshotFailed { snapshot, retry: false }));
            }
        }
        !self.asked.is_empty()
    }
}

/// Describes a state in a log line.
fn described(size: Size) -> String {
    size.entries.map_or_else(String::new, |count| format!(" of {count} entries"))
}
