//! All that a node heard of its upstream, of the root above it and of its replicas is forgotten where it stops being
//! true, and not before.

#![allow(clippy::unwrap_used, reason = "a test that panics has said what it had to say")]

mod common;

use common::{World, small};
use towline_core::Stages;
use towline_core::*;

const BEATS_MS: u64 = 3_000;

fn records(world: &mut World, host: usize, count: usize) {
    let now = world.now;
    for _ in 0..count {
        world.hosts[host].write(now, b"a record");
    }
    world.hosts[host].flush(now);
    world.settle();
}

fn follow(world: &mut World, host: usize, upstream: usize, adopt: bool) {
    world.hosts[host].upstream = Some(upstream);
    let now = world.now;
    world.hosts[host].node.handle(now, Input::Follow { adopt }).unwrap();
}

/// The root's end and age, the beats without news of it, and the upstream's history.
fn heard(world: &World, host: usize) -> (Option<Offset>, Option<Span>, u32, HistoryId) {
    let stats = world.hosts[host].node.stats();
    (stats.origin_end, stats.origin_age, stats.stale_beats, stats.upstream_history)
}

const NOTHING: (Option<Offset>, Option<Span>, u32, HistoryId) = (None, None, 0, HistoryId::NONE);

/// A primary with three records, a replica of it, and a replica of that one.
fn chain() -> World {
    let mut world = World::star(1, small());
    world.add_replica(3, 1, small());
    world.run_ms(BEATS_MS);
    records(&mut world, 0, 3);
    world.run_ms(BEATS_MS);
    world.assert_equal();
    for host in [1, 2] {
        assert_eq!(heard(&world, host).0, Some(Offset(3)), "the scene plays as written");
    }
    world
}

#[test]
fn a_node_sent_elsewhere_has_heard_of_nobody() {
    let mut world = chain();
    let history = world.hosts[0].node.stats().history;
    follow(&mut world, 2, 0, false);
    assert_eq!(heard(&world, 2), NOTHING, "nobody welcomed it yet");
    world.settle();
    assert_eq!(heard(&world, 2), (None, None, 0, history), "and no beat of the new one came");
    world.run_ms(BEATS_MS);
    assert_eq!(heard(&world, 2).0, Some(Offset(3)));

    world.severed.push((2, 1));
    follow(&mut world, 2, 1, false);
    world.run_ms(BEATS_MS);
    assert_eq!(heard(&world, 2), NOTHING, "the new one is not reached");
}

#[test]
fn a_primary_has_no_root_above_it() {
    let mut world = chain();
    world.severed.push((1, 0));
    world.cut(1, 0);
    let now = world.now;
    world.hosts[1].node.handle(now, Input::Promote).unwrap();
    assert_eq!(heard(&world, 1), NOTHING);
    follow(&mut world, 1, 0, false);
    assert_eq!(heard(&world, 1), NOTHING, "nor does what it had heard come back");
}

/// The end of a root that is dead is the newest that is known, and its age says how old that is.
#[test]
fn a_lost_link_leaves_what_was_heard_and_its_age_grows() {
    let mut world = chain();
    world.severed.push((1, 0));
    world.cut(1, 0);
    world.run_ms(2 * BEATS_MS);
    for host in [1, 2] {
        let (end, age, ..) = heard(&world, host);
        assert_eq!(end, Some(Offset(3)));
        assert!(age.unwrap() >= Span::from_millis(2 * BEATS_MS), "host {host}: {age:?}");
    }
    // A leaf that connects again hears of the same beat: it is as old as it was.
    world.cut(2, 1);
    world.run_ms(BEATS_MS);
    let (end, age, stale, _) = heard(&world, 2);
    assert!(end == Some(Offset(3)) && age.unwrap() >= Span::from_millis(3 * BEATS_MS) && stale > 0);
}

