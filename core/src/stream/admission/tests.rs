//! The decision at the door against a model that knows everything.
//!
//! In the model a log is the list of its records, each named by the epoch that wrote it; the truth about two logs is
//! their common prefix. Random histories of four nodes (writing, following, crashing, promoting) are played, and each
//! time one node follows another, the decision must be the one that the truth demands.

use std::collections::BTreeSet;
use std::vec::Vec;

use proptest::prelude::*;
use proptest::strategy::ValueTree;

use super::*;
use crate::id::{Epoch, SnapshotId};

const HISTORY: HistoryId = HistoryId(1);

#[derive(Debug, Clone)]
struct Log {
    table: EpochTable,
    /// The epoch of each record: with its offset, that is its content, for each epoch has one writer.
    records: Vec<Epoch>,
    /// The ring holds records from here on.
    start: usize,
    primary: bool,
    admitted: bool,
    seen: u32,
}

impl Log {
    fn end(&self) -> usize {
        self.records.len()
    }

    fn digest(&self, at: usize) -> u64 {
        self.records[..at]
            .iter()
            .fold(7, |digest, epoch| (digest ^ epoch.0).wrapping_mul(0x100_0000_01b3).rotate_left(17))
    }

    fn position(&self, at: usize) -> Position {
        let boundary = Offset(at as u64);
        let epoch = self.table.at(boundary).unwrap_or_default();
        Position { epoch, boundary, digest: self.digest(at) }
    }

    fn in_ring(&self, boundary: Offset) -> Option<Position> {
        let at = usize::try_from(boundary.0).expect("small");
        (self.start <= at && at <= self.end()).then(|| self.position(at))
    }

    fn join(&self, can_rewind: bool) -> Join {
        Join {
            can_rewind,
            adopt: false,
            base: true,
            volatile: false,
            snapshot_complete: false,
            history: HISTORY,
            position: self.position(self.end()),
            applied: Offset(0),
            persisted: Offset(0),
            untaken_bytes: 0,
            snapshot: SnapshotId(0),
            next_piece: 0,
            chain: 0,
            number: 1,
            epochs: self.table.clone(),
        }
    }

    fn decide(&self, join: &Join) -> Decision {
        let ours = Ours {
            history: HISTORY,
            epochs: &self.table,
            start: Offset(self.start as u64),
            end: Offset(self.end() as u64),
            primary: self.primary,
            admitted: self.primary || self.admitted,
        };
        decide(ours, join, |at| self.in_ring(at))
    }

    fn cut(&mut self, to: usize) {
        self.records.truncate(to);
        self.start = self.start.min(to);
        self.table = self.table.cut(Offset(to as u64), Epoch(u64::MAX));
        self.primary = false;
        self.admitted = false;
    }

    fn common_prefix(&self, other: &Self) -> usize {
        self.records.iter().zip(&other.records).take_while(|(ours, theirs)| ours == theirs).count()
    }

    fn shares_an_epoch(&self, other: &Self) -> bool {
        let mut epochs = self.table.entries().iter();
        epochs.any(|ours| other.table.entries().iter().any(|theirs| theirs.epoch == ours.epoch))
    }
}

#[derive(Debug, Clone)]
enum Op {
    Write { log: usize, count: usize },
    Lead { log: usize },
    Crash { log: usize, lost: usize },
    Evict { log: usize, count: usize },
    Follow { log: usize, upstream: usize, receives: usize, can_rewind: bool },
}

fn op() -> impl Strategy<Value = Op> {
    let log = || 0usize..4;
    prop_oneof![
        4 => (log(), 1usize..5).prop_map(|(log, count)| Op::Write { log, count }),
        1 => log().prop_map(|log| Op::Lead { log }),
        1 => (log(), 0usize..4).prop_map(|(log, lost)| Op::Crash { log, lost }),
        1 => (log(), 1usize..4).prop_map(|(log, count)| Op::Evict { log, count }),
        6 => (log(), log(), 0usize..6, any::<bool>()).prop_map(|(log, upstream, receives, can_rewind)| {
            Op::Follow { log, upstream, receives, can_rewind }
        }),
    ]
}

struct World {
    logs: Vec<Log>,
    random: u32,
    /// Every kind of decision that was seen, so that a test which tests nothing is noticed.
    decisions: BTreeSet<&'static str>,
}

impl World {
    fn new() -> Self {
        let mut table = EpochTable::EMPTY;
        assert!(table.open(Epoch::new(1, 1), Offset(0)));
        let records = std::vec![Epoch::new(1, 1); 3];
        let log = Log { table, records, start: 0, primary: false, admitted: false, seen: 1 };
        let mut logs = std::vec![log; 4];
        logs[0].primary = true;
        Self { logs, random: 1, decisions: BTreeSet::new() }
    }

    fn apply(&mut self, op: &Op) {
        match *op {
            Op::Write { log, count } if self.logs[log].primary => {
                let log = &mut self.logs[log];
                let epoch = log.table.last().expect("a primary has an epoch").epoch;
                log.records.extend(std::iter::repeat_n(epoch, count));
            }
            Op::Write { .. } => {}
            Op::Lead { log } => {
                self.random += 1;
                let log = &mut self.logs[log];
                log.seen = log.seen.max(log.table.number()) + 1;
                log.table = log.table.cut(Offset(log.end() as u64), Epoch(u64::MAX));
                assert!(log.table.open(Epoch::new(log.seen, self.random), Offset(log.end() as u64)));
                log.primary = true;
            }
            Op::Crash { log, lost } => {
                let log = &mut self.logs[log];
                log.cut(log.end().saturating_sub(lost).max(1));
                // The ring is gone, and what was seen beyond the cursor is forgotten.
                (log.start, log.seen) = (log.end(), log.table.number());
            }
            Op::Evict { log, count } => {
                let log = &mut self.logs[log];
                log.start = (log.start + count).min(log.end());
            }
            Op::Follow { log, upstream, receives, can_rewind } if log != upstream => {
                self.follow(log, upstream, receives, can_rewind);
            }
            Op::Follow { .. } => {}
        }
    }

