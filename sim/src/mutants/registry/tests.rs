use super::*;

#[test]
fn the_table_is_in_order_and_every_bug_can_be_found_or_is_proven_impossible() {
    assert!(MUTANTS.is_sorted_by(|one, next| one.number < next.number));
    let streaming: Vec<u16> =
        MUTANTS.iter().map(|mutant| mutant.number).filter(|number| *number < 40).collect();
    assert_eq!(streaming, (1..40).collect::<Vec<u16>>());
    for mutant in MUTANTS {
        assert_eq!(
            mutant.kills.is_empty(),
            mutant.number == 9001,
            "{}: only the identity lives",
            mutant.number
        );
        assert!(mutant.proof.is_some() || !mutant.scenario.is_empty(), "{} has no scenario", mutant.number);
    }
    assert!(MUTANTS.iter().filter(|mutant| mutant.number < 40 && mutant.proof.is_some()).count() <= 6);
    assert_eq!(find(12).map(|mutant| mutant.room), Some(Room::Core));
    assert_eq!(find(0), None);
}

#[test]
fn every_bug_has_a_record_of_its_words_and_every_record_a_row() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the root of the source");
    let records = towline_weave::records(root).expect("sound records");
    for mutant in MUTANTS.iter().filter(|mutant| mutant.proof.is_none() && mutant.room != Room::Store) {
        let record = records.iter().find(|record| record.number == Some(mutant.number));
        let words = record.map(|record| record.words.as_str());
        let number = mutant.number;
        assert_eq!(
            words,
            Some(mutant.words),
            "the first line of sim/mutants/{number}.diff is its row's words"
        );
    }
    for number in records.iter().filter_map(|record| record.number) {
        let row = find(number).filter(|mutant| mutant.proof.is_none());
        assert!(
            row.is_some(),
            "sim/mutants/{number}.diff: give {number} a row in sim/src/mutants/registry.rs"
        );
    }
}
