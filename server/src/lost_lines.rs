//! How many log lines this process could not write.
//!
//! The count belongs to the process, not to a server, as stderr does: the writer of the log counts
//! ([`count_lost_log_line`]), INFO and the metrics show it. Nothing else shows that a line was lost.

use std::sync::atomic::{AtomicU64, Ordering};

static LOST: AtomicU64 = AtomicU64::new(0);

/// Counts a log line that was dropped because it could not be written.
pub fn count_lost_log_line() {
    LOST.fetch_add(1, Ordering::Relaxed);
}

/// Returns how many log lines were dropped since the process began.
#[must_use]
pub fn lost_log_lines() -> u64 {
    LOST.load(Ordering::Relaxed)
}
