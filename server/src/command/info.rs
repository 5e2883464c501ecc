//! INFO: pages of `name:value` lines, with redis's names where they fit.
//!
//! Fields with a name of redis's and another meaning:
//! - `*_repl_offset` and `repl_backlog_first_byte_offset` count records, not bytes; `repl_backlog_size` and
//!   `repl_backlog_histlen` are bytes, of the ring and of its content.
//! - `master_replid` is the history's id, 32 hex digits, and eight zeros behind it to make redis's 40.
//! - a replica's `lag` is the age in whole seconds of the oldest record it has not applied, -1 where that is unknown.
//! - features that do not exist here (scripts, eviction, forks, pub/sub) have their values of a redis that does not use
//!   them.
//!   A field that is not measured is left out. The times in `commandstats` alone are 0: its readers expect the field.
//! - `redis_version` is the redis whose commands and texts these are; `towline_version` is ours.

mod counted;

use std::fmt::Write;

use towline_core::{Replica, ReplicaState, Role};

use super::REDIS_VERSION;
use super::backend::{Backend, Status};
use super::call::{Answer, Call};
use super::replication::{host_port, replica_offset};
use super::reply;
use towline_driver::UpstreamState;

/// Writes one section's lines.
type Section = fn(&Status, &dyn Backend, &mut Page);

/// The sections, in the order they are shown, and whether they are shown unasked.
const SECTIONS: [(&str, bool, Section); 13] = [
    ("Server", true, server),
    ("Clients", true, clients),
    ("Memory", true, memory),
    ("Persistence", true, persistence),
    ("Stats", true, stats),
    ("Replication", true, replication),
    ("CPU", true, counted::cpu),
    ("Modules", true, counted::nothing),
    ("Commandstats", false, counted::commands),
    ("Errorstats", true, counted::errors),
    ("Latencystats", false, counted::nothing),
    ("Cluster", true, counted::cluster),
    ("Keyspace", true, counted::keyspace),
];

/// Runs INFO, for the named sections, for those that are shown unasked, or for all.
pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let named: Vec<String> =
        call.args.iter().skip(1).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let every = named.iter().any(|name| matches!(&**name, "all" | "everything"));
    let usual = named.is_empty() || named.iter().any(|name| name == "default");
    let status = call.backend.status();
    let mut page = Page::default();
    for (title, unasked, section) in SECTIONS {
        if every || (usual && unasked) || named.iter().any(|name| name.eq_ignore_ascii_case(title)) {
            page.title(title);
            section(&status, call.backend, &mut page);
        }
    }
    reply::text(call.out, call.client.resp, &page.0);
    Call::done()
}

/// The text so far.
#[derive(Default)]
struct Page(String);

impl Page {
    fn title(&mut self, title: &str) {
        if !self.0.is_empty() {
            self.0.push_str("\r\n");
        }
        // Writing to a string does not fail.
        let _ = write!(self.0, "# {title}\r\n");
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = write!(self.0, "{name}:{value}\r\n");
    }

    /// Writes a line for a value that may be unknown: it is then -1.
    fn known(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.line(name, value),
            None => self.line(name, -1),
        }
    }
}

fn server(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let stats = &status.driver.stats;
    let port = status.client_addr.as_deref().map_or("0".to_owned(), |addr| host_port(addr).1);
    page.line("redis_version", REDIS_VERSION);
    page.line("redis_git_sha1", "00000000");
    page.line("redis_git_dirty", 0);
    page.line("redis_build_id", 0);
    page.line("towline_version", env!("CARGO_PKG_VERSION"));
    page.line("redis_mode", "standalone");
    page.line("os", std::env::consts::OS);
    page.line("arch_bits", usize::BITS);
    page.line("process_id", process_id());
    page.line("run_id", format_args!("{}{}", stats.node, "0".repeat(24)));
    page.line("tcp_port", port);
    page.line("server_time_usec", backend.now_us());
    page.line("uptime_in_seconds", status.driver.uptime_ms / 1000);
    page.line("uptime_in_days", status.driver.uptime_ms / 86_400_000);
    page.line("io_threads_active", 0);
    page.line("node", stats.node);
    page.line("store", status.store);
    page.line("replication_addr", status.driver.replication_addr.as_deref().unwrap_or_default());
}

fn clients(status: &Status, _: &dyn Backend, page: &mut Page) {
    page.line("connected_clients", status.clients);
    page.line("cluster_connections", 0);
    page.line("maxclients", status.clients_max);
    page.line("blocked_clients", status.clients_waiting);
    page.line("tracking_clients", 0);
    page.line("pubsub_clients", 0);
}

