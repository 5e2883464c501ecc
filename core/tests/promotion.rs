//! Promotions at awkward moments.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::frames;
use common::middle::{Middle, UP};
use common::{World, small};
use towline_core::*;

/// Its upstream opened an epoch at 8; the replica was told of it, and has received 5 when it is promoted.
#[test]
fn a_replica_that_has_not_reached_its_upstreams_newest_epoch_is_promoted() {
    let mut middle = Middle::new(true, small());
    let _ = middle.batches(3, 10);
    middle.primary.node.handle(Time::ZERO, Input::Promote).unwrap();
    middle.connect();
    middle.shake();
    let said = middle.primary_says();
    let admit = said.iter().position(|frame| frame[4] == frames::ADMIT).expect("a JOIN is answered");
    middle.replica.feed(UP, &said[..=admit].concat());
    middle.replica.turn();
    assert_eq!(middle.replica.node.stats().end, Offset(5));
    let step = middle.replica.node.handle(Time::ZERO, Input::Promote).unwrap();
    let position = step.position.unwrap();
    assert_eq!(
        (position.boundary, position.epoch.number()),
        (Offset(5), 3),
        "numbered above all it has seen"
    );
    let cursor = middle.replica.node.cursor(position);
    assert_eq!(Cursor::describe(cursor.as_bytes()).map(|(_, at)| at), Some(position));
}

/// A replica went back to where another epoch begins, stored that, and is started as primary.
#[test]
fn a_primary_started_from_a_rewound_store_opens_a_higher_epoch() {
    let options = Options { can_rewind: true, ..small() };
    let mut middle = Middle::new(true, options);
    // The records of the replica beyond 5 were written by a primary that is gone; the one that lives opened epoch 2 at
    // 5.
    let mut old = Middle::new(true, options);
    old.connect();
    old.settle();
    let _ = old.batches(2, 10).concat();
    let cursor = middle.primary.cursor();
    middle.primary =
        common::stage::Stage::new(common::middle::node(1, Role::Primary, small(), Some(&cursor)));
    let ahead = {
        let position = old.primary.node.handle(Time::ZERO, Input::Flush).unwrap().position.unwrap();
        old.primary.node.cursor(position)
    };
    let replica = common::middle::node(2, Role::Replica, options, Some(ahead.as_bytes()));
    middle.replica = common::stage::Stage::new(replica);
    middle.replica.applies = false;
    middle.connect();
    middle.shake();
    let said = middle.primary_says().concat();
    assert_eq!(middle.replica.feed(UP, &said), 1, "a fork");
    let position = middle.replica.node.handle(Time::ZERO, Input::Rewound).unwrap().position.unwrap();
    assert_eq!((position.boundary, position.epoch.number()), (Offset(5), 2));
    let stored = middle.replica.node.cursor(position);
    let started = common::middle::node(2, Role::Primary, options, Some(stored.as_bytes()));
    assert_eq!(started.stats().epoch.number(), 3, "numbered above all it has seen");
}

/// Each start of a primary opens an epoch, and one without records gives way to the next at the same offset: at the
/// begin two tables may have no epoch in common. There both logs hold the same nothing.
#[test]
fn a_primary_started_twice_before_its_first_record_needs_no_second_snapshot() {
    let mut world = World::star(1, small());
    world.run_ms(100);
    world.hosts[0].flush(world.now);
    assert_eq!(world.hosts[1].installed, 1);
    world.restart(0, Role::Primary);
    world.restart(1, Role::Replica);
    world.run_ms(1000);
    let now = world.now;
    world.hosts[0].write(now, b"the first");
    world.run_ms(1000);
    world.assert_equal();
    let replica = &world.hosts[1];
    assert_eq!((replica.end(), replica.snapshots_begun, replica.installed), (1, 1, 1));
}
