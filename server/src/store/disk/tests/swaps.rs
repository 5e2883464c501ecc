//! Installing a snapshot, and cuts at each step of it: a start finds the old state or the new one, whole.

use crate::store::KeyValueStore;
use std::fs;
use std::path::Path;

use towline_core::HistoryId;

use super::{CACHE, Content, DiskStore, Folder, Map, Offset, Replaced, Store};
use super::{load, open, options, persisted, set, state, wait_for, write};
use crate::store::disk::base::{Base, Mark};

const FORK: Replaced = Replaced::Forked { epoch: 3, from: Offset(5), end: Offset(9) };

fn names(path: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns a store with `old` in its file, and the directory.
fn with_old() -> (tempfile::TempDir, DiskStore) {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    write(&mut store, "old", 1);
    wait_for(&mut store, 1);
    (directory, store)
}

#[test]
fn an_outdated_state_is_replaced() {
    let (directory, mut store) = with_old();
    write(&mut store, "not flushed", 2);
    load(&mut store, &["new", "newer"], 7);
    store.install(Replaced::Outdated).unwrap();
    assert!(store.get(b"old").is_none() && store.get(b"new").is_some());
    // Writes that come before the install is durable are written after it.
    write(&mut store, "later", 8);
    wait_for(&mut store, 8);
    let before = state(&store);
    drop(store);
    assert_eq!(state(&open(directory.path())), before);
    assert_eq!(names(directory.path()), ["LOCK", "store.redb"]);
}

#[test]
fn a_fork_is_kept_aside_whole_and_only_the_newest() {
    let (directory, mut store) = with_old();
    let mut forks = Vec::new();
    for (epoch, upto) in [(2, 10), (10, 20), (9, 30)] {
        write(&mut store, "committed, not flushed", upto);
        forks.push((epoch, state(&store)));
        load(&mut store, &["new"], upto + 5);
        store.install(Replaced::Forked { epoch, from: Offset(1), end: Offset(upto) }).unwrap();
        // No cursor of the old state is reported after it.
        assert_eq!(persisted(&mut store).unwrap(), Offset(upto + 5));
    }
    drop(store);
    assert_eq!(names(directory.path()), ["LOCK", "forked-10-1-20", "store.redb"]);
    let aside = open(&directory.path().join("forked-10-1-20"));
    assert_eq!(state(&aside), forks[1].1);
}

#[test]
fn forks_that_come_faster_than_they_are_written_are_kept_in_order() {
    let (directory, mut store) = with_old();
    load(&mut store, &["first"], 10);
    store.install(Replaced::Forked { epoch: 1, from: Offset(0), end: Offset(1) }).unwrap();
    write(&mut store, "second", 11);
    let fork = state(&store);
    load(&mut store, &["third"], 20);
    store.install(Replaced::Forked { epoch: 2, from: Offset(5), end: Offset(11) }).unwrap();
    wait_for(&mut store, 20);
    drop(store);
    assert_eq!(names(directory.path()), ["LOCK", "forked-2-5-11", "store.redb"]);
    assert_eq!(state(&open(&directory.path().join("forked-2-5-11"))), fork);
}

#[test]
fn an_install_that_is_outdated_before_it_is_written_leaves_its_fork() {
    let (directory, mut store) = with_old();
    load(&mut store, &["first"], 10);
    store.install(FORK).unwrap();
    write(&mut store, "second", 11);
    load(&mut store, &["third"], 20);
    store.install(Replaced::Outdated).unwrap();
    write(&mut store, "fourth", 21);
    wait_for(&mut store, 21);
    let before = state(&store);
    drop(store);
    assert_eq!(state(&open(directory.path())), before);
    assert_eq!(names(directory.path()), ["LOCK", "forked-3-5-9", "store.redb"]);
    let aside = open(&directory.path().join("forked-3-5-9"));
    assert!(aside.get(b"old").is_some() && aside.get(b"first").is_none());
}

#[test]
fn dropped_within_an_install_it_has_the_old_state_or_the_new() {
    for _ in 0..10 {
        let (directory, mut store) = with_old();
        let old = state(&store);
        load(&mut store, &["new"], 7);
        store.install(FORK).unwrap();
        let new = state(&store);
        drop(store);
        let found = state(&open(directory.path()));
        assert!(found == old || found == new);
        assert_eq!(found == new, directory.path().join("forked-3-5-9").exists());
    }
}

#[test]
fn the_data_of_another_history_is_kept_aside_and_only_the_newest() {
    let (directory, mut store) = with_old();
    let history = |number| Replaced::Adopted { history: HistoryId(number) };
    let mut replaced = Vec::new();
    for (number, upto) in [(7, 10), (9, 20), (8, 30)] {
        write(&mut store, "committed, not flushed", upto);
        replaced.push(state(&store));
        load(&mut store, &["new"], upto + 5);
        store.install(history(number)).unwrap();
        assert_eq!(persisted(&mut store).unwrap(), Offset(upto + 5));
    }
    load(&mut store, &["newer"], 50);
    store.install(FORK).unwrap();
    wait_for(&mut store, 50);
    drop(store);
    // One of each kind; and a start, which removes leftovers, keeps them.
    let newest = format!("replaced-{}", HistoryId(8));
    let all = ["LOCK", "forked-3-5-9", &newest, "store.redb"];
    assert_eq!(names(directory.path()), all);
    drop(open(directory.path()));
    assert_eq!(names(directory.path()), all);
    assert_eq!(state(&open(&directory.path().join(newest))), replaced[2]);
}

/// Returns a directory as it is while a snapshot with `new` is being installed over `old`.
fn within_a_swap() -> (tempfile::TempDir, (Option<Vec<u8>>, Content), Folder) {
    let (directory, store) = with_old();
    let old = state(&store);
    drop(store);
    let folder = Folder::claim(directory.path()).unwrap();
    (directory, old, folder)
}

fn incoming(folder: &Folder, complete: bool) {
    let base = Base::create(&folder.incoming(), CACHE).unwrap();
    let mut map = Map::new(1);
    map.load(b"new", b"loaded", None);
    let mark = Mark { cursor: b"new".to_vec(), upto: Offset(7), digest: map.digest(), count: 1 };
    let entries = map.freeze();
    assert_eq!(base.fill(&entries, &mark, &|| complete).unwrap(), complete);
}

fn assert_new(store: &DiskStore) {
    assert_eq!(store.len(), 1);
    assert!(store.cursor().is_some_and(|cursor| cursor.starts_with(b"new")));
    assert!(store.get(b"new").is_some());
}

#[test]
fn cut_while_incoming_is_written_or_before_the_swap() {
    for complete in [false, true] {
        let (directory, old, folder) = within_a_swap();
        incoming(&folder, complete);
        drop(folder);
        assert_eq!(state(&open(directory.path())), old);
        assert_eq!(names(directory.path()), ["LOCK", "store.redb"]);
    }
}

#[test]
fn cut_when_the_place_for_the_fork_is_made() {
    let (directory, old, folder) = within_a_swap();
    incoming(&folder, true);
    drop(folder);
    fs::create_dir(directory.path().join("forked-3-5-9")).unwrap();
    assert_eq!(state(&open(directory.path())), old);
    assert_eq!(names(directory.path()), ["LOCK", "store.redb"]);
}

#[test]
fn cut_when_the_fork_is_set_aside() {
    let (directory, old, folder) = within_a_swap();
    incoming(&folder, true);
    let aside = directory.path().join("forked-3-5-9");
    fs::create_dir(&aside).unwrap();
    fs::rename(folder.store(), aside.join("store.redb")).unwrap();
    drop(folder);
    assert_new(&open(directory.path()));
    assert_eq!(state(&open(&aside)), old);
    assert_eq!(names(directory.path()), ["LOCK", "forked-3-5-9", "store.redb"]);
}

#[test]
fn a_swap_that_failed_is_made_again_from_where_it_came_to() {
    let (directory, old, folder) = within_a_swap();
    incoming(&folder, true);
    let aside = directory.path().join("forked-3-5-9");
    fs::create_dir(&aside).unwrap();
    fs::rename(folder.store(), aside.join("store.redb")).unwrap();
    for _ in 0..2 {
        folder.swap(FORK).unwrap();
    }
    drop(folder);
    assert_new(&open(directory.path()));
    assert_eq!(state(&open(&aside)), old);
    assert_eq!(names(directory.path()), ["LOCK", "forked-3-5-9", "store.redb"]);
}

#[test]
fn cut_before_older_forks_are_removed() {
    let (directory, _, folder) = within_a_swap();
    for name in ["forked-2-0-4", "forked-1-0-4"] {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::copy(folder.store(), directory.path().join(name).join("store.redb")).unwrap();
    }
    incoming(&folder, true);
    folder.swap(FORK).unwrap();
    assert_eq!(names(directory.path()), ["LOCK", "forked-3-5-9", "store.redb"]);
    drop(folder);
    for name in ["forked-2-0-4", "forked-forged", "forked-2-0-4-1"] {
        fs::create_dir(directory.path().join(name)).unwrap();
        fs::write(directory.path().join(name).join("store.redb"), b"").unwrap();
    }
    assert_new(&open(directory.path()));
    // Other names are not ours to delete.
    let expected = ["LOCK", "forked-2-0-4-1", "forked-3-5-9", "forked-forged", "store.redb"];
    assert_eq!(names(directory.path()), expected);
}

#[test]
fn cut_while_a_store_is_made() {
    for begun in [&b""[..], b"half"] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("incoming.redb"), begun).unwrap();
        assert!(open(directory.path()).is_empty());
        assert_eq!(names(directory.path()), ["LOCK", "store.redb"]);
    }
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::claim(directory.path()).unwrap();
    Base::create(&folder.incoming(), CACHE).unwrap().begin().unwrap();
    drop(folder);
    assert!(open(directory.path()).is_empty());
}

#[test]
fn an_install_can_be_made_again_after_a_restart() {
    let (directory, store) = with_old();
    drop(store);
    for upto in [10, 20] {
        let mut store = DiskStore::open(directory.path(), options()).unwrap();
        store.load_begin(format!("new {upto}").as_bytes(), Offset(upto)).unwrap();
        store.load(&set("new", "loaded")).unwrap();
        store.install(FORK).unwrap();
        wait_for(&mut store, upto);
    }
    assert_new(&open(directory.path()));
}
