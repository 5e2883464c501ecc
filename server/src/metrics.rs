//! Metrics in Prometheus form, and whether the node is ready, over the smallest HTTP that Prometheus and `curl` speak.
//!
//! Every scrape asks the engine how things stand and renders that through a recorder of its own: several servers in
//! one process do not mix, and what is gone (a replica, a lag that is unknown now) is not shown.
//!
//! Bounds: [`SCRAPES`] connections at a time, a request head of [`HEAD_BYTES`], [`PATIENCE`] for each.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, gauge, with_local_recorder};
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::time::timeout;
use towline_core::{Replica, ReplicaState, Role, Stages};

use crate::command::{Status, UpstreamState};
use crate::engine::arrival::{Arrival, Inspection};
use towline_driver::transport::{BoxTransport, Listener};

/// Connections served at the same time.
pub(crate) const SCRAPES: usize = 8;
/// The longest request head.
const HEAD_BYTES: usize = 8 << 10;
/// For one request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Serves scrapes until the listener's task is ended.
pub(crate) async fn serve(mut listener: Box<dyn Listener>, engine: mpsc::Sender<Arrival>) {
    let room = Arc::new(Semaphore::new(SCRAPES));
    loop {
        let Ok((transport, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(permit) = Arc::clone(&room).try_acquire_owned() else { continue };
        let engine = engine.clone();
        tokio::spawn(async move {
            // Whoever is too slow asks again.
            timeout(PATIENCE, answer(transport, engine)).await.ok();
            drop(permit);
        });
    }
}

async fn answer(mut transport: BoxTransport, engine: mpsc::Sender<Arrival>) -> std::io::Result<()> {
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
        match inspect(&engine).await {
            Some(inspection) => ("200 OK", render(&inspection)),
            None => ("503 Service Unavailable", "the server is stopping\n".to_owned()),
        }
    } else if asked("/ready") {
        let ready = match inspect(&engine).await {
            Some(inspection) => inspection.status.ready(),
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

/// Whether a request that began so may be one of HTTP. Whoever speaks something else, as redis clients do, may wait for
/// an answer and never end a head.
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

/// Asks the engine how things stand.
pub(crate) async fn inspect(engine: &mpsc::Sender<Arrival>) -> Option<Inspection> {
    let (asker, answer) = oneshot::channel();
    engine.send(Arrival::Inspect(asker)).await.ok()?;
    answer.await.ok()
}

/// The page.
fn render(inspection: &Inspection) -> String {
    let recorder = PrometheusBuilder::new().build_recorder();
    with_local_recorder(&recorder, || {
        describe();
        node(inspection);
        for (replica, _) in &inspection.status.replicas {
            of_replica(replica);
        }
    });
    recorder.handle().render()
}

fn describe() {
    describe_gauge!("towline_primary", "1 on a primary, 0 on a replica");
    describe_gauge!("towline_epoch", "number of the newest epoch");
    describe_gauge!("towline_offset", "records before the log's end, applied or persisted here");
    describe_gauge!("towline_store_failed", "1 while the store takes nothing, 0 otherwise");
    describe_gauge!("towline_keys", "entries in the store");
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
    describe_counter!("towline_commands_total", "client commands executed");
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
    describe_counter!("towline_log_lines_lost_total", "log lines that could not be written");
}

fn node(inspection: &Inspection) {
    let status = &inspection.status;
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
    gauge!("towline_keys").set(inspection.keys as f64);
    gauge!("towline_backlog_bytes").set(status.backlog_bytes as f64);
    gauge!("towline_backlog_used_bytes").set(stats.backlog_used_bytes as f64);
    gauge!("towline_spool_bytes").set(status.spool_bytes.0 as f64);
    gauge!("towline_memory_bound_bytes").set(status.memory_bound_bytes as f64);
    gauge!("towline_clients").set(status.clients as f64);
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
        ("towline_commands_total", status.commands),
        ("towline_expired_keys_total", status.expired_keys),
        ("towline_writes_held_ms_total", status.writes_held_ms),
        ("towline_durability_held_ms_total", status.durability_held_ms),
        ("towline_log_lines_lost_total", crate::lost_log_lines()),
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