    fn follow(&mut self, log: usize, upstream: usize, receives: usize, can_rewind: bool) {
        let above = self.logs[upstream].clone();
        let below = &mut self.logs[log];
        if below.primary {
            below.primary = false;
        }
        let decision = above.decide(&below.join(can_rewind));
        self.decisions.insert(judge(&above, below, decision, can_rewind));
        match decision {
            Decision::Continue => {
                below.table = above.table.clone();
                let to = (below.end() + receives).min(above.end());
                below.records = above.records[..to].to_vec();
                below.admitted = true;
            }
            Decision::Fork(position) => {
                below.cut(usize::try_from(position.boundary.0).expect("small"));
                let again = above.decide(&below.join(can_rewind));
                assert_eq!(again, Decision::Continue, "who went back goes on from there");
            }
            Decision::Snapshot(_) => {
                *below = Log { start: above.end(), primary: false, admitted: true, ..above.clone() };
            }
            Decision::Wait | Decision::Refuse(_) => {}
        }
        let seen = above.seen.max(self.logs[log].seen);
        (self.logs[log].seen, self.logs[upstream].seen) = (seen, seen);
    }
}

/// Compares a decision with the truth. Returns its kind.
fn judge(above: &Log, below: &Log, decision: Decision, can_rewind: bool) -> &'static str {
    let (have, truth) = (below.end(), above.common_prefix(below));
    let entitled = above.primary || above.admitted;
    let newest = below.records.iter().map(|epoch| epoch.number()).max().unwrap_or(0);
    let about = std::format!("have {have}, truth {truth}\nabove {above:?}\nbelow {below:?}");
    let discards = matches!(decision, Decision::Fork(_) | Decision::Snapshot(_));
    assert!(!discards || entitled, "only the entitled make a peer discard: {about}");
    assert!(!discards || newest <= above.table.number(), "never what is newer: {about}");
    match decision {
        Decision::Continue => {
            assert!(truth == have && above.start <= have, "continue iff a prefix and in the ring: {about}");
            "continue"
        }
        Decision::Fork(position) => {
            assert_eq!(position, above.position(truth), "the fork point is exact: {about}");
            assert!(truth < have && can_rewind && above.start <= truth, "{about}");
            "fork"
        }
        Decision::Snapshot(Some(at)) => {
            assert!(at.0 == truth as u64 && truth < have, "the fork point is exact: {about}");
            assert!(!can_rewind || truth < above.start, "a fork in the ring needs no snapshot: {about}");
            "snapshot after a fork"
        }
        Decision::Snapshot(None) if !above.shares_an_epoch(below) => "snapshot without a common epoch",
        Decision::Snapshot(None) => {
            assert!(truth == have && have < above.start, "a snapshot iff it is too old: {about}");
            "snapshot of one too old"
        }
        Decision::Wait if !entitled => {
            assert!(truth < have || have < above.start || !above.shares_an_epoch(below), "{about}");
            "wait for one not entitled"
        }
        Decision::Wait => {
            assert!(!above.primary && truth == above.end() && truth < have, "only behind: {about}");
            "wait for one behind"
        }
        Decision::Refuse(fault) => {
            assert_eq!(fault, Fault::Stale, "{about}");
            assert!(newest > above.table.number(), "stale iff newer records: {about}");
            assert!(truth < have, "{about}");
            "stale"
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_decision_is_what_the_truth_demands(ops in proptest::collection::vec(op(), 1..60)) {
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
    }
}

/// The random histories reach every decision there is: three hundred fixed ones do.
#[test]
fn every_decision_is_reached() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = proptest::collection::vec(op(), 30..60);
    let mut decisions = BTreeSet::new();
    for _ in 0..300 {
        let ops = strategy.new_tree(&mut runner).expect("a plan").current();
        let mut world = World::new();
        for op in &ops {
            world.apply(op);
        }
        decisions.extend(world.decisions);
    }
    let expected = [
        "continue",
        "fork",
        "snapshot after a fork",
        "snapshot of one too old",
        "stale",
        "wait for one behind",
        "wait for one not entitled",
    ];
    for decision in expected {
        assert!(decisions.contains(decision), "{decision} was never reached: {decisions:?}");
    }
}

#[test]
fn who_holds_nothing_or_another_history_gets_a_snapshot_or_a_refusal() {
    let world = World::new();
    let above = &world.logs[0];
    let nothing = Join { base: false, history: HistoryId::NONE, ..above.join(true) };
    assert_eq!(above.decide(&nothing), Decision::Snapshot(None));
    let foreign = Join { history: HistoryId(2), ..above.join(true) };
    assert_eq!(above.decide(&foreign), Decision::Refuse(Fault::HistoryDiffers));
    assert_eq!(above.decide(&Join { adopt: true, ..foreign.clone() }), Decision::Snapshot(None));
    let relay = Log { primary: false, ..above.clone() };
    assert_eq!(relay.decide(&nothing), Decision::Wait);
    assert_eq!(relay.decide(&Join { adopt: true, ..foreign }), Decision::Wait);
}

#[test]
fn equal_epochs_and_other_bytes_are_never_continued() {
    let world = World::new();
    let above = &world.logs[0];
    let mut lied = above.join(true);
    lied.position.digest ^= 1;
    assert_eq!(above.decide(&lied), Decision::Snapshot(None));
}
