use towline_core::Role;

use super::{Mood, Span, Spans, What};
use crate::fixtures::plan;
use crate::trace::tests::facts;

#[test]
fn what_lasts_begins_and_ends_with_its_facts() {
    let told = Spans::read(&plan(), &facts());
    assert_eq!(told.end_us, 6_000_000);
    let span = |node, from_us, to_us, what| Span { node, from_us, to_us, what };
    for expected in [
        span(1, 0, 3_000_000, What::Life(Role::Replica)),
        span(1, 5_000_000, 6_000_000, What::Life(Role::Replica)),
        span(0, 0, 6_000_000, What::Life(Role::Primary)),
        span(1, 2_000, 3_000_000, What::Link(0)),
        span(2, 5_000, 3_000_100, What::Link(1)),
        span(2, 20_000, 95_000, What::Snapshot { offset: 1, installed: true }),
        span(1, 1_000_000, 2_000_000, What::Fault(0)),
        span(1, 3_000_000, 5_000_000, What::Fault(1)),
    ] {
        assert!(told.spans.contains(&expected), "{expected:?} in {:#?}", told.spans);
    }
    assert_eq!(told.spans.len(), 9, "and the life of r2");
}

#[test]
fn a_connection_is_told_once_from_the_side_that_dialled() {
    let told = Spans::read(&plan(), &facts());
    let count = |mood| told.moments.iter().filter(|moment| moment.mood == mood).count();
    assert_eq!((count(Mood::Dial), count(Mood::Join), count(Mood::Death), count(Mood::Heal)), (2, 1, 1, 1));
    assert_eq!(count(Mood::End), 1, "the end of a dead process's connection is its death");
    assert!(told.moments.is_sorted_by_key(|moment| moment.t_us));
}
