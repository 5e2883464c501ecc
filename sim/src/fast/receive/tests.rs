//! What a spool is to a snapshot that begins.

use super::*;

#[test]
fn a_spool_that_does_not_end_where_the_log_does_is_forgotten_when_a_snapshot_begins() {
    let cursor = Saved::new(&[]);
    for (log_end, kept) in [(7, 1), (9, 0), (6, 0)] {
        let mut receive = Receive::default();
        receive.join_anew();
        receive.push((5, 7), 100, cursor.clone(), &[]);
        receive.begin(cursor.clone(), 3, log_end);
        assert_eq!(receive.queue.len(), kept, "the log ends at {log_end}");
        assert_eq!(receive.untaken.stream, 100 * kept as u64, "what is forgotten counts no more");
    }
}
