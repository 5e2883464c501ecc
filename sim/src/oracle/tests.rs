//! Each invariant gets facts that break it, and facts that do not.

use super::*;
use crate::plan::{Expect, Fault, Knobs, NodePlan, Substrate, Train};
use crate::trace::Cause;
use towline_core::Fault as LinkFault;
use xxhash_rust::xxh3::xxh3_64_with_seed;

mod acks;
mod holds;
mod peace;

const S: u64 = 1_000_000;

fn plan(faults: Vec<Fault>) -> Plan {
    let node = |index: usize, upstream: Option<usize>| NodePlan {
        name: format!("n{index}"),
        id: index as u64 + 1,
        role: if upstream.is_none() { Role::Primary } else { Role::Replica },
        upstream,
        disk: true,
        starts_us: 0,
        core: true,
    };
    Plan {
        name: "facts".to_owned(),
        seed: 1,
        core: "0.1.0".to_owned(),
        on: vec![Substrate::Fast],
        exact: true,
        duration_us: 100 * S,
        heal_us: 10 * S,
        expect: Expect::Pass,
        knobs: Knobs::default(),
        nodes: vec![node(0, None), node(1, Some(0)), node(2, Some(0))],
        trains: vec![Train { at_us: 0, count: 3, every_us: S, bytes: 16 }],
        faults,
    }
}

fn fault(kind: Kind, node: usize, peer: usize) -> Fault {
    Fault { kind, at_us: 0, for_us: S, node, peer, amount: 1, explicit: true }
}

/// Returns the end of a line of these operations.
fn at(ops: &[u64]) -> At {
    let chain = ops.iter().fold(0, |chain, op| xxh3_64_with_seed(&op.to_le_bytes(), chain));
    At { offset: ops.len() as u64, chain }
}

struct Told {
    oracle: Oracle,
    now: u64,
}

impl Told {
    /// Makes three nodes: all up, the replicas linked and joined, `ops` written and shown by the primary.
    fn star(faults: Vec<Fault>, ops: &[u64]) -> Self {
        let mut told = Self { oracle: Oracle::new(&plan(faults)), now: 0 };
        for node in 0..3 {
            let role = if node == 0 { Role::Primary } else { Role::Replica };
            told.tell(node, Fact::Booted { role, at: At::default() });
        }
        told.tell(0, Fact::Ruled { role: Role::Primary, epoch: 1 << 32, offset: 0 });
        for node in 1..3 {
            let link = u32::try_from(node).unwrap();
            told.tell(node, Fact::Opened { link: 0, peer: 0, upstream: true });
            told.tell(0, Fact::Opened { link, peer: node, upstream: false });
            told.tell(0, Fact::Joined { link, peer: node, from: 0 });
            told.tell(node, Fact::Joined { link: 0, peer: 0, from: 0 });
        }
        for count in 1..=ops.len() {
            told.tell(0, Fact::Wrote { op: ops[count - 1], at: at(&ops[..count]) });
        }
        told.tell(0, Fact::Visible { at: at(ops), cause: Cause::Written });
        told
    }

    fn tell(&mut self, node: usize, fact: Fact) {
        self.oracle.observe(self.now, node, &fact);
    }

    fn applied(&mut self, node: usize, ops: &[u64]) {
        self.tell(node, Fact::Visible { at: at(ops), cause: Cause::Applied });
    }

    fn snapshot(&mut self, node: usize, snapshot: u64, ops: &[u64]) {
        self.tell(node, Fact::Begun { snapshot, offset: ops.len() as u64 });
        self.tell(node, Fact::Piece { snapshot, piece: 0, last: true });
        self.tell(node, Fact::Visible { at: at(ops), cause: Cause::Installed });
    }

    fn asked(&mut self, have: u64, start: u64, end: u64, answer: Answer) {
        self.tell(0, Fact::Asked { peer: 1, have, start, end, answer });
    }

    #[track_caller]
    fn finds(&self, invariant: Invariant) {
        let found = self.oracle.violation().map(|violation| violation.invariant);
        assert_eq!(found, Some(invariant), "{:?}", self.oracle.violation());
    }

    #[track_caller]
    fn finds_nothing(&self) {
        assert_eq!(self.oracle.violation(), None);
    }
}

#[test]
fn a_replica_shows_prefixes_in_order() {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.applied(1, &[1]);
    told.applied(1, &[1, 2, 3]);
    told.finds_nothing();
    for wrong in [&[2][..], &[1, 1], &[1, 3], &[1, 2, 3, 3], &[9]] {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        told.applied(1, wrong);
        told.finds(Invariant::S2);
    }
}

