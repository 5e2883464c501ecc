//! The fast tier: a plan played in one thread, by an event queue, over the shipped core.
//!
//! | room | contents |
//! |---|---|
//! | `queue`, `clock`, `latency` | time: the order of events, the readings of clocks, the length of ways |
//! | `net`, `cuts`, `tap` | connections as byte streams with windows; their breaks; the meaning of their frames |
//! | `host`, `feed`, `events`, `work`, `views` | a process: a node and the host around it, driven in turns |
//! | `gauges`, `told` | the numbers it shows of itself; the two that get every fact |
//! | `store`, `receive`, `waits` | the content of a machine, the batches and clients that wait |
//! | `chaos`, `faults`, `life`, `stopping` | the faults of the plan, processes that start, stop and end |
//! | `operator`, `finals` | the operator of the run, and its end |
//!
//! The world runs in microseconds, nodes in nanoseconds: each is woken exactly at its `next_deadline`, as its own clock
//! shows it. All events of one moment come in one turn of each machine. Only latencies and the seeds of nodes are
//! drawn, each from a stream of its own name.
#![expect(
    clippy::cast_possible_truncation,
    reason = "machines, links and operations are few, streams fit in memory"
)]

mod chaos;
mod clock;
mod cuts;
mod events;
mod faults;
mod feed;
mod finals;
mod gauges;
mod host;
mod latency;
mod life;
mod net;
mod operator;
mod queue;
mod receive;
mod stopping;
mod store;
mod tap;
mod told;
mod views;
mod waits;
mod work;

#[cfg(test)]
mod tests;

use crate::oracle::{Invariant, Violation};
use crate::plan::{Kind, Plan};
use crate::report::Report;
use crate::trace::Fact;
use host::{Machine, Shared, Turn};
use queue::What;
use std::panic::{AssertUnwindSafe, catch_unwind};
use towline_core::Time;

/// The time after which a dial without an answer is given up.
const DIAL_TIMEOUT_US: u64 = 5_000_000;
/// How often the operator looks after the nodes once chaos is over.
const TEND_US: u64 = 200_000;

/// A run that ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// The report on the run.
    pub report: Report,
    /// The facts: microseconds, node, fact. Empty unless they were to be kept.
    pub facts: Vec<(u64, usize, Fact)>,
}

/// Plays a plan to its end.
#[must_use]
pub fn run(plan: &Plan, keeps_facts: bool) -> Run {
    let mut world = World::with(plan, keeps_facts);
    let ended = catch_unwind(AssertUnwindSafe(|| while world.step() {}));
    let panic = ended.err().map(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Violation {
            invariant: Invariant::X4,
            t_us: world.shared.t_us,
            node: world.turning,
            text: text.unwrap_or_else(|| "a panic".to_owned()),
        }
    });
    world.finish(panic)
}

/// A plan at play. [`World::step`] takes it from one moment with events to the next.
pub struct World {
    shared: Shared,
    machines: Vec<Machine>,
    births: u32,
    /// The machine whose turn it is, or was.
    turning: usize,
    over: bool,
}

