//! The answer to a JOIN: B2, N8, S8, and the point of a fork.

use super::shadow::Basis;
use super::*;

impl Oracle {
    pub(super) fn asked(
        &mut self,
        t_us: u64,
        node: usize,
        peer: usize,
        (have, start, end): (u64, u64, u64),
        answer: Answer,
    ) {
        self.handed.asks(node, peer);
        self.views.excuse(node);
        let again =
            |link: &super::shadow::Link| !link.upstream && link.peer == peer && link.joined_us.is_some();
        let rejoined = self.nodes[node].links.iter().any(again);
        let remembered = &mut self.nodes[node].remembered[peer];
        (remembered.fresh, remembered.expired) = (true, false);
        if rejoined {
            remembered.basis = Basis::Asked;
        }
        if answer == Answer::Wait {
            self.mark(Mark::Waited);
        }
        let holds_it = self.history.leads_to(self.nodes[peer].visible, self.nodes[node].end());
        self.nodes[peer].goes_back = have == u64::MAX && !holds_it;
        if have == u64::MAX || answer == Answer::Refused {
            return;
        }
        if matches!(answer, Answer::Forked | Answer::Snapshot) {
            self.discards(t_us, node, peer);
        }
        let verdict = self.answered(node, peer, (have, start, end), answer);
        if let Some((invariant, text)) = verdict {
            return self.violate(invariant, t_us, node, text);
        }
        if answer == Answer::Continue && have > 0 {
            self.mark(Mark::Resumed);
        }
    }

    /// Returns the violation in an answer, if there is one.
    fn answered(
        &self,
        node: usize,
        peer: usize,
        (have, start, end): (u64, u64, u64),
        answer: Answer,
    ) -> Option<(Invariant, String)> {
        let on_line = self.lies_on(peer, have, node);
        let (invariant, words) = match (answer, on_line) {
            (Answer::Continue, Some(false)) => (Invariant::S8, "what it holds is not on this history"),
            (Answer::Continue, _) if have < start || have > end => {
                (Invariant::B2, "that lies outside the ring")
            }
            (Answer::Forked, Some(true)) if have <= end => {
                (Invariant::B2, "what it holds is on this history")
            }
            (Answer::Snapshot, Some(true)) if (start..=end).contains(&have) => {
                (Invariant::N8, "the stream could have gone on")
            }
            (Answer::Wait, Some(true)) if self.is_sure(node) && (start..=end).contains(&have) => {
                (Invariant::B2, "the stream could have gone on")
            }
            (
                Answer::Continue | Answer::Forked | Answer::Snapshot | Answer::Wait | Answer::Refused,
                Some(_) | None,
            ) => return None,
        };
        let text = format!(
            "{} answered {} at {have} with {answer:?}, its ring from {start} to {end}: {words}",
            self.plan.nodes[node].name, self.plan.nodes[peer].name
        );
        Some((invariant, text))
    }

    /// Returns whether a node is a primary that has nothing to wait for: it is not about to follow another.
    fn is_sure(&self, node: usize) -> bool {
        self.nodes[node].role == Role::Primary
    }

    /// Returns whether the records of a replica up to `have` lie on a node's line; unknown where only the replica knows
    /// what it received beyond its visible state.
    fn lies_on(&self, peer: usize, have: u64, node: usize) -> Option<bool> {
        let (theirs, ours) = (self.nodes[peer].end(), self.nodes[node].end());
        let (one, other) = (self.history.history_of(theirs), self.history.history_of(ours));
        if one.is_some() && other.is_some() && one != other {
            return Some(false);
        }
        if self.history.is_one_line() {
            return Some(true);
        }
        let parting = self.history.parting(theirs, ours).offset;
        if have <= theirs.offset && have <= ours.offset {
            return Some(have <= parting);
        }
        // One of them is ahead of its visible state. They parted for certain only if both go on past the parting.
        (parting < theirs.offset.min(ours.offset)).then_some(have <= parting)
    }

    pub(super) fn forked(&mut self, t_us: u64, node: usize, offset: u64, rewinds: bool) {
        if !rewinds {
            self.mark(Mark::ForkSnapshot);
        }
        if rewinds {
            // Also where a reader never saw the lost records: batches that came and wait.
            self.set_back(node, true);
            self.handed.goes_back(node, offset);
        }
        let Some(upstream) = self.nodes[node].upstream().map(|link| link.peer) else {
            return;
        };
        if self.plan.nodes[upstream].upstream.is_some() {
            self.mark(Mark::Cascaded);
        }
        let (ours, theirs) = (self.nodes[node].end(), self.nodes[upstream].end());
        let parting = self.history.parting(ours, theirs).offset;
        let exact = self.nodes[upstream].role == Role::Primary && parting < ours.offset.min(theirs.offset);
        if offset < parting || (exact && offset != parting) {
            let text = format!(
                "{} was answered that it parted from {} at {offset}; it parted at {parting}",
                self.name(node),
                self.name(upstream)
            );
            return self.violate(Invariant::B2, t_us, node, text);
        }
        self.nodes[node].forked_to = Some(offset);
    }
}
