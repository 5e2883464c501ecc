//! `status`: asks a node TOWLINE STATUS over its client address and shows the answer as a page.

use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use towline_server::command::Report;
use towline_server::command::status::Stage;

use crate::args::StatusArgs;
use crate::client::Client;
use crate::failure::Failure;
use crate::units::{bytes, grouped, millis};

/// The pause between two reports of `--watch`.
const WATCH_EVERY: Duration = Duration::from_secs(1);
/// Clears a terminal and moves to its corner.
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Shows the report once, or again and again.
pub(crate) fn run(args: &StatusArgs) -> Result<(), Failure> {
    let runtime = crate::runtime()?;
    runtime.block_on(async {
        let mut client = Client::connect(&args.addr).await?;
        loop {
            let is_read = show(&mut client, args).await?;
            if !args.watch || !is_read {
                return Ok(());
            }
            tokio::time::sleep(WATCH_EVERY).await;
        }
    })
}

/// Shows it once, and returns whether stdout still has a reader.
async fn show(client: &mut Client, args: &StatusArgs) -> Result<bool, Failure> {
    let text = client.ask_text(&["TOWLINE", "STATUS"]).await?;
    if args.json {
        return crate::is_read(format!("{text}\n").as_bytes());
    }
    let report: Report = serde_json::from_str(&text).with_context(|| {
        format!("{} answers a status this program cannot read; is it another version?", args.addr)
    })?;
    let page = page(&report);
    let clear = if args.watch && std::io::stdout().is_terminal() { CLEAR } else { "" };
    crate::is_read(format!("{clear}{page}").as_bytes())
}

/// Returns the page of a report.
fn page(report: &Report) -> String {
    let mut page = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string does not fail.
        let _ = writeln!(page, "{name:<12}{value}");
    };
    let known = |value: Option<u64>| value.map_or_else(|| "unknown".to_owned(), grouped);
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    line("role", format!("{}, node {}, towline {}", report.role, report.node, report.version));
    line("clients", format!("{} ({} connected)", or_none(&report.client_addr), report.counters.clients));
    line("replicas", or_none(&report.replication_addr));
    line("history", report.history.clone().unwrap_or_else(|| "none yet".to_owned()));
    line("epoch", format!("{} ({})", report.epoch, report.epoch_id));
    line(
        "offsets",
        format!(
            "end {}, applied {}, persisted {}; backlog from {}",
            grouped(report.end),
            grouped(report.applied),
            known(report.persisted),
            grouped(report.start)
        ),
    );
    line("digest", report.digest.clone());
    let whole = if report.complete { "" } else { ", not complete yet" };
    line(
        "store",
        format!("{}, {} keys, {}{whole}", report.store, grouped(report.keys), bytes(report.store_bytes)),
    );
    if let Some(why) = &report.store_failed {
        line("", format!("store failed: {why}"));
    }
    line(
        "backlog",
        format!("{} of {} in use", bytes(report.backlog_used_bytes), bytes(report.backlog_bytes)),
    );
    line("spool", format!("{} of {} in use", bytes(report.spool_bytes), bytes(report.spool_bytes_max)));
    line("memory", format!("{} at most, as things stand", bytes(report.memory_bound_bytes)));
    let counted = &report.counters;
    line(
        "since start",
        format!(
            "{}; {} snapshots sent, {} replicas resumed, {} overruns; replication {} in, {} out",
            millis(report.uptime_ms),
            grouped(counted.full_syncs),
            grouped(counted.partial_syncs),
            grouped(counted.overruns),
            bytes(counted.bytes_received),
            bytes(counted.bytes_sent)
        ),
    );
    upstream(report, &mut line);
    if let Some(forked) = report.forked {
        let (from, end) = (grouped(forked.from), grouped(forked.end));
        line("forked", format!("records {from} to {end} of epoch {} left the history", forked.epoch));
    }
    replicas(report, &mut page);
    page
}

fn upstream(report: &Report, line: &mut dyn FnMut(&str, String)) {
    let Some(upstream) = &report.upstream else { return };
    let mut text = upstream.addr.clone().unwrap_or_default();
    let _ = write!(text, ", {}", upstream.state);
    if let Some(pieces) = upstream.pieces {
        let _ = write!(text, ", {} pieces of a snapshot received", grouped(pieces));
    }
    if let (Some(end), Some(age)) = (upstream.origin_end, upstream.origin_age_ms) {
        let _ = write!(text, "; the primary was at {} {} ago", grouped(end), millis(age));
    }
    line("upstream", text);
    if let Some(fault) = &upstream.fault {
        line("last fault", fault.clone());
    }
}

/// Appends the table of replicas: state, and lag at each stage as records, bytes and time.
fn replicas(report: &Report, page: &mut String) {
    if report.replicas.is_empty() {
        return;
    }
    let head = ["replica", "address", "state", "not received", "not applied", "not persisted"];
    let mut rows = vec![head.map(str::to_owned)];
    for replica in &report.replicas {
        rows.push([
            replica.node.clone(),
            replica.addr.clone().unwrap_or_else(|| "-".to_owned()),
            replica.state.clone(),
            lag(&replica.received),
            lag(&replica.applied),
            lag(&replica.persisted),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    page.push('\n');
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        page.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        page.push('\n');
    }
}

/// Formats a lag in records, bytes and time, with "unknown" for each that is not known.
fn lag(stage: &Stage) -> String {
    let unknown = || "unknown".to_owned();
    if stage.lag_records.is_none() && stage.lag_bytes.is_none() && stage.lag_ms.is_none() {
        return unknown();
    }
    let records = stage.lag_records.map_or_else(unknown, grouped);
    let size = stage.lag_bytes.map_or_else(unknown, bytes);
    let age = stage.lag_ms.map_or_else(unknown, millis);
    format!("{records} records, {size}, {age}")
}

#[cfg(test)]
mod tests;
