//! A place in the list is the place in key order, in any order of calls.

use towline_kv::Effect;

use super::*;

fn table(count: u32) -> Table {
    let mut table = Table::new();
    for number in 0..count {
        set(&mut table, number);
    }
    table
}

fn set(table: &mut Table, number: u32) {
    let key = format!("key:{number:08}");
    table.apply_effect(&Effect::Set { key: key.as_bytes(), value: b"v" }).unwrap();
}

fn shown(rows: &mut Rows, table: &Table, changes: u64, from: usize, count: usize) -> Vec<String> {
    let mut keys = Vec::new();
    rows.show(table, changes, from, count, &mut |key, _| {
        keys.push(String::from_utf8_lossy(key).into_owned())
    });
    keys
}

#[test]
fn every_place_is_found() {
    let table = table(20_000);
    let mut rows = Rows::default();
    for from in [19_990, 0, 511, 512, 513, 4096, 12_345, 19_999] {
        let expected: Vec<String> =
            (from..(from + 30).min(20_000)).map(|number| format!("key:{number:08}")).collect();
        assert_eq!(shown(&mut rows, &table, 1, from, 30), expected, "from {from}");
    }
    assert_eq!(shown(&mut rows, &table, 1, 20_000, 30), [""; 0]);
    assert_eq!(shown(&mut rows, &table, 1, 99_999, 30), [""; 0]);
    assert_eq!(shown(&mut Rows::default(), &Table::new(), 1, 0, 30), [""; 0]);
}

#[test]
fn after_a_change_the_places_are_right_again_soon() {
    let mut table = table(20_000);
    let mut rows = Rows::default();
    shown(&mut rows, &table, 1, 19_000, 1);
    for number in 0..9000 {
        table.apply_effect(&Effect::Del { key: format!("key:{number:08}").as_bytes() }).unwrap();
    }
    // The marks are off meanwhile, but entries are always found.
    for _ in 0..10 {
        assert!(!shown(&mut rows, &table, 2, 100, 5).is_empty());
    }
    assert_eq!(shown(&mut rows, &table, 2, 100, 1), ["key:00009100"]);
    assert_eq!(shown(&mut rows, &table, 2, 10_000, 1), ["key:00019000"]);
}
