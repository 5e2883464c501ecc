//! Cuts at any write of the disk: a start always finds one committed boundary, with the cursor and digest it had.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use proptest::collection::vec;
use proptest::prelude::*;
use towline_core::Offset;

use super::{Content, DiskOptions, DiskStore, Home, Store};
use super::{content, options, persisted, set, state, upto, wait_for, write};
use crate::store::KeyValueStore;
use crate::store::disk::base::Base;
use crate::store::disk::lossy::Lossy;
use crate::store::map::tests::any_effect;
use towline_driver::{Pace, Persistence};

fn on(disk: &Lossy) -> DiskStore {
    with(disk, options())
}

fn with(disk: &Lossy, options: DiskOptions) -> DiskStore {
    let base = Base::on(disk.clone(), "lossy").unwrap();
    if !base.is_complete() {
        base.begin().unwrap();
    }
    let home = Home::Lossy(disk.clone());
    DiskStore::over(base, home, std::path::Path::new("lossy"), options).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_cut_leaves_a_boundary(
        effects in vec((any_effect(), 0..6_u8), 1..60),
        left in 0..150_u64,
        random: u64,
    ) {
        let disk = Lossy::default();
        let mut store = on(&disk);
        disk.fail_after(left);
        // The content at each boundary, by cursor. Before the first flush there is no cursor.
        let mut boundaries = BTreeMap::from([(None, (Offset(0), Content::new()))]);
        let mut told = Offset(0);
        let mut task = Context::from_waker(Waker::noop());
        for (number, (owned, random)) in effects.iter().enumerate() {
            if store.apply(&owned.record()).is_err() {
                break;
            }
            let end = Offset(number as u64 + 1);
            if *random > 1 {
                let cursor = format!("cursor {end}").into_bytes();
                store.commit(&cursor, end);
                boundaries.insert(Some(cursor), (end, content(&store)));
            }
            match random {
                0..=2 => store.flush_soon(),
                3 => std::thread::sleep(std::time::Duration::from_micros(300)),
                _ => {}
            }
            if let Poll::Ready(Ok(cursor)) = store.poll_persisted(&mut task) {
                prop_assert!(upto(&cursor) > told);
                told = upto(&cursor);
            }
        }
        drop(store);
        let store = on(&disk.after_the_cut(random));
        let found = boundaries.get(&store.cursor().map(<[u8]>::to_vec));
        let Some((end, then)) = found else { panic!("no boundary had {:?}", store.cursor()) };
        prop_assert_eq!(&content(&store), then);
        prop_assert!(*end >= told, "told {} and kept {}", told, end);
    }
}

/// A disk may fail at any write or sync of a flush.
#[test]
fn what_a_disk_refuses_is_told_once_kept_and_tried_again() {
    for left in 0..25 {
        let disk = Lossy::default();
        let mut store = on(&disk);
        write(&mut store, "a", 1);
        assert_eq!(persisted(&mut store).unwrap(), Offset(1));
        disk.fail_after(left);
        write(&mut store, "b", 2);
        let Err(error) = persisted(&mut store) else { break };
        assert!(error.to_string().starts_with("lossy: "), "{error}");
        // It can still be read and viewed, and records that were applied anyway are written with the rest.
        write(&mut store, "c", 3);
        assert!(store.get(b"c").is_some());
        assert_eq!(store.view().unwrap().cursor(), b"cursor 3");
        disk.heal();
        wait_for(&mut store, 3);
        let before = state(&store);
        drop(store);
        assert_eq!(state(&on(&disk.after_the_cut(0))), before, "it refused after {left}");
        assert!(left < 24, "it never got through");
    }
}

#[test]
fn a_disk_that_goes_on_refusing_does_not_hold_the_end_up() {
    let disk = Lossy::default();
    let patient = DiskOptions { retry_every: std::time::Duration::from_secs(3600), ..options() };
    let mut store = with(&disk, patient);
    write(&mut store, "a", 1);
    assert_eq!(persisted(&mut store).unwrap(), Offset(1));
    disk.fail_after(0);
    write(&mut store, "b", 2);
    persisted(&mut store).unwrap_err();
    let mut task = Context::from_waker(Waker::noop());
    assert!(store.poll_persisted(&mut task).is_pending(), "told once");
    drop(store);
    disk.heal();
    assert_eq!(on(&disk.after_the_cut(0)).cursor(), Some(&b"cursor 1"[..]));
}

#[test]
fn a_layer_beyond_the_budget_holds_writers_until_it_is_handed_over() {
    let slow = DiskOptions { flush_every: std::time::Duration::from_secs(3600), ..options() };
    let mut store = with(&Lossy::default(), slow);
    write(&mut store, "a", 1);
    wait_for(&mut store, 1);
    let mut upto = 1;
    while !store.holds_writers() {
        assert_eq!(store.pace(), Pace::Ready);
        upto += 1;
        store.apply(&set(&upto.to_string(), "value")).unwrap();
        assert!(upto < 1 << 20, "no bound");
    }
    assert!(upto > 1000);
    assert_eq!(store.pace(), Pace::Busy);
    // Nobody asks for a flush, and the next one is not due for an hour.
    store.commit(format!("cursor {upto}").as_bytes(), Offset(upto));
    assert!(!store.holds_writers() && store.pace() == Pace::Ready, "it is under way");
    wait_for(&mut store, upto);
}
