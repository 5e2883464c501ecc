//! The allocations of a node, counted: by its verbs (none), and in all (as many bytes as its configuration promised).

use super::metered::Metered;
use super::puppet::Puppet;
use super::stage::Stage;
use super::{World, seed, small};
use towline_core::*;

/// Calls to the allocator by every verb of four nodes, from their births through all that can happen to them.
pub fn allocations_in_steady_state() -> usize {
    let options = Options { can_rewind: true, ..small() };
    let mut world = World::star(2, options);
    world.add_replica(4, 1, options);
    write(&mut world, 0, 300);
    world.run_ms(3_000);
    churn(&mut world);
    snapshot_in_flight(&mut world);
    promotion_and_fork(&mut world);
    for host in &mut world.hosts {
        host.node.handle(world.now, Input::Shutdown).expect("any time");
    }
    world.run_ms(3_000);
    let counted = |host: &super::Host| host.node.allocations;
    world.hosts.iter().map(counted).sum::<usize>() + lonely_verbs()
}

fn write(world: &mut World, host: usize, count: u32) {
    let now = world.now;
    for index in 0..count {
        let record = vec![b'x'; (index % 300) as usize];
        world.hosts[host].write(now, &record);
        if index % 10 == 0 {
            world.settle();
        }
    }
    world.settle();
}

/// Links come and go, some mid-frame, while the log moves on.
fn churn(world: &mut World) {
    for round in 0..30 {
        write(world, 0, 5);
        world.cut(0, 1 + round % 2);
        world.cut(1, 3);
        world.run_ms(137);
    }
    world.run_ms(3_000);
}

/// A replica is overtaken, gets a snapshot, and is cut off in the middle of it.
fn snapshot_in_flight(world: &mut World) {
    let before = world.hosts[0].node.stats().counters.full_syncs;
    (world.capacity, world.gulp) = (300, 100);
    world.cut(0, 2);
    write(world, 0, 300);
    for _ in 0..20 {
        world.run_ms(73);
        world.cut(0, 2);
        write(world, 0, 3);
    }
    (world.capacity, world.gulp) = (1 << 20, 1 << 16);
    world.run_ms(20_000);
    assert!(world.hosts[0].node.stats().counters.full_syncs > before, "the scene plays as written");
    world.assert_equal();
}

/// Another node is promoted; the old primary wrote on, and rewinds.
fn promotion_and_fork(world: &mut World) {
    world.severed.extend([(1, 0), (2, 0)]);
    world.cut(0, 1);
    world.cut(0, 2);
    write(world, 0, 2);
    let now = world.now;
    world.hosts[0].flush(now);
    world.hosts[1].node.handle(now, Input::Promote).expect("it has a base");
    world.hosts[1].write(now, b"on the other side");
    for other in [0, 2] {
        world.hosts[other].upstream = Some(1);
        world.hosts[other].node.handle(now, Input::Follow { adopt: false }).expect("any time");
    }
    world.run_ms(10_000);
    assert!(!world.hosts[0].forks.is_empty(), "the scene plays as written");
    world.assert_equal();
}

/// The inputs that the world above never passes: failures, refusals, nonsense.
fn lonely_verbs() -> usize {
    let config = small().check().expect("works");
    let boot = Boot { node: NodeId(7), seed: seed(7, 0), role: Role::Replica, unix_zero: 0, cursor: None };
    let mut node = Metered::new(config, boot).expect("no cursor");
    let mut now = Time::ZERO;
    for round in 0..50u32 {
        now = node.next_deadline().expect("a replica without an upstream dials").max(now);
        node.handle(now, Input::Tick).expect("any time");
        while let Some(event) = node.poll_event() {
            if let Event::Dial { .. } = event {
                node.handle(now, Input::DialFailed).expect("a dial is under way");
            }
        }
        let link = LinkId(round % 4);
        let _ = node.handle(now, Input::Opened { link, side: Side::Downstream });
        let _ = node.handle(now, Input::Bytes { link, data: &[round.to_le_bytes()[0]; 64] });
        let _ = node.handle(now, Input::Write { data: b"no" });
        let snapshot = SnapshotId(round.into());
        let _ = node.handle(now, Input::SnapshotFailed { snapshot, retry: true });
        let _ = node.handle(now, Input::Installed { snapshot });
        while node.poll_event().is_some() {}
        let shown = node.peek_transmit(link).len();
        let _ = node.consume(now, link, shown);
    }
    node.allocations
}

/// How far what a node holds is from what its configuration promised, in percent: a ring of 64 KiB and 64 links, after
/// 10,000 openings of links, one snapshot, and a million records.
pub fn memory_percent_over() -> f64 {
    let options = Options { backlog_bytes: 64 << 10, links_max: 64, ..Options::default() };
    let config = options.check().expect("works");
    let boot = Boot { node: NodeId(1), seed: seed(1, 0), role: Role::Primary, unix_zero: 0, cursor: None };
    let mut stage = Stage::new(Metered::new(config, boot).expect("no cursor"));
    stage.open(0, Puppet::new(99), None);
    let mut openings = 1;
    for round in 0..10_000u64 {
        let link = 1 + u32::try_from(round % 63).expect("small");
        stage.cut(link);
        let cursor = stage.cursor();
        stage.open(link, Puppet::new(100 + round % 80), Some(&cursor));
        openings += 1;
        for record in 0..100 {
            stage.node.handle(stage.now, Input::Write { data: &[7; 24][..record % 24] }).expect("writes");
        }
        stage.now = stage.now + Span::from_millis(1);
        stage.turn();
    }
    let stats = stage.node.stats();
    assert_eq!((openings, stats.end), (10_001, Offset(1_000_000)), "the scene plays as written");
    assert_eq!(stats.counters.full_syncs, 1, "one snapshot");
    assert_eq!(stage.node.allocations, 0, "and no verb allocated");
    #[expect(clippy::cast_precision_loss, reason = "megabytes, in percent")]
    let (held, promised) = (stage.node.held_bytes as f64, config.memory_bytes() as f64);
    (held - promised).abs() / promised * 100.0
}