fn memory(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let (used, usage) = (backend.store().memory_bytes(), backend.usage());
    let peak = status.driver.store_peak_bytes.max(used);
    // Where the system is not asked, the store's own size takes its place.
    let resident = if usage.resident_bytes == 0 { used } else { usage.resident_bytes };
    for (name, bytes) in [
        ("used_memory", used),
        ("used_memory_rss", resident),
        ("used_memory_peak", peak),
        ("total_system_memory", usage.system_bytes),
        ("used_memory_lua", 0),
        ("used_memory_scripts", 0),
        ("maxmemory", 0),
    ] {
        page.line(name, bytes);
        page.line(&format!("{name}_human"), human(bytes));
    }
    page.line("used_memory_peak_perc", percent(used, peak));
    page.line("used_memory_dataset", used);
    page.line("used_memory_dataset_perc", percent(used, used));
    page.line("number_of_cached_scripts", 0);
    page.line("number_of_functions", 0);
    page.line("maxmemory_policy", "noeviction");
    page.line("mem_fragmentation_ratio", ratio(resident, used));
    page.line("mem_fragmentation_bytes", resident.saturating_sub(used));
    page.line("mem_allocator", "libc");
    page.line("active_defrag_running", 0);
    page.line("lazyfree_pending_objects", 0);
    page.line("lazyfreed_objects", 0);
    page.line("memory_bound_bytes", status.driver.memory_bound_bytes);
    page.line("mem_replication_backlog", status.driver.backlog_bytes);
    page.line("spool_bytes", status.driver.spool_bytes.0);
    page.line("spool_bytes_max", status.driver.spool_bytes.1);
}

fn percent(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 10_000 / u128::from(whole.max(1));
    format!("{}.{:02}%", hundredths / 100, hundredths % 100)
}

