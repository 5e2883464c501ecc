//! The sections of INFO with counts: processor time, commands, errors, keys; and those that have nothing to count.

use super::Page;
use crate::command::COMMANDS;
use crate::command::backend::{Backend, Status};

/// Writes a section that has a title only: modules, latencies.
pub(super) fn nothing(_: &Status, _: &dyn Backend, _: &mut Page) {}

/// Writes the section cpu: the whole process, not its single threads. It has no children.
pub(super) fn cpu(_: &Status, backend: &dyn Backend, page: &mut Page) {
    let usage = backend.usage();
    let seconds = |ms: u64| format!("{}.{:06}", ms / 1000, ms % 1000 * 1000);
    page.line("used_cpu_sys", seconds(usage.system_ms));
    page.line("used_cpu_user", seconds(usage.user_ms));
    page.line("used_cpu_sys_children", seconds(0));
    page.line("used_cpu_user_children", seconds(0));
}

/// Writes the section commandstats: how often commands ran. Their time is not measured.
pub(super) fn commands(_: &Status, backend: &dyn Backend, page: &mut Page) {
    for command in COMMANDS.iter().flat_map(|command| std::iter::once(command).chain(command.subs)) {
        let count = backend.counts().of(command);
        if count.calls + count.rejected > 0 {
            let (calls, rejected, failed) = (count.calls, count.rejected, count.failed);
            let line = format_args!(
                "calls={calls},usec=0,usec_per_call=0.00,rejected_calls={rejected},failed_calls={failed}"
            );
            page.line(&format!("cmdstat_{}", command.name), line);
        }
    }
}

/// Writes the section errorstats: errors by their first word.
pub(super) fn errors(_: &Status, backend: &dyn Backend, page: &mut Page) {
    for (code, count) in backend.counts().errors() {
        page.line(&format!("errorstat_{code}"), format_args!("count={count}"));
    }
}

/// Writes the section cluster: there is none.
pub(super) fn cluster(_: &Status, _: &dyn Backend, page: &mut Page) {
    page.line("cluster_enabled", 0);
}

/// Writes the section keyspace: keys, how many of them expire, and the mean of their time left, in milliseconds.
pub(super) fn keyspace(_: &Status, backend: &dyn Backend, page: &mut Page) {
    let keys = backend.store().len();
    if keys == 0 {
        return;
    }
    let (expires, ends_ms) = backend.store().expiring();
    let mean_ms = ends_ms.checked_div(u128::from(expires)).unwrap_or(0);
    let left_ms = mean_ms.saturating_sub(u128::from(backend.now_ms()));
    page.line("db0", format_args!("keys={keys},expires={expires},avg_ttl={left_ms}"));
}
