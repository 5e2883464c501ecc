//! The reasons why a store accepts no more: for now, or for good.
//!
//! *Refusing*: the disk refuses, the store keeps what it could not write and tries again by itself. Nothing new is
//! written or received meanwhile; applied records are committed in memory, can be read, and go to replicas. *Broken*: a
//! record could not be applied, so the state in memory is worthless beyond its last commit, and nothing is built on it
//! any more.
use tracing::{error, info, warn};

/// The state of the store's health.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum StoreState {
    /// It accepts everything.
    #[default]
    Well,
    /// The disk refuses, for this reason; it is tried again.
    Refusing(String),
    /// A record could not be applied, for this reason.
    Broken(String),
}

impl StoreState {
    /// Returns the reason why it accepts nothing now, if so.
    pub(crate) fn reason(&self) -> Option<&str> {
        match self {
            Self::Well => None,
            Self::Refusing(why) | Self::Broken(why) => Some(why),
        }
    }

    /// Returns true if nothing may be committed or viewed any more.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Broken(_))
    }

    /// Records that the disk refuses. Each reason is logged once.
    pub(crate) fn refuse(&mut self, why: String) {
        if self.is_broken() || self.reason() == Some(&*why) {
            return;
        }
        error!(
            "the store failed: writes are refused until it can be written again, tried each second: {why}"
        );
        *self = Self::Refusing(why);
        debug_assert!(!self.is_broken() && self.reason().is_some());
    }

    /// Records that the disk accepts writes again; returns true if it had refused.
    pub(crate) fn recover(&mut self) -> bool {
        let refused = matches!(self, Self::Refusing(_));
        if refused {
            info!("the store can be written again: what was answered is on disk, and writes go on");
            *self = Self::Well;
        }
        refused
    }

    /// Records that nothing may be built on the store any more.
    pub(crate) fn break_down(&mut self, why: &str) {
        if self.is_broken() {
            warn!("the store, which failed already: {why}");
            return;
        }
        error!("the store failed, this node is read-only from now on: {why}");
        *self = Self::Broken(why.to_owned());
        debug_assert!(self.is_broken());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_passes_and_a_breakdown_does_not() {
        let mut state = StoreState::default();
        assert!(state.reason().is_none() && !state.recover());
        state.refuse("full".to_owned());
        assert_eq!((state.reason(), state.is_broken()), (Some("full"), false));
        assert!(state.recover() && state == StoreState::Well);
        state.refuse("full".to_owned());
        state.break_down("no record");
        state.refuse("full".to_owned());
        assert!(!state.recover());
        assert_eq!((state.reason(), state.is_broken()), (Some("no record"), true));
    }
}
