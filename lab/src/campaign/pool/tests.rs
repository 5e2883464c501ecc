use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Pool, Seeds};

#[test]
fn outcomes_come_in_seed_order_whatever_they_took_and_however_many_jobs() {
    for jobs in [1, 2, 7] {
        let stop = AtomicBool::new(false);
        let pool = Pool { seeds: Seeds { from: 10, to: 60 }, jobs, deadline: None, stop: &stop };
        let mut seen = Vec::new();
        let end = pool.play(
            |seed| {
                std::thread::sleep(Duration::from_micros(seed * 7_919 % 500));
                seed * 2
            },
            |seed, outcome| seen.push((seed, outcome)),
        );
        assert_eq!(end, 60);
        assert_eq!(seen, (10..60).map(|seed| (seed, seed * 2)).collect::<Vec<_>>());
    }
}

#[test]
fn what_was_begun_when_it_stops_is_a_beginning_of_the_range() {
    let stop = AtomicBool::new(false);
    let pool = Pool { seeds: Seeds { from: 0, to: u64::MAX }, jobs: 3, deadline: None, stop: &stop };
    let mut count = 0;
    let end = pool.play(
        |seed| {
            if seed == 100 {
                stop.store(true, Ordering::Relaxed);
            }
        },
        |_, ()| count += 1,
    );
    assert!(end > 100 && end == count, "{end} {count}");
}

#[test]
fn nothing_begins_after_the_deadline() {
    let stop = AtomicBool::new(false);
    let seeds = Seeds { from: 5, to: 6 };
    let pool = Pool { seeds, jobs: 2, deadline: Some(Instant::now()), stop: &stop };
    assert_eq!(pool.play(|_| panic!("it is too late"), |_, ()| ()), 5);
}
