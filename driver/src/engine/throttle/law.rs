//! The law of the write throttle: how much may be written, and how long writers pause, by the bytes not yet received.
//!
//! Pure: it is given the time, and counts bytes. *Open*: nobody is held. From a quarter of the ring untaken on, writes
//! pass in *rounds* of some bytes, with *pauses* between them. A round's length is measured, and the pause it costs
//! follows from the held share: nothing at a quarter of the ring, half of the time at a half, nearly all of it from
//! three quarters on. Rounds shrink on the way from 1/64 of the ring to [`ROUND_LEAST`].
//!
//! So what is written falls to what is taken, wherever that lies, and the level at which the two meet tells how slow
//! the replica is. The last quarter of the ring, and what the window has under way, are left for a replica that
//! stalls: filled by the smallest rounds they last more than five seconds.
//!
//! Bounds: a pause is planned for [`PAUSE_MAX`] at most. Between two pauses a whole round is written, or
//! [`ROUND_MAX`] passes in which all who wait had a turn. A round is exceeded by less than one record, so that a record
//! of any length passes.

use towline_core::{Span, Time};

/// The longest pause.
pub(super) const PAUSE_MAX: Span = Span::from_millis(50);
/// The shortest pause: shorter ones are added up, because timers are no finer.
const PAUSE_MIN: Span = Span::from_millis(1);
/// The time after which a round that is not full ends.
const ROUND_MAX: Span = Span::from_millis(10);
/// The shortest time that a round counts for: a clock may stand still while it is written.
const ROUND_MIN: Span = Span(250_000);
/// The smallest round, in bytes, on a ring of 8 MiB and more.
const ROUND_LEAST: u64 = 16 << 10;
/// The smallest round on a smaller ring, as a part of it.
const ROUND_LEAST_SHARE: u64 = 512;
/// A round is this part of the ring's rest below three quarters.
const ROUND_SHARE: u64 = 32;
/// The part of a round that upkeep may write beside it.
const UPKEEP_SHARE: u64 = 4;
/// The number of parts in which shares of time are counted.
const WHOLE: u64 = 1024;
/// The largest held share. The shortest round then costs the longest pause.
const SHARE_MAX: u64 = 1020;

/// Bytes of records that may be written before the throttle is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WriteRoom {
    /// Bytes for the application's users.
    pub(crate) writes: u64,
    /// Bytes for the application's upkeep.
    pub(crate) upkeep: u64,
}

impl WriteRoom {
    /// No limit.
    pub(crate) const OPEN: Self = Self { writes: u64::MAX, upkeep: u64::MAX };
    const NONE: Self = Self { writes: 0, upkeep: 0 };

    /// Returns true if writes are limited at all.
    pub(crate) fn is_limited(self) -> bool {
        self != Self::OPEN
    }

    /// Counts a user's record.
    pub(crate) fn spend(&mut self, bytes: u64) {
        if self.is_limited() {
            self.writes = self.writes.saturating_sub(bytes);
        }
    }

