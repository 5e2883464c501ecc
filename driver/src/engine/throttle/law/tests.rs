//! Writers and replicas as rates, on a clock of steps: the law's promises on levels, pauses and throughput.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

use super::*;

const MIB: u64 = 1 << 20;
/// One step of the clock.
const STEP: Span = Span(100_000);

/// A replica that joins.
struct Taker {
    /// Bytes it takes in a second, while it does.
    rate: u64,
    /// It stalls for the first of these, again after each of the second.
    stall: Span,
    every: Span,
    untaken: u64,
}

impl Taker {
    fn steady(rate: u64) -> Self {
        Self { rate, stall: Span::ZERO, every: Span::from_secs(1), untaken: 0 }
    }

    fn stalling(rate: u64, stall: u64, every: u64) -> Self {
        Self { stall: Span::from_millis(stall), every: Span::from_millis(every), ..Self::steady(rate) }
    }

    fn step(&mut self, now: Time, written: u64) {
        self.untaken += written;
        if now.0 % self.every.0 >= self.stall.0 {
            self.untaken -= self.untaken.min(bytes(self.rate));
        }
    }
}

/// Bytes of a rate in one step.
fn bytes(rate: u64) -> u64 {
    rate * STEP.0 / 1_000_000_000
}

/// The result of a run.
#[derive(Debug)]
struct Seen {
    written: u64,
    most: u64,
    held: Span,
    longest: Span,
    /// The least that was written between two pauses.
    least_round: u64,
    pauses: u64,
}

/// Plays for so long: writers that write all they may, in steps, in turns of a step.
fn play(ring: u64, writer: u64, takers: &mut [Taker], seconds: u64) -> Seen {
    let (mut law, mut room) = (Law::new(ring), WriteRoom::OPEN);
    let mut seen =
        Seen { written: 0, most: 0, held: Span::ZERO, longest: Span::ZERO, least_round: u64::MAX, pauses: 0 };
    let (mut now, mut round) = (Time::ZERO, None);
    while now < Time::ZERO + Span::from_secs(seconds) {
        now = now + STEP;
        let written = bytes(writer).min(room.writes);
        room.spend(written);
        seen.written += written;
        if let Some(round) = &mut round {
            *round += written;
        }
        for taker in &mut *takers {
            taker.step(now, written);
        }
        let untaken = takers.iter().map(|taker| taker.untaken).max().unwrap_or(0);
        seen.most = seen.most.max(untaken);
        let paused = law.next().is_some();
        if let Some(held) = law.update(now, untaken, &mut room) {
            seen.held = Span(seen.held.0 + held.0);
            seen.longest = seen.longest.max(held);
            round = Some(0);
        }
        if !paused && law.next().is_some() {
            seen.pauses += 1;
            seen.least_round = seen.least_round.min(round.take().unwrap_or(u64::MAX));
        }
    }
    seen
}

/// Checks the promises that hold however slow a replica is.
fn check(ring: u64, seen: &Seen) {
    // Bytes under way in the window have left the ring; the check does not rely on that.
    assert!(seen.most < ring, "the stream is lost: {seen:?}");
    assert!(seen.longest.0 <= PAUSE_MAX.0 + STEP.0, "{seen:?}");
    assert!(
        seen.pauses == 0 || seen.least_round > 0,
        "two pauses and nothing written between them: {seen:?}"
    );
}

#[test]
fn a_replica_that_keeps_up_holds_nobody() {
    let seen = play(8 * MIB, 100 * MIB, &mut [Taker::steady(100 * MIB)], 5);
    assert_eq!((seen.pauses, seen.held), (0, Span::ZERO), "{seen:?}");
    let short = play(8 * MIB, 100 * MIB, &mut [Taker::stalling(200 * MIB, 15, 100)], 5);
    assert_eq!(short.pauses, 0, "15 ms without it are less than a quarter of the ring: {short:?}");
}

#[test]
fn what_is_written_falls_to_what_a_replica_takes() {
    for ring in [8 * MIB, 64 * MIB] {
        for part in [2, 3, 5, 10, 20] {
            let taken = 100 * MIB / part;
            let seen = play(ring, 100 * MIB, &mut [Taker::steady(taken)], 20);
            check(ring, &seen);
            assert!(
                seen.most <= ring / 4 * 3,
                "a steady replica leaves the last quarter alone: 1/{part} {seen:?}"
            );
            assert!(seen.written >= taken * 20, "no more is held than must be: 1/{part} {seen:?}");
            assert!(seen.written <= taken * 20 + ring, "1/{part} {seen:?}");
        }
    }
}

#[test]
fn half_the_speed_costs_half_the_time() {
    let seen = play(8 * MIB, 100 * MIB, &mut [Taker::steady(50 * MIB)], 20);
    assert!((8_000..=10_500).contains(&seen.held.as_millis()), "{seen:?}");
}

