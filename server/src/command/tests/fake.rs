//! A backend for tests: a store over the reference table, a clock that is set by hand, and every record kept.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use towline_core::{
    Counters, Epoch, EpochOffset, HistoryId, Lag, Level, LinkId, NodeId, Offset, Replica, ReplicaState, Role,
    Stages,
};
use towline_core::{Span, Stats};
use towline_kv::{Digest, ExpiryMs, Table};

use crate::command::watch::{Mark, Watches};
use crate::command::{Backend, Client, ClientUsage, Counts, Status};
use crate::store::{Found, KeyValueStore};
use towline_driver::{Refusal, Replaced, Size, Store, UpstreamState, View};

/// 2023-11-14, 22:13:20.
pub(crate) const BEGIN_MS: u64 = 1_700_000_000_000;

/// The reference table as a store that is never replicated.
#[derive(Default)]
pub(crate) struct TestStore(pub(crate) Table);

impl Store for TestStore {
    fn cursor(&self) -> Option<&[u8]> {
        None
    }

    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        self.0.apply(record).map_err(io::Error::other)
    }

    fn commit(&mut self, _: &[u8], _: Offset) {}

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        panic!("no command asks for a view")
    }

    fn load_begin(&mut self, _: &[u8], _: Offset) -> io::Result<()> {
        panic!("no command loads a snapshot")
    }

    fn load(&mut self, _: &[u8]) -> io::Result<()> {
        panic!("no command loads a snapshot")
    }

    fn install(&mut self, _: Replaced) -> io::Result<()> {
        panic!("no command loads a snapshot")
    }

    fn size(&self) -> Size {
        Size { entries: Some(self.len()), memory_bytes: self.memory_bytes() }
    }
}

impl KeyValueStore for TestStore {
    fn get(&self, key: &[u8]) -> Option<Found> {
        self.0.get(key).map(|entry| Found { value: entry.value.into(), expiry: entry.expiry })
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn digest(&self) -> Digest {
        self.0.digest()
    }

    fn memory_bytes(&self) -> u64 {
        self.0.len() as u64 * 100
    }

    fn scan(&self, from: u64, count: usize, visit: &mut dyn FnMut(&[u8], &Found)) -> u64 {
        let begin = usize::try_from(from).unwrap_or(usize::MAX);
        for (key, entry) in self.0.iter().skip(begin).take(count) {
            visit(key, &Found { value: entry.value.into(), expiry: entry.expiry });
        }
        let next = begin.saturating_add(count);
        if next < self.0.len() { next as u64 } else { 0 }
    }

    fn some_key(&self, random: u64) -> Option<Arc<[u8]>> {
        let place = usize::try_from(random).ok()?.checked_rem(self.0.len())?;
        self.0.iter().nth(place).map(|(key, _)| key.into())
    }

    fn due(&self, _: u64, _: usize) -> Vec<Arc<[u8]>> {
        Vec::new()
    }

    fn next_due(&self) -> Option<ExpiryMs> {
        None
    }

    fn expiring(&self) -> (u64, u128) {
        let ends = self.0.iter().filter_map(|(_, entry)| entry.expiry);
        ends.fold((0, 0), |(count, sum), at| (count + 1, sum + u128::from(at.get())))
    }
}

/// The backend.
pub(crate) struct FakeBackend {
    pub(crate) store: TestStore,
    pub(crate) now_ms: u64,
    pub(crate) refusal: Option<Refusal>,
    pub(crate) record_bytes_max: usize,
    /// Every record since they were last taken.
    pub(crate) records: Vec<Vec<u8>>,
    pub(crate) offset: u64,
    pub(crate) random: u64,
    /// The records that each replica has applied.
    pub(crate) replicas: Vec<u64>,
    pub(crate) disk: bool,
    /// The records that are on disk.
    pub(crate) kept: u64,
    /// Set for a replica that never was complete.
    pub(crate) loading: bool,
    /// The epochs and their beginnings: a record of another epoch left the history.
    pub(crate) epochs: Vec<(Epoch, u64)>,
    pub(crate) flush_asked: bool,
    pub(crate) expired: u64,
    pub(crate) others: Vec<Client>,
    pub(crate) watches: Watches,
    /// The end of a pause, and whether reads are held too.
    pub(crate) paused: Option<(u64, bool)>,
    pub(crate) reply_bytes_max: usize,
    pub(crate) counts: Counts,
}

impl FakeBackend {
    pub(crate) fn new() -> Self {
        Self {
            store: TestStore::default(),
            now_ms: BEGIN_MS,
            refusal: None,
            record_bytes_max: 1000,
            records: Vec::new(),
            offset: 0,
            random: 0,
            replicas: Vec::new(),
            disk: false,
            kept: 0,
            loading: false,
            epochs: vec![(Epoch::new(3, 0xd1ce), 0)],
            flush_asked: false,
            expired: 0,
            others: Vec::new(),
            watches: Watches::default(),
            paused: None,
            reply_bytes_max: 1 << 20,
            counts: Counts::default(),
        }
    }

