//! Views as their nodes open and free them: N3 (none is opened where an open one would serve), N6 (none is opened again
//! and again without a reader).

use super::*;

/// So many views in a row without a reader, while nobody came or went, are a storm.
const UNREAD_MAX: u32 = 3;

/// An open view.
#[derive(Debug, Clone, Copy)]
struct View {
    node: usize,
    snapshot: u64,
    offset: u64,
    is_read: bool,
}

/// The views of all nodes.
#[derive(Debug, Clone)]
pub(super) struct Views {
    open: Vec<View>,
    /// How many views in a row had no reader, for each node.
    unread: Vec<u32>,
}

impl Views {
    pub(super) fn new(count: usize) -> Self {
        Self { open: Vec::new(), unread: vec![0; count] }
    }

    pub(super) fn opens(&mut self, node: usize, snapshot: u64, offset: u64) {
        self.open.push(View { node, snapshot, offset, is_read: false });
    }

    /// Notes that a view's snapshot began at a replica.
    pub(super) fn is_read(&mut self, snapshot: u64) {
        for view in self.open.iter_mut().filter(|view| view.snapshot == snapshot) {
            view.is_read = true;
        }
    }

    /// Notes that a replica came or went at a node: a view may have lost its reader.
    pub(super) fn excuse(&mut self, node: usize) {
        self.unread[node] = 0;
    }

    pub(super) fn dies(&mut self, node: usize) {
        self.open.retain(|view| view.node != node);
        self.excuse(node);
    }
}

impl Oracle {
    /// Judges a node that asks its host for a view.
    pub(super) fn wanted(&mut self, t_us: u64, node: usize) {
        let start = self.nodes[node].ring_start;
        let serves = |view: &&View| view.node == node && view.offset >= start;
        if let Some(view) = self.views.open.iter().find(serves) {
            let text = format!(
                "{} wants another view; its ring begins at {start}, so the one at {} would serve",
                self.name(node),
                view.offset
            );
            self.violate(Invariant::N3, t_us, node, text);
        }
    }

    /// Judges a view that is freed.
    pub(super) fn freed(&mut self, t_us: u64, node: usize, snapshot: u64) {
        self.nodes[node].views.retain(|view| view.0 != snapshot);
        let Some(place) = self.views.open.iter().position(|view| view.snapshot == snapshot) else { return };
        let view = self.views.open.swap_remove(place);
        let unread = &mut self.views.unread[node];
        *unread = if view.is_read { 0 } else { *unread + 1 };
        let unread = *unread;
        // No fact tells what a twin reads.
        let twins = self.plan.faults.iter().any(|fault| fault.kind == Kind::Twin);
        if unread >= UNREAD_MAX && !twins {
            let text = format!("{} opened {unread} views in a row that nobody read", self.name(node));
            self.violate(Invariant::N6, t_us, node, text);
        }
    }
}
