//! Snapshots: N2 at the source, N3, N4, N5, N6, S3 and S8 of installs.

use super::history::State;
use super::shadow::{Basis, Loading};
use super::*;

/// The core's least pause after the first snapshot; it doubles.
const PAUSE_LEAST_US: u64 = 500_000;

impl Oracle {
    pub(super) fn viewed(&mut self, t_us: u64, node: usize, snapshot: u64, at: At) {
        let ours = self.nodes[node].end();
        let sound = self.history.find(at).is_some_and(|state| self.history.leads_to(state, ours));
        if !sound {
            let text =
                format!("{} cut a view at {} that is not its history there", self.name(node), at.offset);
            return self.violate(Invariant::N2, t_us, node, text);
        }
        self.nodes[node].views.push((snapshot, t_us));
        self.views.opens(node, snapshot, at.offset);
        if self.nodes[node].views.len() > 2 {
            let text = format!("{} holds three views open", self.name(node));
            self.violate(Invariant::N3, t_us, node, text);
        }
    }

    pub(super) fn begun(&mut self, t_us: u64, node: usize, snapshot: u64, offset: u64) {
        self.views.is_read(snapshot);
        let old = self.nodes[node].loading;
        if let Some(old) = old.filter(|old| old.snapshot != snapshot && old.unbroken && !old.complete) {
            let text = format!(
                "{} was sent snapshot {snapshot:x} while {:x} was under way, at piece {}",
                self.name(node),
                old.snapshot,
                old.next_piece
            );
            return self.violate(Invariant::N6, t_us, node, text);
        }
        if old.is_some_and(|old| old.snapshot == snapshot) {
            // It goes on after a cut: the received pieces stay.
            return;
        }
        self.count_in_a_row(t_us, node);
        let shared =
            self.nodes.iter().any(|other| other.loading.is_some_and(|other| other.snapshot == snapshot));
        if shared {
            self.mark(Mark::SharedView);
        }
        self.margins.snapshots += 1;
        if self.nodes[node].has_caught_up_us.is_some() {
            self.mark(Mark::Overrun);
        }
        self.set_back(node, true);
        let shadow = &mut self.nodes[node];
        shadow.has_caught_up_us = None;
        shadow.loading = Some(Loading {
            snapshot,
            offset,
            next_piece: 0,
            complete: false,
            begun_us: t_us,
            unbroken: true,
        });
    }

    /// Judges the growing pause, which must show from the third snapshot without catching up between. The sender counts
    /// in the replica's slot: another sender, one that started anew or one that forgot the replica begins to count
    /// again.
    fn count_in_a_row(&mut self, t_us: u64, node: usize) {
        let shadow = &mut self.nodes[node];
        let upstream = shadow.upstream().map(|link| link.peer);
        if shadow.sender != upstream {
            (shadow.sender, shadow.in_a_row) = (upstream, 0);
        }
        shadow.in_a_row += 1;
        if shadow.in_a_row > 1 {
            self.marks |= Mark::SnapshotOverSnapshot.bit();
        }
        if shadow.in_a_row < 3 || shadow.installed_us == 0 {
            return;
        }
        let pause = t_us.saturating_sub(shadow.installed_us);
        let calm = upstream.and_then(|peer| self.disturbance.calm_since(node, peer));
        let undisturbed = calm.is_some_and(|since| since < self.nodes[node].installed_us);
        // A twin's acknowledgements are in the same slot: it may have caught up.
        let honest = upstream.is_some_and(|peer| !self.has_odd_clock(peer)) && !self.has_twin(node);
        if undisturbed && honest && pause < PAUSE_LEAST_US {
            let text = format!(
                "{} was sent snapshot {} in a row {pause} us after the last was installed",
                self.name(node),
                self.nodes[node].in_a_row
            );
            self.violate(Invariant::N6, t_us, node, text);
        }
    }

