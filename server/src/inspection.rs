//! The state of a server between two turns.

use metrics::{counter, describe_counter, describe_gauge, gauge};
use towline_driver::application::Scraped;
use towline_kv::Digest;

use crate::command::Status;

/// The state of a server between two turns.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// The status.
    pub status: Status,
    /// The content digest.
    pub digest: Digest,
    /// The number of keys.
    pub keys: u64,
}

impl Scraped for Inspection {
    fn status(&self) -> &towline_driver::Status {
        &self.status.driver
    }

    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    fn record_more(&self) {
        describe_gauge!("towline_keys", "entries in the store");
        describe_counter!("towline_commands_total", "client commands executed");
        describe_counter!("towline_log_lines_lost_total", "log lines that could not be written");
        gauge!("towline_keys").set(self.keys as f64);
        gauge!("towline_clients").set(self.status.clients as f64);
        counter!("towline_commands_total").absolute(self.status.commands);
        counter!("towline_expired_keys_total").absolute(self.status.expired_keys);
        counter!("towline_log_lines_lost_total").absolute(crate::lost_log_lines());
    }
}
