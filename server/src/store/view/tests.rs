use std::sync::Arc;

use proptest::prelude::*;
use towline_kv::{Effect, ExpiryMs, SnapshotReader, Table};

use super::{Counted, MapView};
use crate::store::map::Map;
use towline_driver::View;

fn view_of(sizes: &[usize]) -> (MapView, Table) {
    let (mut map, mut table) = (Map::new(1), Table::new());
    for (number, size) in sizes.iter().enumerate() {
        let (key, value) = (number.to_string(), vec![b'v'; *size]);
        let mut effects = vec![Effect::Set { key: key.as_bytes(), value: &value }];
        if size % 3 == 0 {
            let at = ExpiryMs::new(*size as u64 + 1).unwrap();
            effects.push(Effect::PExpireAt { key: key.as_bytes(), at });
        }
        for effect in effects {
            map.apply(&effect).unwrap();
            table.apply_effect(&effect).unwrap();
        }
    }
    (MapView::new(map.freeze(), b"cursor".to_vec(), Counted::new(&Arc::default(), 0)), table)
}

fn pieces(view: &mut MapView, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    loop {
        let mut piece = b"left over".to_vec();
        let last = view.piece(pieces.len() as u64, bytes_max, &mut piece);
        assert!(piece.len() <= bytes_max);
        pieces.push(piece);
        if last {
            return pieces;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_make_the_store_again(
        sizes in proptest::collection::vec(0..300_usize, 0..20),
        bytes_max in 1..400_usize,
        asked in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
    ) {
        let (mut view, table) = view_of(&sizes);
        prop_assert_eq!(view.cursor(), b"cursor");
        let all = pieces(&mut view, bytes_max);
        let (mut reader, mut again) = (SnapshotReader::new(1 << 20), Table::new());
        for piece in &all {
            let mut rest = &piece[..];
            while let Some(effect) = reader.next(&mut rest).unwrap() {
                again.apply_effect(&effect).unwrap();
            }
        }
        reader.finish().unwrap();
        prop_assert_eq!(again.digest(), table.digest());
        prop_assert!(sizes.is_empty() || all.iter().all(|piece| !piece.is_empty()));
        // In any order, for a view that was asked and for one that was not.
        let (mut fresh, _) = view_of(&sizes);
        for index in asked {
            let number = index.index(all.len());
            for view in [&mut view, &mut fresh] {
                let mut piece = Vec::new();
                let last = view.piece(number as u64, bytes_max, &mut piece);
                prop_assert_eq!((&piece, last), (&all[number], number + 1 == all.len()));
            }
        }
        let mut piece = Vec::new();
        prop_assert!(fresh.piece(all.len() as u64 + 1, bytes_max, &mut piece) && piece.is_empty());
        prop_assert_eq!(pieces(&mut view, 1 << 20).len(), 1, "another size begins anew");
    }
}

#[test]
fn entries_are_not_cut_without_need() {
    let (mut view, _) = view_of(&[50; 40]);
    for piece in pieces(&mut view, 200) {
        let (mut reader, mut rest) = (SnapshotReader::new(1 << 20), &piece[..]);
        while reader.next(&mut rest).unwrap().is_some() {}
        reader.finish().unwrap();
    }
}

#[test]
fn an_empty_store_has_one_empty_piece() {
    let (mut view, _) = view_of(&[]);
    assert_eq!(pieces(&mut view, 10), [Vec::<u8>::new()]);
}

#[test]
fn what_a_view_holds_is_counted_while_it_lives() {
    let sum = Arc::default();
    let counted = Counted::new(&sum, 7);
    assert_eq!(sum.load(std::sync::atomic::Ordering::Relaxed), 7);
    drop(counted);
    assert_eq!(sum.load(std::sync::atomic::Ordering::Relaxed), 0);
}
