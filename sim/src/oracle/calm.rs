//! Invariants that need time to be judged: V1, V3, V6, F3, F6, V4, L5, L6, N7, B4, X5.
//!
//! The shadow is judged every [`LOOK_US`]. States of a run: *chaos*, *healing* (from the heal until the core set has
//! converged, within the plan's budget), *calm* (converged: until every timer has had time to fire, nothing may happen
//! but beats).

use super::*;

/// The interval at which time-bound invariants are judged.
const LOOK_US: u64 = 50_000;

/// The state of the run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Calm {
    now_us: u64,
    next_look_us: u64,
    /// The time of the heal, or of the last operation if that is later.
    healed_us: Option<u64>,
    heal_us: u64,
    converged_us: Option<u64>,
    /// Pairs of links of one replica that are joined at a node, with the time since when.
    doubts: Vec<(u64, usize, usize)>,
}

impl Calm {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) const fn now_us(&self) -> u64 {
        self.now_us
    }

    pub(crate) fn heal(&mut self, t_us: u64, ops_end_us: u64) {
        (self.heal_us, self.healed_us) = (t_us, Some(t_us.max(ops_end_us)));
    }

    pub(crate) fn is_proven(&self, t_us: u64, idle_us: u64) -> bool {
        self.converged_us.is_some_and(|since| t_us >= since + idle_us + idle_us / 2)
    }

    pub(crate) fn doubt_slot(&mut self, t_us: u64, node: usize, peer: usize) {
        self.doubts.push((t_us, node, peer));
    }

    pub(crate) fn settle_slot(&mut self, node: usize, peer: usize) {
        self.doubts.retain(|doubt| (doubt.1, doubt.2) != (node, peer));
    }

    /// Forgets the slots of a node, which died.
    pub(crate) fn forget_slots(&mut self, node: usize) {
        self.doubts.retain(|doubt| doubt.1 != node);
    }
}

impl Oracle {
    /// Judges the time-bound invariants, at their interval.
    #[inline]
    pub(super) fn look(&mut self, t_us: u64) {
        self.calm.now_us = t_us;
        if t_us >= self.calm.next_look_us {
            self.look_closely(t_us);
        }
    }

    fn look_closely(&mut self, t_us: u64) {
        self.calm.next_look_us = t_us + LOOK_US;
        self.look_at_links(t_us);
        self.look_at_slots(t_us);
        self.look_at_reach(t_us);
        self.look_at_loading(t_us);
        self.look_at_credit(t_us);
        self.look_at_convergence(t_us);
    }

    fn look_at_slots(&mut self, t_us: u64) {
        let patience_us = self.plan.knobs.linger + 1_000_000;
        // The older link's goodbye may linger, by the node's own clock.
        let old = |doubt: &&(u64, usize, usize)| doubt.0 + patience_us < t_us && !self.has_odd_clock(doubt.1);
        if let Some((_, node, peer)) = self.calm.doubts.iter().find(old).copied() {
            let text = format!("two links of {} own its slot at {}", self.name(peer), self.name(node));
            self.violate(Invariant::L6, t_us, node, text);
        }
    }

    /// Checks that a record that an upstream had so long ago is at every undisturbed replica that had caught up.
    fn look_at_reach(&mut self, t_us: u64) {
        let reach_us = self.bounds.reach_us;
        for node in 0..self.nodes.len() {
            let end = self.nodes[node].end().offset;
            let trail = &mut self.nodes[node].trail;
            trail.push_back((t_us, end));
            while trail.get(1).is_some_and(|next| next.0 + reach_us <= t_us) {
                trail.pop_front();
            }
        }
        for node in 0..self.nodes.len() {
            let shadow = &self.nodes[node];
            let Some(link) = shadow.upstream().filter(|link| link.joined_us.is_some()) else { continue };
            let upstream = &self.nodes[link.peer];
            self.margins.lag_max =
                self.margins.lag_max.max(upstream.end().offset.saturating_sub(shadow.visible.offset));
            let since = self.disturbance.calm_since(node, link.peer);
            let settled = |since: u64| since + reach_us < t_us;
            let back = |row: &super::shadow::Link| row.peer == node && row.dead_us.is_some();
            let dead = link.dead_us.is_some() || upstream.links.iter().any(back);
            let peaceful = since.is_some_and(settled)
                && !dead
                && shadow.has_caught_up_us.is_some_and(settled)
                && !self.has_odd_clock(node)
                && !self.has_odd_clock(link.peer);
            let due = upstream.trail.front().filter(|due| due.0 + reach_us <= t_us).map_or(0, |due| due.1);
            // A replica that the ring overtook waits its turn for a snapshot, and the pause between two.
            let reachable = shadow.loading.is_none() && upstream.ring_start <= shadow.visible.offset;
            if peaceful && reachable && shadow.visible.offset < due {
                let invariant = self.or_stalled(Invariant::V4, node, link.peer);
                let text = format!(
                    "{} has {} records; {} had {due} of them {reach_us} us ago, and no fault is between them",
                    self.name(node),
                    shadow.visible.offset,
                    self.name(link.peer)
                );
                return self.violate(invariant, t_us, node, text);
            }
        }
    }

