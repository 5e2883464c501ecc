//! Connections: V2, F4, F5, L6, and what ends them.

use super::shadow::{Basis, Link};
use super::*;
use towline_core::Fault;

/// Idle calls of a node by its host in a second: beats, deadlines that moved, and slack.
const IDLE_CALLS_MAX: u64 = 20_000;

impl Oracle {
    pub(super) fn dialled(&mut self, t_us: u64, node: usize, attempt: u32) {
        let odd = self.has_odd_clock(node);
        let shadow = &mut self.nodes[node];
        let last = shadow.dialled.replace((t_us, attempt));
        let Some((last_us, last_attempt)) = last.filter(|(_, last)| attempt > *last && !odd) else {
            return;
        };
        // The pause doubles with every attempt, and jitter takes half of it at most.
        let doubled = self.bounds.redial_min_us.saturating_mul(1 << last_attempt.min(30));
        let least = doubled.min(self.bounds.redial_max_us) / 2;
        if t_us - last_us + 1 < least {
            let text = format!(
                "{} dialled attempt {attempt} {} us after the last; the least pause is {least}",
                self.name(node),
                t_us - last_us
            );
            self.violate(Invariant::F5, t_us, node, text);
        }
    }

    pub(super) fn opened(&mut self, t_us: u64, node: usize, link: u32, peer: usize, upstream: bool) {
        if upstream {
            self.fed_by(t_us, node, peer);
        }
        let generation = self.nodes[peer].generation;
        let row = Link { link, peer, upstream, opened_us: t_us, generation, joined_us: None, dead_us: None };
        let shadow = &mut self.nodes[node];
        if !upstream && !shadow.links.iter().any(|other| !other.upstream && other.peer == peer) {
            shadow.remembered[peer].basis = Basis::Settled;
        }
        shadow.links.push(row);
        if let Some(loading) = shadow.loading.as_mut().filter(|_| upstream) {
            // A replica that follows another joins there while the goodbye to the old one may still be on its way.
            loading.unbroken = false;
        }
    }

    pub(super) fn joined(&mut self, t_us: u64, node: usize, link: u32, peer: usize) {
        self.mark(Mark::Joined);
        let shadow = &mut self.nodes[node];
        if let Some(row) = shadow.link(link) {
            let again = row.joined_us.replace(t_us).is_some();
            let upstream = row.upstream;
            let remembered = &mut shadow.remembered[peer];
            remembered.joined |= !upstream;
            if again && !upstream {
                remembered.basis = Basis::Asked;
            }
            let basis = &mut self.nodes[peer].remembered[node].basis;
            if upstream && *basis == Basis::Asked {
                *basis = Basis::Answered;
            }
        }
        let shadow = &mut self.nodes[node];
        let twice = |row: &&Link| !row.upstream && row.peer == peer && row.joined_us.is_some();
        if shadow.links.iter().filter(twice).count() > 1 {
            // The older link's close may be reported after the newer one's join, in the same turn.
            shadow.remembered[peer].fresh = true;
            self.calm.doubt_slot(t_us, node, peer);
        }
    }

    pub(super) fn closed(
        &mut self,
        t_us: u64,
        node: usize,
        link: u32,
        peer: usize,
        fault: Fault,
        by_peer: bool,
    ) {
        if let Some(mark) = mark_of(fault) {
            self.mark(mark);
        }
        if fault == Fault::Shutdown && !by_peer {
            self.says_goodbye(t_us, node, peer);
        }
        let timed_out = matches!(fault, Fault::Idle | Fault::Stalled | Fault::HandshakeTimeout);
        let settled_us = 2 * (self.bounds.idle_us + self.bounds.handshake_us);
        let calm = self.disturbance.calm_since(node, peer).is_some_and(|since| since + settled_us < t_us);
        if timed_out && calm {
            let text = format!("{} ended its link with {}: {fault}", self.name(node), self.name(peer));
            return self.violate(Invariant::F4, t_us, node, text);
        }
        if let Some((invariant, words)) = misunderstanding(fault).filter(|_| self.is_clean(node, peer)) {
            let who = if by_peer { "was told by" } else { "told" };
            let text = format!("{} {who} {}: {fault} ({words})", self.name(node), self.name(peer));
            return self.violate(invariant, t_us, node, text);
        }
        self.link_gone(t_us, node, link, peer);
    }

    /// Returns whether nothing in the plan damages bytes between two, or makes one of them break the protocol.
    fn is_clean(&self, a: usize, b: usize) -> bool {
        !self.plan.faults.iter().any(|fault| fault.kind.shape().dirties && [a, b].contains(&fault.node))
    }

    pub(super) fn link_gone(&mut self, _t_us: u64, node: usize, link: u32, peer: usize) {
        let shadow = &mut self.nodes[node];
        let upstream = shadow.links.iter().any(|row| row.link == link && row.upstream);
        shadow.links.retain(|row| row.link != link);
        if upstream {
            if let Some(loading) = &mut shadow.loading {
                loading.unbroken = false;
            }
            shadow.has_caught_up_us = None;
        }
        self.calm.settle_slot(node, peer);
    }

