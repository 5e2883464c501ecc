//! Metrics in Prometheus form, and whether the node is ready, over the smallest HTTP that Prometheus and `curl` speak.
//!
//! Every scrape reads the engine's status and renders it through a recorder of its own: several drivers in one process
//! do not mix, and a replica that is gone, or a lag that is unknown now, is not shown. An application adds its own
//! metrics ([`Scraped::record_more`]).
//!
//! Bounds: [`SCRAPES`] connections at a time, a request head of [`HEAD_BYTES`], [`PATIENCE`] for each.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use towline_core::{Replica, ReplicaState, Role, Stages};

use crate::engine::application::Application;
use crate::engine::mailbox::Mailbox;
use crate::status::{Status, UpstreamState};
use crate::transport::{BoxTransport, Listener};

/// Connections served at the same time.
pub const SCRAPES: usize = 8;
/// The longest request head.
const HEAD_BYTES: usize = 8 << 10;
/// The longest time for one request.
const PATIENCE: Duration = Duration::from_secs(5);

/// A report from which metrics are made.
pub trait Scraped: Send + 'static {
    /// Returns the status of the node.
    fn status(&self) -> &Status;

    /// Describes and records further metrics, with the macros of the crate `metrics`.
    fn record_more(&self) {}
}

impl Scraped for Status {
    fn status(&self) -> &Status {
        self
    }
}

/// Serves scrapes until the listener's task is ended.
pub(crate) async fn serve<A: Application<Report: Scraped>>(
    mut listener: Box<dyn Listener>,
    engine: Mailbox<A>,
) {
    let room = Arc::new(Semaphore::new(SCRAPES));
    loop {
        let Ok((transport, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let engine = engine.clone();
        tokio::spawn(async move {
            // A client that is too slow asks again.
            timeout(PATIENCE, answer(transport, engine)).await.ok();
            drop(permit);
        });
    }
}

async fn answer<A: Application<Report: Scraped>>(
    mut transport: BoxTransport,
    engine: Mailbox<A>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() > HEAD_BYTES || transport.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
        if !may_be_http(&head) {
            return write(transport, "400 Bad Request", "this port speaks HTTP, and nothing else\n").await;
        }
    }
    let asked = |path: &str| head.starts_with(format!("GET {path} ").as_bytes());
    let (status, body) = if asked("/metrics") || asked("/") {
        match engine.inspect().await {
            Some(report) => ("200 OK", render(&report)),
            None => ("503 Service Unavailable", "the server is stopping\n".to_owned()),
        }
    } else if asked("/ready") {
        let ready = match engine.inspect().await {
            Some(report) => report.status().ready(),
            None => Err("the server is stopping".to_owned()),
        };
        match ready {
            Ok(()) => ("200 OK", "ready\n".to_owned()),
            Err(why) => ("503 Service Unavailable", format!("{why}\n")),
        }
    } else {
        ("404 Not Found", "ask for /metrics or /ready\n".to_owned())
    };
    write(transport, status, &body).await
}

/// Returns true if these bytes may begin an HTTP request. A client of another protocol may wait for a reply and never
/// end a head.
fn may_be_http(begun: &[u8]) -> bool {
    match begun.iter().position(|byte| *byte == b'\n') {
        Some(end) => begun[..end].windows(6).any(|word| word == b" HTTP/"),
        None => begun.first().is_none_or(u8::is_ascii_uppercase),
    }
}

async fn write(mut transport: BoxTransport, status: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    let reply = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    transport.write_all(reply.as_bytes()).await?;
    transport.shutdown().await
}

/// Renders the page.
fn render(report: &impl Scraped) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, || {
        describe();
        node(report.status());
        for (replica, _) in &report.status().replicas {
            of_replica(replica);
        }
        report.record_more();
    });
    recorder.handle().render()
}

