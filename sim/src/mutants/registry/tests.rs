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
