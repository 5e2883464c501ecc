use proptest::collection::vec;
use proptest::prelude::*;
use towline_core::Offset;

use super::Loading;
use crate::store::map::Map;
use crate::store::map::tests::{Owned, any_effect, content_of};

/// Returns a batch of one record, as it is in a frame.
fn batch(effects: &[Owned]) -> Vec<u8> {
    let record: Vec<u8> = effects.iter().flat_map(Owned::record).collect();
    let length = u32::try_from(record.len()).unwrap();
    [&length.to_le_bytes(), &record[..]].concat()
}

fn snapshot(map: &Map) -> Vec<u8> {
    let mut bytes = Vec::new();
    for held in map.freeze().iter() {
        Owned::Set(held.key.to_vec(), held.value.to_vec()).effect().encode(&mut bytes);
        if let Some(at) = held.expiry {
            Owned::Expire(held.key.to_vec(), at.get()).effect().encode(&mut bytes);
        }
    }
    bytes
}

/// Applies the effects of one record; returns false if the map refuses one of them, as a primary would.
fn write(map: &mut Map, record: &[Owned]) -> bool {
    record.iter().all(|owned| map.apply(&owned.effect()).is_ok())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// In any interleaving of tail and snapshot the end is the primary's state.
    #[test]
    fn a_tail_beside_a_snapshot_ends_where_the_primary_ends(
        before in vec(any_effect(), 0..30),
        tail in vec((vec(any_effect(), 1..3), 0..40_usize), 0..20),
    ) {
        let mut primary = Map::new(1);
        for owned in &before {
            let _ = primary.apply(&owned.effect());
        }
        let bytes = snapshot(&primary);
        let mut loading = Loading::new(Map::new(2), b"at 0", Offset(0));
        let (mut rest, mut done) = (&bytes[..], 0);
        for (number, (record, cut)) in tail.iter().enumerate() {
            let (piece, after) = rest.split_at((*cut).min(rest.len()));
            loading.load(piece).unwrap();
            rest = after;
            let tried = primary.freeze();
            if !write(&mut primary, record) {
                // A primary refuses such a record as a whole: restore the earlier state.
                primary = Map::new(1);
                for held in tried.iter() {
                    primary.load(&held.key, &held.value, held.expiry);
                }
                continue;
            }
            let upto = Offset(number as u64 + 1);
            assert!(loading.tail(&batch(record), b"later", upto).unwrap());
            done = upto.0;
        }
        loading.load(rest).unwrap();
        loading.finish().unwrap();
        let (map, cursor, upto) = loading.into_parts().unwrap();
        prop_assert_eq!(upto.0, done);
        prop_assert_eq!(&cursor[..], if done > 0 { &b"later"[..] } else { b"at 0" });
        map.check();
        prop_assert_eq!(content_of(&map.freeze()), content_of(&primary.freeze()));
        prop_assert_eq!(map.digest(), primary.digest());
    }
}

#[test]
fn what_the_tail_builds_on_waits_and_what_it_says_in_full_stands() {
    let key = |name: &str| name.as_bytes().to_vec();
    let set = |name: &str, value: &str| Owned::Set(key(name), key(value));
    let append = |name: &str| Owned::Append(key(name), key("er"));
    let mut loading = Loading::new(Map::new(2), b"", Offset(0));
    loading.load(&[set("a", "old").record(), set("z", "old").record()].concat()).unwrap();
    let records = [
        vec![set("b", "new"), Owned::Expire(key("b"), 9), append("b")],
        vec![Owned::Del(key("c")), Owned::IncrBy(key("c"), 3)],
        // Loaded; perhaps loaded in part; not loaded yet; never loaded.
        vec![append("a"), append("z"), append("d"), append("e")],
    ];
    for record in &records {
        assert!(loading.tail(&batch(record), b"", Offset(1)).unwrap(), "{record:?}");
    }
    let late = [
        Owned::Expire(key("z"), 7),
        set("b", "old"),
        Owned::Expire(key("b"), 5),
        set("c", "old"),
        set("d", "old"),
    ];
    loading.load(&late.map(|owned| owned.record()).concat()).unwrap();
    let (map, _, upto) = loading.into_parts().unwrap();
    map.check();
    let value = |name: &str| String::from_utf8(map.get(name.as_bytes()).unwrap().value.to_vec()).unwrap();
    assert_eq!(["a", "b", "c", "d", "e", "z"].map(value), ["older", "newer", "3", "older", "er", "older"]);
    let expiry = |name: &str| map.get(name.as_bytes()).unwrap().expiry.map(|at| at.get());
    assert_eq!((expiry("b"), expiry("z"), upto), (Some(9), Some(7), Offset(1)));
}

#[test]
fn the_key_of_no_bytes_is_one_like_others() {
    let mut loading = Loading::new(Map::new(2), b"", Offset(0));
    let append = Owned::Append(Vec::new(), vec![b'1']);
    assert!(loading.tail(&batch(std::slice::from_ref(&append)), b"", Offset(1)).unwrap());
    loading.load(&Owned::Set(Vec::new(), vec![b'0']).record()).unwrap();
    let (map, ..) = loading.into_parts().unwrap();
    assert_eq!(*map.get(b"").unwrap().value, *b"01");
}

#[test]
fn a_tail_that_keeps_too_much_is_refused() {
    let mut loading = Loading::new(Map::new(2), b"", Offset(0));
    let long = Owned::Append(vec![b'k'], vec![b'v'; 1 << 20]);
    let taken =
        (0..100).take_while(|_| loading.tail(&batch(std::slice::from_ref(&long)), b"", Offset(1)).unwrap());
    assert_eq!(taken.count() << 20, super::KEPT_MAX);
    assert!(loading.memory_bytes() > super::KEPT_MAX as u64);
    loading.load(&Owned::Set(vec![b'k'], Vec::new()).record()).unwrap();
    let (map, ..) = loading.into_parts().unwrap();
    assert_eq!(map.get(b"k").unwrap().value.len(), super::KEPT_MAX);
}
