//! The content of stores: S1, S2, S3, S7, S8 of installs, B3, N1, N2, and the losses that a crash may cause.

use super::*;

impl Oracle {
    pub(super) fn booted(&mut self, t_us: u64, node: usize, role: Role, at: At) {
        self.disturbance.note(node, t_us);
        let Some(state) = self.history.find(at) else {
            let text = format!("{} started with {} records that nobody wrote so", self.name(node), at.offset);
            return self.violate(Invariant::S1, t_us, node, text);
        };
        let shadow = &self.nodes[node];
        let (durable, visible) = (shadow.durable, shadow.visible);
        // A wiped, rolled back or volatile store may be anywhere on its own line; a disk keeps all that was synced.
        let excused = !shadow.disk || self.excuses_loss(node);
        let between = |one, other| self.history.leads_to(one, state) && self.history.leads_to(state, other);
        // A rewind or a snapshot that was not synced may be undone, but not by half.
        let undone = shadow.beneath.is_some_and(|beneath| between(durable, beneath));
        let kept = match shadow.beneath {
            Some(_) => undone || between(shadow.base, visible),
            None => between(durable, visible),
        };
        if shadow.ever && !excused && !kept {
            let text = format!(
                "{} started at {}, with {} records synced and {} committed before",
                self.name(node),
                at.offset,
                durable.offset,
                visible.offset
            );
            return self.violate(Invariant::S1, t_us, node, text);
        }
        if undone && state != visible && self.nodes[node].ever {
            self.mark(Mark::Undone);
        }
        let shadow = &mut self.nodes[node];
        shadow.beneath = None;
        shadow.begins = role == Role::Primary && state.offset == 0;
        (shadow.alive, shadow.ever, shadow.role) = (true, true, role);
        (shadow.log, shadow.visible, shadow.durable) = (state, state, state);
        shadow.tables = None;
        self.holds.shows(node, state);
        if self.nodes[node].disk {
            self.holds.survives(node, state);
        }
        self.handed.stands(node, state.offset);
    }

    fn excuses_loss(&self, node: usize) -> bool {
        let takes = |kind| matches!(kind, Kind::Wipe | Kind::Rollback | Kind::Twin);
        self.plan.faults.iter().any(|fault| fault.node == node && takes(fault.kind))
    }

    pub(super) fn died(&mut self, t_us: u64, node: usize, how: Death) {
        self.disturbance.note(node, t_us);
        self.views.dies(node);
        if self.nodes[node].loading.is_some() {
            self.mark(Mark::CrashedInSnapshot);
        }
        if how == Death::PowerLoss && self.nodes[node].durable.offset < self.nodes[node].visible.offset {
            self.mark(Mark::LostUnsynced);
        }
        self.calm.forget_slots(node);
        self.set_back(node, false);
        self.stop_ends(node);
        let shadow = &mut self.nodes[node];
        shadow.alive = false;
        shadow.links.clear();
        shadow.views.clear();
        (shadow.loading, shadow.forked_to, shadow.has_caught_up_us) = (None, None, None);
        shadow.trail.clear();
        shadow.remembered.fill(super::shadow::Remembered::default());
        for peer in &mut self.nodes {
            peer.sender = peer.sender.filter(|sender| *sender != node);
            if let Some(loading) = &mut peer.loading {
                loading.unbroken &= !peer.links.iter().any(|link| link.upstream && link.peer == node);
            }
        }
    }

    pub(super) fn wrote(&mut self, t_us: u64, node: usize, op: u64, at: At) {
        self.ops_written += 1;
        let bytes = usize::try_from(op).ok().and_then(|op| self.ops.get(op));
        if bytes.is_some_and(|bytes| *bytes > self.bounds.window) {
            self.mark(Mark::Giant);
        }
        let shadow = &self.nodes[node];
        let (from, begins) = (shadow.log, shadow.begins && shadow.log.offset == 0);
        if at.offset != from.offset + 1 {
            let text = format!(
                "{} had {} records, and the next write was answered with {}",
                self.name(node),
                from.offset,
                at.offset
            );
            return self.violate(Invariant::S7, t_us, node, text);
        }
        let end = self.history.write(from, at.chain, begins);
        self.nodes[node].log = end;
        self.holds.writes(op, end);
        self.epochs.writes(node, self.nodes[node].epoch, end);
        self.handed.stands(node, at.offset);
    }

