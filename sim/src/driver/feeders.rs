//! The upstream each node has, and the one its operator named: O1.
//!
//! From the moment a command is accepted, or a process starts, a node sends nothing on a new connection to any other
//! node, not even HELLO. On an older connection it may send GOODBYE, as late as the link lets it. Nothing is judged
//! while a command is under way, nor after a command whose acceptance is unknown.

#[derive(Debug, Clone, Copy, Default)]
struct Row {
    /// The upstream named last, or none; unknown in doubt.
    named: Option<Option<usize>>,
    since_us: u64,
    /// Commands under way.
    asked: u32,
}

/// All nodes' upstreams.
#[derive(Debug)]
pub(super) struct Feeders {
    rows: Vec<Row>,
    wrong: Option<(u64, usize, usize)>,
}

impl Feeders {
    pub(super) fn new(nodes: usize) -> Self {
        Self { rows: vec![Row::default(); nodes], wrong: None }
    }

    /// Records that a process of a node starts with this upstream.
    pub(super) fn starts(&mut self, now_us: u64, node: usize, upstream: Option<usize>) {
        (self.rows[node].named, self.rows[node].since_us) = (Some(upstream), now_us);
    }

    /// Records that a node is asked to change its upstream.
    pub(super) fn asked(&mut self, node: usize) {
        self.rows[node].asked += 1;
    }

    /// Records the outcome of that command, as far as it is known.
    pub(super) fn answered(&mut self, now_us: u64, node: usize, upstream: Option<Option<usize>>) {
        let row = &mut self.rows[node];
        (row.named, row.since_us, row.asked) = (upstream, now_us, row.asked.saturating_sub(1));
    }

    /// Records that a node sends to a node it dialled, on a connection that has stood since then.
    pub(super) fn says(&mut self, now_us: u64, (node, to): (usize, usize), since_us: u64) {
        let Some(row) = self.rows.get(node).filter(|row| row.asked == 0) else { return };
        if since_us > row.since_us && row.named.is_some_and(|named| named != Some(to)) {
            self.wrong.get_or_insert((now_us, node, to));
        }
    }

    /// Returns the first dial that should not have been made: when, by which node, to which.
    pub(super) fn wrong(&mut self) -> Option<(u64, usize, usize)> {
        self.wrong.take()
    }
}
