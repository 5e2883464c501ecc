use super::*;

#[test]
fn streams_are_independent_and_the_same_in_every_process() {
    let draws = |name| {
        let mut stream = Stream::new(7, name);
        [stream.word(), stream.word()]
    };
    assert_eq!(draws("fault"), draws("fault"));
    assert_ne!(draws("fault"), draws("workload"));
    // Fixed values: another process, another machine, another year must draw these.
    assert_eq!(Stream::new(1, "knobs").below(1_000_000), FIRST_KNOB);
}

const FIRST_KNOB: u64 = 291_046;

#[test]
fn a_logarithmic_draw_stays_within_its_bounds_and_reaches_both() {
    let mut stream = Stream::new(1, "test");
    let draws: Vec<u64> = (0..4_000).map(|_| stream.log_between(3, 40)).collect();
    assert!(draws.iter().all(|draw| (3..=40).contains(draw)));
    assert!(draws.contains(&3) && draws.contains(&40));
    assert_eq!(stream.log_between(0, 0), 0);
}
