//! What a command sees of the engine while it runs: node and store, the clock's one reading, the other clients.

use std::sync::Arc;
use std::time::Duration;

use towline_core::{EpochOffset, Level, Role, Span, Time};

use super::clients::Clients;
use super::heart::Heart;
use crate::command::watch::Mark;
use crate::command::{Backend, Client, ClientUsage, Counts, Refusal, Status};
use crate::machine::Usage;
use crate::store::Store;

/// Code, stacks and the runtime: what the process takes beside everything counted.
const PROCESS_BYTES: u64 = 24 << 20;
/// What a spool in a file keeps in memory.
pub(crate) const SPOOL_FILE_BYTES: u64 = 1 << 20;

/// The engine during one command.
pub(crate) struct Turn<'a> {
    pub(crate) heart: &'a mut Heart,
    pub(crate) clients: &'a mut Clients,
    /// What the client that is run takes.
    pub(crate) own: ClientUsage,
}

impl Backend for Turn<'_> {
    fn store(&self) -> &dyn Store {
        &*self.heart.store
    }

    fn now_ms(&self) -> u64 {
        self.heart.clock.unix_ms()
    }

    fn now_us(&self) -> u64 {
        self.heart.clock.unix_us()
    }

    fn writable(&self) -> Result<(), Refusal> {
        self.heart.may_write()?;
        let heart = &self.heart;
        let waits = heart.room.clients == 0 || heart.store.holds_writers() || heart.paused().is_some();
        if waits { Err(Refusal::NotApplied) } else { Ok(()) }
    }

    fn record_bytes_max(&self) -> usize {
        self.heart.node.config().options().record_bytes_max as usize
    }

    fn reply_bytes_max(&self) -> usize {
        self.clients.reply_bytes_max()
    }

    fn watch(&mut self, key: &[u8], dead: bool) -> Arc<Mark> {
        self.heart.watches.watch(key, dead)
    }

    fn write(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        let place = self.heart.append(record)?;
        self.heart.room.spend(record.len() as u64);
        Ok(place)
    }

    fn follows(&self) -> bool {
        self.heart.role == Role::Replica
    }

    fn loading(&self) -> bool {
        self.heart.loading()
    }

    fn holds(&self, place: EpochOffset) -> bool {
        self.heart.node.holds(place)
    }

    fn reached(&self, level: Level, place: EpochOffset) -> u32 {
        self.heart.reached(level, place)
    }

    fn keeps(&self, place: EpochOffset) -> bool {
        self.heart.keeps(place)
    }

    fn flush_soon(&mut self) {
        self.heart.flush_soon = true;
    }

    fn status(&self) -> Status {
        Status { clients_waiting: self.clients.waiting(), ..self.heart.status() }
    }

    fn counts(&self) -> &Counts {
        &self.heart.tally.counts
    }

    fn counts_mut(&mut self) -> &mut Counts {
        &mut self.heart.tally.counts
    }

    fn usage(&self) -> Usage {
        if self.heart.tally.real { Usage::now() } else { Usage::default() }
    }

    fn dice(&mut self) -> u64 {
        self.heart.roll()
    }

    fn note_expired(&mut self, keys: u64) {
        self.heart.tally.expired_keys += keys;
    }

    fn other_clients(&self, show: &mut dyn FnMut(&Client, ClientUsage)) {
        self.clients.each().for_each(|(client, usage)| show(client, usage));
    }

    fn own_usage(&self) -> ClientUsage {
        self.own
    }

    fn kill_clients(&mut self, wanted: &mut dyn FnMut(&Client) -> bool) -> u64 {
        self.clients.kill(wanted)
    }

    fn unblock_client(&mut self, id: u64, with_error: bool) -> bool {
        self.clients.unblock_one(self.heart, id, with_error)
    }

    fn pause(&mut self, time: Duration, all: bool) {
        self.heart.pause(time, all);
    }

    fn unpause(&mut self) {
        self.heart.pause = None;
    }

    fn is_paused(&self) -> bool {
        self.heart.paused().is_some_and(|pause| pause.all)
    }
}

