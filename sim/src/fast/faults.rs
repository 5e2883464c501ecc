//! The beginning, the course and the end of faults. A fault has taken effect when it changed an event, a byte or a
//! decision; pending ones note it where they strike (`net`, `feed`, `work`, `views`).

use super::World;
use super::chaos::Ails;
use super::host::{Shared, Turn};
use super::queue::What;
use super::store::Store;
use crate::plan::{Fault, Kind};
use crate::trace::{Death, Fact};

impl World {
    pub(super) fn fault_begins(&mut self, index: usize) {
        let (t_us, fault) = (self.shared.t_us, self.shared.chaos.faults[index]);
        self.shared.told.fact(t_us, fault.node, &Fact::FaultBegan { index });
        self.shared.chaos.active[index] = true;
        self.refresh();
        let effect = self.strike(index, &fault);
        self.shared.chaos.effects[index] |= effect;
        let shape = fault.kind.shape();
        if shape.lasts && self.ends_some_day(&fault) {
            let end_us = fault.end_us().min(self.shared.plan.heal_us).max(t_us);
            self.shared.queue.push(end_us, What::FaultEnds { index: index as u16 });
        } else if !shape.lasts && !shape.waits {
            self.shared.chaos.active[index] = false;
        }
    }

    /// Begins a fault; returns whether it took effect already.
    fn strike(&mut self, index: usize, fault: &Fault) -> bool {
        let (node, peer) = (fault.node, fault.peer);
        match fault.kind {
            Kind::Cut => self.shared.net.reset_between(node, peer, None),
            Kind::Stale
            | Kind::CutAfter
            | Kind::Flip
            | Kind::Edge
            | Kind::Flap
            | Kind::RestartLoop
            | Kind::Twin
            | Kind::SlowReading => {
                self.lie_in_wait(index, fault);
                false
            }
            Kind::Fin => self.close_upstream_ends(node, peer),
            Kind::BlackHole => self.swallow(node, peer),
            Kind::Stop => self.stop(node),
            Kind::Kill => self.kill(node, |_| {}),
            Kind::Wipe => self.kill(node, |store| *store = Store::new(store.disk, store.past.is_some())),
            Kind::Rollback => self.kill(node, |store| store.roll_back(fault.amount)),
            Kind::PowerLoss => self.lose_power(node, 0),
            Kind::Torn => self.lose_power(node, fault.amount),
            Kind::Promote => self.promote_for_all(node),
            Kind::Usurp => self.promote(node),
            Kind::Follow => self.follow(node, peer, fault.amount == 1),
            Kind::ReadFails => self.awake(node, |turn| turn.break_views()) == Some(true),
            Kind::ClockJump | Kind::ClockBack => self.jump(fault),
            Kind::ClockDrift | Kind::ClockFreeze => self.machines[node].process.is_some(),
            // They change later events, and note their effect there.
            Kind::Hold
            | Kind::HoldUp
            | Kind::HoldDown
            | Kind::Refuse
            | Kind::Hang
            | Kind::Slow
            | Kind::Rate
            | Kind::Narrow
            | Kind::Dribble
            | Kind::Split
            | Kind::StopReading
            | Kind::StopTaking
            | Kind::StopApplying
            | Kind::SlowApplying
            | Kind::Pause
            | Kind::SlowCpu
            | Kind::SyncFails
            | Kind::SlowDisk
            | Kind::ViewFails
            | Kind::Speaks => false,
        }
    }

    /// Makes a fault pending: it takes effect where it meets something.
    fn lie_in_wait(&mut self, index: usize, fault: &Fault) {
        let (kind, node, peer) = (fault.kind, fault.node, fault.peer);
        if kind == Kind::Stale {
            self.shared.net.reset_between(node, peer, Some(index));
        } else if kind == Kind::CutAfter {
            self.shared.net.pair(node, peer).cut_after = Some((index, fault.amount));
        } else if kind == Kind::Flip {
            self.shared.net.pair(node, peer).flip_after = Some((index, fault.amount));
        } else if kind == Kind::Edge {
            self.shared.chaos.edges.push(index);
            if let Some(upstream) = self.shared.operator.upstream[node] {
                self.shared.net.reset_between(node, upstream, None);
            }
        } else if kind == Kind::Twin {
            self.start_twin(node);
        } else if kind == Kind::SlowReading {
            self.machines[node].tokens = (0, self.shared.t_us);
        } else {
            self.plan_parts(index, fault);
        }
    }

