//! Counts between a node and its host, and events that must not happen in peace.

use super::*;

fn handed(told: &mut Told, first: u64, end: u64, beside: bool) {
    told.oracle.gauge(told.now, 1, Gauge::Handed { first, end, beside });
}

fn acked(told: &mut Told, received: u64) {
    told.tell(0, Fact::Acked { peer: 1, received, applied: 0, persisted: 0 });
}

#[test]
fn a_node_hands_out_each_record_once_and_in_order() {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    handed(&mut told, 0, 2, false);
    handed(&mut told, 2, 3, false);
    told.finds_nothing();
    for again in [1, 4] {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        handed(&mut told, 0, 2, false);
        handed(&mut told, again, 5, false);
        told.finds(Invariant::S2);
    }
}

#[test]
fn nobody_is_believed_to_have_received_more_than_came_out_at_its_end() {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    handed(&mut told, 0, 2, false);
    acked(&mut told, 2);
    told.finds_nothing();
    acked(&mut told, 3);
    told.finds(Invariant::L1);
    // Batches beside a snapshot count once that is installed.
    let mut told = Told::star(vec![], &[1, 2, 3]);
    handed(&mut told, 1, 3, true);
    told.snapshot(1, 7, &[1]);
    acked(&mut told, 3);
    told.finds_nothing();
    let mut told = Told::star(vec![], &[1, 2, 3]);
    handed(&mut told, 1, 3, true);
    acked(&mut told, 3);
    told.finds(Invariant::L1);
}

#[test]
fn what_was_applied_before_a_fork_counts_for_nothing_behind_it() {
    let mut told = forked();
    told.applied(2, &[1, 2, 3]);
    told.oracle.gauge(0, 2, Gauge::Handed { first: 0, end: 3, beside: false });
    told.oracle.gauge(0, 2, Gauge::Named { upstream: 1 });
    told.tell(2, Fact::Opened { link: 9, peer: 1, upstream: true });
    told.tell(2, Fact::Forked { offset: 2, rewinds: true });
    told.tell(2, Fact::Visible { at: at(&[1, 2]), cause: Cause::Rewound });
    told.tell(1, Fact::Asked { peer: 2, have: 2, start: 0, end: 3, answer: Answer::Continue });
    told.tell(1, Fact::Acked { peer: 2, received: 3, applied: 2, persisted: 0 });
    told.finds_nothing();
    told.tell(1, Fact::Acked { peer: 2, received: 3, applied: 3, persisted: 0 });
    told.finds(Invariant::S4);
}

#[test]
fn no_view_is_opened_where_one_serves_or_for_nobody() {
    let view = |told: &mut Told, snapshot: u64| {
        told.tell(0, Fact::Wanted { snapshot, from: 3 });
        told.tell(0, Fact::Viewed { snapshot, at: at(&[1, 2, 3]) });
    };
    let mut told = Told::star(vec![], &[1, 2, 3]);
    view(&mut told, 1);
    told.finds_nothing();
    told.tell(0, Fact::Wanted { snapshot: 2, from: 3 });
    told.finds(Invariant::N3);
    let mut told = Told::star(vec![], &[1, 2, 3]);
    for snapshot in 1..=3 {
        told.finds_nothing();
        view(&mut told, snapshot);
        told.tell(0, Fact::Freed { snapshot });
    }
    told.finds(Invariant::N6);
}

#[test]
fn a_snapshot_in_peace_goes_on() {
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.tell(1, Fact::Begun { snapshot: 7, offset: 3 });
    let nothing = Gauge::Flight { peer: 1, stream_bytes: 0, piece_bytes: 0 };
    told.oracle.gauge(0, 0, nothing);
    told.oracle.pass(S / 2);
    told.finds_nothing();
    for t_us in 1..10 {
        told.oracle.pass(t_us * S);
    }
    told.finds(Invariant::N6);
}

#[test]
fn no_link_ends_for_what_was_slept_through_or_could_be_kept() {
    let close = |told: &mut Told, fault: LinkFault| {
        let closed = Fact::Closed { link: 1, peer: 1, fault, by_peer: false, retry_us: 0 };
        told.tell(0, closed);
    };
    for (awake_us, violated) in [(1_000, true), (3 * S, false)] {
        let mut told = Told::star(vec![fault(Kind::Pause, 0, 0)], &[1, 2, 3]);
        told.now = 5 * S;
        told.tell(0, Fact::FaultBegan { index: 0 });
        told.now = 8 * S;
        told.tell(0, Fact::FaultEnded { index: 0 });
        told.now += awake_us;
        close(&mut told, LinkFault::Idle);
        if violated { told.finds(Invariant::F4) } else { told.finds_nothing() }
    }
    let mut told = Told::star(vec![], &[1, 2, 3]);
    close(&mut told, LinkFault::Overrun);
    told.finds(Invariant::B4);
}

#[test]
fn a_lower_epoch_takes_no_records_of_a_higher_one() {
    let mut told = forked();
    told.tell(0, Fact::Ruled { role: Role::Primary, epoch: 1 << 32, offset: 3 });
    told.tell(0, Fact::Asked { peer: 1, have: 3, start: 0, end: 3, answer: Answer::Snapshot });
    told.finds(Invariant::B2);
}
