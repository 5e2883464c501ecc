//! Cuts at any write of the disk: what is found is always one committed boundary, with the cursor and digest it had.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use towline_core::Offset;

use super::{Content, DiskStore, Store, content, options, persisted, set, write};
use crate::store::disk::base::Base;
use crate::store::disk::lossy::Lossy;
use crate::store::map::tests::any_effect;

fn on(disk: &Lossy) -> DiskStore {
    let base = Base::on(disk.clone(), "lossy").unwrap();
    if !base.is_complete() {
        base.begin().unwrap();
    }
    DiskStore::over(base, None, std::path::Path::new("lossy"), options()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cut_leaves_a_boundary(
        effects in vec((any_effect(), 0..6_u8), 1..60),
        left in 0..150_u64,
        dice: u64,
    ) {
        let disk = Lossy::default();
        let mut store = on(&disk);
        disk.fail_after(left);
        // What stood at each boundary, by cursor. Nothing was flushed yet: no cursor.
        let mut boundaries = BTreeMap::from([(None, (Offset(0), Content::new()))]);
        let mut told = Offset(0);
        let mut task = Context::from_waker(Waker::noop());
        for (number, (owned, dice)) in effects.iter().enumerate() {
            if store.apply(&owned.record()).is_err() {
                break;
            }
            let upto = Offset(number as u64 + 1);
            if *dice > 1 {
                let cursor = format!("cursor {upto}").into_bytes();
                store.commit(&cursor, upto);
                boundaries.insert(Some(cursor), (upto, content(&store)));
            }
            match dice {
                0..=2 => store.hurry(),
                3 => std::thread::sleep(std::time::Duration::from_micros(300)),
                _ => {}
            }
            if let Poll::Ready(Ok(upto)) = store.poll_persisted(&mut task) {
                prop_assert!(upto > told);
                told = upto;
            }
        }
        drop(store);
        let store = on(&disk.after_the_cut(dice));
        let found = boundaries.get(&store.cursor().map(<[u8]>::to_vec));
        let Some((upto, then)) = found else { panic!("no boundary had {:?}", store.cursor()) };
        prop_assert_eq!(&content(&store), then);
        prop_assert!(*upto >= told, "told {} and kept {}", told, upto);
    }
}

#[test]
fn a_disk_that_fails_is_told_once_and_named() {
    let disk = Lossy::default();
    let mut store = on(&disk);
    write(&mut store, "a", 1);
    assert_eq!(persisted(&mut store).unwrap(), Offset(1));
    disk.fail_after(0);
    write(&mut store, "b", 2);
    let error = persisted(&mut store).unwrap_err().to_string();
    assert!(error.starts_with("lossy: "), "{error}");
    // It can still be read, and what is written anyway costs nothing more.
    store.apply(&set("c", "value")).unwrap();
    store.commit(b"later", Offset(3));
    store.hurry();
    assert!(store.poll_persisted(&mut Context::from_waker(Waker::noop())).is_pending());
    assert!(store.get(b"c").is_some() && store.layer.bytes() == 0);
}
