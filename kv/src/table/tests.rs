use super::Table;
use crate::effect::tests::{Owned, any_effect, encoded};
use crate::{ApplyError, Digest, Entry, ExpiryMs, IncrError, RecordErrorKind};
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::vec::Vec;

type Model = BTreeMap<Vec<u8>, (Vec<u8>, u64)>;

/// The language a second time, in the plainest words, as `docs/records.md` says it.
fn model(entries: &mut Model, effect: &Owned) -> bool {
    match effect.clone() {
        Owned::Set(key, value) => {
            entries.insert(key, (value, 0));
        }
        Owned::Del(key) => {
            entries.remove(&key);
        }
        Owned::PExpireAt(key, ms) => {
            entries.entry(key).and_modify(|entry| entry.1 = ms);
        }
        Owned::Persist(key) => {
            entries.entry(key).and_modify(|entry| entry.1 = 0);
        }
        Owned::Append(key, value) => entries.entry(key).or_default().0.extend(value),
        Owned::IncrBy(key, by) => {
            let old = entries.get(&key).map_or(&b"0"[..], |entry| &entry.0);
            let old = std::str::from_utf8(old)
                .ok()
                .and_then(|text| text.parse::<i64>().ok().filter(|number| std::format!("{number}") == text));
            let Some(sum) = old.and_then(|old| old.checked_add(by)) else { return false };
            entries.entry(key).or_default().0 = std::format!("{sum}").into_bytes();
        }
        Owned::FlushAll => entries.clear(),
    }
    true
}

fn apply(table: &mut Table, text: &str) -> Result<(), ApplyError> {
    let mut record = Vec::new();
    for line in text.lines() {
        let words: Vec<_> = line.split(' ').collect();
        record.extend(std::format!("*{}\r\n", words.len()).bytes());
        words.iter().for_each(|word| record.extend(std::format!("${}\r\n{word}\r\n", word.len()).bytes()));
    }
    table.apply(&record)
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let mut table = Table::new();
    let again = |table: &Table| Table::read(&table.written()).expect("a snapshot");
    assert_eq!(again(&table).digest(), Digest::EMPTY);
    apply(&mut table, "SET a 1\nPEXPIREAT a 1000\nSET b 2").expect("applies");
    assert_eq!((again(&table).digest(), again(&table).len()), (table.digest(), 2));
    let written = table.written();
    let cut = Table::read(&written[..written.len() - 1]).expect_err("cut short");
    assert!(matches!(cut, ApplyError::Record(error) if error.kind == RecordErrorKind::Truncated), "{cut}");
}

#[test]
fn a_key_lives_and_ends() {
    let mut table = Table::new();
    assert!(table.is_empty() && table.digest() == Digest::EMPTY);
    apply(&mut table, "SET k 41\nPEXPIREAT k 1000\nINCRBY k 1\nAPPEND k !").expect("applies");
    let held = Entry { value: b"42!", expiry: ExpiryMs::new(1000) };
    assert_eq!(table.get(b"k"), Some(held));
    assert_eq!(table.digest(), Digest::of_entry(b"k", held.expiry, b"42!"));
    apply(&mut table, "PERSIST k").expect("applies");
    assert_eq!(table.digest(), Digest::of_entry(b"k", None, b"42!"));
    apply(&mut table, "SET j 1").expect("applies");
    let keys =
        |entries: Vec<(&[u8], Entry<'_>)>| entries.iter().map(|(key, _)| key.to_vec()).collect::<Vec<_>>();
    assert_eq!(keys(table.after(b"").collect()), [b"j", b"k"]);
    assert_eq!(keys(table.after(b"j").collect()), [b"k"]);
    assert_eq!(keys(table.after(b"jj").collect()), [b"k"]);
    assert_eq!(table.len(), 2);
    apply(&mut table, "DEL k\nDEL j").expect("applies");
    assert!(table.is_empty() && table.digest() == Digest::EMPTY && table.get(b"k").is_none());
}

#[test]
fn what_no_primary_sends_is_an_error() {
    let mut table = Table::new();
    apply(&mut table, "SET k word").expect("applies");
    let before = table.digest();
    assert_eq!(apply(&mut table, "INCRBY k 1"), Err(ApplyError::Incr(IncrError::NotInteger)));
    assert_eq!(table.digest(), before);
    let error = table.apply(b"").expect_err("a record holds an effect");
    assert!(matches!(error, ApplyError::Record(error) if error.kind == RecordErrorKind::Empty));
    assert_eq!(
        std::format!("{}", ApplyError::Incr(IncrError::Overflow)),
        "bad record: INCRBY: increment or decrement would overflow"
    );
}

proptest! {
    #[test]
    fn the_table_does_what_the_words_say(records in vec(vec(any_effect(), 1..4), 0..60)) {
        let (mut table, mut entries) = (Table::new(), Model::new());
        for record in &records {
            let done = record.iter().all(|effect| model(&mut entries, effect));
            prop_assert_eq!(table.apply(&encoded(record)).is_ok(), done);
            table.check();
        }
        let held: Vec<_> = table.iter().map(|(key, entry)| (key, entry.value, ExpiryMs::word(entry.expiry))).collect();
        let wanted: Vec<_> = entries.iter().map(|(key, (value, ms))| (&key[..], &value[..], *ms)).collect();
        prop_assert_eq!(held, wanted);
        prop_assert_eq!(table.len(), entries.len());
    }
}
