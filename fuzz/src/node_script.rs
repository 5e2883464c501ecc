//! A script over two to four nodes and their links: writes, cuts, stalls, restarts, promotions, damaged bytes, mistakes
//! of hosts. In the end everything heals, and every node must hold the primary's records.
//!
//! The first byte chooses the nodes: how many replicas, whether the last one follows the first, whether hosts rewind.
//! Then four bytes an operation, at most [`OPS_MAX`]. The hosts and wires are the world of core's own tests, which
//! calls `check` after each step; its store compares records one by one.

use arbitrary::Unstructured;
use towline_core::*;

use crate::Marks;
use crate::common::{HONEST, Store, World, small};
use crate::host::{next_op, wide};

/// The most operations; longer scripts find nothing new, and cost time.
pub const OPS_MAX: usize = 64;
/// The most records of one operation.
const RECORDS_MAX: u8 = 60;
/// Virtual time of a script, before everything heals.
const SCRIPT_MAX: Span = Span::from_secs(30);
/// The most turns of one operation.
const TURNS_MAX: u8 = 16;
/// Steps in which all nodes must agree after healing.
const CONVERGE_STEPS: u32 = 200;

/// The situations that the corpus must reach.
pub const MUST_SEE: &[&str] = &[
    "joined",
    "resumed",
    "caught up",
    "snapshot installed",
    "snapshot resumed",
    "overrun",
    "forked and rewound",
    "forked and kept aside",
    "slot expired",
    "promoted",
    "outranked",
    "restarted",
    "damage refused",
    "misuse refused",
    "shut down",
];

/// The operations, by their first byte.
pub mod op {
    /// Writes so many records (`a`) of so many bytes (`b`, `c`).
    pub const WRITE: u8 = 0;
    /// Lets the primary commit.
    pub const FLUSH: u8 = 1;
    /// Lets milliseconds pass (`a`, `b`).
    pub const RUN: u8 = 2;
    /// Lets seconds pass (`a`).
    pub const LONG: u8 = 3;
    /// Breaks the connections between `a` and `b`.
    pub const CUT: u8 = 4;
    /// Stops `a` from reaching `b`.
    pub const SEVER: u8 = 5;
    /// Heals everything.
    pub const HEAL: u8 = 6;
    /// From now on `a` does not apply (bit 0 of `b`), does not read (bit 1).
    pub const STALL: u8 = 7;
    /// Kills `a` and starts it again.
    pub const RESTART: u8 = 8;
    /// Makes `a` the primary, as an operator would.
    pub const PROMOTE: u8 = 9;
    /// Sets how many bytes a socket holds (`a`, `b`).
    pub const CAPACITY: u8 = 10;
    /// Sets how many bytes a host reads at a time (`a`, `b`).
    pub const GULP: u8 = 11;
    /// Flips byte `b` of those under way on wire `a` by `c`.
    pub const DAMAGE: u8 = 12;
    /// Gives `a` an input of kind `b` with a field `c` that its host should not give.
    pub const MISTAKE: u8 = 13;
    /// Shuts `a` down, and starts it again.
    pub const SHUTDOWN: u8 = 14;
    /// Lets `a` take so many turns (`b`) while no other host takes any.
    pub const TURNS: u8 = 15;
    /// The number of operations.
    pub const COUNT: u8 = 16;
}

struct Script {
    world: World,
    primary: usize,
    stamp: u64,
    damaged: bool,
    marks: Marks,
}

/// Plays a script to its end, and through the time after it.
pub fn run(data: &[u8]) -> Marks {
    play(data, false)
}

/// Plays it and prints the events, also if it fails.
pub fn story(data: &[u8]) {
    play(data, true);
}

fn play(data: &[u8], told: bool) -> Marks {
    let mut bytes = Unstructured::new(data);
    let shape = bytes.arbitrary().unwrap_or(0);
    let mut script = Script::new(shape);
    script.world.logging = told;
    for _ in 0..OPS_MAX {
        let Some(op) = next_op(&mut bytes).filter(|_| script.world.now < Time::ZERO + SCRIPT_MAX) else {
            break;
        };
        script.world.note(&format!("operation {}: {:?}", op[0] % op::COUNT, &op[1..]));
        script.apply(op);
    }
    script.world.note("all is well again");
    script.converge();
    script.note();
    std::mem::take(&mut script.marks)
}

/// Prints the events on drop, so that a panic does not lose them.
impl Drop for Script {
    fn drop(&mut self) {
        eprint!("{}", self.world.log);
    }
}

