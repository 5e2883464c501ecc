//! The bytes under way to a replica, in peace. A snapshot and the tail beside it both move: N6 for the pieces, N5 for
//! the tail. Once nothing is under way, the sender's windows must say so, to the byte: F6. A window that leaks only
//! looks narrower, until the ring overtakes its replica and a JOIN begins it anew.

use super::shadow::Link;
use super::*;

/// Patience beyond the time on the line.
const PATIENCE_US: u64 = 1_000_000;
/// Pieces get at least one byte in so many, and wait for a run of the stream that has begun.
const PIECE_SHARE: u64 = 8;
const RUN_BYTES: u64 = 256 << 10;

/// The bytes under way to a replica by the last report, and the time since when there are none.
#[derive(Debug, Clone, Copy, Default)]
struct Flight {
    upstream: usize,
    stream_none_us: Option<u64>,
    pieces_none_us: Option<u64>,
}

/// The bytes that each sender counts as under way to each replica: stream and pieces.
type Beliefs = Vec<[u64; 2]>;

/// The bytes under way to all replicas.
#[derive(Debug, Clone)]
pub(super) struct UnderWay {
    flights: Vec<Flight>,
    beliefs: Beliefs,
}

impl UnderWay {
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
    /// Returns the time that so many bytes take on the line, behind those it holds already.
    fn passes_us(&self, bytes: u64) -> u64 {
        let knobs = &self.plan.knobs;
        let way_us = knobs.latency + 16 * knobs.jitter + 1_000;
        let bytes = bytes + knobs.socket;
        let through = knobs.socket.min(knobs.gulp.saturating_mul(8)).max(1);
        let rate_us = bytes.saturating_mul(1_000_000).checked_div(knobs.rate).unwrap_or(0);
        PATIENCE_US + knobs.beat + rate_us + (bytes / through + 2) * 2 * way_us
    }

    /// Returns the invariant for something that does not reach a replica in peace: `invariant`, or F3 where another
    /// replica of its upstream is disturbed.
    pub(super) fn or_stalled(&self, invariant: Invariant, node: usize, upstream: usize) -> Invariant {
        let disturbed = |other: &usize| self.disturbance.calm_since(*other, upstream).is_none();
        let other = (0..self.nodes.len()).filter(|other| *other != node).any(|other| disturbed(&other));
        if other { Invariant::F3 } else { invariant }
    }

    /// Returns the upstream that a node follows on a live connection: on a dead one nothing moves, and V2 judges its
    /// end.
    fn living_upstream(&self, node: usize) -> Option<usize> {
        let upstream = self.nodes[node].upstream().filter(|link| link.dead_us.is_none())?.peer;
        let back = |link: &Link| !link.upstream && link.peer == node && link.dead_us.is_some();
        (!self.nodes[upstream].links.iter().any(back)).then_some(upstream)
    }

    /// Judges windows after nothing was under way for so long that every acknowledgement has come: they must be whole.
    pub(super) fn look_at_credit(&mut self, t_us: u64) {
        let patience_us = self.passes_us(0);
        for peer in 0..self.nodes.len() {
            let flight = self.under_way.flights[peer];
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
            let [stream, pieces] = self.under_way.beliefs[node * self.nodes.len() + peer];
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
            let flight = self.under_way.flights[node];
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
