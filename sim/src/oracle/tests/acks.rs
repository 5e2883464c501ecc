//! Tests of acknowledgements and slots.

use super::*;

#[test]
fn acknowledgements_are_true_and_do_not_go_back() {
    let acked = |received, applied, persisted| Fact::Acked { peer: 1, received, applied, persisted };
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.applied(1, &[1, 2]);
    told.tell(0, acked(3, 2, 0));
    told.finds_nothing();
    told.tell(0, acked(3, 3, 0));
    told.finds(Invariant::S4);
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.applied(1, &[1, 2]);
    told.tell(0, acked(3, 2, u64::MAX));
    told.tell(0, acked(3, 1, u64::MAX));
    told.finds(Invariant::S5);
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.applied(1, &[1, 2]);
    told.tell(0, acked(2, 2, 0));
    told.asked(2, 0, 3, Answer::Continue);
    told.tell(0, acked(2, 1, 0));
    told.finds(Invariant::L2);
    // The lost record was received, and no reader saw it.
    let mut told = Told::star(vec![], &[1, 2, 3]);
    told.applied(1, &[1]);
    told.tell(0, acked(3, 1, 0));
    told.tell(1, Fact::Forked { offset: 2, rewinds: true });
    told.asked(2, 0, 3, Answer::Continue);
    told.tell(0, acked(2, 1, 0));
    told.finds_nothing();
}

#[test]
fn what_is_on_its_way_from_before_a_crash_may_be_ahead_of_what_was_found_after() {
    for again in [false, true] {
        let mut told = Told::star(vec![], &[1, 2, 3]);
        let acked = |received| Fact::Acked { peer: 1, received, applied: 1, persisted: 1 };
        told.applied(1, &[1]);
        told.tell(1, Fact::Durable { at: at(&[1]) });
        told.tell(1, Fact::Died { how: Death::PowerLoss });
        told.tell(1, Fact::Booted { role: Role::Replica, at: at(&[1]) });
        told.tell(0, Fact::Opened { link: 5, peer: 1, upstream: false });
        if again {
            told.tell(0, Fact::Lost { link: 1, peer: 1 });
        }
        told.tell(0, acked(3));
        told.asked(1, 0, 3, Answer::Continue);
        told.tell(0, acked(1));
        if again { told.finds(Invariant::L2) } else { told.finds_nothing() }
    }
}

#[test]
fn a_slot_expires_once_away_and_late() {
    let expired = Fact::Expired { peer: 1, lag: 1 };
    let mut told = Told::star(vec![], &[1]);
    told.tell(0, expired);
    told.finds(Invariant::L3);
    let mut told = Told::star(vec![], &[1]);
    told.tell(0, Fact::Lost { link: 1, peer: 1 });
    let window_ns = told.oracle.bounds.reconnect_window_us * 1_000;
    told.oracle.gauge(S, 0, Gauge::Away { peer: 1, ns: window_ns + 1 });
    told.tell(0, expired);
    told.finds_nothing();
    told.tell(0, expired);
    told.finds(Invariant::L4);
    let mut told = Told::star(vec![], &[1]);
    told.oracle.gauge(S, 0, Gauge::Away { peer: 1, ns: window_ns });
    told.finds(Invariant::L3);
}
