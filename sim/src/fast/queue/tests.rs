//! The queue against a sorted list.

use super::{NEAR_MAX, Queue, What};
use crate::stream::Stream;

#[test]
fn events_come_by_time_and_then_as_they_were_asked_for() {
    let (mut queue, mut random) = (Queue::default(), Stream::new(1, "queue"));
    let (mut waiting, mut now_us) = (Vec::new(), 0);
    for number in 0..20 * NEAR_MAX as u16 {
        let t_us = now_us + random.below(100);
        queue.push(t_us, What::FaultBegins { index: number });
        waiting.push((t_us, number));
        // It fills to several times the near part, and becomes empty.
        if number % 256 < 128 {
            continue;
        }
        waiting.sort_unstable();
        for (t_us, number) in waiting.drain(..waiting.len().min(2)) {
            assert_eq!(queue.next_us(), Some(t_us));
            assert_eq!(t_us.checked_sub(1).and_then(|before_us| queue.pop_due(before_us)), None);
            assert_eq!(queue.pop_due(t_us), Some(What::FaultBegins { index: number }));
            now_us = t_us;
        }
    }
    waiting.sort_unstable();
    for (t_us, number) in waiting {
        assert_eq!(queue.pop_due(t_us), Some(What::FaultBegins { index: number }));
    }
    assert_eq!((queue.next_us(), queue.pop_due(u64::MAX)), (None, None));
}
