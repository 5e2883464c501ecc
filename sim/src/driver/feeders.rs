//! By whom each node is fed, and by whom its operator says it is to be: O1.
//!
//! From the moment a command is accepted, or a process starts, a node says nothing on a new connection to anybody else:
//! not even HELLO. On an older one it may say goodbye, as late as the link lets it. Nothing is judged while a command
//! is under way, nor after one of which nobody knows whether it was accepted.

#[derive(Debug, Clone, Copy, Default)]
struct Row {
    /// Its upstream, or that it has none; unknown in doubt.
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

    /// A process of a node starts, with this upstream.
    pub(super) fn starts(&mut self, now_us: u64, node: usize, upstream: Option<usize>) {
        (self.rows[node].named, self.rows[node].since_us) = (Some(upstream), now_us);
    }

    /// A node is told to turn.
    pub(super) fn asked(&mut self, node: usize) {
        self.rows[node].asked += 1;
    }

    /// It did, as far as anybody knows.
    pub(super) fn answered(&mut self, now_us: u64, node: usize, upstream: Option<Option<usize>>) {
        let row = &mut self.rows[node];
        (row.named, row.since_us, row.asked) = (upstream, now_us, row.asked.saturating_sub(1));
    }

    /// A node says something to another whom it has dialled, on a connection that is there since then.
    pub(super) fn says(&mut self, now_us: u64, (node, to): (usize, usize), since_us: u64) {
        let Some(row) = self.rows.get(node).filter(|row| row.asked == 0) else { return };
        if since_us > row.since_us && row.named.is_some_and(|named| named != Some(to)) {
            self.wrong.get_or_insert((now_us, node, to));
        }
    }

    /// Who dialled whom first though it should not have.
    pub(super) fn wrong(&mut self) -> Option<(u64, usize, usize)> {
        self.wrong.take()
    }
}
