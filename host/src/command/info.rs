//! INFO: pages of `name:value` lines, with redis's names where they fit.
//!
//! Where a name is redis's and its meaning is not quite:
//! - `*_repl_offset` and `repl_backlog_first_byte_offset` count records, not bytes; `repl_backlog_size` and
//!   `repl_backlog_histlen` are bytes, of the ring and of what is in it.
//! - `master_replid` is the history's id, 32 hex digits, and eight zeros behind it to make redis's 40.
//! - a replica's `lag` is the age in whole seconds of the oldest record it has not applied, -1 where that is unknown.
//! - `redis_version` is the redis whose commands and texts these are; `towline_version` is ours.

use std::fmt::Write;

use towline_core::{Replica, ReplicaState, Role};

use super::backend::{Backend, Status, UpstreamState};
use super::call::{Answer, Call};
use super::replication::{host_port, replica_offset};
use super::reply;

/// The redis whose manners these are.
const REDIS_VERSION: &str = "7.2.0";

/// Writes one section's lines.
type Section = fn(&Status, &dyn Backend, &mut Page);

/// The sections, in the order they are shown.
const SECTIONS: [(&str, Section); 7] = [
    ("Server", server),
    ("Clients", clients),
    ("Memory", memory),
    ("Persistence", persistence),
    ("Stats", stats),
    ("Replication", replication),
    ("Keyspace", keyspace),
];

