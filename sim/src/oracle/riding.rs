//! What is under way to a replica, in peace. A snapshot and the tail that rides along both move: N6 for the pieces, N5
//! for the tail. When nothing is under way any more, the sender's windows say so, to the byte: F6. A window that leaks
//! only looks narrower, until the ring overtakes its replica and a JOIN begins it anew.

use super::shadow::Link;
use super::*;

/// Patience beyond what the line takes.
const PATIENCE_US: u64 = 1_000_000;
/// Pieces get at least one byte of so many, and wait for a run of the stream that has begun.
const PIECE_SHARE: u64 = 8;
const RUN_BYTES: u64 = 256 << 10;

/// What was under way to a replica when that was last told, and since when it has been nothing.
#[derive(Debug, Clone, Copy, Default)]
struct Flight {
    upstream: usize,
    stream_none_us: Option<u64>,
    pieces_none_us: Option<u64>,
}

/// What each sender believes to be under way to each replica: stream and pieces.
type Beliefs = Vec<[u64; 2]>;

/// What is under way to each replica.
#[derive(Debug, Clone)]
pub(super) struct Riding {
    flights: Vec<Flight>,
    beliefs: Beliefs,
}

impl Riding {
    pub(super) fn new(count: usize) -> Self {
        Self { flights: vec![Flight::default(); count], beliefs: vec![[0; 2]; count * count] }
    }

    pub(super) fn believes(&mut self, node: usize, peer: usize, in_flight: [u64; 2]) {
        let count = self.flights.len();
        self.beliefs[node * count + peer] = in_flight;
    }

    pub(super) fn flies(&mut self, t_us: u64, upstream: usize, peer: usize, stream: u64, pieces: u64) {
        let flight = &mut self.flights[peer];
        if flight.upstream != upstream {
            *flight = Flight { upstream, ..Flight::default() };
        }
        let none = |since: Option<u64>, bytes: u64| (bytes == 0).then_some(since.unwrap_or(t_us));
        flight.stream_none_us = none(flight.stream_none_us, stream);
        flight.pieces_none_us = none(flight.pieces_none_us, pieces);
    }
}

impl Oracle {
    /// How long the line takes for so many bytes behind what it holds already.
    fn passes_us(&self, bytes: u64) -> u64 {
        let knobs = &self.plan.knobs;
        let way_us = knobs.latency + 16 * knobs.jitter + 1_000;
        let bytes = bytes + knobs.socket;
        let through = knobs.socket.min(knobs.gulp.saturating_mul(8)).max(1);
        let rate_us = bytes.saturating_mul(1_000_000).checked_div(knobs.rate).unwrap_or(0);
        PATIENCE_US + knobs.beat + rate_us + (bytes / through + 2) * 2 * way_us
    }

    /// What it is that a replica in peace does not get: where another of its upstream's is not in peace, that costs it.
    pub(super) fn or_stalled(&self, invariant: Invariant, node: usize, upstream: usize) -> Invariant {
        let disturbed = |other: &usize| self.disturbance.calm_since(*other, upstream).is_none();
        let other = (0..self.nodes.len()).filter(|other| *other != node).any(|other| disturbed(&other));
        if other { Invariant::F3 } else { invariant }
    }

    /// Whom a node follows on a connection that lives: on a dead one nothing moves, and that it ends is V2's.
    fn living_upstream(&self, node: usize) -> Option<usize> {
        let upstream = self.nodes[node].upstream().filter(|link| link.dead_us.is_none())?.peer;
        let back = |link: &Link| !link.upstream && link.peer == node && link.dead_us.is_some();
        (!self.nodes[upstream].links.iter().any(back)).then_some(upstream)
    }

    /// Nothing was under way for so long that every acknowledgement of it has come: the windows are whole.
    pub(super) fn look_at_credit(&mut self, t_us: u64) {
        let patience_us = self.passes_us(0);
        for peer in 0..self.nodes.len() {
            let flight = self.riding.flights[peer];
            let node = flight.upstream;
            let both = flight.stream_none_us.zip(flight.pieces_none_us);
            let Some(none_us) = both.map(|(stream, pieces)| stream.max(pieces)) else { continue };
            let streams = |link: &&Link| !link.upstream && link.peer == peer && link.dead_us.is_none();
            let mut links = self.nodes[node].links.iter().filter(streams);
            let (Some(link), None) = (links.next(), links.next()) else { continue };
            let Some(joined_us) = link.joined_us else { continue };
            let odd = self.has_odd_clock(node) || self.has_odd_clock(peer) || self.has_twin(peer);
            let Some(calm_us) = self.disturbance.calm_since(node, peer).filter(|_| !odd) else { continue };
            let whole = self.living_upstream(peer) == Some(node);
            if !whole || none_us.max(joined_us).max(calm_us) + patience_us >= t_us {
                continue;
            }
            self.mark(Mark::Quiet);
            let [stream, pieces] = self.riding.beliefs[node * self.nodes.len() + peer];
            if stream + pieces > 0 {
                let text = format!(
                    "{} counts {stream} bytes of the stream and {pieces} of pieces as under way to {}; nothing is",
                    self.name(node),
                    self.name(peer)
                );
                return self.violate(Invariant::F6, t_us, node, text);
            }
        }
    }

    pub(super) fn look_at_loading(&mut self, t_us: u64) {
        let tail_us = self.passes_us(0);
        let between = PIECE_SHARE * self.bounds.piece_frame + RUN_BYTES + self.bounds.frame;
        let piece_us = self.passes_us(between);
        for node in 0..self.nodes.len() {
            let Some(loading) = self.nodes[node].loading.filter(|loading| loading.unbroken) else { continue };
            let Some(upstream) = self.living_upstream(node) else { continue };
            let flight = self.riding.flights[node];
            let odd = self.has_odd_clock(node) || self.has_odd_clock(upstream);
            let Some(calm_us) = self.disturbance.calm_since(node, upstream) else { continue };
            if odd || flight.upstream != upstream {
                continue;
            }
            let begun_us = calm_us.max(loading.begun_us);
            let idle = |since: Option<u64>, patience_us: u64| {
                since.is_some_and(|since| since.max(begun_us) + patience_us < t_us)
            };
            if !loading.complete && idle(flight.pieces_none_us, piece_us) {
                let text = format!(
                    "{} waits for piece {} of a snapshot, and nothing of it is on its way",
                    self.name(node),
                    loading.next_piece
                );
                return self.violate(self.or_stalled(Invariant::N6, node, upstream), t_us, node, text);
            }
            let Some(end) = self.handed.tail(node) else { continue };
            let trail = &self.nodes[upstream].trail;
            let due = trail.iter().rev().find(|then| then.0 + tail_us <= t_us).map_or(0, |then| then.1);
            if idle(flight.stream_none_us, tail_us) && self.nodes[upstream].ring_start <= end && end < due {
                let text = format!(
                    "beside its snapshot {} has the tail up to {end} of {due}, and nothing more is on its way",
                    self.name(node)
                );
                return self.violate(self.or_stalled(Invariant::N5, node, upstream), t_us, node, text);
            }
        }
    }
}
