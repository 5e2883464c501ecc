//! Acknowledgements to clients and to upstreams, against the content of stores in the present history.

use super::*;
use towline_core::Level;

fn granted(replicas: u32, level: Level, own: bool) -> Fact {
    Fact::Granted { op: 1, replicas, level, own }
}

/// Makes a primary that wrote three records, `op` 1 among them, and replicas that show all three.
fn all_shown() -> Told {
    let mut told = Told::star(vec![], &[0, 1, 2]);
    told.applied(1, &[0, 1, 2]);
    told.applied(2, &[0, 1, 2]);
    told
}

#[test]
fn an_acknowledgement_counts_who_holds_the_record_and_nobody_else() {
    let mut told = all_shown();
    told.tell(0, granted(2, Level::Applied, false));
    told.finds_nothing();
    told.tell(0, granted(3, Level::Applied, false));
    told.finds(Invariant::A1);
    let mut told = all_shown();
    told.tell(1, Fact::Durable { at: at(&[0, 1]) });
    told.tell(0, granted(1, Level::Persisted, false));
    told.finds_nothing();
    told.tell(0, granted(2, Level::Persisted, false));
    told.finds(Invariant::A1);
    let mut told = all_shown();
    told.tell(0, Fact::Durable { at: at(&[0]) });
    told.tell(0, granted(0, Level::Persisted, true));
    told.finds(Invariant::A1);
    // A replica that is not connected does not count, whatever it holds.
    let mut told = all_shown();
    told.tell(0, Fact::Lost { link: 1, peer: 1 });
    told.tell(0, granted(2, Level::Applied, false));
    told.finds(Invariant::A1);
}

#[test]
fn an_acknowledgement_is_for_a_record_of_the_present_history() {
    let demoted =
        |told: &mut Told| told.tell(0, Fact::Ruled { role: Role::Replica, epoch: 1 << 32, offset: 3 });
    let mut told = all_shown();
    demoted(&mut told);
    told.tell(0, granted(1, Level::Applied, false));
    told.finds(Invariant::A2);
    // It went back behind the record, is primary again, and its log passes the old number.
    let mut told = all_shown();
    demoted(&mut told);
    told.tell(0, Fact::Forked { offset: 1, rewinds: true });
    told.tell(0, Fact::Visible { at: at(&[0]), cause: Cause::Rewound });
    told.tell(0, Fact::Ruled { role: Role::Primary, epoch: 2 << 32, offset: 1 });
    for (op, line) in [(7, &[0, 7][..]), (8, &[0, 7, 8])] {
        told.tell(0, Fact::Wrote { op, at: at(line) });
    }
    told.finds_nothing();
    told.tell(0, granted(0, Level::Applied, false));
    told.finds(Invariant::A2);
}

#[test]
fn what_was_persisted_of_a_branch_counts_for_nothing_on_another() {
    for lies in [false, true] {
        let mut told = Told::star(vec![], &[0, 1]);
        told.applied(1, &[0]);
        // Another primary wrote on the first record, and the replica had all of that on disk.
        told.applied(2, &[0]);
        told.tell(2, Fact::Ruled { role: Role::Primary, epoch: 2 << 32, offset: 1 });
        for (op, line) in [(7, &[0, 7][..]), (8, &[0, 7, 8])] {
            told.tell(2, Fact::Wrote { op, at: at(line) });
        }
        told.tell(2, Fact::Visible { at: at(&[0, 7, 8]), cause: Cause::Written });
        told.applied(1, &[0, 7, 8]);
        told.tell(1, Fact::Durable { at: at(&[0, 7, 8]) });
        told.tell(1, Fact::Forked { offset: 1, rewinds: true });
        told.tell(1, Fact::Visible { at: at(&[0]), cause: Cause::Rewound });
        told.applied(1, &[0, 1]);
        let persisted = if lies { 2 } else { 1 };
        told.tell(0, Fact::Acked { peer: 1, received: 2, applied: 2, persisted });
        if lies { told.finds(Invariant::S4) } else { told.finds_nothing() }
    }
}

#[test]
fn a_crash_undoes_an_unsynced_snapshot_whole_or_not_at_all() {
    for (found, sound) in [(&[0][..], true), (&[0, 1, 2], true), (&[0, 1], false)] {
        let mut told = Told::star(vec![], &[0, 1, 2]);
        told.applied(1, &[0]);
        told.tell(1, Fact::Durable { at: at(&[0]) });
        told.snapshot(1, 7, &[0, 1, 2]);
        told.tell(1, Fact::Died { how: Death::PowerLoss });
        told.tell(1, Fact::Booted { role: Role::Replica, at: at(found) });
        if sound { told.finds_nothing() } else { told.finds(Invariant::S1) }
    }
    // A record that was acknowledged as persisted is not undone.
    let mut told = Told::star(vec![], &[0, 1, 2]);
    told.applied(1, &[0]);
    told.tell(1, Fact::Durable { at: at(&[0]) });
    told.snapshot(1, 7, &[0, 1, 2]);
    told.tell(0, Fact::Acked { peer: 1, received: 3, applied: 3, persisted: 3 });
    told.finds(Invariant::S4);
}

#[test]
fn windows_are_whole_when_nothing_is_under_way() {
    for (stream, pieces) in [(0, 0), (1, 0), (0, 1)] {
        let mut told = all_shown();
        told.oracle.gauge(0, 0, Gauge::Flight { peer: 1, stream_bytes: 0, piece_bytes: 0 });
        told.oracle.gauge(0, 0, Gauge::Credit { peer: 1, stream, pieces });
        told.oracle.pass(9 * S);
        if stream + pieces == 0 { told.finds_nothing() } else { told.finds(Invariant::F6) }
    }
}

#[test]
fn who_stops_in_order_leaves_nothing_behind() {
    let goodbye = Fact::Closed { link: 1, peer: 1, fault: LinkFault::Shutdown, by_peer: false, retry_us: 0 };
    for received in [2, 3] {
        let mut told = Told::star(vec![], &[0, 1, 2]);
        told.now = S;
        told.tell(1, Fact::CaughtUp);
        told.now = 2 * S;
        told.oracle.gauge(told.now, 0, Gauge::Stops);
        told.oracle.gauge(told.now, 1, Gauge::Handed { first: 0, end: received, beside: false });
        told.tell(0, goodbye);
        if received == 3 { told.finds_nothing() } else { told.finds(Invariant::A3) }
    }
    let mut told = Told::star(vec![], &[0, 1, 2]);
    told.now = S;
    told.tell(1, Fact::CaughtUp);
    told.now = 2 * S;
    told.oracle.gauge(told.now, 0, Gauge::Stops);
    told.oracle.gauge(told.now, 0, Gauge::GivesUp);
    told.oracle.gauge(told.now, 1, Gauge::Handed { first: 0, end: 1, beside: false });
    told.tell(0, goodbye);
    told.finds_nothing();
}

#[test]
fn a_node_is_fed_by_whom_its_operator_named() {
    let opened = Fact::Opened { link: 9, peer: 0, upstream: true };
    let mut told = Told::star(vec![], &[0]);
    told.tell(1, opened);
    told.finds_nothing();
    told.oracle.gauge(0, 1, Gauge::Named { upstream: 2 });
    told.tell(1, opened);
    told.finds(Invariant::O1);
}