fn ratio(part: u64, whole: u64) -> String {
    let hundredths = u128::from(part) * 100 / u128::from(whole.max(1));
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Formats a size as redis does: `1.50M`.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn human(bytes: u64) -> String {
    let (mut size, mut unit) = (bytes as f64, "B");
    for larger in ["K", "M", "G", "T", "P", "E"] {
        if size < 1024.0 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    if unit == "B" { format!("{bytes}B") } else { format!("{size:.2}{unit}") }
}

/// Removes line ends from a text, because they would end its field.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

fn persistence(status: &Status, _: &dyn Backend, page: &mut Page) {
    page.line("loading", u8::from(status.driver.loading));
    page.line("async_loading", 0);
    let unkept = status
        .driver
        .persisted
        .map_or(status.driver.stats.end.0, |kept| status.driver.stats.end.0.saturating_sub(kept.0));
    page.line("rdb_changes_since_last_save", unkept);
    page.line("rdb_bgsave_in_progress", 0);
    page.line("rdb_last_save_time", 0);
    page.line("rdb_last_bgsave_status", "ok");
    page.line("rdb_last_bgsave_time_sec", -1);
    page.line("rdb_current_bgsave_time_sec", -1);
    page.line("aof_enabled", u8::from(status.store == "disk"));
    page.line("aof_rewrite_in_progress", 0);
    page.line("aof_rewrite_scheduled", 0);
    page.line("aof_last_rewrite_time_sec", -1);
    page.line("aof_current_rewrite_time_sec", -1);
    page.line("aof_last_bgrewrite_status", "ok");
    page.line("aof_last_write_status", if status.driver.store_failed.is_none() { "ok" } else { "err" });
    page.line("store_failed", one_line(status.driver.store_failed.as_deref().unwrap_or_default()));
    page.line("durability_held_ms", status.driver.durability_held_ms);
    page.known("persisted_offset", status.driver.persisted.map(|offset| offset.0));
}

fn stats(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let counted = &status.driver.stats.counters;
    let (counts, (read, written)) = (backend.counts(), status.client_bytes);
    let since = counts.since(status);
    page.line("total_connections_received", since.connections);
    page.line("total_commands_processed", since.commands);
    let [commands, bytes_in, bytes_out] = status.a_second;
    page.line("instantaneous_ops_per_sec", commands);
    page.line("total_net_input_bytes", read);
    page.line("total_net_output_bytes", written);
    page.line("instantaneous_input_kbps", ratio(bytes_in, 1024));
    page.line("instantaneous_output_kbps", ratio(bytes_out, 1024));
    page.line("rejected_connections", since.refused_connections);
    page.line("expired_keys", since.expired_keys);
    page.line("evicted_keys", 0);
    page.line("evicted_clients", 0);
    page.line("keyspace_hits", counts.hits.0);
    page.line("keyspace_misses", counts.hits.1);
    page.line("pubsub_channels", 0);
    page.line("pubsub_patterns", 0);
    page.line("latest_fork_usec", 0);
    page.line("total_forks", 0);
    page.line("total_error_replies", counts.error_replies());
    page.line("sync_full", counted.full_syncs);
    page.line("sync_partial_ok", counted.partial_syncs);
    page.line("total_net_repl_input_bytes", counted.bytes_received);
    page.line("total_net_repl_output_bytes", counted.bytes_sent);
    page.line("repl_overruns", counted.overruns);
    page.line("repl_faults", counted.faults);
    page.line("log_lines_lost", crate::lost_log_lines());
}

fn replication(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let stats = &status.driver.stats;
    match stats.role {
        Role::Primary => page.line("role", "master"),
        Role::Replica => {
            page.line("role", "slave");
            follower(status, page);
        }
    }
    let here: Vec<_> =
        status.driver.replicas.iter().filter(|(replica, _)| replica.state != ReplicaState::Away).collect();
    page.line("connected_slaves", here.len());
    for (number, (replica, addr)) in here.into_iter().enumerate() {
        slave(number, replica, addr.as_deref(), page);
    }
    page.line("master_failover_state", "no-failover");
    page.line("master_replid", format_args!("{}00000000", stats.history));
    page.line("master_replid2", "0".repeat(40));
    page.line("master_repl_offset", stats.end);
    page.line("second_repl_offset", -1);
    page.line("repl_backlog_active", 1);
    page.line("repl_backlog_size", status.driver.backlog_bytes);
    page.line("repl_backlog_first_byte_offset", stats.start);
    page.line("repl_backlog_histlen", stats.backlog_used_bytes);
    page.line("epoch", stats.epoch);
    page.line(
        "replicas_away",
        status.driver.replicas.iter().filter(|(r, _)| r.state == ReplicaState::Away).count(),
    );
    page.line("full_syncs", stats.counters.full_syncs);
    page.line("partial_syncs", stats.counters.partial_syncs);
    page.line("snapshots_resumed", stats.counters.snapshots_resumed);
    page.line("snapshots_restarted", stats.counters.snapshots_restarted);
    page.line("snapshots_installed", status.driver.snapshots_installed);
    page.line("writes_held_ms", status.driver.writes_held_ms);
    page.line("writes_held_longest_ms", status.driver.writes_held_longest_ms);
    page.line("digest", backend.store().digest());
}

fn follower(status: &Status, page: &mut Page) {
    let stats = &status.driver.stats;
    let (host, port) = host_port(status.driver.upstream_addr.as_deref().unwrap_or_default());
    let (link, state) = match status.driver.upstream {
        UpstreamState::None => ("down", "none"),
        UpstreamState::Connecting => ("down", "connecting"),
        UpstreamState::Waiting => ("up", "waiting"),
        UpstreamState::Snapshot => ("up", "snapshot"),
        UpstreamState::Streaming => ("up", "streaming"),
        UpstreamState::NoPrimary => ("down", "no primary upstream"),
        UpstreamState::HistoryDiffers => ("down", "history differs"),
        UpstreamState::IdentityClash => ("down", "identity clash"),
    };
    page.line("master_host", host);
    page.line("master_port", port);
    page.line("master_link_status", link);
    page.line("master_link_state", state);
    page.known("master_last_io_seconds_ago", stats.origin_age.map(|age| age.as_millis() / 1000));
    page.line("master_sync_in_progress", u8::from(status.driver.upstream == UpstreamState::Snapshot));
    if let Some(fault) = &status.driver.upstream_fault {
        page.line("master_link_fault", one_line(fault));
    }
    page.line("slave_read_repl_offset", stats.end);
    page.line("slave_repl_offset", stats.applied);
    page.line("slave_read_only", 1);
    page.line("slave_priority", 100);
    page.line("replica_announced", 1);
}

fn slave(number: usize, replica: &Replica, addr: Option<&str>, page: &mut Page) {
    let (ip, port) = host_port(addr.unwrap_or_default());
    let state = match replica.state {
        ReplicaState::Away | ReplicaState::Waiting => "wait_bgsave",
        ReplicaState::Snapshot => "send_bulk",
        ReplicaState::Streaming => "online",
    };
    let offset = replica_offset(replica);
    let lag = replica
        .lag
        .applied
        .and_then(|lag| lag.age)
        .map_or("-1".to_owned(), |age| (age.as_millis() / 1000).to_string());
    let name = format!("slave{number}");
    let node = replica.node;
    page.line(&name, format_args!("ip={ip},port={port},state={state},offset={offset},lag={lag},node={node}"));
}

/// Returns this process's id; under test a fixed one, because transcripts show the length of the page.
fn process_id() -> u32 {
    if cfg!(test) { 12345 } else { std::process::id() }
}
