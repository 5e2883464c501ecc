use super::{Failure, Stand, check_version, find};
use crate::fixtures::plan;
use crate::trace::tests::facts;

/// Returns the state of a node of the fixture at a time.
fn stand(node: usize, until_us: u64) -> String {
    let mut stand = Stand::default();
    for (_, _, fact) in facts().iter().filter(|(t_us, at, _)| *t_us <= until_us && *at == node) {
        stand.take(&plan(), fact);
    }
    stand.page(&plan(), node)
}

#[test]
fn a_node_stands_as_its_facts_say() {
    assert_eq!(stand(1, 4_000), "  r1    replica, a reader sees 0, durable 0; link from p\n");
    assert_eq!(stand(2, 5_000), "  r2    replica, a reader sees 0, durable 0; link from r1 (not admitted)\n");
    assert!(stand(2, 20_000).contains("a snapshot of 1 comes in, 0 pieces here"));
    assert!(stand(2, 91_000).contains("1 piece here"));
    assert!(!stand(2, 95_000).contains("comes in"));
    assert!(stand(1, 1_500_000).contains("under hold r1-p"));
    assert!(stand(1, 3_500_000).starts_with("  r1    dead"));
    assert!(!stand(1, 5_500_000).contains("under"), "{}", stand(1, 5_500_000));
}

#[test]
fn only_an_exact_hash_needs_the_same_version() {
    let mut plan = plan();
    plan.core = "0.0.1".to_owned();
    assert!(check_version(&plan, false).is_ok());
    let Err(Failure::Usage(told)) = check_version(&plan, true) else { panic!("another version's hash") };
    assert!(told.contains("0.0.1"), "{told}");
}

#[test]
fn a_node_that_is_not_there_is_told_who_is() {
    assert_eq!(find(&plan(), "r2").unwrap(), 2);
    let Err(Failure::Usage(told)) = find(&plan(), "r9") else { panic!("there is no r9") };
    assert!(told.ends_with("they are p, r1, r2"), "{told}");
}