impl Script {
    fn new(shape: u8) -> Self {
        let options = Options { can_rewind: shape & 4 != 0, ..small() };
        let mut world = World::star(1 + usize::from(shape & 1), options);
        if shape & 2 != 0 {
            world.add_replica(4, 1, options);
        }
        Self { world, primary: 0, stamp: 0, damaged: false, marks: Marks::default() }
    }

    fn apply(&mut self, [kind, a, b, c]: [u8; 4]) {
        let count = self.world.hosts.len();
        let (host, other) = (usize::from(a) % count, usize::from(b) % count);
        match kind % op::COUNT {
            op::WRITE => self.write(1 + a % RECORDS_MAX, wide(b, c) % 500),
            op::FLUSH => self.flush(),
            op::RUN => self.world.run_ms(wide(a, b) as u64 % 1500),
            op::LONG => self.world.run_ms(u64::from(a % 16) * 1000),
            op::CUT => self.world.cut(host, other),
            op::SEVER => self.world.severed.push((host, other)),
            op::HEAL => self.heal(),
            op::STALL if host != self.primary => {
                let host = &mut self.world.hosts[host];
                (host.applies, host.reads) = (b & 1 == 0, b & 2 == 0);
            }
            op::STALL => {}
            op::RESTART => self.restart(host),
            op::PROMOTE => self.promote(host),
            op::CAPACITY => self.world.capacity = 60 + wide(a, b) % 4000,
            op::GULP => self.world.gulp = 16 + wide(a, b) % 4000,
            op::DAMAGE => self.damage(a, b, c),
            op::MISTAKE => self.mistake(host, b, c),
            op::SHUTDOWN => self.shut_down(host),
            _ => {
                for _ in 0..b % TURNS_MAX {
                    self.world.turn(host);
                }
            }
        }
    }

    fn write(&mut self, count: u8, bytes: usize) {
        let now = self.world.now;
        for _ in 0..count {
            self.stamp += 1;
            let mut record = self.stamp.to_le_bytes().to_vec();
            record.resize(8 + bytes, self.stamp.to_le_bytes()[0]);
            let host = &mut self.world.hosts[self.primary];
            let stats = host.node.stats();
            if stats.applied >= Offset(host.end()) && host.end() == stats.end.0 {
                host.write(now, &record);
            }
        }
    }

    fn flush(&mut self) {
        let (now, host) = (self.world.now, &mut self.world.hosts[self.primary]);
        let stats = host.node.stats();
        if stats.applied >= Offset(host.end()) && host.end() == stats.end.0 {
            host.flush(now);
        }
    }

    fn restart(&mut self, host: usize) {
        self.note();
        let role = if host == self.primary { Role::Primary } else { Role::Replica };
        self.world.restart(host, role);
        self.marks.hit("restarted");
    }

    /// Shuts a node down. Its port closes first: nobody dials a node that is shutting down.
    fn shut_down(&mut self, host: usize) {
        let (now, severed) = (self.world.now, self.world.severed.clone());
        self.world.severed.extend((0..self.world.hosts.len()).map(|other| (other, host)));
        self.world.hosts[host].node.handle(now, Input::Shutdown).expect("any time");
        // Goodbyes leave. No time passes, so a peer that asked for a view would still get its answer.
        self.world.turn(host);
        self.world.severed = severed;
        self.marks.hit("shut down");
        self.restart(host);
    }

    /// Promotes a node as a careful operator does: it has applied all it has, and is not the primary already.
    fn promote(&mut self, host: usize) {
        let world = &mut self.world;
        let now = world.now;
        let ready = world.hosts[host].node.stats();
        if host == self.primary || !ready.base || ready.applied != ready.end {
            return;
        }
        world.hosts[host].node.handle(now, Input::Promote).expect("it has a base");
        self.marks.hit("promoted");
        world.hosts[host].upstream = None;
        let old = std::mem::replace(&mut self.primary, host);
        for other in (0..world.hosts.len()).filter(|other| *other != host) {
            let stats = world.hosts[other].node.stats();
            if other == old && stats.end.0 == world.hosts[old].end() && stats.role == Role::Primary {
                world.hosts[old].flush(now);
            }
            world.hosts[other].upstream = Some(host);
            world.hosts[other].node.handle(now, Input::Follow { adopt: false }).expect("follows");
        }
    }

    fn damage(&mut self, wire: u8, at: u8, mask: u8) {
        let wires = self.world.wires.iter_mut().filter(|wire| wire.open);
        let pipes: Vec<_> =
            wires.flat_map(|wire| &mut wire.pipes).filter(|pipe| !pipe.bytes.is_empty()).collect();
        let count = pipes.len().max(1);
        if let Some(pipe) = pipes.into_iter().nth(usize::from(wire) % count) {
            let at = usize::from(at) * 7 % pipe.bytes.len();
            pipe.bytes[at] ^= mask.max(1);
            self.damaged = true;
        }
    }