#[test]
fn another_primary_at_the_root_is_another_root() {
    let mut world = chain();
    world.severed.push((1, 0));
    world.cut(1, 0);
    // The root wrote on, and its replica heard of that in a beat alone: then it is promoted.
    let now = world.now;
    world.hosts[1].node.handle(now, Input::Promote).unwrap();
    world.settle();
    assert_eq!(
        (heard(&world, 2).0, heard(&world, 2).1),
        (None, None),
        "the epoch came, and no beat of its primary"
    );
    assert!(world.hosts[2].node.stats().streaming, "on the link it had");
    records(&mut world, 1, 2);
    world.run_ms(BEATS_MS);
    assert_eq!(heard(&world, 2).0, Some(Offset(5)));
}

#[test]
fn another_history_has_another_root() {
    let mut world = chain();
    world.hosts.push(common::Host::new(9, Role::Primary, small()));
    records(&mut world, 3, 1);
    let foreign = world.hosts[3].node.stats().history;
    follow(&mut world, 1, 3, true);
    world.settle();
    assert_eq!(heard(&world, 1), (None, None, 0, foreign));
    assert_eq!(world.hosts[1].installed, 2, "the scene plays as written");
    assert_eq!(
        heard(&world, 2).0,
        Some(Offset(3)),
        "the leaf was refused: its data is of the history it had"
    );
    follow(&mut world, 2, 1, true);
    world.settle();
    assert_eq!(
        (heard(&world, 2).0, heard(&world, 2).3),
        (None, foreign),
        "nobody above has heard a beat yet"
    );
    world.run_ms(BEATS_MS);
    for host in [1, 2] {
        assert_eq!(heard(&world, host).0, Some(Offset(1)));
    }
}

/// A relay that has heard of no root says so, and its replica takes that for an answer.
#[test]
fn of_a_root_that_nobody_heard_nothing_is_known() {
    let mut world = chain();
    world.severed.push((1, 0));
    world.restart(1, Role::Replica);
    world.run_ms(BEATS_MS);
    let (end, age, stale, _) = heard(&world, 2);
    assert!(world.hosts[2].node.stats().upstream.is_some(), "the scene plays as written");
    assert_eq!((end, age), (None, None));
    assert!(stale >= 2, "each beat without a root is one without news: {stale}");
}

/// Of a replica that is away and holds what was thrown away here it is not known how far it is behind.
#[test]
fn acknowledgements_are_forgotten_with_the_records_they_name() {
    let options = Options { can_rewind: true, ..small() };
    let mut world = World::star(0, options);
    for id in [2, 3] {
        world.add_replica(id, 0, options);
    }
    world.add_replica(4, 1, options);
    records(&mut world, 0, 3);
    world.run_ms(BEATS_MS);
    let acked = |world: &World| world.hosts[1].node.replicas().next().unwrap().acked;
    assert_eq!(acked(&world).received, Some(Offset(3)));
    // The leaf leaves; the first two go apart; the relay comes back to the other one.
    world.severed.push((3, 1));
    world.cut(3, 1);
    for host in [1, 2] {
        world.severed.push((host, 0));
        world.cut(host, 0);
    }
    let now = world.now;
    world.hosts[2].node.handle(now, Input::Promote).unwrap();
    records(&mut world, 2, 4);
    records(&mut world, 0, 1);
    follow(&mut world, 1, 2, false);
    world.run_ms(BEATS_MS);
    assert_eq!(acked(&world).received, Some(Offset(3)), "all it holds is here still");

    world.severed.clear();
    follow(&mut world, 3, 1, false);
    world.run_ms(BEATS_MS);
    assert_eq!(acked(&world).received, Some(Offset(7)));
    world.severed.push((3, 1));
    world.cut(3, 1);
    world.chosen = Some(0);
    let now = world.now;
    world.hosts[0].node.handle(now, Input::Promote).unwrap();
    world.hosts[0].node.handle(now, Input::Promote).unwrap();
    world.hosts[0].flush(now);
    follow(&mut world, 1, 0, false);
    world.run_ms(BEATS_MS);
    assert_eq!(world.hosts[1].end(), 4, "the relay went back, and on: {:?}", world.hosts[1].forks);
    let away = world.hosts[1].node.replicas().next().unwrap();
    assert_eq!((away.node, away.acked, away.lag), (NodeId(4), Stages::default(), Stages::default()));
}