    fn jump(&mut self, fault: &Fault) -> bool {
        let row = &mut self.machines[fault.node];
        row.clock.jump(self.shared.t_us, fault.amount, fault.kind == Kind::ClockJump);
        row.wake_us = 0;
        self.shared.net.dirty |= 1 << fault.node;
        row.process.is_some() && fault.amount > 0
    }

    pub(super) fn fault_ends(&mut self, index: usize) {
        if !self.shared.chaos.active[index] {
            return;
        }
        let fault = self.shared.chaos.faults[index];
        self.shared.chaos.active[index] = false;
        self.shared.told.fact(self.shared.t_us, fault.node, &Fact::FaultEnded { index });
        self.refresh();
        match fault.kind {
            Kind::Stop
            | Kind::Kill
            | Kind::PowerLoss
            | Kind::Torn
            | Kind::Wipe
            | Kind::Rollback
            | Kind::RestartLoop => self.start_again(fault.node),
            Kind::Twin => self.end_twin(fault.node),
            Kind::CutAfter => self.shared.net.pair(fault.node, fault.peer).cut_after = None,
            Kind::Flip => self.shared.net.pair(fault.node, fault.peer).flip_after = None,
            Kind::Stale => self.shared.net.pair(fault.node, fault.peer).stale = None,
            Kind::Edge => self.shared.chaos.edges.retain(|edge| *edge != index),
            Kind::Cut
            | Kind::Fin
            | Kind::Hold
            | Kind::HoldUp
            | Kind::HoldDown
            | Kind::BlackHole
            | Kind::Refuse
            | Kind::Hang
            | Kind::Slow
            | Kind::Rate
            | Kind::Narrow
            | Kind::Dribble
            | Kind::Flap
            | Kind::Split
            | Kind::StopReading
            | Kind::SlowReading
            | Kind::StopTaking
            | Kind::StopApplying
            | Kind::SlowApplying
            | Kind::Pause
            | Kind::SlowCpu
            | Kind::Promote
            | Kind::Usurp
            | Kind::Follow
            | Kind::SyncFails
            | Kind::SlowDisk
            | Kind::ViewFails
            | Kind::ReadFails
            | Kind::ClockJump
            | Kind::ClockBack
            | Kind::ClockDrift
            | Kind::ClockFreeze
            | Kind::Speaks => {}
        }
        self.dial_again();
    }

    /// Returns whether a lasting fault ends: never at nodes outside the core set.
    fn ends_some_day(&self, fault: &Fault) -> bool {
        let core = |node: usize| self.shared.plan.nodes[node].core;
        match fault.kind.shape().target {
            _ if fault.kind == Kind::Split => true,
            crate::plan::faults::Target::Node => core(fault.node),
            crate::plan::faults::Target::Pair => core(fault.node) && core(fault.peer),
        }
    }

    pub(super) fn end_all_faults(&mut self) {
        for index in 0..self.shared.chaos.faults.len() {
            if self.ends_some_day(&self.shared.chaos.faults[index]) {
                self.fault_ends(index);
            }
        }
    }

    /// Computes the sum of the active faults, for every machine and every way.
    fn refresh(&mut self) {
        let t_us = self.shared.t_us;
        for machine in 0..self.machines.len() {
            let (before, ails) = (self.machines[machine].ails, self.shared.chaos.ails(machine));
            let row = &mut self.machines[machine];
            let (fast_ppm, frozen) = self.shared.chaos.clock(machine);
            row.clock.run(t_us, fast_ppm, frozen);
            (row.ails, row.wake_us) = (ails, 0);
            self.shared.net.dirty |= 1 << machine;
            let works = |ails: Ails| (ails.stops_taking, ails.stops_applying);
            if works(before) != works(ails) {
                self.with_turn(machine, |turn| turn.say_again());
            }
        }
        let Shared { net, queue, chaos, .. } = &mut self.shared;
        for replica in 0..net.machines {
            for upstream in 0..net.machines {
                let blocks = chaos.blocks(replica, upstream);
                let before = std::mem::replace(&mut net.pair(replica, upstream).blocks, blocks);
                if before.rate.is_some() && blocks.rate.is_none() {
                    net.hurry(t_us, queue, replica, upstream);
                }
                if before != blocks {
                    net.release(t_us, queue, replica, upstream);
                }
            }
        }
    }

    // --- connections -----------------------------------------------------------------------------------------------