    fn replica(&self, number: usize, applied: u64) -> (Replica, Option<String>) {
        let records = self.offset.saturating_sub(applied);
        let lag = Lag { records, bytes: Some(records * 50), age: Some(Span::from_millis(records * 1500)) };
        let replica = Replica {
            node: NodeId(number as u64 + 0xb0),
            link: Some(LinkId(0)),
            state: if number == 0 { ReplicaState::Streaming } else { ReplicaState::Snapshot },
            acked: Stages {
                received: Some(Offset(applied)),
                applied: Some(Offset(applied)),
                persisted: None,
            },
            lag: Stages { received: Some(lag), applied: Some(lag), persisted: None },
            unsent_bytes: None,
            untaken_bytes: None,
            taken_bytes: None,
        };
        (replica, Some(format!("127.0.0.1:{}", 9000 + number)))
    }

    fn stats(&self) -> Stats {
        let replica = self.refusal == Some(Refusal::ReadOnly);
        Stats {
            role: if replica { Role::Replica } else { Role::Primary },
            node: NodeId(0xa0),
            history: HistoryId(0xfeed),
            epoch: self.epochs[self.epochs.len() - 1].0,
            start: Offset(0),
            end: Offset(self.offset),
            backlog_used_bytes: 500,
            base: true,
            applied: Offset(self.offset),
            persisted: Offset(0),
            upstream: replica.then_some(NodeId(0xaa)),
            upstream_history: HistoryId(0xfeed),
            streaming: replica,
            receiving: None,
            receiving_pieces: None,
            origin_end: None,
            origin_age: replica.then_some(Span::from_secs(2)),
            stale_beats: 0,
            clamped: 0,
            counters: Counters {
                full_syncs: 1,
                partial_syncs: 2,
                snapshots_restarted: 1,
                ..Counters::default()
            },
        }
    }
}

impl Backend for FakeBackend {
    fn store(&self) -> &dyn KeyValueStore {
        &self.store
    }
    fn now_ms(&self) -> u64 {
        self.now_ms
    }
    fn writable(&self) -> Result<(), Refusal> {
        let paused = self.paused.filter(|(until, _)| *until > self.now_ms);
        let refusal = self.refusal.clone().or(paused.map(|_| Refusal::NotNow));
        refusal.map_or(Ok(()), Err)
    }
    fn record_bytes_max(&self) -> usize {
        self.record_bytes_max
    }
    fn reply_bytes_max(&self) -> usize {
        self.reply_bytes_max
    }
    fn watch(&mut self, key: &[u8], dead: bool) -> Arc<Mark> {
        self.watches.watch(key, dead)
    }
    fn write(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        self.writable()?;
        assert!(record.len() <= self.record_bytes_max, "longer than was allowed");
        self.watches.note(record, &self.store);
        self.store.apply(record).expect("a record a replica can apply");
        self.records.push(record.to_vec());
        self.offset += 1;
        let (epoch, _) = self.epochs[self.epochs.len() - 1];
        Ok(EpochOffset { epoch, offset: Offset(self.offset) })
    }
    fn follows(&self) -> bool {
        self.refusal == Some(Refusal::ReadOnly)
    }
    fn loading(&self) -> bool {
        self.loading
    }
    fn holds(&self, place: EpochOffset) -> bool {
        let at = place.offset.0;
        let written = self.epochs.iter().rev().find(|(_, start)| *start < at);
        at == 0 || at <= self.offset && written.is_some_and(|(epoch, _)| *epoch == place.epoch)
    }
    fn reached(&self, _: Level, place: EpochOffset) -> u32 {
        let reached = self.replicas.iter().filter(|applied| **applied >= place.offset.0).count();
        if self.holds(place) { u32::try_from(reached).unwrap_or(u32::MAX) } else { 0 }
    }
    fn keeps(&self, place: EpochOffset) -> bool {
        self.disk && self.holds(place) && self.kept >= place.offset.0
    }
    fn flush_soon(&mut self) {
        self.flush_asked = true;
    }
    fn status(&self) -> Status {
        let replica = self.refusal == Some(Refusal::ReadOnly);
        let replicas = self.replicas.iter().enumerate();
        Status {
            driver: towline_driver::Status {
                stats: self.stats(),
                replicas: replicas.map(|(number, applied)| self.replica(number, *applied)).collect(),
                replication_addr: Some("127.0.0.1:7001".to_owned()),
                upstream_addr: replica.then(|| "10.0.0.1:7001".to_owned()),
                upstream: if replica { UpstreamState::Streaming } else { UpstreamState::None },
                upstream_fault: None,
                store_failed: match &self.refusal {
                    Some(Refusal::Store(why)) => Some(why.clone()),
                    Some(Refusal::ReadOnly | Refusal::NotNow | Refusal::TooLong { .. }) | None => None,
                },
                persisted: self.disk.then_some(Offset(self.kept)),
                loading: self.loading,
                entries: Some(self.store.len()),
                spool_bytes: (0, 1 << 20),
                memory_bound_bytes: 64 << 20,
                store_peak_bytes: 0,
                backlog_bytes: 1 << 16,
                snapshots_installed: 0,
                writes_held_ms: 7,
                writes_held_longest_ms: 4,
                durability_held_ms: 0,
                forked: None,
                uptime_ms: 90_061_000,
                stopping: false,
            },
            client_addr: Some("127.0.0.1:7000".to_owned()),
            store: if self.disk { "disk" } else { "memory" },
            clients: 1,
            clients_max: 1000,
            timeout_s: 0,
            tcp_keepalive_s: 300,
            clients_waiting: 0,
            connections: 3,
            refused_connections: 0,
            client_bytes: (100, 200),
            a_second: [5, 1024, 2500],
            commands: 10,
            expired_keys: self.expired,
        }
    }
    fn counts(&self) -> &Counts {
        &self.counts
    }
    fn counts_mut(&mut self) -> &mut Counts {
        &mut self.counts
    }
    fn random(&mut self) -> u64 {
        self.random += 1;
        self.random
    }
    fn note_expired(&mut self, keys: u64) {
        self.expired += keys;
    }
    fn other_clients(&self, show: &mut dyn FnMut(&Client, ClientUsage)) {
        self.others.iter().for_each(|client| show(client, ClientUsage::default()));
    }
    fn kill_clients(&mut self, wanted: &mut dyn FnMut(&Client) -> bool) -> u64 {
        let before = self.others.len();
        self.others.retain(|client| !wanted(client));
        (before - self.others.len()) as u64
    }
    /// Reports that every other client waited.
    fn unblock_client(&mut self, id: u64, _: bool) -> bool {
        self.others.iter().any(|client| client.id == id)
    }
    fn pause(&mut self, time: Duration, all: bool) {
        self.paused = Some((self.now_ms + u64::try_from(time.as_millis()).unwrap_or(u64::MAX), all));
    }
    fn unpause(&mut self) {
        self.paused = None;
    }
    fn is_paused(&self) -> bool {
        self.paused.is_some_and(|(until, all)| all && until > self.now_ms)
    }
}
