use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use towline_kv::{Effect, ExpiryMs, Table};

use super::{FREE_HERE, Map, SHARDS, Shards, Touched};

/// An effect that owns its bytes, over few keys, so that they meet.
#[derive(Debug, Clone)]
pub(crate) enum Owned {
    Set(Vec<u8>, Vec<u8>),
    Del(Vec<u8>),
    Expire(Vec<u8>, u64),
    Persist(Vec<u8>),
    Append(Vec<u8>, Vec<u8>),
    IncrBy(Vec<u8>, i64),
    FlushAll,
}

impl Owned {
    pub(crate) fn effect(&self) -> Effect<'_> {
        match self {
            Self::Set(key, value) => Effect::Set { key, value },
            Self::Del(key) => Effect::Del { key },
            Self::Expire(key, ms) => Effect::PExpireAt { key, at: ExpiryMs::new(*ms).unwrap() },
            Self::Persist(key) => Effect::Persist { key },
            Self::Append(key, value) => Effect::Append { key, value },
            Self::IncrBy(key, by) => Effect::IncrBy { key, by: *by },
            Self::FlushAll => Effect::FlushAll,
        }
    }

    pub(crate) fn record(&self) -> Vec<u8> {
        let mut record = Vec::new();
        self.effect().encode(&mut record);
        record
    }
}

pub(crate) fn any_effect() -> impl Strategy<Value = Owned> {
    let key = || vec(b'a'..=b'e', 0..3);
    let value = || prop_oneof![vec(b'0'..=b'9', 1..3), vec(any::<u8>(), 0..40)];
    prop_oneof![
        8 => (key(), value()).prop_map(|(key, value)| Owned::Set(key, value)),
        4 => key().prop_map(Owned::Del),
        4 => (key(), 1..20_u64).prop_map(|(key, ms)| Owned::Expire(key, ms)),
        2 => key().prop_map(Owned::Persist),
        3 => (key(), value()).prop_map(|(key, value)| Owned::Append(key, value)),
        3 => (key(), -5..5_i64).prop_map(|(key, by)| Owned::IncrBy(key, by)),
        1 => Just(Owned::FlushAll),
    ]
}

pub(crate) type Content = BTreeMap<Vec<u8>, (Option<ExpiryMs>, Vec<u8>)>;

pub(crate) fn content_of(shards: &Shards) -> Content {
    shards.iter().map(|held| (held.key.to_vec(), (held.expiry, held.value.to_vec()))).collect()
}

fn content_of_table(table: &Table) -> Content {
    table.iter().map(|(key, entry)| (key.to_vec(), (entry.expiry, entry.value.to_vec()))).collect()
}

fn due_of_table(table: &Table, now_ms: u64) -> Vec<(u64, Vec<u8>)> {
    let ends = table.iter().filter_map(|(key, entry)| Some((entry.expiry?.get(), key.to_vec())));
    let mut due: Vec<_> = ends.filter(|(at, _)| *at <= now_ms).collect();
    due.sort();
    due
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_map_is_the_table(effects in vec((any_effect(), 0..8_u8), 0..120), seed: u64) {
        let (mut map, mut table) = (Map::new(seed), Table::new());
        let mut views = Vec::new();
        for (owned, random) in &effects {
            let ours = map.apply(&owned.effect()).map(|_| ());
            prop_assert_eq!(ours.is_ok(), table.apply_effect(&owned.effect()).is_ok());
            prop_assert_eq!(map.digest(), table.digest());
            prop_assert_eq!(map.len(), table.len() as u64);
            if *random == 0 {
                views.push((map.freeze(), content_of_table(&table)));
            }
        }
        map.check();
        prop_assert_eq!(content_of(&map.freeze()), content_of_table(&table));
        for (view, then) in &views {
            prop_assert_eq!(&content_of(view), then, "a view is the state it was taken of");
        }
        for (key, entry) in table.iter() {
            prop_assert_eq!(map.get(key).map(|held| held.entry()), Some(entry));
        }
        prop_assert!(map.get(b"never written").is_none());
        let due: Vec<_> = map.due(9, usize::MAX).iter().map(|key| key.to_vec()).collect();
        let expected: Vec<_> = due_of_table(&table, 9).into_iter().map(|(_, key)| key).collect();
        prop_assert_eq!(due, expected);
        let first = due_of_table(&table, u64::MAX).first().map(|(at, _)| *at);
        prop_assert_eq!(map.next_due().map(ExpiryMs::get), first);
        prop_assert_eq!(map.some_key(seed).is_none(), table.is_empty());
    }
}

