//! CONFIG: the settings for clients and tools. All of them are given at the start; CONFIG SET accepts the value that a
//! setting has already, and refuses everything else with redis's text.

use super::call::{Answer, Call, CommandError};
use super::{glob, replication, reply};

/// Returns the settings, by name.
fn settings(call: &Call<'_>) -> Vec<(&'static str, String)> {
    let status = call.backend.status();
    let durable = if status.store == "disk" { "yes" } else { "no" };
    let (host, port) = replication::host_port(status.client_addr.as_deref().unwrap_or_default());
    let port = if port.is_empty() { "0".to_owned() } else { port };
    let text = str::to_owned;
    let upstream = status.driver.upstream_addr.as_deref().map(replication::host_port);
    let upstream = upstream.map_or(String::new(), |(host, port)| format!("{host} {port}"));
    vec![
        ("activedefrag", text("no")),
        ("appendfsync", text("everysec")),
        ("appendonly", text(durable)),
        ("bind", host),
        ("client-query-buffer-limit", (call.backend.record_bytes_max() as u64).saturating_mul(4).to_string()),
        ("cluster-enabled", text("no")),
        ("daemonize", text("no")),
        ("databases", text("1")),
        ("io-threads", text("1")),
        ("latency-monitor-threshold", text("0")),
        ("latency-tracking", text("no")),
        ("maxclients", status.clients_max.to_string()),
        ("maxmemory", text("0")),
        ("maxmemory-clients", text("0")),
        ("maxmemory-policy", text("noeviction")),
        ("maxmemory-samples", text("5")),
        ("notify-keyspace-events", String::new()),
        ("port", port),
        ("proto-max-bulk-len", call.backend.record_bytes_max().to_string()),
        ("repl-backlog-size", status.driver.backlog_bytes.to_string()),
        ("replica-read-only", text("yes")),
        ("replicaof", upstream.clone()),
        ("requirepass", String::new()),
        ("save", String::new()),
        ("slave-read-only", text("yes")),
        ("slaveof", upstream),
        ("slowlog-log-slower-than", text("-1")),
        ("slowlog-max-len", text("0")),
        ("tcp-keepalive", status.tcp_keepalive_s.to_string()),
        ("timeout", status.timeout_s.to_string()),
    ]
}

/// Runs CONFIG GET.
pub(super) fn get(call: &mut Call<'_>) -> Answer {
    let asked = |name: &str| call.args.iter().skip(2).any(|glob| glob::matches(glob, name.as_bytes(), true));
    let found: Vec<_> = settings(call).into_iter().filter(|(name, _)| asked(name)).collect();
    reply::map(call.out, call.client.resp, found.len());
    for (name, value) in found {
        reply::bulk(call.out, name.as_bytes());
        reply::bulk(call.out, value.as_bytes());
    }
    Call::done()
}

/// Runs CONFIG SET.
pub(super) fn set(call: &mut Call<'_>) -> Answer {
    if !call.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    let settings = settings(call);
    let mut asked: Vec<(&str, &str, &[u8])> = Vec::new();
    for at in (2..call.len()).step_by(2) {
        let (name, value) = (call.arg(at), call.arg(at + 1));
        let Some((name, now)) =
            settings.iter().find(|(known, _)| name.eq_ignore_ascii_case(known.as_bytes()))
        else {
            let name = String::from_utf8_lossy(name);
            let text = format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
            return Err(CommandError::Text(text));
        };
        if asked.iter().any(|(before, ..)| before == name) {
            return Err(failed(name, "duplicate parameter"));
        }
        asked.push((name, now, value));
    }
    if let Some((name, ..)) = asked.iter().find(|(_, now, value)| !value.eq_ignore_ascii_case(now.as_bytes()))
    {
        return Err(failed(
            name,
            "can't set immutable config: here it is given at the start, or is as it is",
        ));
    }
    call.ok()
}

fn failed(name: &str, why: &str) -> CommandError {
    CommandError::Text(format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {why}"))
}

/// Runs CONFIG RESETSTAT.
pub(super) fn resetstat(call: &mut Call<'_>) -> Answer {
    let status = call.backend.status();
    call.backend.counts_mut().reset(&status);
    call.ok()
}

/// Refuses CONFIG REWRITE.
pub(super) fn rewrite(_: &mut Call<'_>) -> Answer {
    Err(CommandError::Static("ERR The server is running without a config file"))
}