#[test]
fn what_a_disk_synced_is_there_after_a_crash() {
    for (found, violated) in [(&[1, 2, 3][..], false), (&[1, 2], false), (&[1], true), (&[1, 9], true)] {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        told.applied(1, &[1, 2, 3]);
        told.tell(1, Fact::Durable { at: at(&[1, 2]) });
        told.tell(1, Fact::Died { how: Death::PowerLoss });
        told.tell(1, Fact::Booted { role: Role::Replica, at: at(found) });
        if violated { told.finds(Invariant::S1) } else { told.finds_nothing() }
    }
}

#[test]
fn an_admission_is_exact() {
    let cases = [
        (2, 1, 3, Answer::Continue, None),
        (1, 1, 3, Answer::Continue, None),
        (1, 1, 3, Answer::Snapshot, Some(Invariant::N8)),
        (1, 2, 3, Answer::Continue, Some(Invariant::B2)),
        (1, 2, 3, Answer::Snapshot, None),
        (2, 0, 1, Answer::Continue, Some(Invariant::B2)),
        (2, 0, 3, Answer::Forked, Some(Invariant::B2)),
        (u64::MAX, 0, 3, Answer::Snapshot, None),
    ];
    for (have, start, end, answer, violated) in cases {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        told.applied(1, &[1, 2]);
        told.asked(have, start, end, answer);
        match violated {
            Some(invariant) => told.finds(invariant),
            None => told.finds_nothing(),
        }
    }
}

/// Lets the primary die with an unreplicated suffix, promotes another, and brings the first back.
fn forked() -> Told {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.applied(1, &[1, 2]);
    told.tell(1, Fact::Ruled { role: Role::Primary, epoch: 2 << 32, offset: 2 });
    told.tell(1, Fact::Wrote { op: 4, at: at(&[1, 2, 4]) });
    told.tell(0, Fact::Ruled { role: Role::Replica, epoch: 1 << 32, offset: 3 });
    told.tell(0, Fact::Opened { link: 9, peer: 1, upstream: true });
    told
}

#[test]
fn a_fork_is_found_at_its_point_and_never_continued() {
    let mut told = forked();
    told.tell(1, Fact::Asked { peer: 0, have: 3, start: 0, end: 3, answer: Answer::Continue });
    told.finds(Invariant::S8);
    let mut told = forked();
    told.tell(0, Fact::Forked { offset: 2, rewinds: true });
    told.tell(0, Fact::Visible { at: at(&[1, 2]), cause: Cause::Rewound });
    told.applied(0, &[1, 2, 4]);
    told.finds_nothing();
    for wrong in [1, 3] {
        let mut told = forked();
        told.tell(0, Fact::Forked { offset: wrong, rewinds: true });
        told.finds(Invariant::B2);
    }
}

#[test]
fn a_snapshot_is_whole_exact_and_consented_to() {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.snapshot(1, 7, &[1, 2]);
    told.applied(1, &[1, 2, 3]);
    told.finds_nothing();
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.snapshot(1, 7, &[1, 3]);
    told.finds(Invariant::N2);
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.tell(1, Fact::Begun { snapshot: 7, offset: 2 });
    told.applied(1, &[9]);
    told.finds(Invariant::N1);
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.tell(1, Fact::Begun { snapshot: 7, offset: 2 });
    told.tell(1, Fact::Piece { snapshot: 7, piece: 1, last: true });
    told.finds(Invariant::N4);
}

#[test]
fn another_history_needs_consent() {
    for consents in [false, true] {
        let faults = if consents { vec![fault(Kind::Follow, 1, 0)] } else { vec![] };
        let mut told = Told::star(faults, &[1, 2, 3]);
        told.applied(1, &[1, 2, 3]);
        told.tell(0, Fact::Died { how: Death::Killed });
        told.oracle.nodes[0].disk = false;
        told.tell(0, Fact::Booted { role: Role::Primary, at: At::default() });
        told.tell(0, Fact::Wrote { op: 4, at: at(&[4]) });
        if consents {
            told.tell(1, Fact::FaultBegan { index: 0 });
        }
        told.snapshot(1, 7, &[4]);
        if consents { told.finds_nothing() } else { told.finds(Invariant::S8) }
    }
}

#[test]
fn a_snapshot_goes_back_only_where_the_sender_has_no_more() {
    for (sent_on, lacks) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        told.applied(1, &[1, 2, 3]);
        told.applied(2, if lacks { &[1, 2] } else { &[1, 2, 3] });
        if sent_on {
            told.tell(1, Fact::Begun { snapshot: 6, offset: 3 });
            told.tell(
                1,
                Fact::Closed { link: 0, peer: 0, fault: LinkFault::Left, by_peer: false, retry_us: 0 },
            );
            told.oracle.gauge(0, 1, Gauge::Named { upstream: 2 });
            told.tell(1, Fact::Opened { link: 0, peer: 2, upstream: true });
            told.tell(2, Fact::Asked { peer: 1, have: u64::MAX, start: 0, end: 3, answer: Answer::Snapshot });
        }
        told.snapshot(1, 7, &[1, 2]);
        if sent_on && lacks { told.finds_nothing() } else { told.finds(Invariant::N6) }
    }
}

