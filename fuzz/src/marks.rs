//! What a run came to see: names, and the faults that ended links.

use std::collections::BTreeSet;

use towline_core::Fault;

/// Names seen. Each target lists those its corpus must show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// By name.
    pub names: BTreeSet<&'static str>,
    /// By number.
    pub faults: BTreeSet<u16>,
}

impl Marks {
    pub(crate) fn hit(&mut self, name: &'static str) {
        self.names.insert(name);
    }

    pub(crate) fn hit_if(&mut self, holds: bool, name: &'static str) {
        if holds {
            self.hit(name);
        }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults.insert(fault.number());
    }

    /// Adds what another run saw.
    pub fn join(&mut self, other: Self) {
        self.names.extend(other.names);
        self.faults.extend(other.faults);
    }
}
