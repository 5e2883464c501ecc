//! Two and more nodes: what a user relies on, one sentence a test.

mod common;

use common::*;
use towline_core::*;

fn write_many(world: &mut World, count: u64, bytes: usize) {
    let now = world.now;
    let first = world.hosts[0].end();
    for index in first..first + count {
        let mut record = index.to_le_bytes().to_vec();
        record.resize(bytes.max(8), b'x');
        world.hosts[0].write(now, &record);
    }
}

#[test]
fn an_empty_replica_gets_a_snapshot_and_then_the_stream() {
    let mut world = World::star(1, small());
    write_many(&mut world, 10, 20);
    world.run_ms(50);
    world.assert_equal();
    write_many(&mut world, 10, 20);
    world.run_ms(10);
    world.assert_equal();
    assert_eq!(world.hosts[1].installed, 1);
}

#[test]
fn a_cut_link_continues_without_a_snapshot() {
    let mut world = World::star(1, small());
    world.run_ms(50);
    write_many(&mut world, 5, 20);
    world.run_ms(10);
    for _ in 0..5 {
        world.cut(0, 1);
        write_many(&mut world, 5, 20);
        world.run_ms(1000);
        world.assert_equal();
    }
    assert_eq!(world.hosts[1].installed, 1);
    assert_eq!(world.hosts[0].node.stats().counters.partial_syncs, 5);
}

#[test]
fn a_restarted_replica_continues_from_its_cursor() {
    let mut world = World::star(1, small());
    write_many(&mut world, 5, 20);
    world.run_ms(100);
    world.restart(1, Role::Replica);
    write_many(&mut world, 5, 20);
    world.run_ms(2000);
    world.assert_equal();
    assert_eq!(world.hosts[1].installed, 1);
}

#[test]
fn a_cascade_has_the_same_records_at_every_tier() {
    let mut world = World::star(1, small());
    world.add_replica(3, 1, small());
    write_many(&mut world, 20, 30);
    world.run_ms(2000);
    write_many(&mut world, 20, 30);
    world.run_ms(500);
    world.assert_equal();
}

#[test]
fn an_overrun_replica_is_not_disconnected_but_gets_a_snapshot() {
    let mut world = World::star(1, small());
    world.run_ms(2000);
    world.hosts[1].applies = false;
    world.hosts[1].reads = false;
    world.capacity = 2000;
    write_many(&mut world, 200, 100);
    world.run_ms(300);
    world.hosts[1].applies = true;
    world.hosts[1].reads = true;
    world.run_ms(5000);
    world.assert_equal();
    assert_eq!(world.hosts[0].events.iter().filter(|event| matches!(event, Event::Close { .. })).count(), 0);
}

#[test]
fn a_promoted_replica_is_followed_without_a_snapshot() {
    let mut world = World::star(2, small());
    write_many(&mut world, 20, 30);
    world.run_ms(2000);
    let now = world.now;
    world.hosts[1].node.handle(now, Input::Promote).unwrap();
    for other in [0, 2] {
        world.hosts[other].upstream = Some(1);
        world.hosts[other].node.handle(now, Input::Follow { adopt: false }).unwrap();
    }
    world.run_ms(1000);
    let now = world.now;
    world.hosts[1].write(now, b"after");
    world.run_ms(1000);
    world.assert_equal();
    assert_eq!(world.hosts[2].installed, 1);
    assert_eq!(world.hosts[0].installed, 0);
}

#[test]
fn a_forked_primary_is_told_where_and_gets_a_snapshot() {
    let mut world = World::star(1, small());
    write_many(&mut world, 20, 30);
    world.run_ms(2000);
    world.severed.push((1, 0));
    world.cut(0, 1);
    write_many(&mut world, 5, 30);
    let now = world.now;
    world.hosts[0].flush(now);
    world.hosts[1].node.handle(now, Input::Promote).unwrap();
    world.hosts[1].write(now, b"other");
    world.hosts[0].upstream = Some(1);
    world.hosts[0].node.handle(now, Input::Follow { adopt: false }).unwrap();
    world.hosts[1].upstream = None;
    world.run_ms(3000);
    assert_eq!(world.hosts[0].forks, vec![(20, 0)]);
    world.assert_equal();
}

#[test]
fn a_rewinding_host_needs_no_snapshot() {
    let options = Options { can_rewind: true, ..small() };
    let mut world = World::star(1, options);
    write_many(&mut world, 20, 30);
    world.run_ms(2000);
    world.severed.push((1, 0));
    world.cut(0, 1);
    write_many(&mut world, 5, 30);
    let now = world.now;
    world.hosts[0].flush(now);
    world.hosts[1].node.handle(now, Input::Promote).unwrap();
    world.hosts[1].write(now, b"other");
    world.hosts[0].upstream = Some(1);
    world.hosts[0].node.handle(now, Input::Follow { adopt: false }).unwrap();
    world.run_ms(3000);
    assert_eq!(world.hosts[0].forks, vec![(20, 1)]);
    world.assert_equal();
    assert_eq!(world.hosts[0].installed, 0);
}