    /// Gives a misuse, which must change nothing. An input that is accepted is not given: it would be a lie, not a
    /// mistake.
    fn mistake(&mut self, host: usize, kind: u8, field: u8) {
        let now = self.world.now;
        let node = &mut self.world.hosts[host].node;
        let value = [0, 1, 2, 3, 7, u64::from(u32::MAX), 1 << 40, u64::MAX][usize::from(field) % 8];
        let mut record =
            FlatInput { kind: 1 + u32::from(kind) % 18, link: u32::from(field >> 3), fields: [0; 7] };
        record.fields[0] = value;
        let Some(input) = record.input(&[0xa5; 40]) else { return };
        if node.clone().handle(now, input).is_err() {
            let before = node.fingerprint();
            assert!(node.handle(now, input).is_err(), "the same node, the same answer");
            assert_eq!(before, node.fingerprint(), "a mistake changes nothing: {input:?}");
            self.marks.hit("misuse refused");
        }
    }

    fn heal(&mut self) {
        self.world.severed.clear();
        (self.world.capacity, self.world.gulp) = (1 << 20, 1 << 16);
        for host in &mut self.world.hosts {
            (host.applies, host.reads) = (true, true);
        }
    }

    // --- the end --------------------------------------------------------------------------------------------------

    fn together(&self) -> bool {
        let Store { records, .. } = &self.world.hosts[self.primary].store;
        self.world.hosts.iter().all(|host| host.store.records == *records)
    }

    fn converge(&mut self) {
        self.heal();
        let primary = self.primary;
        self.world.chosen = Some(primary);
        // A primary that was outranked while nobody looked reports it again to its operator.
        let number = self.world.hosts[primary].node.stats().epoch.number();
        let outranked = |event: &Event| matches!(event, Event::Outranked { number: seen } if *seen >= number);
        if self.world.hosts[primary].events.iter().any(outranked) {
            self.world.hosts[primary].node.handle(self.world.now, Input::Promote).expect("a base");
        }
        self.world.run_ms(500);
        let now = self.world.now;
        let host = &mut self.world.hosts[primary];
        assert!(host.node.stats().applied >= Offset(host.end()), "healed, a primary has applied what it has");
        host.write(now, b"the last word");
        for _ in 0..CONVERGE_STEPS {
            if self.together() {
                break;
            }
            self.world.run_ms(500);
        }
        assert!(self.together(), "not every node has the primary's records");
        // Nothing more happens to nodes that agree.
        self.world.run_ms(500);
        assert!(self.together());
    }

    /// Adds the marks of the run up to now.
    fn note(&mut self) {
        for host in &self.world.hosts {
            for event in &host.events {
                match event {
                    Event::Joined { .. } => self.marks.hit("joined"),
                    Event::Close { fault, .. } => ended(*fault, self.damaged, &mut self.marks),
                    Event::CaughtUp => self.marks.hit("caught up"),
                    Event::SlotExpired { .. } => self.marks.hit("slot expired"),
                    Event::Outranked { .. } => self.marks.hit("outranked"),
                    Event::Dial { .. } | Event::WantsWrite { .. } | Event::SnapshotWanted { .. } => {}
                    Event::SnapshotRead { .. } | Event::SnapshotDone { .. } => {}
                    Event::Acked { .. } | Event::Role { .. } => {}
                }
            }
            let counters = host.node.stats().counters;
            self.marks.hit_if(counters.partial_syncs > 0, "resumed");
            self.marks.hit_if(counters.snapshots_resumed > 0, "snapshot resumed");
            self.marks.hit_if(counters.overruns > 0, "overrun");
            self.marks.hit_if(host.installed > 0, "snapshot installed");
            for (_, count) in &host.forks {
                self.marks.hit(if *count == 1 { "forked and rewound" } else { "forked and kept aside" });
            }
        }
    }
}

/// Checks that honest nodes never end a link for the other's fault: only for time, space or a choice, or for damage by
/// the script.
fn ended(fault: Fault, damaged: bool, marks: &mut Marks) {
    if !HONEST.contains(&fault) && fault != Fault::Shutdown {
        // A frame's place is checked before its check sum.
        let place = [Fault::Gap, Fault::Parent, Fault::EpochOrder, Fault::PieceOrder];
        let damage = [&[Fault::BadMagic, Fault::HeadCheck, Fault::BodyCheck][..], &place].concat();
        assert!(damaged && damage.contains(&fault), "a link ended for: {fault}");
        marks.hit("damage refused");
    }
    marks.fault(fault);
}