    /// Notes that nothing passes any more on the connections by which one follows the other: both must notice.
    pub(super) fn dead_wire(&mut self, t_us: u64, replica: usize, upstream: usize) {
        for (node, peer, dialled) in [(replica, upstream, true), (upstream, replica, false)] {
            let between = |link: &&mut Link| link.peer == peer && link.upstream == dialled;
            for link in self.nodes[node].links.iter_mut().filter(between) {
                link.dead_us = Some(t_us);
            }
        }
    }

    /// Judges dead connections that a node still counts as alive.
    pub(super) fn look_at_links(&mut self, t_us: u64) {
        let patience_us = 3 * self.bounds.idle_us + self.bounds.handshake_us + 1_000_000;
        for node in 0..self.nodes.len() {
            if self.has_odd_clock(node) || !self.nodes[node].alive {
                continue;
            }
            // Bytes that came before count as life when they are read, and a slow host reads them late.
            let Some(sound_us) = self.disturbance.sound_since(node) else { continue };
            let dead =
                |link: &&Link| link.dead_us.is_some_and(|since| since.max(sound_us) + patience_us < t_us);
            if let Some(link) = self.nodes[node].links.iter().find(dead).copied() {
                let text = format!(
                    "{} still has its link with {}, on which nothing passes",
                    self.name(node),
                    self.name(link.peer)
                );
                return self.violate(Invariant::V2, t_us, node, text);
            }
        }
    }

    pub(super) fn called(&mut self, t_us: u64, node: usize, idle: bool) {
        let shadow = &mut self.nodes[node];
        if t_us >= shadow.idle_calls.0 + 1_000_000 {
            shadow.idle_calls = (t_us, 0);
        }
        shadow.idle_calls.1 += u64::from(idle);
        if shadow.idle_calls.1 > IDLE_CALLS_MAX {
            let text =
                format!("{} was called {IDLE_CALLS_MAX} times in a second for nothing", self.name(node));
            self.violate(Invariant::F5, t_us, node, text);
        }
    }
}

/// Returns the mark of a link that ended for a fault.
const fn mark_of(fault: Fault) -> Option<Mark> {
    match fault {
        Fault::Idle => Some(Mark::Idle),
        Fault::Stalled => Some(Mark::Stalled),
        Fault::IdentityClash => Some(Mark::Clash),
        Fault::HeadCheck | Fault::BodyCheck => Some(Mark::Damaged),
        Fault::HistoryDiffers => Some(Mark::HistoryRefused),
        Fault::Other
        | Fault::BadMagic
        | Fault::Version
        | Fault::Feature
        | Fault::FrameLimit
        | Fault::UnknownKind
        | Fault::UnknownFlag
        | Fault::FrameLength
        | Fault::Malformed
        | Fault::Gap
        | Fault::Parent
        | Fault::EpochOrder
        | Fault::AckAhead
        | Fault::AckBackwards
        | Fault::NotShaken
        | Fault::Unexpected
        | Fault::SecondHello
        | Fault::PieceOrder
        | Fault::Window
        | Fault::HandshakeTimeout
        | Fault::Full
        | Fault::Stale
        | Fault::Replaced
        | Fault::SameNode
        | Fault::Rebased
        | Fault::Overrun
        | Fault::SnapshotFailed
        | Fault::Left
        | Fault::Shutdown
        | Fault::SnapshotDiffers => None,
    }
}

/// Returns the invariant that a fault breaks, if honest nodes never find it in each other over sound connections.
pub(crate) const fn misunderstanding(fault: Fault) -> Option<(Invariant, &'static str)> {
    match fault {
        Fault::Gap | Fault::Parent | Fault::EpochOrder => {
            Some((Invariant::S2, "honest nodes send what goes on"))
        }
        Fault::AckAhead => Some((Invariant::S4, "honest nodes acknowledge what they have")),
        Fault::AckBackwards => Some((Invariant::S5, "honest nodes never go back")),
        Fault::PieceOrder => Some((Invariant::N4, "honest nodes send pieces in order")),
        Fault::SnapshotDiffers => Some((Invariant::N2, "an honest snapshot fits its tail")),
        Fault::Window => Some((Invariant::F1, "honest nodes keep to the window")),
        Fault::HeadCheck
        | Fault::BodyCheck
        | Fault::UnknownKind
        | Fault::UnknownFlag
        | Fault::FrameLength
        | Fault::Malformed
        | Fault::NotShaken
        | Fault::Unexpected
        | Fault::SecondHello
        | Fault::BadMagic => Some((Invariant::B1, "what honest nodes send is sound")),
        Fault::Other
        | Fault::Version
        | Fault::Feature
        | Fault::FrameLimit
        | Fault::HandshakeTimeout
        | Fault::Idle
        | Fault::Stalled
        | Fault::Full
        | Fault::HistoryDiffers
        | Fault::Stale
        | Fault::Replaced
        | Fault::IdentityClash
        | Fault::SameNode
        | Fault::Rebased
        | Fault::Overrun
        | Fault::SnapshotFailed
        | Fault::Left
        | Fault::Shutdown => None,
    }
}