#[test]
fn a_third_snapshot_waits_unless_its_sender_saw_the_replica_catch_up() {
    for caught_up in [false, true] {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        told.oracle.pass(10 * S);
        told.now = 20 * S;
        told.snapshot(1, 7, &[1]);
        told.snapshot(1, 8, &[1, 2]);
        told.now += S / 20;
        let received = if caught_up { 3 } else { 2 };
        told.tell(0, Fact::Acked { peer: 1, received, applied: 2, persisted: 0 });
        told.snapshot(1, 9, &[1, 2, 3]);
        if caught_up { told.finds_nothing() } else { told.finds(Invariant::N6) }
    }
}

#[test]
fn a_redial_waits_and_an_undisturbed_link_lives() {
    let mut told = Told::star(vec![], &[]);
    told.tell(1, Fact::Dialled { attempt: 3 });
    told.now = 20_000;
    told.tell(1, Fact::Dialled { attempt: 4 });
    told.finds(Invariant::F5);
    let mut told = Told::star(vec![], &[]);
    told.now = 60 * S;
    let closed = |fault| Fact::Closed { link: 0, peer: 0, fault, by_peer: false, retry_us: 0 };
    told.tell(1, closed(LinkFault::Idle));
    told.finds(Invariant::F4);
    // A clock that was put back shows no progress for so long.
    let mut told = Told::star(vec![Fault { amount: 50 * S, ..fault(Kind::ClockBack, 0, 0) }], &[]);
    told.tell(0, Fact::FaultBegan { index: 0 });
    told.now = 51 * S;
    told.tell(1, closed(LinkFault::Idle));
    told.finds_nothing();
    let mut told = Told::star(vec![fault(Kind::BlackHole, 1, 0)], &[]);
    told.tell(1, Fact::FaultBegan { index: 0 });
    told.now = 5 * S;
    told.tell(1, closed(LinkFault::Idle));
    told.finds_nothing();
    told.now = 60 * S;
    told.tell(2, Fact::CaughtUp);
    told.finds(Invariant::V2);
}

#[test]
fn a_window_and_a_ring_have_bounds() {
    let mut told = Told::star(vec![], &[1]);
    let bounds = told.oracle.bounds;
    let flight = |stream_bytes| Gauge::Flight { peer: 1, stream_bytes, piece_bytes: 0 };
    told.oracle.gauge(0, 0, flight(bounds.window + bounds.frame));
    told.finds_nothing();
    told.oracle.gauge(0, 0, flight(bounds.window + bounds.frame + 1));
    told.finds(Invariant::F1);
    let mut told = Told::star(vec![], &[1]);
    told.oracle.gauge(0, 0, Gauge::Ring { used_bytes: bounds.backlog + 1, start: 0, end: 1 });
    told.finds(Invariant::B3);
    let mut told = Told::star(vec![], &[1]);
    told.oracle.gauge(0, 0, Gauge::Ring { used_bytes: 0, start: 0, end: 2 });
    told.finds(Invariant::S7);
}

#[test]
fn who_stays_behind_in_peace_is_found_unless_the_ring_overtook_it() {
    let behind = |ring_start| {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        told.applied(1, &[1, 2]);
        told.now = S;
        told.tell(1, Fact::CaughtUp);
        told.oracle.gauge(S, 0, Gauge::Ring { used_bytes: 0, start: ring_start, end: 3 });
        told.oracle.pass(2 * S + told.oracle.bounds.reach_us);
        told
    };
    behind(2).finds(Invariant::V4);
    behind(3).finds_nothing();
}

#[test]
fn a_run_is_over_when_all_agree_and_stay_calm() {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.now = 10 * S;
    told.tell(0, Fact::Healed);
    told.applied(1, &[1, 2, 3]);
    told.applied(2, &[1, 2, 3]);
    told.now = 11 * S;
    told.tell(1, Fact::CaughtUp);
    assert!(!told.oracle.is_over(11 * S));
    assert!(told.oracle.is_over(20 * S));
    told.oracle.finish(20 * S);
    told.finds_nothing();

    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.now = 10 * S;
    told.tell(0, Fact::Healed);
    told.applied(1, &[1, 2, 3]);
    told.now = 10 * S + told.oracle.bounds.converge_us + S;
    told.tell(1, Fact::CaughtUp);
    told.finds(Invariant::V1);
}
