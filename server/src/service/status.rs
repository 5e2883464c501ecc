//! The server's status, as data.

use super::clients::Clients;
use super::keys::Replicated;
use crate::command::Status;

impl Clients {
    /// Returns the whole status.
    pub(crate) fn status(&self, replicated: &Replicated) -> Status {
        let (counters, facts) = (&self.counters, &self.counters.facts);
        let mut driver = replicated.status();
        driver.memory_bound_bytes += facts.bytes_max;
        Status {
            driver,
            client_addr: facts.client_addr.clone(),
            store: facts.store,
            clients: counters.clients,
            clients_max: facts.clients_max,
            timeout_s: facts.timeout_s,
            tcp_keepalive_s: facts.tcp_keepalive_s,
            clients_waiting: self.waiting(),
            connections: counters.connections,
            refused_connections: counters.refused_connections,
            client_bytes: counters.client_bytes,
            a_second: counters.a_second(replicated.now()),
            commands: counters.commands,
            expired_keys: counters.expired_keys,
        }
    }
}
