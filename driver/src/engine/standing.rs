//! The node's position: questions about records, and its [`Status`] as data.

use towline_core::{EpochOffset, Level, LinkId, Offset, Role, Span, Time};

use super::replicated::ReplicatedStore;
use crate::status::Status;
use crate::store::Store;

/// Code, stacks and the runtime: memory that the process takes beside everything counted.
const PROCESS_BYTES: u64 = 24 << 20;

impl<S: Store> ReplicatedStore<S> {
    /// Returns whether a record is still in this node's history.
    pub fn holds(&self, place: EpochOffset) -> bool {
        self.node.holds(place)
    }

    /// Returns how many connected replicas have reached a record: none, if it is not in this history any more.
    pub fn reached(&self, level: Level, place: EpochOffset) -> u32 {
        if !self.node.holds(place) {
            return 0;
        }
        // A replica counts for nothing until it stands in this history, so its offsets are of it.
        let connected = self.node.replicas().filter(|replica| replica.link.is_some());
        let reached = |acked: Option<Offset>| acked.is_some_and(|acked| acked >= place.offset);
        let count = connected.filter(|replica| reached(replica.acked[level])).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Returns whether a record survives a power cut here: it, and what is on disk, are both of this history.
    pub fn keeps(&self, place: EpochOffset) -> bool {
        self.node.holds(place) && self.kept().is_some_and(|kept| kept >= place.offset)
    }

    /// Returns how many records of this history survive a power cut here; unknown for a store without persistence. None
    /// do if the disk holds another history, or a branch that this one left.
    pub fn kept(&self) -> Option<Offset> {
        let place = self.persisted_place()?;
        Some(if self.node.holds(place) { place.offset } else { Offset(0) })
    }

    /// Returns whether this is a replica that has never been complete: it has no data to show yet.
    pub fn loading(&self) -> bool {
        self.role == Role::Replica && self.store.cursor().is_none()
    }

    /// Returns the whole status.
    pub fn status(&self) -> Status {
        let stats = self.node.stats();
        let address = |link: LinkId| self.facts.peers.get(link.0 as usize).cloned().flatten();
        let counters = &self.counters;
        Status {
            replicas: self.node.replicas().map(|replica| (replica, replica.link.and_then(address))).collect(),
            replication_addr: self.facts.replication_addr.clone(),
            upstream_addr: self.upstream.addr().map(str::to_owned),
            upstream: self.upstream.state(&stats),
            upstream_fault: self.upstream.fault().map(str::to_owned),
            store_failed: self.failed().map(str::to_owned),
            persisted: self.kept(),
            loading: self.loading(),
            entries: self.store.size().entries,
            spool_bytes: self.receive.spool_bytes(),
            memory_bound_bytes: self.memory_bound_bytes(),
            store_peak_bytes: counters.store_peak_bytes,
            backlog_bytes: self.node.config().options().backlog_bytes,
            writes_held_ms: Span(counters.held_ns).as_millis(),
            writes_held_longest_ms: counters.held_longest.as_millis(),
            durability_held_ms: Span(counters.durability_held_ns).as_millis(),
            snapshots_installed: counters.installed,
            forked: self.receive.forked(),
            uptime_ms: self.now.since(Time::ZERO).as_millis(),
            stopping: self.is_closing(),
            stats,
        }
    }

    /// Remembers how large a state was that is about to be freed, because allocators give memory back late.
    pub(super) fn note_memory(&mut self) {
        let bytes = self.store.size().memory_bytes;
        self.counters.store_peak_bytes = self.counters.store_peak_bytes.max(bytes);
        debug_assert!(self.counters.store_peak_bytes >= bytes);
    }

    /// Returns the most memory that this process may take at present: everything that has a bound, and the entries
    /// twice while a snapshot is read or loaded beside them.
    pub(super) fn memory_bound_bytes(&self) -> u64 {
        let twice = self.receive.loading() || self.views > 0;
        let entries = self.store.size().memory_bytes * if twice { 2 } else { 1 };
        let entries = entries.max(self.counters.store_peak_bytes);
        PROCESS_BYTES + self.node.config().memory_bytes() + self.facts.buffers_bytes_max + entries
    }
}
