//! The situations that a run reached: names, and the faults that ended links.

use std::collections::BTreeSet;

use towline_core::Fault;

/// Reached situations. Each target lists those its corpus must reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Marks {
    /// Situations, by name.
    pub names: BTreeSet<&'static str>,
    /// Faults that ended links, by number.
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

    /// Adds the marks of another run.
    pub fn join(&mut self, other: Self) {
        self.names.extend(other.names);
        self.faults.extend(other.faults);
    }
}
