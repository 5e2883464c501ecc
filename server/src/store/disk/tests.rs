use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use towline_core::Offset;
use towline_kv::Effect;

use super::folder::Folder;
use super::home::Home;
use super::{DiskOptions, DiskStore};
use crate::store::KeyValueStore;
use crate::store::map::Map;
use crate::store::map::tests::{Content, Owned, content_of};
use towline_driver::{Persistence, Replaced, Store};

mod cuts;
mod swaps;

const CACHE: usize = 1 << 20;

fn options() -> DiskOptions {
    let moment = Duration::from_millis(1);
    DiskOptions { random: 7, cache_bytes: CACHE, flush_every: moment, retry_every: moment }
}

fn open(path: &Path) -> DiskStore {
    DiskStore::open(path, options()).unwrap()
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits for the next answer, woken by the store alone: a lost wake-up hangs the test.
fn persisted(store: &mut DiskStore) -> std::io::Result<Offset> {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    loop {
        match store.poll_persisted(&mut Context::from_waker(&waker)) {
            Poll::Ready(answer) => return answer.map(|cursor| upto(&cursor)),
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Returns the offset in a cursor of these tests, its second word.
fn upto(cursor: &[u8]) -> Offset {
    let text = std::str::from_utf8(cursor).unwrap();
    Offset(text.split(' ').nth(1).unwrap().parse().unwrap())
}

fn wait_for(store: &mut DiskStore, upto: u64) {
    while persisted(store).unwrap() != Offset(upto) {}
}

fn set(key: &str, value: &str) -> Vec<u8> {
    Owned::Set(key.into(), value.into()).record()
}

fn write(store: &mut DiskStore, key: &str, upto: u64) {
    store.apply(&set(key, "value")).unwrap();
    store.commit(format!("cursor {upto}").as_bytes(), Offset(upto));
}

fn content(store: &DiskStore) -> Content {
    content_of(&store.resident.map.freeze())
}

/// Returns the state of a store, as a restart must find it.
fn state(store: &DiskStore) -> (Option<Vec<u8>>, Content) {
    store.resident.map.check();
    (store.cursor().map(<[u8]>::to_vec), content(store))
}

/// Loads a snapshot of these keys.
fn load(store: &mut DiskStore, keys: &[&str], upto: u64) {
    store.load_begin(format!("cursor {upto}").as_bytes(), Offset(upto)).unwrap();
    for key in keys {
        store.load(&set(key, "loaded")).unwrap();
    }
}

#[test]
fn a_new_store_is_empty_also_when_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("made/on/the/way");
    for _ in 0..2 {
        let store = open(&path);
        assert!(store.cursor().is_none() && store.is_empty());
        assert_eq!(store.path(), path);
    }
}

#[test]
fn what_is_persisted_is_there_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let effects = [
        Effect::Set { key: b"a", value: b"1" },
        Effect::PExpireAt { key: b"a", at: towline_kv::ExpiryMs::new(5).unwrap() },
        Effect::Set { key: b"b", value: b"" },
        Effect::Set { key: b"", value: b"no key" },
        Effect::Del { key: b"b" },
    ];
    for (number, effect) in effects.iter().enumerate() {
        let mut record = Vec::new();
        effect.encode(&mut record);
        store.apply(&record).unwrap();
        store.commit(format!("cursor {number}").as_bytes(), Offset(number as u64 + 1));
    }
    store.apply(&set("c", "within a step")).unwrap();
    store.commit(b"cursor 6", Offset(6));
    // Nobody writes or asks for a flush: it comes by itself.
    wait_for(&mut store, 6);
    let before = state(&store);
    drop(store);
    let mut store = open(directory.path());
    assert_eq!(state(&store), before);
    assert_eq!(store.due(5, 10).len(), 1);
    // A cursor may move alone, and all keys may be deleted.
    store.commit(b"moved 6", Offset(6));
    store.flush_soon();
    wait_for(&mut store, 6);
    drop(store);
    let mut store = open(directory.path());
    assert_eq!(store.cursor(), Some(&b"moved 6"[..]));
    store.apply(&Owned::FlushAll.record()).unwrap();
    store.apply(&set("d", "after")).unwrap();
    store.commit(b"flushed 8", Offset(8));
    wait_for(&mut store, 8);
    drop(store);
    let store = open(directory.path());
    assert_eq!((store.len(), store.cursor()), (1, Some(&b"flushed 8"[..])));
}

#[test]
fn what_is_within_a_step_is_never_written() {
    let directory = tempfile::tempdir().unwrap();
    let slow = DiskOptions { flush_every: Duration::from_secs(3600), ..options() };
    let mut store = DiskStore::open(directory.path(), slow).unwrap();
    write(&mut store, "a", 1);
    wait_for(&mut store, 1);
    write(&mut store, "b", 2);
    store.apply(&set("c", "within a step")).unwrap();
    store.flush_soon();
    assert!(store.poll_persisted(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(store.flusher.idle() && store.unflushed && store.hurried, "it waits for the boundary");
    store.commit(b"cursor 3", Offset(3));
    assert!(!store.flusher.idle(), "and then it is hurried");
    wait_for(&mut store, 3);
    write(&mut store, "d", 4);
    store.apply(b"no record").unwrap_err();
    store.flush_soon();
    assert!(store.flusher.idle());
    drop(store);
    let store = open(directory.path());
    assert_eq!((store.len(), store.cursor()), (3, Some(&b"cursor 3"[..])));
}

#[test]
fn writes_during_flushes_are_gathered() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    for number in 1..=3_000_u64 {
        write(&mut store, &(number % 500).to_string(), number);
        if number % 100 == 0 {
            store.flush_soon();
        }
    }
    store.flush_soon();
    wait_for(&mut store, 3_000);
    let before = state(&store);
    drop(store);
    assert_eq!(state(&open(directory.path())), before);
}

#[test]
fn a_directory_in_use_is_refused_by_name_and_process() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path());
    let error = DiskStore::open(directory.path(), options()).unwrap_err();
    let expected =
        format!("directory {} is in use by process {}", directory.path().display(), std::process::id());
    assert_eq!(error.to_string(), expected);
    drop(store);
    open(directory.path());
}

/// Returns the error of opening a store whose file is damaged.
fn refused(directory: &Path) -> String {
    let error = DiskStore::open(directory, options()).unwrap_err().to_string();
    let file = directory.join("store.redb");
    assert!(error.starts_with(&file.display().to_string()), "{error}");
    assert!(!error.contains('\n'), "{error}");
    error
}

#[test]
fn garbage_is_refused_in_one_line() {
    let directory = tempfile::tempdir().unwrap();
    for garbage in [&b"this is no database"[..], &[0; 10_000], &[0xFF; 10_000]] {
        std::fs::write(directory.path().join("store.redb"), garbage).unwrap();
        let error = refused(directory.path());
        assert!(error.contains("damaged store") && error.contains("move its directory away"), "{error}");
    }
}

#[test]
fn a_changed_byte_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    store.apply(&set("some key", "a value to be found in the file")).unwrap();
    store.commit(b"cursor 1", Offset(1));
    wait_for(&mut store, 1);
    drop(store);
    let file = directory.path().join("store.redb");
    let mut bytes = std::fs::read(&file).unwrap();
    let needle = b"to be found";
    let places: Vec<_> = bytes.windows(needle.len()).enumerate().filter(|(_, at)| at == needle).collect();
    let places: Vec<_> = places.into_iter().map(|(place, _)| place).collect();
    assert!(!places.is_empty());
    for place in places {
        bytes[place] = b'T';
    }
    std::fs::write(&file, bytes).unwrap();
    assert!(refused(directory.path()).contains("damaged store"));
}

#[test]
fn another_format_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let database = redb::Database::open(directory.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let table = redb::TableDefinition::<&str, &[u8]>::new("meta");
    write.open_table(table).unwrap().insert("format", &9_u32.to_le_bytes()[..]).unwrap();
    write.commit().unwrap();
    drop(database);
    assert!(refused(directory.path()).contains("store format 9, and this program reads 1"));
}

#[test]
fn a_left_over_spool_goes() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("spool"), b"left over").unwrap();
    let store = open(directory.path());
    assert!(!directory.path().join("spool").exists());
    assert!(store.memory_bytes() >= CACHE as u64);
}
