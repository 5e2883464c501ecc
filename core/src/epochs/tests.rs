//! The table of epochs against hand-written histories.

use super::*;

fn table(openings: &[(u32, u32, u64)]) -> EpochTable {
    let mut table = EpochTable::EMPTY;
    for (number, random, start) in openings {
        assert!(table.open(Epoch::new(*number, *random), Offset(*start)));
    }
    table
}

fn opening(number: u32, start: u64) -> Opening {
    Opening { epoch: Epoch::new(number, 0), start: Offset(start) }
}

#[test]
fn equal_numbers_with_other_random_bits_are_not_common() {
    // B and C both promote at 100 and open epoch 5.
    let ours = table(&[(4, 1, 0), (5, 7, 100)]);
    let theirs = table(&[(4, 1, 0), (5, 9, 100)]);
    assert_eq!(
        ours.parting(Offset(120), &theirs, Offset(110)),
        Some(Parting { at: Offset(100), in_our_last: false })
    );
}

#[test]
fn a_relay_behind_is_seen_as_behind() {
    let ours = table(&[(4, 1, 0)]);
    assert_eq!(
        ours.parting(Offset(900), &ours, Offset(1000)),
        Some(Parting { at: Offset(900), in_our_last: true })
    );
}

#[test]
fn an_empty_epoch_is_dropped_when_another_opens_there() {
    let table = table(&[(1, 0, 0), (2, 0, 50), (3, 0, 50)]);
    assert_eq!(table.entries(), &[opening(1, 0), opening(3, 50)]);
}

#[test]
fn the_oldest_is_forgotten_and_order_is_kept() {
    let mut table = EpochTable::EMPTY;
    for number in 1..=40u32 {
        assert!(table.open(Epoch::new(number, 0), Offset(u64::from(number) * 10)));
    }
    assert_eq!(table.entries().len(), EPOCHS_MAX);
    assert_eq!(table.entries()[0].epoch.number(), 9);
    assert!(!table.open(Epoch::new(40, 1), Offset(1000)), "a number is opened once");
    assert!(!table.open(Epoch::new(41, 1), Offset(1)), "starts never fall");
}

#[test]
fn the_table_below_a_boundary() {
    let table = table(&[(1, 0, 0), (2, 0, 50), (3, 0, 80)]);
    assert_eq!(table.cut(Offset(60), Epoch::new(2, 0)).number(), 2);
    assert_eq!(table.at(Offset(49)), Some(Epoch::new(1, 0)));
    assert_eq!(table.at(Offset(50)), Some(Epoch::new(2, 0)));
    assert_eq!(table.number_with_records(Offset(80)), 2);
    assert_eq!(table.number_with_records(Offset(81)), 3);
}