impl Heart {
    /// How many connected replicas have reached a record: none, if it is not in this history any more.
    pub(crate) fn reached(&self, level: Level, place: EpochOffset) -> u32 {
        if !self.node.holds(place) {
            return 0;
        }
        // A replica counts for nothing until it stands in this history, so its offsets are of it.
        let connected = self.node.replicas().filter(|replica| replica.link.is_some());
        let reached = |acked: Option<towline_core::Offset>| acked.is_some_and(|acked| acked >= place.offset);
        let count = connected.filter(|replica| reached(replica.acked[level])).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// Whether a record survives a power cut here: it, and what is on disk, are both of this history.
    pub(crate) fn keeps(&self, place: EpochOffset) -> bool {
        self.node.holds(place) && self.kept().is_some_and(|kept| kept >= place.offset)
    }

    /// Whether this is a replica that never was complete: it has nothing to show yet.
    pub(crate) fn loading(&self) -> bool {
        self.role == Role::Replica && self.store.cursor().is_none()
    }

    /// Everything there is to show.
    pub(crate) fn status(&self) -> Status {
        let stats = self.node.stats();
        let address = |link: towline_core::LinkId| self.tally.peers.get(link.0 as usize).cloned().flatten();
        let tally = &self.tally;
        Status {
            replicas: self.node.replicas().map(|replica| (replica, replica.link.and_then(address))).collect(),
            client_addr: tally.client_addr.clone(),
            replication_addr: tally.replication_addr.clone(),
            upstream_addr: self.upstream.addr().map(str::to_owned),
            upstream: self.upstream.state(&stats),
            upstream_fault: self.upstream.fault().map(str::to_owned),
            store: tally.store,
            store_failed: self.failed().map(str::to_owned),
            persisted: self.kept(),
            loading: self.loading(),
            spool_bytes: self.receive.spool_bytes(),
            memory_bound_bytes: self.memory_bound_bytes(),
            store_peak_bytes: tally.entries_peak_bytes,
            backlog_bytes: self.node.config().options().backlog_bytes,
            writes_held_ms: Span(tally.held_ns).as_millis(),
            writes_held_longest_ms: tally.held_longest.as_millis(),
            durability_held_ms: Span(tally.durability_held_ns).as_millis(),
            snapshots_installed: tally.installed,
            forked: self.receive.forked(),
            clients: tally.clients,
            clients_max: tally.clients_max,
            timeout_s: tally.timeout_s,
            tcp_keepalive_s: tally.tcp_keepalive_s,
            clients_waiting: 0,
            connections: tally.connections,
            refused_connections: tally.refused_connections,
            client_bytes: tally.client_bytes,
            a_second: tally.rate.a_second(self.now, tally.counted()),
            commands: tally.commands,
            expired_keys: tally.expired_keys,
            uptime_ms: self.now.since(Time::ZERO).as_millis(),
            stopping: self.closing,
            stats,
        }
    }

    /// Something large is about to be let go: remembers how large it was, for allocators give back late.
    pub(crate) fn note_memory(&mut self) {
        let entries = self.store.memory_bytes();
        self.tally.entries_peak_bytes = self.tally.entries_peak_bytes.max(entries);
    }

    /// The most this process may take in memory as things stand: everything that has a bound, and the entries twice
    /// while a snapshot is read or loaded beside them.
    fn memory_bound_bytes(&self) -> u64 {
        let twice = self.receive.loading() || self.tally.views > 0;
        let entries = self.store.memory_bytes() * if twice { 2 } else { 1 };
        let entries = entries.max(self.tally.entries_peak_bytes);
        let bounded =
            self.node.config().memory_bytes() + self.tally.buffer_bytes_max + self.tally.spool_memory_bytes;
        PROCESS_BYTES + bounded + self.tally.store_extra_bytes + entries
    }
}