#[test]
fn a_killed_primary_opens_an_epoch_and_a_follower_ahead_forks() {
    let mut world = World::star(1, small());
    write_many(&mut world, 20, 30);
    let now = world.now;
    world.hosts[0].flush(now);
    world.run_ms(2000);
    // Five records reach the replica that the primary's store never commits.
    write_many(&mut world, 5, 30);
    world.run_ms(10);
    assert_eq!(world.hosts[1].end(), 25);
    world.restart(0, Role::Primary);
    assert_eq!(world.hosts[0].end(), 20);
    world.run_ms(5000);
    assert_eq!(world.hosts[1].forks, vec![(20, 0)]);
    world.assert_equal();
}

#[test]
fn a_slot_expires_once_after_strictly_more_than_the_window() {
    let mut world = World::star(1, small());
    world.run_ms(100);
    world.severed.push((1, 0));
    world.cut(0, 1);
    let left = world.now;
    let expired = |world: &World| {
        world.hosts[0].events.iter().filter(|event| matches!(event, Event::SlotExpired { .. })).count()
    };
    let window = world.hosts[0].config.options().reconnect_window;
    world.run(Time(left.0 + window.0).since(world.now));
    assert_eq!(expired(&world), 0);
    world.run(Span(1));
    assert_eq!(expired(&world), 1);
    world.run(window);
    assert_eq!(expired(&world), 1);
}

#[test]
fn another_history_is_refused_unless_adopted() {
    let mut world = World::star(1, small());
    write_many(&mut world, 5, 30);
    world.run_ms(1000);
    let emptied = Host::new(9, Role::Primary, small());
    world.hosts.push(emptied);
    world.hosts[1].upstream = Some(2);
    let now = world.now;
    world.hosts[1].node.handle(now, Input::Follow { adopt: false }).unwrap();
    world.run_ms(3000);
    assert_eq!(world.hosts[1].end(), 5, "a follower with data keeps it");
    let refused =
        |event: &Event| matches!(event, Event::Close { fault: Fault::HistoryDiffers, by_peer: true, .. });
    assert!(world.hosts[1].events.iter().any(refused));
    let now = world.now;
    world.hosts[1].node.handle(now, Input::Follow { adopt: true }).unwrap();
    world.run_ms(3000);
    assert_eq!(world.hosts[1].end(), 0, "consent replaces it");
}

#[test]
fn a_record_of_any_legal_size_passes() {
    let mut world = World::star(1, small());
    world.run_ms(1000);
    for bytes in [0, 1, 255, 256, 257, 511, 512, 3, 512, 512, 512, 9] {
        let now = world.now;
        world.hosts[0].write(now, &vec![7; bytes]);
    }
    world.run_ms(2000);
    world.assert_equal();
    let now = world.now;
    let refused = world.hosts[0].node.handle(now, Input::Write { data: &[0; 513] });
    assert_eq!(refused, Err(Misuse::RecordTooLong));
}

#[test]
fn two_promotions_in_a_row_are_followed() {
    let mut world = World::star(2, small());
    world.add_replica(4, 1, small());
    write_many(&mut world, 1, 8);
    world.run_ms(200);
    for new in [1, 2] {
        let now = world.now;
        world.hosts[new].node.handle(now, Input::Promote).unwrap();
        world.hosts[new].upstream = None;
        for other in (0..4).filter(|other| *other != new) {
            world.hosts[other].upstream = Some(new);
            world.hosts[other].node.handle(now, Input::Follow { adopt: false }).unwrap();
        }
    }
    world.run_ms(5_000);
    let now = world.now;
    world.hosts[2].write(now, b"last");
    world.run_ms(1_000);
    world.hosts.swap(0, 2);
    world.assert_equal();
}

#[test]
fn a_replica_that_keeps_up_under_load_waits_no_growing_pause() {
    let mut world = World::star(1, small());
    world.run_ms(200);
    // It is never exactly at the end, and always past what the last beat told.
    for _ in 0..30 {
        write_many(&mut world, 3, 20);
        world.turn(0);
        world.turn(1);
        write_many(&mut world, 1, 20);
        world.run_ms(50);
    }
    world.restart(1, Role::Replica);
    write_many(&mut world, 200, 100);
    world.run_ms(3_000);
    world.assert_equal();
    assert_eq!(world.hosts[0].node.stats().counters.snapshots_restarted, 0);
}

#[test]
fn a_tail_that_stopped_behind_a_whole_snapshot_is_no_surprise() {
    // All of the snapshot is on the wire, and the ring overtakes the tail beside it, before the replica reads.
    let options = Options { piece_bytes_max: 1 << 14, piece_window_bytes: 1 << 16, ..small() };
    let mut world = World::star(1, options);
    world.run_ms(2000);
    let joins = |world: &World| {
        world.hosts[0].events.iter().filter(|event| matches!(event, Event::Joined { .. })).count()
    };
    let before = joins(&world);
    world.hosts[1].reads = false;
    for _ in 0..6 {
        write_many(&mut world, 100, 16);
        world.run_ms(100);
    }
    assert!(joins(&world) > before, "it is sent a snapshot");
    world.hosts[1].reads = true;
    world.run_ms(400);
    assert_eq!(
        world.hosts[1].snapshots_begun, 2,
        "the pause before the next one begins when this one is installed"
    );
    world.run_ms(5000);
    world.assert_equal();
    let mut events = world.hosts.iter().flat_map(|host| &host.events);
    assert!(!events.any(|event| matches!(event, Event::Close { .. })), "nothing is wrong");
}