    /// Returns the node that all must agree with: of the core set, the primary of the highest epoch.
    fn leader(&self) -> Option<usize> {
        let core = |node: &usize| self.plan.nodes[*node].core && self.nodes[*node].alive;
        let rules = |node: &usize| self.nodes[*node].role == Role::Primary;
        (0..self.nodes.len()).filter(core).filter(rules).max_by_key(|node| self.nodes[*node].epoch >> 32)
    }

    /// Returns why the core set has not converged, if so: a node, and words.
    fn apart(&self) -> Option<(usize, String)> {
        let Some(leader) = self.leader() else {
            return Some((self.plan.primary(), "no primary is left".to_owned()));
        };
        if self.ops_written < self.ops.len() as u64 {
            let words = format!("{} of {} writes were taken", self.ops_written, self.ops.len());
            return Some((leader, words));
        }
        let end = self.nodes[leader].log;
        (0..self.nodes.len()).filter(|node| self.plan.nodes[*node].core).find_map(|node| {
            let shadow = &self.nodes[node];
            if !shadow.alive {
                return Some((node, format!("{} is dead", self.name(node))));
            }
            if node != leader && shadow.role == Role::Primary {
                return Some((node, format!("{} still thinks it is primary", self.name(node))));
            }
            let words =
                format!("{} has {} records of {}", self.name(node), shadow.visible.offset, end.offset);
            (shadow.visible != end).then_some((node, words))
        })
    }

    /// Returns whether the upstream's ring overtook it on an open link, with no snapshot under way.
    fn is_left_behind(&self, node: usize) -> bool {
        let shadow = &self.nodes[node];
        let joined = shadow.upstream().filter(|link| link.joined_us.is_some());
        shadow.loading.is_none()
            && joined.is_some_and(|link| shadow.visible.offset < self.nodes[link.peer].ring_start)
    }

    fn look_at_convergence(&mut self, t_us: u64) {
        let Some(healed_us) = self.calm.healed_us.filter(|healed| *healed <= t_us) else {
            return;
        };
        let apart = self.apart();
        match (apart, self.calm.converged_us) {
            (None, None) => {
                self.calm.converged_us = Some(t_us);
                self.margins.converge_us = t_us - healed_us;
                let permille = (t_us - healed_us).saturating_mul(1_000) / self.bounds.converge_us.max(1);
                self.margins.converge_permille = permille;
            }
            (Some((node, words)), Some(_)) => {
                self.violate(Invariant::V3, t_us, node, format!("after all had converged: {words}"));
            }
            (Some((node, words)), None) if t_us > healed_us + self.bounds.converge_us => {
                let invariant = if self.is_left_behind(node) {
                    Invariant::B4
                } else if self.ops_written < self.ops.len() as u64 {
                    Invariant::V6
                } else if (0..self.nodes.len()).any(|node| !self.plan.nodes[node].core) {
                    Invariant::V5
                } else {
                    Invariant::V1
                };
                let text = format!("{words}, {} us after the heal", t_us - self.calm.heal_us);
                self.violate(invariant, t_us, node, text);
            }
            (Some(_), None) | (None, Some(_)) => {}
        }
    }

    pub(super) fn finish_calm(&mut self, t_us: u64) {
        if self.calm.converged_us.is_none() {
            let (node, words) = self.apart().unwrap_or((0, "the run ended before it healed".to_owned()));
            let budget_left =
                self.calm.healed_us.is_none_or(|healed| t_us <= healed + self.bounds.converge_us);
            let invariant = if budget_left { Invariant::X5 } else { Invariant::V1 };
            return self.violate(invariant, t_us, node, format!("the run ended, and {words}"));
        }
        for node in 0..self.nodes.len() {
            let shadow = &self.nodes[node];
            let Some((links, views)) = shadow.tables.filter(|_| shadow.alive && self.plan.nodes[node].core)
            else {
                continue;
            };
            let known = shadow.links.len() as u64;
            if links > known {
                let text = format!("{} counts {links} links; {known} are open", self.name(node));
                return self.violate(Invariant::L5, t_us, node, text);
            }
            // A replica that follows another now, or is gone, may have left a view behind for its return.
            let away = |peer: usize| {
                let back = |link: &super::shadow::Link| {
                    !link.upstream && link.peer == peer && link.joined_us.is_some()
                };
                shadow.remembered[peer].joined && !shadow.links.iter().any(back)
            };
            if views > 0 && !(0..self.nodes.len()).any(away) {
                let text = format!("{} still holds {views} views", self.name(node));
                return self.violate(Invariant::N7, t_us, node, text);
            }
        }
    }
}