fn describe() {
    describe_gauge!("towline_primary", "1 on a primary, 0 on a replica");
    describe_gauge!("towline_epoch", "number of the newest epoch");
    describe_gauge!("towline_offset", "records before the log's end, applied or persisted here");
    describe_gauge!("towline_store_failed", "1 while the store takes nothing, 0 otherwise");
    describe_gauge!("towline_memory_bound_bytes", "the most this process may take in memory as things stand");
    describe_gauge!("towline_upstream_streaming", "1 while the stream of a primary flows from the upstream");
    describe_gauge!("towline_replica_lag_records", "records a replica has not reached, by stage");
    describe_gauge!("towline_replica_lag_bytes", "stream bytes a replica has not reached, by stage");
    describe_gauge!(
        "towline_replica_lag_seconds",
        "age of the oldest record a replica has not reached, by stage"
    );
    describe_gauge!("towline_replica_state", "1 for the state a replica is in");
    describe_counter!("towline_full_syncs_total", "snapshots begun for replicas");
    describe_counter!("towline_partial_syncs_total", "replicas that went on where they stood");
    describe_counter!(
        "towline_writes_held_ms_total",
        "milliseconds client writes were held for a joining replica"
    );
    describe_gauge!(
        "towline_writes_held_longest_ms",
        "milliseconds of the longest pause of client writes for a joining replica"
    );
    describe_counter!(
        "towline_durability_held_ms_total",
        "milliseconds client writes were held because the disk was behind"
    );
}

fn node(status: &Status) {
    let stats = &status.stats;
    let primary = match stats.role {
        Role::Primary => 1.0,
        Role::Replica => 0.0,
    };
    gauge!("towline_primary").set(primary);
    gauge!("towline_epoch").set(f64::from(stats.epoch.number()));
    gauge!("towline_offset", "stage" => "end").set(stats.end.0 as f64);
    gauge!("towline_offset", "stage" => "applied").set(stats.applied.0 as f64);
    if let Some(persisted) = status.persisted {
        gauge!("towline_offset", "stage" => "persisted").set(persisted.0 as f64);
    }
    gauge!("towline_store_failed").set(f64::from(u8::from(status.store_failed.is_some())));
    gauge!("towline_backlog_bytes").set(status.backlog_bytes as f64);
    gauge!("towline_backlog_used_bytes").set(stats.backlog_used_bytes as f64);
    gauge!("towline_spool_bytes").set(status.spool_bytes.0 as f64);
    gauge!("towline_memory_bound_bytes").set(status.memory_bound_bytes as f64);
    gauge!("towline_upstream_streaming")
        .set(f64::from(u8::from(status.upstream == UpstreamState::Streaming)));
    gauge!("towline_writes_held_longest_ms").set(status.writes_held_longest_ms as f64);
    if let Some(age) = stats.origin_age {
        gauge!("towline_origin_age_seconds").set(age.0 as f64 / 1e9);
    }
    counters(status);
}

fn counters(status: &Status) {
    let counters = &status.stats.counters;
    for (name, value) in [
        ("towline_bytes_received_total", counters.bytes_received),
        ("towline_bytes_sent_total", counters.bytes_sent),
        ("towline_records_received_total", counters.records_received),
        ("towline_full_syncs_total", counters.full_syncs),
        ("towline_partial_syncs_total", counters.partial_syncs),
        ("towline_snapshots_resumed_total", counters.snapshots_resumed),
        ("towline_snapshots_restarted_total", status.stats.counters.snapshots_restarted),
        ("towline_overruns_total", counters.overruns),
        ("towline_link_faults_total", counters.faults),
        ("towline_writes_held_ms_total", status.writes_held_ms),
        ("towline_durability_held_ms_total", status.durability_held_ms),
    ] {
        counter!(name).absolute(value);
    }
}

fn of_replica(replica: &Replica) {
    let name = replica.node.to_string();
    let state = match replica.state {
        ReplicaState::Away => "away",
        ReplicaState::Waiting => "waiting",
        ReplicaState::Snapshot => "snapshot",
        ReplicaState::Streaming => "streaming",
    };
    gauge!("towline_replica_state", "replica" => name.clone(), "state" => state).set(1.0);
    let Stages { received, applied, persisted } = replica.lag;
    for (stage, lag) in [("received", received), ("applied", applied), ("persisted", persisted)] {
        let Some(lag) = lag else { continue };
        let labels = [("replica", name.clone()), ("stage", stage.to_owned())];
        gauge!("towline_replica_lag_records", &labels).set(lag.records as f64);
        if let Some(bytes) = lag.bytes {
            gauge!("towline_replica_lag_bytes", &labels).set(bytes as f64);
        }
        if let Some(age) = lag.age {
            gauge!("towline_replica_lag_seconds", &labels).set(age.0 as f64 / 1e9);
        }
    }
}