    /// Counts a record of upkeep.
    pub(crate) fn spend_upkeep(&mut self, bytes: u64) {
        if self.is_limited() {
            self.upkeep = self.upkeep.saturating_sub(bytes);
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Open,
    /// The time of its start, and whether a turn has passed in it.
    Round {
        since: Time,
        turned: bool,
    },
    Pause {
        since: Time,
        until: Time,
    },
}

/// The state of the throttle.
#[derive(Debug)]
pub(super) struct Law {
    ring: u64,
    phase: Phase,
    /// Pause that earlier rounds still cost, or the excess of earlier pauses. One of them is 0.
    owed: Span,
    credit: Span,
}

impl Law {
    /// Makes the state for a ring of so many bytes.
    pub(super) const fn new(ring: u64) -> Self {
        Self { ring, phase: Phase::Open, owed: Span::ZERO, credit: Span::ZERO }
    }

    /// Updates the state; called once a turn, after its writes. `untaken` is the number of bytes that the slowest
    /// joining replica has not received, 0 if none joins. Returns the length of a pause that ended now.
    pub(super) fn update(&mut self, now: Time, untaken: u64, room: &mut WriteRoom) -> Option<Span> {
        if untaken <= self.ring / 4 {
            let held = self.held(now);
            (self.phase, *room) = (Phase::Open, WriteRoom::OPEN);
            (self.owed, self.credit) = (Span::ZERO, Span::ZERO);
            return held;
        }
        match self.phase {
            Phase::Open => {
                self.begin_round(now, untaken, room);
                None
            }
            Phase::Round { since, turned } => {
                let over = room.writes == 0 || turned && now >= since + ROUND_MAX;
                self.phase = Phase::Round { since, turned: true };
                if over {
                    self.end_round(now, since, untaken, room);
                }
                None
            }
            Phase::Pause { until, .. } if now < until => None,
            Phase::Pause { .. } => {
                let held = self.held(now);
                self.pay(held.unwrap_or_default());
                self.begin_round(now, untaken, room);
                held
            }
        }
    }

    /// Returns when the pause ends, if there is one.
    pub(super) fn next(&self) -> Option<Time> {
        match self.phase {
            Phase::Pause { until, .. } => Some(until),
            Phase::Open | Phase::Round { .. } => None,
        }
    }

    /// Returns true if writes are limited.
    pub(super) fn acts(&self) -> bool {
        self.phase != Phase::Open
    }

    fn held(&self, now: Time) -> Option<Span> {
        match self.phase {
            Phase::Pause { since, .. } => Some(now.since(since)),
            Phase::Open | Phase::Round { .. } => None,
        }
    }

    fn begin_round(&mut self, now: Time, untaken: u64, room: &mut WriteRoom) {
        self.phase = Phase::Round { since: now, turned: false };
        let writes = round_bytes(self.ring, untaken);
        *room = WriteRoom { writes, upkeep: (writes / UPKEEP_SHARE).max(1) };
    }

    /// Ends a round: it costs a pause, which begins now if it is long enough.
    fn end_round(&mut self, now: Time, since: Time, untaken: u64, room: &mut WriteRoom) {
        let share = held_share(self.ring, untaken);
        let cost = now.since(since).max(ROUND_MIN).0.saturating_mul(share) / (WHOLE - share);
        let paid = cost.min(self.credit.0);
        self.credit = Span(self.credit.0 - paid);
        self.owed = Span((self.owed.0 + cost - paid).min(PAUSE_MAX.0));
        if self.owed < PAUSE_MIN {
            self.begin_round(now, untaken, room);
        } else {
            self.phase = Phase::Pause { since: now, until: now + self.owed };
            *room = WriteRoom::NONE;
        }
    }

    /// Counts a pause of this length: an excess is credited.
    fn pay(&mut self, held: Span) {
        let over = Span(held.0.saturating_sub(self.owed.0));
        self.owed = Span(self.owed.0.saturating_sub(held.0));
        self.credit = Span((self.credit.0 + over.0).min(PAUSE_MAX.0));
    }
}

/// Returns the part of the time in which writes are held, of [`WHOLE`].
fn held_share(ring: u64, untaken: u64) -> u64 {
    let quarter = (ring / 4).max(1);
    let past = untaken.saturating_sub(quarter).min(2 * quarter);
    let (half, rest) = (past.min(quarter), past.saturating_sub(quarter));
    half * (WHOLE / 2) / quarter + rest * (SHARE_MAX - WHOLE / 2) / quarter
}

/// Returns the bytes of the next round.
fn round_bytes(ring: u64, untaken: u64) -> u64 {
    let least = (ring / ROUND_LEAST_SHARE).clamp(1, ROUND_LEAST);
    ((ring / 4 * 3).saturating_sub(untaken) / ROUND_SHARE).max(least)
}

const _: () = assert!(ROUND_MIN.0 * SHARE_MAX / (WHOLE - SHARE_MAX) >= PAUSE_MAX.0);

#[cfg(test)]
mod tests;
