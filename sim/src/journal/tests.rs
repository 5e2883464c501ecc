use super::*;

fn saved(number: u8) -> Saved {
    Saved::new(&[number])
}

/// Makes a disk with records 1 and 2 synced, and 3 committed.
fn disk() -> Journal<u8> {
    let mut disk = Journal::new(true, false);
    for record in 1..=3 {
        disk.records.push(record);
        disk.commit(saved(record));
    }
    disk.synced(2);
    disk
}

fn held(disk: &Journal<u8>) -> (Vec<u8>, Option<u8>) {
    (disk.records.clone(), disk.cursor.as_ref().map(|cursor| cursor.as_bytes()[0]))
}

#[test]
fn a_snapshot_that_is_not_synced_is_undone_by_every_crash() {
    let mut killed = disk();
    killed.replace(vec![7, 8], saved(8));
    assert_eq!(held(&killed), (vec![7, 8], Some(8)));
    assert!(killed.hides_another() && killed.durable == 0);
    killed.killed();
    assert_eq!(held(&killed), (vec![1, 2, 3], Some(3)));
    let mut dark = disk();
    dark.replace(vec![7, 8], saved(8));
    dark.records.push(9);
    dark.commit(saved(9));
    dark.power_lost(0);
    assert_eq!(held(&dark), (vec![1, 2], Some(2)));
}

#[test]
fn a_snapshot_that_is_synced_stays() {
    let mut disk = disk();
    disk.replace(vec![7, 8], saved(8));
    assert_eq!(disk.unsynced(), 1);
    disk.synced(1);
    assert!(!disk.hides_another() && disk.durable == 2);
    disk.power_lost(0);
    assert_eq!(held(&disk), (vec![7, 8], Some(8)));
}

#[test]
fn a_rewind_is_undone_whole_or_not_at_all() {
    let mut undone = disk();
    undone.rewind(1, saved(1));
    undone.records.push(5);
    undone.commit(saved(5));
    assert_eq!((held(&undone), undone.durable), ((vec![1, 5], Some(5)), 1));
    undone.power_lost(0);
    assert_eq!(held(&undone), (vec![1, 2], Some(2)));
    let mut stays = disk();
    stays.rewind(1, saved(1));
    stays.records.push(5);
    stays.commit(saved(5));
    stays.power_lost(50);
    assert_eq!(held(&stays), (vec![1], Some(1)));
}

#[test]
fn of_two_that_are_not_synced_the_first_is_what_a_crash_finds() {
    let mut disk = disk();
    disk.replace(vec![7, 8, 9], saved(9));
    disk.rewind(2, saved(8));
    disk.power_lost(0);
    assert_eq!(held(&disk), (vec![1, 2], Some(2)));
}