    /// Does something at a process; none where there is no process, or it sleeps and neither closes nor reads.
    fn awake<R>(&mut self, node: usize, act: impl FnOnce(&mut Turn<'_>) -> R) -> Option<R> {
        if self.machines[node].ails.paused { None } else { self.with_turn(node, act) }
    }

    fn close_upstream_ends(&mut self, replica: usize, upstream: usize) -> bool {
        let conns = self.shared.net.open_between(replica, upstream);
        conns.into_iter().fold(false, |any, conn| {
            let closed = self.awake(upstream, |turn| turn.close_conn(conn)) == Some(true);
            any | closed
        })
    }

    fn swallow(&mut self, replica: usize, upstream: usize) -> bool {
        let conns = self.shared.net.open_between(replica, upstream);
        for conn in &conns {
            self.shared.net.conns[*conn].dead = true;
        }
        !conns.is_empty()
    }

    fn plan_parts(&mut self, index: usize, fault: &Fault) {
        let parts = if fault.kind == Kind::RestartLoop { 2 * fault.amount } else { fault.amount };
        for part in 0..parts.min(10_000) {
            let at_us = self.shared.t_us + fault.for_us * part / parts;
            self.shared.queue.push(at_us, What::FaultPart { index: index as u16, part: part as u32 });
        }
    }

    pub(super) fn fault_part(&mut self, index: usize, part: u32) {
        let fault = self.shared.chaos.faults[index];
        if !self.shared.chaos.active[index] {
            return;
        }
        let effect = if fault.kind == Kind::Flap {
            self.shared.net.reset_between(fault.node, fault.peer, None)
        } else if part.is_multiple_of(2) {
            self.kill(fault.node, |_| {})
        } else {
            self.start(fault.node);
            false
        };
        self.shared.chaos.effects[index] |= effect;
    }

    /// Ends the cuts of nodes whose upstream's ring is where the fault wants it.
    pub(super) fn look_at_edges(&mut self) {
        for index in self.shared.chaos.edges.clone() {
            let fault = self.shared.chaos.faults[index];
            let stats = |machine: usize| self.machines[machine].process.as_deref().map(|it| it.node.stats());
            let upstream = self.shared.operator.upstream[fault.node].and_then(stats);
            let (Some(ours), Some(theirs)) = (stats(fault.node), upstream) else {
                continue;
            };
            let (end, start) = (ours.end.0, theirs.start.0);
            let stands = match fault.amount {
                0 => start > end,
                1 => start >= end,
                _ => start + 1 >= end,
            };
            if stands && ours.base {
                self.shared.chaos.effects[index] = true;
                self.shared.chaos.returning = Some(fault.node);
                self.fault_ends(index);
            }
        }
    }

    // --- processes -------------------------------------------------------------------------------------------------

    fn start_again(&mut self, node: usize) {
        if self.machines[node].process.as_deref().is_some_and(|process| process.stopping.is_some()) {
            self.end_stopped(node);
        }
        self.start(node);
    }

    fn stop(&mut self, node: usize) -> bool {
        let stopped = self.with_turn(node, |turn| turn.begin_stop());
        self.shared.net.dirty |= 1 << node;
        stopped.is_some()
    }

    fn kill(&mut self, node: usize, then: impl FnOnce(&mut Store)) -> bool {
        let killed = self.end(node, Death::Killed);
        let store = &mut self.machines[node].store;
        store.killed();
        then(store);
        killed
    }

    fn lose_power(&mut self, node: usize, kept: u64) -> bool {
        let lost = self.end(node, Death::PowerLoss);
        let store = &mut self.machines[node].store;
        store.power_lost(kept);
        lost
    }

    fn start_twin(&mut self, node: usize) {
        let machines = &self.machines;
        let twin = self.shared.operator.twin_of(node, |machine| machines[machine].process.is_some());
        if let Some(twin) = twin {
            let original = self.shared.operator.upstream[node];
            self.shared.operator.upstream[twin] = original.or(Some(self.shared.operator.primary));
            self.start(twin);
        }
    }

    /// Ends the second process; the operator lets the first dial again.
    fn end_twin(&mut self, node: usize) {
        for machine in self.shared.plan.nodes.len()..self.machines.len() {
            if self.shared.operator.original_of(machine) == Some(node) && self.end(machine, Death::Killed) {
                self.machines[machine].store.killed();
            }
        }
        let stopped = self.machines[node].process.as_deref().is_some_and(|process| process.stopped);
        if let Some(upstream) = self.shared.operator.upstream[node].filter(|_| stopped) {
            self.follow(node, upstream, false);
        }
    }
}