#[test]
fn stalls_lose_no_stream() {
    for part in [1, 2, 5, 10] {
        for (stall, every) in [(300, 350), (300, 1000), (1000, 1500), (4500, 5000)] {
            let mut takers = [Taker::stalling(100 * MIB / part, stall, every)];
            let seen = play(8 * MIB, 100 * MIB, &mut takers, 20);
            check(8 * MIB, &seen);
            // Between its stalls it always finds something to take.
            let takes = bytes(takers[0].rate) * (every - stall) * 10 * (20_000 / every);
            let may = takes.min(4 * MIB * (20_000 / every));
            assert!(seen.written > may / 2, "1/{part}, {stall} of {every} ms: {may} {seen:?}");
        }
    }
}

#[test]
fn the_slowest_of_several_is_waited_for() {
    let mut takers = [Taker::steady(90 * MIB), Taker::stalling(60 * MIB, 300, 900), Taker::steady(20 * MIB)];
    let seen = play(8 * MIB, 100 * MIB, &mut takers, 20);
    check(8 * MIB, &seen);
    assert!(seen.written >= 20 * 20 * MIB, "{seen:?}");
}

#[test]
fn a_replica_that_takes_nothing_leaves_writers_a_bounded_round_each_pause() {
    let seen = play(8 * MIB, 100 * MIB, &mut [Taker::steady(0)], 5);
    check(8 * MIB, &seen);
    assert!(seen.least_round >= ROUND_LEAST, "{seen:?}");
    assert!(seen.longest.0 <= PAUSE_MAX.0 + STEP.0, "{seen:?}");
}

#[test]
fn a_clock_that_stands_still_while_a_ring_is_written_is_no_way_around() {
    let ring = 8 * MIB;
    let (mut law, mut room) = (Law::new(ring), WriteRoom::OPEN);
    let (now, mut written, mut turns) = (Time(1), 0, 0);
    while law.next().is_none() {
        let turn = (ring / 16).min(room.writes);
        room.spend(turn);
        written += turn;
        turns += 1;
        law.update(now, written, &mut room);
        assert!(turns < 1000, "no pause comes");
    }
    assert!(written < ring / 2, "{written}");
}

#[test]
fn a_record_of_any_length_passes_and_ends_the_round() {
    let ring = 8 * MIB;
    let (mut law, mut room) = (Law::new(ring), WriteRoom::OPEN);
    law.update(Time(0), ring * 9 / 10, &mut room);
    assert!(room.writes > 0 && room.writes <= ROUND_LEAST && room.upkeep > 0, "{room:?}");
    room.spend(ring / 4);
    assert_eq!(room.writes, 0);
    law.update(Time(1), ring, &mut room);
    assert_eq!(law.next(), Some(Time(1) + PAUSE_MAX));
    assert_eq!(room, WriteRoom::NONE);
}

#[test]
fn deletions_have_a_part_of_each_round_that_clients_cannot_take() {
    let (mut law, mut room) = (Law::new(8 * MIB), WriteRoom::OPEN);
    room.spend_upkeep(MIB);
    assert!(!room.is_limited(), "nobody is held");
    law.update(Time(0), 5 * MIB, &mut room);
    let upkeep = room.upkeep;
    room.spend(u64::MAX);
    assert_eq!((room.writes, room.upkeep), (0, upkeep));
    assert!(upkeep >= room_of(5 * MIB) / UPKEEP_SHARE && upkeep > 0);
}

fn room_of(untaken: u64) -> u64 {
    round_bytes(8 * MIB, untaken)
}

#[test]
fn who_has_caught_up_ends_a_pause_at_once() {
    let (mut law, mut room) = (Law::new(8 * MIB), WriteRoom::OPEN);
    law.update(Time(0), 7 * MIB, &mut room);
    room.spend(u64::MAX);
    law.update(Time(1), 7 * MIB, &mut room);
    assert!(law.acts() && law.next().is_some());
    let held = law.update(Time(2_000_001), 2 * MIB, &mut room);
    assert_eq!(held, Some(Span(2_000_000)));
    assert_eq!((law.acts(), law.next(), room), (false, None, WriteRoom::OPEN));
}

#[test]
fn the_held_share_rises_as_it_is_written() {
    let share = |sixteenths: u64| held_share(16 << 16, sixteenths << 16);
    assert_eq!([share(0), share(4), share(6), share(8)], [0, 0, WHOLE / 4, WHOLE / 2]);
    assert_eq!([share(12), share(16), share(40)], [SHARE_MAX; 3]);
    assert!((8..12).all(|at| share(at) < share(at + 1)));
    for ring in [512, 64 << 10] {
        assert!(round_bytes(ring, 0) >= 1 && held_share(ring, ring) == SHARE_MAX, "a ring of {ring}");
    }
}
