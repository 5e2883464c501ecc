use towline_core::Role;

use super::{Bar, BarKind, MomentKind, Timeline};
use crate::fixtures::plan;
use crate::trace::tests::facts;

#[test]
fn what_lasts_begins_and_ends_with_its_facts() {
    let timeline = Timeline::read(&plan(), &facts());
    assert_eq!(timeline.end_us, 6_000_000);
    let bar = |node, from_us, to_us, kind| Bar { node, from_us, to_us, kind };
    for expected in [
        bar(1, 0, 3_000_000, BarKind::Life(Role::Replica)),
        bar(1, 5_000_000, 6_000_000, BarKind::Life(Role::Replica)),
        bar(0, 0, 6_000_000, BarKind::Life(Role::Primary)),
        bar(1, 2_000, 3_000_000, BarKind::Link(0)),
        bar(2, 5_000, 3_000_100, BarKind::Link(1)),
        bar(2, 20_000, 95_000, BarKind::Snapshot { offset: 1, installed: true }),
        bar(1, 1_000_000, 2_000_000, BarKind::Fault(0)),
        bar(1, 3_000_000, 5_000_000, BarKind::Fault(1)),
    ] {
        assert!(timeline.bars.contains(&expected), "{expected:?} in {:#?}", timeline.bars);
    }
    assert_eq!(timeline.bars.len(), 9, "and the life of r2");
}

#[test]
fn a_connection_is_told_once_from_the_side_that_dialled() {
    let timeline = Timeline::read(&plan(), &facts());
    let count = |kind| timeline.moments.iter().filter(|moment| moment.kind == kind).count();
    assert_eq!(
        (count(MomentKind::Dial), count(MomentKind::Join), count(MomentKind::Death), count(MomentKind::Heal)),
        (2, 1, 1, 1)
    );
    assert_eq!(count(MomentKind::End), 1, "the end of a dead process's connection is its death");
    assert!(timeline.moments.is_sorted_by_key(|moment| moment.t_us));
}