/// INFO, of the named sections or of all.
pub(super) fn info(call: &mut Call<'_>) -> Answer {
    let named: Vec<String> =
        call.args.iter().skip(1).map(|name| String::from_utf8_lossy(name).to_ascii_lowercase()).collect();
    let all =
        named.is_empty() || named.iter().any(|name| matches!(&**name, "all" | "everything" | "default"));
    let status = call.backend.status();
    let mut page = Page::default();
    for (title, section) in SECTIONS {
        if all || named.iter().any(|name| name.eq_ignore_ascii_case(title)) {
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

    /// A line for what may be unknown, -1 if it is.
    fn known(&mut self, name: &str, value: Option<u64>) {
        match value {
            Some(value) => self.line(name, value),
            None => self.line(name, -1),
        }
    }
}

fn server(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let stats = &status.stats;
    let port = status.client_addr.as_deref().map_or("0".to_owned(), |addr| host_port(addr).1);
    page.line("redis_version", REDIS_VERSION);
    page.line("towline_version", env!("CARGO_PKG_VERSION"));
    page.line("redis_mode", "standalone");
    page.line("os", std::env::consts::OS);
    page.line("arch_bits", usize::BITS);
    page.line("process_id", process_id());
    page.line("run_id", format_args!("{}{}", stats.node, "0".repeat(24)));
    page.line("tcp_port", port);
    page.line("server_time_usec", backend.now_ms().saturating_mul(1000));
    page.line("uptime_in_seconds", status.uptime_ms / 1000);
    page.line("uptime_in_days", status.uptime_ms / 86_400_000);
    page.line("node", stats.node);
    page.line("store", status.store);
    page.line("replication_addr", status.replication_addr.as_deref().unwrap_or_default());
}

fn clients(status: &Status, _: &dyn Backend, page: &mut Page) {
    page.line("connected_clients", status.clients);
}

fn memory(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let used = backend.store().memory_bytes();
    page.line("used_memory", used);
    page.line("used_memory_human", human(used));
    page.line("used_memory_dataset", used);
    page.line("maxmemory", 0);
    page.line("maxmemory_policy", "noeviction");
    page.line("memory_bound_bytes", status.memory_bound_bytes);
    page.line("mem_replication_backlog", status.backlog_bytes);
    page.line("spool_bytes", status.spool_bytes.0);
    page.line("spool_bytes_max", status.spool_bytes.1);
}

/// A size as redis shows it: `1.50M`.
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

/// A text of ours without line ends, which would end its field.
fn one_line(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
}

fn persistence(status: &Status, _: &dyn Backend, page: &mut Page) {
    page.line("loading", u8::from(!status.stats.base));
    page.line("aof_enabled", u8::from(status.store == "disk"));
    page.line("aof_last_write_status", if status.store_failed.is_none() { "ok" } else { "err" });
    page.line("store_failed", one_line(status.store_failed.as_deref().unwrap_or_default()));
    page.line("durability_held_ms", status.durability_held_ms);
    page.known("persisted_offset", status.persisted.map(|offset| offset.0));
}

fn stats(status: &Status, _: &dyn Backend, page: &mut Page) {
    let counted = &status.stats.counters;
    page.line("total_commands_processed", status.commands);
    page.line("expired_keys", status.expired_keys);
    page.line("evicted_keys", 0);
    page.line("sync_full", counted.full_syncs);
    page.line("sync_partial_ok", counted.partial_syncs);
    page.line("total_net_repl_input_bytes", counted.bytes_received);
    page.line("total_net_repl_output_bytes", counted.bytes_sent);
    page.line("repl_overruns", counted.overruns);
    page.line("repl_faults", counted.faults);
}

fn replication(status: &Status, backend: &dyn Backend, page: &mut Page) {
    let stats = &status.stats;
    match stats.role {
        Role::Primary => page.line("role", "master"),
        Role::Replica => {
            page.line("role", "slave");
            follower(status, page);
        }
    }
    let here: Vec<_> =
        status.replicas.iter().filter(|(replica, _)| replica.state != ReplicaState::Away).collect();
    page.line("connected_slaves", here.len());
    for (number, (replica, addr)) in here.into_iter().enumerate() {
        slave(number, replica, addr.as_deref(), page);
    }
    page.line("master_replid", format_args!("{}00000000", stats.history));
    page.line("master_replid2", "0".repeat(40));
    page.line("master_repl_offset", stats.end);
    page.line("second_repl_offset", -1);
    page.line("repl_backlog_active", 1);
    page.line("repl_backlog_size", status.backlog_bytes);
    page.line("repl_backlog_first_byte_offset", stats.start);
    page.line("repl_backlog_histlen", stats.backlog_used_bytes);
    page.line("epoch", stats.epoch);
    page.line("replicas_away", status.replicas.iter().filter(|(r, _)| r.state == ReplicaState::Away).count());
    page.line("full_syncs", stats.counters.full_syncs);
    page.line("partial_syncs", stats.counters.partial_syncs);
    page.line("snapshots_resumed", stats.counters.snapshots_resumed);
    page.line("snapshots_restarted", stats.counters.snapshots_restarted);
    page.line("snapshots_installed", status.snapshots_installed);
    page.line("writes_held_ms", status.writes_held_ms);
    page.line("digest", backend.store().digest());
}

fn follower(status: &Status, page: &mut Page) {
    let stats = &status.stats;
    let (host, port) = host_port(status.upstream_addr.as_deref().unwrap_or_default());
    let (link, state) = match status.upstream {
        UpstreamState::None => ("down", "none"),
        UpstreamState::Connecting => ("down", "connecting"),
        UpstreamState::Waiting => ("up", "waiting"),
        UpstreamState::Snapshot => ("up", "snapshot"),
        UpstreamState::Streaming => ("up", "streaming"),
        UpstreamState::HistoryDiffers => ("down", "history differs"),
        UpstreamState::IdentityClash => ("down", "identity clash"),
    };
    page.line("master_host", host);
    page.line("master_port", port);
    page.line("master_link_status", link);
    page.line("master_link_state", state);
    page.known("master_last_io_seconds_ago", stats.origin_age.map(|age| age.as_millis() / 1000));
    page.line("master_sync_in_progress", u8::from(status.upstream == UpstreamState::Snapshot));
    if let Some(fault) = &status.upstream_fault {
        page.line("master_link_fault", one_line(fault));
    }
    page.line("slave_read_repl_offset", stats.end);
    page.line("slave_repl_offset", stats.applied);
    page.line("slave_read_only", 1);
}

fn slave(number: usize, replica: &Replica, addr: Option<&str>, page: &mut Page) {
    let (ip, port) = host_port(addr.unwrap_or_default());
    let state = match replica.state {
        ReplicaState::Away | ReplicaState::Waiting => "wait_bgsave",
        ReplicaState::Snapshot => "send_bulk",
        ReplicaState::Streaming => "online",
    };
    let offset = replica_offset(replica);
    let [_, applied, _] = replica.lag;
    let lag =
        applied.and_then(|lag| lag.age).map_or("-1".to_owned(), |age| (age.as_millis() / 1000).to_string());
    let name = format!("slave{number}");
    let node = replica.node;
    page.line(&name, format_args!("ip={ip},port={port},state={state},offset={offset},lag={lag},node={node}"));
}

fn keyspace(_: &Status, backend: &dyn Backend, page: &mut Page) {
    let keys = backend.store().len();
    if keys > 0 {
        page.line("db0", format_args!("keys={keys}"));
    }
}

/// This process's id; under test a fixed one, because transcripts show the length of the page.
fn process_id() -> u32 {
    if cfg!(test) { 12345 } else { std::process::id() }
}