    pub(super) fn piece(&mut self, t_us: u64, node: usize, snapshot: u64, piece: u64, last: bool) {
        let Some(loading) = self.nodes[node].loading else {
            let text = format!("{} received piece {piece} of a snapshot that never began", self.name(node));
            return self.violate(Invariant::N4, t_us, node, text);
        };
        let wrong = if loading.snapshot != snapshot {
            // Two on one connection; or the rest of one, taken for the beginning of another.
            Some(if loading.unbroken { Invariant::N3 } else { Invariant::N4 })
        } else if loading.next_piece != piece || loading.complete {
            Some(Invariant::N4)
        } else {
            None
        };
        if let Some(invariant) = wrong {
            let text = format!(
                "{} received piece {piece} of {snapshot:x}; piece {} of {:x} was next",
                self.name(node),
                loading.next_piece,
                loading.snapshot
            );
            return self.violate(invariant, t_us, node, text);
        }
        if !loading.unbroken {
            self.mark(Mark::SnapshotResumed);
        }
        let loading = self.nodes[node].loading.as_mut().expect("just seen");
        (loading.next_piece, loading.complete) = (piece + 1, last);
    }

    pub(super) fn installed(&mut self, t_us: u64, node: usize, state: State) {
        let Some(loading) = self.nodes[node].loading.take() else {
            let text = format!("{} installed a snapshot that never began", self.name(node));
            return self.violate(Invariant::N4, t_us, node, text);
        };
        let forked = self.nodes[node].forked_to.take().is_some();
        let shadow = &self.nodes[node];
        let back = forked || shadow.goes_back;
        let old = shadow.visible;
        let (one, other) = (self.history.history_of(old), self.history.history_of(state));
        let foreign = one.is_some() && other.is_some() && one != other;
        let violated = if !loading.complete {
            Some((Invariant::N4, "its last piece never came"))
        } else if loading.offset != state.offset {
            Some((Invariant::N2, "it was announced at another offset"))
        } else if foreign && !shadow.consents {
            Some((Invariant::S8, "it is of another history, and nobody consented"))
        } else if !back && self.history.leads_to(state, old) && state.offset < old.offset {
            Some((Invariant::N6, "it is older than what it replaced"))
        } else {
            None
        };
        if let Some((invariant, words)) = violated {
            let text = format!(
                "{} installed a snapshot at {} over {} records: {words}",
                self.name(node),
                state.offset,
                old.offset
            );
            return self.violate(invariant, t_us, node, text);
        }
        self.mark(Mark::Snapshot);
        let from_relay =
            self.nodes[node].upstream().is_some_and(|link| self.plan.nodes[link.peer].upstream.is_some());
        if from_relay {
            self.mark(Mark::Cascaded);
        }
        let shadow = &mut self.nodes[node];
        shadow.installed += 1;
        shadow.installed_us = t_us;
        shadow.log = state;
        self.replaces(node, state);
        self.set_back(node, true);
        self.stand(node, state);
    }

    pub(super) fn caught_up(&mut self, node: usize) {
        self.mark(Mark::CaughtUp);
        self.nodes[node].in_a_row = 0;
        self.nodes[node].has_caught_up_us = Some(self.calm.now_us());
    }

    pub(super) fn spool(&mut self, t_us: u64, node: usize, bytes: u64) {
        let bound = self.bounds.spool + self.bounds.window + 2 * self.bounds.frame;
        if bytes > bound {
            let text = format!("{} spools {bytes} bytes; its bound is {bound}", self.name(node));
            self.violate(Invariant::N5, t_us, node, text);
        }
    }

    pub(super) fn flight(&mut self, t_us: u64, node: usize, peer: usize, stream: u64, pieces: u64) {
        let stream_bound = self.bounds.window + self.bounds.frame;
        let piece_bound = self.bounds.piece_window + self.bounds.piece_frame;
        let within = |times: u64| stream <= times * stream_bound && pieces <= times * piece_bound;
        let remembered = &mut self.nodes[node].remembered[peer];
        if remembered.basis == Basis::Answered && within(1) {
            remembered.basis = Basis::Settled;
        }
        let times = if remembered.basis == Basis::Settled { 1 } else { 2 };
        if !within(times) {
            let text = format!(
                "{stream} stream bytes and {pieces} piece bytes are under way to {} untaken; the bounds are \
                 {stream_bound} and {piece_bound}",
                self.name(peer)
            );
            self.violate(Invariant::F1, t_us, node, text);
        }
    }
}