fn filled(keys: u64) -> Map {
    let mut map = Map::new(7);
    for number in 0..keys {
        map.apply(&Effect::Set { key: number.to_string().as_bytes(), value: b"value" }).unwrap();
    }
    map
}

#[test]
fn a_scan_visits_what_stays() {
    let mut map = filled(3_000);
    let (mut from, mut seen, mut steps) = (0, std::collections::BTreeSet::new(), 0_u64);
    loop {
        from = map.scan(from, 100, &mut |key, found| {
            assert_eq!(&*found.value, b"value");
            seen.insert(key.to_vec());
        });
        // Half of the keys come and go meanwhile.
        for number in (1..3_000_u64).step_by(2) {
            let key = number.to_string();
            let effect = match steps % 2 {
                0 => Effect::Del { key: key.as_bytes() },
                _ => Effect::Set { key: key.as_bytes(), value: b"value" },
            };
            map.apply(&effect).unwrap();
        }
        steps += 1;
        if from == 0 {
            break;
        }
    }
    assert!((10..=40).contains(&steps), "{steps} steps");
    assert!((0..3_000).step_by(2).all(|number| seen.contains(number.to_string().as_bytes())));
    assert_eq!(map.scan(u64::MAX, 1, &mut |_, _| panic!("nothing there")), 0);
    assert_eq!(map.scan(SHARDS as u64, 1, &mut |_, _| panic!("nothing there")), 0);
}

#[test]
fn every_key_can_be_some_key() {
    let map = filled(3);
    let met: std::collections::BTreeSet<_> = (0..2_000_u64)
        .filter_map(|random| map.some_key(random.wrapping_mul(0x9E37_79B9_7F4A_7C15)))
        .collect();
    assert_eq!(met.len(), 3);
}

#[test]
fn a_copy_is_made_only_of_what_is_written() {
    let mut map = filled(1_000);
    let view = map.freeze();
    let Touched::Put { held, .. } = map.apply(&Effect::Set { key: b"1", value: b"other" }).unwrap() else {
        panic!("it was put");
    };
    assert_eq!(&*held.value, b"other");
    let shared = map.shards.0.iter().zip(&view.0).filter(|(ours, theirs)| Arc::ptr_eq(ours, theirs));
    assert_eq!(shared.count(), SHARDS - 1);
    map.check();
}

#[test]
fn room_comes_back() {
    let mut map = filled(100_000);
    let full = map.memory_bytes();
    assert!(full > 100_000 * 64 && full <= map.view_bytes());
    for number in 10..100_000_u64 {
        map.apply(&Effect::Del { key: number.to_string().as_bytes() }).unwrap();
    }
    map.check();
    assert!(map.memory_bytes() < full / 2, "{} of {full}", map.memory_bytes());
    map.apply(&Effect::FlushAll).unwrap();
    assert_eq!((map.len(), map.next_due()), (0, None));
    map.check();
}

#[test]
fn many_are_freed_elsewhere() {
    let map = filled(FREE_HERE as u64 + 1);
    let held = Arc::downgrade(&map.get(b"1").unwrap().value);
    drop(map);
    while held.upgrade().is_some() {
        std::thread::yield_now();
    }
}

/// Deleting or overwriting a large value does not read its bytes: the kept digest is subtracted.
#[test]
fn the_digest_of_a_large_value_is_kept() {
    let mut map = Map::new(1);
    let large = vec![b'x'; super::sums::LARGE_BYTES];
    let set = |map: &mut Map, key: &[u8], value: &[u8]| {
        map.apply(&Effect::Set { key, value }).unwrap();
        map.check();
    };
    set(&mut map, b"other", b"small");
    let other = map.digest();
    set(&mut map, b"large", &large);
    set(&mut map, b"large", &large[1..]);
    set(&mut map, b"large", &large);
    for effect in [
        Effect::Append { key: b"large", value: b"tail" },
        Effect::PExpireAt { key: b"large", at: ExpiryMs::new(7).unwrap() },
        Effect::Persist { key: b"large" },
    ] {
        map.apply(&effect).unwrap();
        map.check();
    }
    let mut kept = map.digest();
    kept.remove(other);
    assert!(map.sums.forge(b"large", kept), "it is kept");
    let planted = towline_kv::Digest::of_entry(b"planted", None, b"");
    assert!(map.sums.forge(b"large", planted));
    map.apply(&Effect::Del { key: b"large" }).unwrap();
    let mut told = map.digest();
    told.remove(kept);
    told.add(planted);
    assert_eq!(told, other);
    assert!(!map.sums.forge(b"large", planted), "it went with its entry");
}