impl World {
    /// Makes the world of a plan, before anything happened. Its nodes are checked after every call.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self::with(plan, true)
    }

    fn with(plan: &Plan, keeps_facts: bool) -> Self {
        let twins: Vec<usize> =
            plan.faults.iter().filter(|fault| fault.kind == Kind::Twin).map(|fault| fault.node).collect();
        let shared = Shared::new(plan, &twins, keeps_facts);
        let machines =
            (0..plan.nodes.len() + twins.len()).map(|machine| Machine::new(plan, machine, &twins)).collect();
        let mut world = Self { shared, machines, births: 0, turning: 0, over: false };
        world.plan_ahead();
        world
    }

    fn plan_ahead(&mut self) {
        let Shared { plan, queue, ops, .. } = &mut self.shared;
        for (node, row) in plan.nodes.iter().enumerate() {
            queue.push(row.starts_us, What::Start { machine: node as u8 });
        }
        for (index, fault) in plan.faults.iter().enumerate() {
            queue.push(fault.at_us, What::FaultBegins { index: index as u16 });
        }
        if let Some(op) = ops.first() {
            queue.push(op.at_us, What::Op);
        }
        queue.push(plan.heal_us, What::Heal);
    }

    /// Returns the world's time.
    #[must_use]
    pub const fn now_us(&self) -> u64 {
        self.shared.t_us
    }

    /// Plays the next moment with events. False when the run is over.
    pub fn step(&mut self) -> bool {
        let due = self.shared.queue.next_us().filter(|due| *due <= self.shared.plan.duration_us);
        let Some(due_us) = due.filter(|_| !self.over) else {
            self.shared.t_us = if self.over { self.shared.t_us } else { self.shared.plan.duration_us };
            self.over = true;
            return false;
        };
        self.shared.t_us = due_us;
        while let Some(what) = self.shared.queue.pop_due(due_us) {
            self.happens(what);
        }
        while self.shared.net.dirty != 0 {
            let machine = self.shared.net.dirty.trailing_zeros() as usize;
            self.shared.net.dirty &= !(1 << machine);
            self.turn(machine);
        }
        if !self.shared.chaos.edges.is_empty() {
            self.look_at_edges();
        }
        self.shared.told.oracle.pass(due_us);
        self.over = self.shared.told.oracle.is_over(due_us);
        !self.over
    }

    /// Plays everything up to a moment, that moment included.
    pub fn play_until(&mut self, t_us: u64) {
        while self.shared.queue.next_us().is_some_and(|due| due <= t_us) && self.step() {}
    }

    fn happens(&mut self, what: What) {
        let t_us = self.shared.t_us;
        match what {
            What::Deliver { conn, end } => {
                let Shared { net, queue, chaos, .. } = &mut self.shared;
                net.deliver(t_us, queue, chaos, (conn as usize, end.into()));
            }
            What::Room { conn, end } => self.shared.net.room(conn as usize, end.into()),
            What::Reset { conn, end } => self.hear_reset(conn as usize, end.into()),
            What::Connect { machine, birth, dial } => self.connect(machine.into(), birth, dial),
            What::DialTimeout { machine, birth, dial } => self.give_up(machine.into(), birth, dial),
            What::Wake { machine } => {
                if self.machines[usize::from(machine)].wake_us == t_us {
                    self.shared.net.dirty |= 1 << machine;
                }
            }
            What::Turn { machine } => self.shared.net.dirty |= 1 << machine,
            What::Applied { machine, birth, round } => {
                self.finished(machine.into(), birth, |process| {
                    if process.receive.round == round {
                        process.applied = Some(round);
                    }
                });
            }
            What::Synced { machine, birth, round } => {
                self.finished(machine.into(), birth, |process| process.synced |= process.sync_round == round);
            }
            What::ViewOpen { machine, birth, snapshot } => {
                self.finished(machine.into(), birth, |process| process.views_due.push(snapshot));
            }
            What::Op => self.shared.net.dirty |= 1 << self.shared.operator.primary,
            What::Start { machine } => self.start(machine.into()),
            What::FaultBegins { index } => self.fault_begins(index.into()),
            What::FaultPart { index, part } => self.fault_part(index.into(), part),
            What::FaultEnds { index } => self.fault_ends(index.into()),
            What::Heal => self.heal(),
            What::Tend => self.tend(),
        }
    }

    fn finished(&mut self, machine: usize, birth: u32, note: impl FnOnce(&mut host::Process)) {
        if let Some(process) =
            self.machines[machine].process.as_mut().filter(|process| process.birth == birth)
        {
            note(process);
            self.shared.net.dirty |= 1 << machine;
        }
    }

    /// Runs a machine's turn, if it may take it.
    fn turn(&mut self, machine: usize) {
        let t_us = self.shared.t_us;
        let row = &mut self.machines[machine];
        if row.process.is_none() {
            return;
        }
        if row.ails.paused {
            return self.shared.chaos.took_effect(row.plan, Kind::Pause);
        }
        if t_us < row.busy_us {
            self.shared.chaos.took_effect(row.plan, Kind::SlowCpu);
            return self.shared.queue.push(row.busy_us, What::Turn { machine: machine as u8 });
        }
        if row.ails.turn_us > 0 {
            row.busy_us = t_us + row.ails.turn_us;
        }
        self.with_turn(machine, |turn| turn.run());
        self.end_if_stopped(machine);
    }

    /// Does something at a process, as in a turn of its own; none if there is no process.
    fn with_turn<R>(&mut self, machine: usize, act: impl FnOnce(&mut Turn<'_>) -> R) -> Option<R> {
        self.turning = machine;
        let row = &mut self.machines[machine];
        let mut process = row.process.take()?;
        let now = Time(row.clock.shows_ns(self.shared.t_us).saturating_sub(process.zero_ns));
        let mut turn =
            Turn { me: machine, now, machine: row, process: &mut process, world: &mut self.shared, moved: 0 };
        let answer = act(&mut turn);
        row.process = Some(process);
        Some(answer)
    }
}
