//! The parts of the server that a command sees while it runs: node and store, the turn's time, other clients.

use std::sync::Arc;
use std::time::Duration;

use towline_core::{EpochOffset, Level, Role};
use towline_driver::Refusal;

use super::clients::Clients;
use super::keys::Replicated;
use crate::command::watch::Mark;
use crate::command::{Backend, Client, ClientUsage, Counts, Status};
use crate::machine::Usage;
use crate::store::KeyValueStore;

/// The server during one command.
pub(crate) struct CommandContext<'a> {
    pub(crate) replicated: &'a mut Replicated,
    pub(crate) clients: &'a mut Clients,
    /// The memory that the running client takes.
    pub(crate) own: ClientUsage,
}

impl Backend for CommandContext<'_> {
    fn store(&self) -> &dyn KeyValueStore {
        &*self.replicated.store().store
    }

    fn now_ms(&self) -> u64 {
        self.replicated.clock().unix_ms()
    }

    fn now_us(&self) -> u64 {
        self.replicated.clock().unix_us()
    }

    fn writable(&self) -> Result<(), Refusal> {
        self.replicated.writable()?;
        match self.clients.paused(self.replicated.now()) {
            Some(_) => Err(Refusal::NotNow),
            None => Ok(()),
        }
    }

    fn record_bytes_max(&self) -> usize {
        self.replicated.config().options().record_bytes_max as usize
    }

    fn reply_bytes_max(&self) -> usize {
        self.clients.reply_bytes_max()
    }

    fn watch(&mut self, key: &[u8], dead: bool) -> Arc<Mark> {
        self.replicated.store_mut().watches.watch(key, dead)
    }

    fn write(&mut self, record: &[u8]) -> Result<EpochOffset, Refusal> {
        self.replicated.write(record)
    }

    fn follows(&self) -> bool {
        self.replicated.role() == Role::Replica
    }

    fn loading(&self) -> bool {
        self.replicated.loading()
    }

    fn holds(&self, place: EpochOffset) -> bool {
        self.replicated.holds(place)
    }

    fn reached(&self, level: Level, place: EpochOffset) -> u32 {
        self.replicated.reached(level, place)
    }

    fn keeps(&self, place: EpochOffset) -> bool {
        self.replicated.keeps(place)
    }

    fn flush_soon(&mut self) {
        self.replicated.flush_soon();
    }

    fn status(&self) -> Status {
        self.clients.status(self.replicated)
    }

    fn counts(&self) -> &Counts {
        &self.clients.counters.counts
    }

    fn counts_mut(&mut self) -> &mut Counts {
        &mut self.clients.counters.counts
    }

    fn usage(&self) -> Usage {
        if self.clients.counters.facts.is_real { Usage::now() } else { Usage::default() }
    }

    fn random(&mut self) -> u64 {
        self.clients.rng.draw()
    }

    fn note_expired(&mut self, keys: u64) {
        self.clients.counters.expired_keys += keys;
    }

    fn other_clients(&self, show: &mut dyn FnMut(&Client, ClientUsage)) {
        self.clients.each().for_each(|(client, usage)| show(client, usage));
    }

    fn own_usage(&self) -> ClientUsage {
        self.own
    }

    fn kill_clients(&mut self, wanted: &mut dyn FnMut(&Client) -> bool) -> u64 {
        self.clients.kill(wanted)
    }

    fn unblock_client(&mut self, id: u64, with_error: bool) -> bool {
        self.clients.unblock_one(self.replicated, id, with_error)
    }

    fn pause(&mut self, time: Duration, all: bool) {
        self.clients.pause(self.replicated.now(), time, all);
    }

    fn unpause(&mut self) {
        self.clients.pause = None;
    }

    fn is_paused(&self) -> bool {
        self.clients.paused(self.replicated.now()).is_some_and(|pause| pause.all)
    }
}
