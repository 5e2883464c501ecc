//! The keys: a key-value store as the driver replicates it, with the marks of clients that watch.
//!
//! Each record is shown to the table of watched keys right before it is applied, wherever it comes from: this is the
//! one place that every record passes on primaries and replicas.

use std::io;

use towline_core::{Offset, Time};
use towline_driver::application::ReplicatedStore;
use towline_driver::{Persistence, Replaced, Size, Store, View};
use towline_kv::Effect;

use super::clients::Clients;
use crate::command::watch::Watches;
use crate::store::KeyValueStore;

/// The most expired keys deleted in one turn.
const EXPIRE_KEYS: usize = 256;

/// The node and the keys that it replicates.
pub(crate) type Replicated = ReplicatedStore<Keys>;

/// A key-value store and the keys in it that clients watch.
pub(crate) struct Keys {
    pub(crate) store: Box<dyn KeyValueStore>,
    pub(crate) watches: Watches,
}

impl Keys {
    pub(crate) fn new(store: Box<dyn KeyValueStore>) -> Self {
        Self { store, watches: Watches::default() }
    }
}

impl Store for Keys {
    fn cursor(&self) -> Option<&[u8]> {
        self.store.cursor()
    }

    #[inline]
    fn apply(&mut self, record: &[u8]) -> io::Result<()> {
        self.watches.note(record, &*self.store);
        self.store.apply(record)
    }

    fn commit(&mut self, cursor: &[u8], upto: Offset) {
        self.store.commit(cursor, upto);
    }

    fn view(&mut self) -> io::Result<Box<dyn View>> {
        self.store.view()
    }

    fn load_begin(&mut self, cursor: &[u8], upto: Offset) -> io::Result<()> {
        self.store.load_begin(cursor, upto)
    }

    fn load(&mut self, piece: &[u8]) -> io::Result<()> {
        self.store.load(piece)
    }

    fn load_tail(&mut self, records: &[u8], cursor: &[u8], upto: Offset) -> io::Result<bool> {
        self.store.load_tail(records, cursor, upto)
    }

    fn install(&mut self, replaced: Replaced) -> io::Result<()> {
        self.watches.note_all();
        self.store.install(replaced)
    }

    fn size(&self) -> Size {
        self.store.size()
    }

    #[inline]
    fn persistence(&mut self) -> Option<&mut dyn Persistence> {
        self.store.persistence()
    }
}

/// Deletes expired keys. Returns whether more are due now.
pub(crate) fn delete_expired(replicated: &mut Replicated, clients: &mut Clients) -> bool {
    let now_ms = replicated.clock().unix_ms();
    let due = replicated.store().store.next_due().is_some_and(|next| next.get() <= now_ms);
    if !due || !may_expire(replicated, clients) {
        return false;
    }
    let keys = replicated.store().store.due(now_ms, EXPIRE_KEYS);
    let mut record = Vec::new();
    for key in &keys {
        record.clear();
        Effect::Del { key }.encode(&mut record);
        if replicated.upkeep_is_spent() || replicated.write_upkeep(&record).is_err() {
            break;
        }
        clients.counters.expired_keys += 1;
    }
    may_expire(replicated, clients) && keys.len() == EXPIRE_KEYS
}

/// Returns whether keys may be deleted now. When the disk has caught up, another turn comes.
fn may_expire(replicated: &Replicated, clients: &Clients) -> bool {
    replicated.upkeep_is_welcome() && clients.paused(replicated.now()).is_none()
}

/// Returns when the next key expires, if this node must delete it then.
pub(crate) fn next_expiry(replicated: &Replicated, clients: &Clients) -> Option<Time> {
    let next = replicated.store().store.next_due().filter(|_| may_expire(replicated, clients))?;
    Some(replicated.clock().look_at_unix_ms(next.get()))
}
