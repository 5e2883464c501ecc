//! Admission: how a sender goes on with a replica. Pure, exact in both directions.
//!
//! Two logs part at X, the lesser of their ends in the newest epoch both tables hold. X = have: continue iff the ring
//! reaches from there (and the digests agree), too old iff it does not. X < have: a fork, unless X is only how far a
//! relay itself has come. Nobody makes a peer discard records of a newer epoch than its own.

use crate::epochs::{EpochTable, Parting};
use crate::error::Fault;
use crate::id::{HistoryId, Offset, Position};
use crate::wire::join::Join;

/// The sender.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ours<'a> {
    pub(crate) history: HistoryId,
    pub(crate) epochs: &'a EpochTable,
    pub(crate) start: Offset,
    pub(crate) end: Offset,
    /// Its end in its last epoch can only grow by its own will.
    pub(crate) primary: bool,
    /// A primary, or a replica its own upstream admitted.
    pub(crate) admitted: bool,
}

/// A decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Go on from its position.
    Continue,
    /// It must go back to X.
    Fork(Position),
    /// It needs a snapshot; with X, if its log parts from ours there.
    Snapshot(Option<Offset>),
    /// Not now.
    Wait,
    /// Not at all.
    Refuse(Fault),
}

/// Decides. `position_at` returns the position of a boundary in the ring.
pub(crate) fn decide(
    ours: Ours<'_>,
    join: &Join,
    position_at: impl Fn(Offset) -> Option<Position>,
) -> Decision {
    let have = join.position.boundary;
    if ours.history.is_none() {
        return Decision::Wait;
    }
    if join.history.is_none() {
        return if ours.admitted { Decision::Snapshot(None) } else { Decision::Wait };
    }
    if join.history != ours.history {
        return match (join.adopt, ours.admitted) {
            (false, _) => Decision::Refuse(Fault::HistoryDiffers),
            (true, true) => Decision::Snapshot(None),
            (true, false) => Decision::Wait,
        };
    }
    let stale = join.epochs.number_with_records(have) > ours.epochs.number();
    let discard = |decision| match (stale, ours.admitted) {
        (true, _) => Decision::Refuse(Fault::Stale),
        (false, true) => decision,
        (false, false) => Decision::Wait,
    };
    // Logs of one history agree where nothing was written, whichever empty epochs stood there.
    let at_the_begin = (have == Offset(0) && join.base).then_some(Parting { at: have, in_our_last: false });
    let parting = ours.epochs.parting(ours.end, &join.epochs, have).or(at_the_begin);
    let Some(Parting { at: parting, in_our_last }) = parting else {
        return discard(Decision::Snapshot(None));
    };
    if parting == have {
        if have < ours.start {
            return discard(Decision::Snapshot(None));
        }
        return match position_at(have) {
            Some(here) if here.digest == join.position.digest => Decision::Continue,
            // Equal epochs and other bytes: somebody's disk or memory lied. Never continue on it.
            Some(_) | None => discard(Decision::Snapshot(None)),
        };
    }
    if !ours.primary && in_our_last && parting == ours.end {
        // It is only behind, even where the replica has seen a newer epoch: waiting discards nothing.
        return Decision::Wait;
    }
    let fork = position_at(parting).filter(|_| join.can_rewind && join.base);
    discard(fork.map_or(Decision::Snapshot(Some(parting)), Decision::Fork))
}

#[cfg(test)]
mod tests;
