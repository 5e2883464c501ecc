//! The state of a log and of its replicas, as plain numbers.

use crate::clock::Clock;
use crate::id::{Epoch, LinkId, Offset};
use crate::input::Role;
use crate::links::{Links, Up};
use crate::shared::Shared;
use crate::stages::{Level, Stages};
use crate::stats::{InFlight, Lag, Replica, ReplicaState, Stats};
use crate::stream::Stream;
use crate::stream::log::Log;
use crate::stream::readers::Serving;
use crate::stream::slots::Slot;
use crate::time::{Span, Time};

impl Stream {
    /// The newest epoch, if there is any.
    pub(crate) fn newest_epoch(&self) -> Option<Epoch> {
        self.log.epochs().last().map(|last| last.epoch)
    }

    /// The state of the node at a glance, with ages that count to `now`.
    #[inline(always)]
    pub(crate) fn stats(&self, links: &Links, shared: &Shared, now: Time) -> Stats {
        let upstream = &self.upstream;
        let applied = match self.role {
            Role::Primary if upstream.inherited_applied() => self.log.next(),
            Role::Primary | Role::Replica => upstream.applied,
        };
        let peer = links.upstream_in(Up::Admitted).map(|row| links[row].peer().node);
        let received_at = upstream.origin.map(|origin| origin.received_at);
        Stats {
            role: self.role,
            node: links.node(),
            history: self.log.history,
            epoch: self.newest_epoch().unwrap_or(Epoch(0)),
            start: self.log.start(),
            end: self.log.next(),
            backlog_used_bytes: shared.config.options().backlog_bytes - self.log.free(),
            base: upstream.base,
            applied,
            persisted: upstream.persisted,
            upstream: peer,
            upstream_history: upstream.peer_history,
            streaming: upstream.streaming,
            receiving: upstream.receiving.as_ref().map(|receiving| receiving.id),
            receiving_pieces: upstream.receiving.as_ref().map(|receiving| receiving.next_piece),
            origin_end: upstream.origin.map(|origin| origin.end),
            origin_age: received_at.map(|received_at| now.max(shared.clock.now()).since(received_at)),
            stale_beats: upstream.stale_beats,
            clamped: shared.clock.clamped,
            counters: shared.counters,
        }
    }

    /// The remembered replicas, with ages that count to `now`.
    pub(crate) fn replicas<'a>(&'a self, clock: &'a Clock, now: Time) -> impl Iterator<Item = Replica> + 'a {
        let used = self.slots.rows.iter().filter(|slot| slot.used);
        used.map(move |slot| self.replica(clock, now, slot))
    }

    fn replica(&self, clock: &Clock, now: Time, slot: &Slot) -> Replica {
        let reader = slot.link.map(|link| &self.readers[link.row()]);
        let state = match reader.map(|reader| reader.serving) {
            None => ReplicaState::Away,
            Some(Serving::Absent | Serving::Waiting { .. } | Serving::Forked(_)) => ReplicaState::Waiting,
            Some(Serving::Transferring { .. } | Serving::Stopped(Some(_)) | Serving::Overtaken(Some(_))) => {
                ReplicaState::Snapshot
            }
            Some(Serving::Streaming { .. } | Serving::Stopped(None) | Serving::Overtaken(None)) => {
                ReplicaState::Streaming
            }
        };
        let known = |level| slot.acked.base && !(level == Level::Persisted && slot.acked.volatile);
        let at = |level| known(level).then(|| slot.acked.at(level));
        let acked = Stages::of(at);
        let lag = acked.map(|offset| offset.map(|offset| self.lag(clock, offset, now)));
        let reads_at = reader.and_then(|reader| reader.serving.reads_at());
        let unsent_bytes = reads_at.map(|at| self.log.bytes_from(at));
        // Staged is counted as under way, and what is cut from the stage is taken back from both: the sum is exact.
        let untaken_bytes =
            unsent_bytes.zip(reader).map(|(unsent, reader)| unsent + reader.credit.in_flight());
        let taken_bytes = reader.map(|reader| reader.credit.released + reader.piece_credit.released);
        let (node, link) = (slot.node, slot.link);
        Replica { node, link, state, acked, lag, unsent_bytes, untaken_bytes, taken_bytes }
    }

    /// The bytes that count as under way to a replica.
    pub(crate) fn in_flight(&self, links: &Links, link: LinkId) -> Option<InFlight> {
        links.get(link)?;
        let reader = Some(&self.readers[link.row()]).filter(|reader| reader.serving.admitted())?;
        let (stream_bytes, piece_bytes) = (reader.credit.in_flight(), reader.piece_credit.in_flight());
        Some(InFlight { stream_bytes, piece_bytes })
    }

    /// How far an offset is behind the end, with an age that counts to `now`.
    pub(crate) fn lag(&self, clock: &Clock, offset: Offset, now: Time) -> Lag {
        let records = self.log.next().0.saturating_sub(offset.0);
        if records == 0 {
            return Lag { records, bytes: Some(0), age: Some(Span::ZERO) };
        }
        let (bytes, sealed) = lag_in_ring(&self.log, offset);
        let age = match sealed {
            // Only the open batch is behind: it was begun in this turn.
            None if offset >= self.log.end() => Some(Span::ZERO),
            sealed => sealed.map(|unix_ns| Span(clock.unix_ns_at(now).saturating_sub(unix_ns))),
        };
        Lag { records, bytes, age }
    }
}

/// Frame bytes from an offset to the end, and when the first of them was sealed.
fn lag_in_ring(log: &Log, offset: Offset) -> (Option<u64>, Option<u64>) {
    let Some(place) = log.floor(offset) else {
        return (None, None);
    };
    let bytes = log.bytes_from(place.position);
    let sealed = (place.position < log.sealed()).then(|| log.head_at(place.position).unix_ns);
    (Some(bytes), sealed)
}