    pub(super) fn visible(&mut self, t_us: u64, node: usize, at: At, cause: Cause) {
        let invariant = match cause {
            Cause::Written => Invariant::S1,
            Cause::Applied if self.nodes[node].loading.is_some() => Invariant::N1,
            Cause::Applied => Invariant::S2,
            Cause::Installed => Invariant::N2,
            Cause::Rewound => Invariant::S3,
        };
        let Some(state) = self.history.find(at) else {
            let text =
                format!("{} shows {} records that nobody wrote so ({cause:?})", self.name(node), at.offset);
            return self.violate(invariant, t_us, node, text);
        };
        self.handed.shows(node, at.offset, cause);
        let old = self.nodes[node].visible;
        let holds = match cause {
            Cause::Written => self.history.leads_to(state, self.nodes[node].log),
            Cause::Applied => self.history.leads_to(old, state),
            Cause::Installed => return self.installed(t_us, node, state),
            Cause::Rewound => self.history.leads_to(state, old),
        };
        if !holds {
            let text =
                format!("{} went from {} to {} ({cause:?})", self.name(node), old.offset, state.offset);
            return self.violate(invariant, t_us, node, text);
        }
        if cause == Cause::Rewound {
            self.mark(Mark::ForkRewound);
            self.nodes[node].log = state;
            self.replaces(node, state);
        }
        self.stand(node, state);
    }

    /// Notes that the reader's state was set back, and that a crash may still find the earlier one.
    pub(super) fn replaces(&mut self, node: usize, state: super::history::State) {
        let shadow = &mut self.nodes[node];
        if shadow.disk {
            shadow.beneath = shadow.beneath.or(Some(shadow.visible));
        }
        shadow.base = state;
    }

    pub(super) fn stand(&mut self, node: usize, state: super::history::State) {
        let inherits = self.history.leads_to(self.nodes[node].log, state);
        let shadow = &mut self.nodes[node];
        shadow.visible = state;
        if inherits {
            // A promoted primary applies everything it had received: that, too, is its log.
            shadow.log = state;
        }
        self.holds.shows(node, state);
    }

    pub(super) fn durable(&mut self, t_us: u64, node: usize, at: At) {
        let Some(state) = self.history.find(at) else {
            let text = format!("{} synced {} records that nobody wrote so", self.name(node), at.offset);
            return self.violate(Invariant::S1, t_us, node, text);
        };
        let shadow = &mut self.nodes[node];
        (shadow.durable, shadow.beneath) = (state, None);
        self.holds.survives(node, state);
    }

    pub(super) fn ring(&mut self, t_us: u64, node: usize, used_bytes: u64, start: u64, end: u64) {
        if used_bytes > self.bounds.backlog || start > end {
            let text = format!(
                "{} holds {used_bytes} bytes from {start} to {end} in a ring of {}",
                self.name(node),
                self.bounds.backlog
            );
            return self.violate(Invariant::B3, t_us, node, text);
        }
        self.nodes[node].ring_start = start;
        let shadow = &self.nodes[node];
        let expected = match shadow.role {
            // After a promotion its log may hold more than it has applied.
            Role::Primary => (shadow.log.offset..=self.history.tip_max()).contains(&end),
            Role::Replica => end <= self.history.tip_max(),
        };
        if !expected {
            let text = format!("{} ends at {end}; {} were written", self.name(node), shadow.log.offset);
            self.violate(Invariant::S7, t_us, node, text);
        }
    }
}
