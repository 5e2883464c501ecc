use towline_core::Offset;
use towline_kv::{ApplyError, Digest, Effect};

use crate::store::{KeyValueStore, MemoryStore};
use towline_driver::{Replaced, Store};

fn set(key: &str, value: &str) -> Vec<u8> {
    let mut record = Vec::new();
    Effect::Set { key: key.as_bytes(), value: value.as_bytes() }.encode(&mut record);
    record
}

fn written(entries: &[(&str, &str)], cursor: &str) -> MemoryStore {
    let mut store = MemoryStore::new(1);
    for (key, value) in entries {
        store.apply(&set(key, value)).unwrap();
    }
    store.commit(cursor.as_bytes(), Offset(entries.len() as u64));
    store
}

#[test]
fn it_keeps_nothing_and_says_so() {
    let mut store = MemoryStore::new(1);
    assert!(store.cursor().is_none() && store.is_empty());
    store.apply(&set("a", "1")).unwrap();
    store.commit(b"one", Offset(1));
    assert!(store.persistence().is_none());
    assert_eq!(store.cursor(), Some(&b"one"[..]));
    assert_eq!(&*store.get(b"a").unwrap().value, b"1");
}

#[test]
fn a_snapshot_comes_in_at_once() {
    let mut from = written(&[("a", "1"), ("b", "2")], "theirs");
    let mut store = written(&[("c", "3")], "ours");
    let before = store.memory_bytes();
    let mut view = from.view().unwrap();
    assert!(from.memory_bytes() > before, "an open view is counted");
    assert!(store.load(b"").is_err(), "nothing was begun");
    store.load_begin(view.cursor(), Offset(2)).unwrap();
    let mut piece = Vec::new();
    let mut number = 0;
    loop {
        let last = view.piece(number, 10, &mut piece);
        store.load(&piece).unwrap();
        number += 1;
        if last {
            break;
        }
    }
    assert_eq!((store.len(), store.cursor()), (1, Some(&b"ours"[..])));
    // Writes beside the loading go on.
    store.apply(&set("d", "4")).unwrap();
    store.commit(b"ours, later", Offset(2));
    store.install(Replaced::Outdated).unwrap();
    assert_eq!((store.digest(), store.cursor()), (from.digest(), Some(&b"theirs"[..])));
    assert!(store.install(Replaced::Outdated).is_err(), "it was installed already");
}

#[test]
fn a_snapshot_that_is_cut_short_changes_nothing() {
    let mut store = written(&[("c", "3")], "ours");
    store.load_begin(b"theirs", Offset(2)).unwrap();
    store.load(&set("a", "1")[..5]).unwrap();
    assert!(store.install(Replaced::Outdated).is_err());
    store.load_begin(b"theirs", Offset(2)).unwrap();
    let error = store.load(b"nonsense").unwrap_err();
    assert!(error.to_string().starts_with("bad snapshot: "), "{error}");
    assert_eq!((store.len(), store.cursor()), (1, Some(&b"ours"[..])));
}

#[test]
fn a_snapshot_mends_a_store_that_met_a_bad_record() {
    let mut store = written(&[("c", "word")], "ours");
    let mut record = Vec::new();
    Effect::IncrBy { key: b"c", by: 1 }.encode(&mut record);
    let error = store.apply(&record).unwrap_err().downcast::<ApplyError>().unwrap();
    assert!(matches!(error, ApplyError::Incr(_)));
    store.load_begin(b"theirs", Offset(0)).unwrap();
    store.install(Replaced::Outdated).unwrap();
    assert_eq!((store.digest(), store.cursor()), (Digest::EMPTY, Some(&b"theirs"[..])));
    store.apply(&set("a", "1")).unwrap();
    store.commit(b"later", Offset(1));
    assert_eq!(store.view().unwrap().cursor(), b"later");
}

#[test]
#[should_panic(expected = "no commit after a record that could not be applied")]
fn a_worthless_state_is_not_committed() {
    let mut store = written(&[("c", "word")], "ours");
    assert!(store.apply(b"").is_err());
    store.apply(&set("a", "1")).unwrap();
    store.commit(b"later", Offset(2));
}

#[test]
fn a_view_is_of_a_boundary() {
    let refused = |store: &mut MemoryStore| store.view().err().map(|error| error.to_string());
    let mut store = written(&[], "ours");
    store.apply(&set("a", "1")).unwrap();
    assert_eq!(refused(&mut store).unwrap(), "no view within a step");
    store.commit(b"later", Offset(1));
    assert_eq!(refused(&mut store), None);
    store.apply(b"").unwrap_err();
    assert_eq!(refused(&mut store).unwrap(), "no view after a record that could not be applied");
}
