//! Random faults over four nodes, then healing: everybody must end with the primary's records.
//!
//! proptest prints the failing plan, shrunk; `PROPTEST_CASES` sets how many are tried, and the seed of a failure is
//! kept beside this file.

mod common;

use common::*;
use proptest::prelude::*;
use towline_core::*;

#[derive(Debug, Clone)]
enum Op {
    Write { count: u8, bytes: u16 },
    Flush,
    Run { millis: u16 },
    Cut { a: u8, b: u8 },
    Sever { a: u8, b: u8 },
    Heal,
    Stall { host: u8, applies: bool, reads: bool },
    Restart { host: u8 },
    Promote { host: u8 },
    Capacity { bytes: u16 },
    Gulp { bytes: u16 },
}

fn op() -> impl Strategy<Value = Op> {
    let host = 0u8..4;
    prop_oneof![
        4 => (1u8..60, 0u16..500).prop_map(|(count, bytes)| Op::Write { count, bytes }),
        1 => Just(Op::Flush),
        4 => (0u16..1500).prop_map(|millis| Op::Run { millis }),
        2 => (host.clone(), host.clone()).prop_map(|(a, b)| Op::Cut { a, b }),
        1 => (host.clone(), host.clone()).prop_map(|(a, b)| Op::Sever { a, b }),
        1 => Just(Op::Heal),
        1 => (host.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(host, applies, reads)| Op::Stall { host, applies, reads }),
        1 => host.clone().prop_map(|host| Op::Restart { host }),
        1 => host.prop_map(|host| Op::Promote { host }),
        1 => (60u16..4000).prop_map(|bytes| Op::Capacity { bytes }),
        1 => (16u16..4000).prop_map(|bytes| Op::Gulp { bytes }),
    ]
}

struct Chaos {
    world: World,
    primary: usize,
    stamp: u64,
}

impl Chaos {
    fn new(rewind: bool) -> Self {
        let options = Options { can_rewind: rewind, ..small() };
        let mut world = World::star(2, options);
        world.add_replica(4, 1, options);
        Self { world, primary: 0, stamp: 0 }
    }

    fn apply(&mut self, op: &Op) {
        let world = &mut self.world;
        let now = world.now;
        match *op {
            Op::Write { count, bytes } => {
                for _ in 0..count {
                    self.stamp += 1;
                    let mut record = self.stamp.to_le_bytes().to_vec();
                    record.resize(8 + usize::from(bytes), self.stamp.to_le_bytes()[0]);
                    let host = &mut world.hosts[self.primary];
                    if host.node.stats().applied >= Offset(host.end())
                        && host.end() == host.node.stats().end.0
                    {
                        host.write(now, &record);
                    }
                }
            }
            Op::Flush => world.hosts[self.primary].flush(now),
            Op::Run { millis } => world.run_ms(millis.into()),
            Op::Cut { a, b } => world.cut(a.into(), b.into()),
            Op::Sever { a, b } => world.severed.push((a.into(), b.into())),
            Op::Heal => self.heal(),
            Op::Stall { host, applies, reads } => {
                let host = usize::from(host);
                if host != self.primary {
                    (world.hosts[host].applies, world.hosts[host].reads) = (applies, reads);
                }
            }
            Op::Restart { host } => {
                let host = usize::from(host);
                world.restart(host, if host == self.primary { Role::Primary } else { Role::Replica });
            }
            Op::Promote { host } => self.promote(host.into()),
            Op::Capacity { bytes } => world.capacity = bytes.into(),
            Op::Gulp { bytes } => world.gulp = bytes.into(),
        }
    }

    fn promote(&mut self, host: usize) {
        let world = &mut self.world;
        let now = world.now;
        let ready = world.hosts[host].node.stats();
        // A careful operator: the host has applied all it has, and is not the primary already.
        if host == self.primary || !ready.base || ready.applied != ready.end {
            return;
        }
        world.hosts[host].node.handle(now, Input::Promote).expect("it has a base");
        world.hosts[host].upstream = None;
        let old = std::mem::replace(&mut self.primary, host);
        for other in (0..world.hosts.len()).filter(|other| *other != host) {
            if other == old {
                let stats = world.hosts[old].node.stats();
                if stats.end.0 == world.hosts[old].end()
                    && world.hosts[old].node.stats().role == Role::Primary
                {
                    world.hosts[old].flush(now);
                }
            }
            world.hosts[other].upstream = Some(host);
            world.hosts[other].node.handle(now, Input::Follow { adopt: false }).expect("follows");
        }
    }

    fn heal(&mut self) {
        self.world.severed.clear();
        self.world.capacity = 1 << 20;
        self.world.gulp = 1 << 16;
        for host in &mut self.world.hosts {
            (host.applies, host.reads) = (true, true);
        }
    }

    /// Honest nodes never find each other at fault: what ends their links is time, space or a choice.
    fn no_misunderstanding(&self) {
        for (index, host) in self.world.hosts.iter().enumerate() {
            for event in &host.events {
                if let Event::Close { fault, by_peer, .. } = event {
                    assert!(
                        HONEST.contains(fault),
                        "host {index} closed a link for: {fault} (by peer: {by_peer})"
                    );
                }
            }
        }
    }

    fn converge(&mut self) {
        self.heal();
        self.world.chosen = Some(self.primary);
        self.world.run_ms(90_000);
        let primary = self.primary;
        // A node that was outranked while nobody looked reports it again to its operator.
        let number = |event: &Event| matches!(event, Event::Outranked { .. });
        if self.world.hosts[primary].events.iter().any(number) {
            self.world.hosts[primary].node.handle(self.world.now, Input::Promote).expect("a base");
            self.world.run_ms(90_000);
        }
        let now = self.world.now;
        let host = &mut self.world.hosts[primary];
        host.write(now, b"the last word");
        self.world.run_ms(1_000);
        self.no_misunderstanding();
        for (index, host) in self.world.hosts.iter().enumerate() {
            let truth = &self.world.hosts[primary].store.records;
            assert_eq!(host.end(), truth.len() as u64, "host {index} has every record, and no more");
            assert!(host.store.records == *truth, "host {index} has the primary's records");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_all_end_with_the_primarys_records(
        rewind in any::<bool>(),
        ops in proptest::collection::vec(op(), 1..40),
    ) {
        let mut chaos = Chaos::new(rewind);
        for op in &ops {
            chaos.apply(op);
        }
        chaos.converge();
    }
}
