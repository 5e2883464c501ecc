//! The stages of a record in a replica, and values of which there is one for each.

use core::ops::Index;

/// How far a record came in a replica. See [`Node::acked`](crate::Node::acked).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Level {
    /// Its core has the bytes.
    Received,
    /// Its store shows them.
    Applied,
    /// They survive a power cut there.
    Persisted,
}

/// A value for each [`Level`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Stages<T> {
    /// The value at [`Level::Received`].
    pub received: T,
    /// The value at [`Level::Applied`].
    pub applied: T,
    /// The value at [`Level::Persisted`].
    pub persisted: T,
}

impl Level {
    /// Every level, in the order in which a record reaches them.
    pub const ALL: [Self; 3] = [Self::Received, Self::Applied, Self::Persisted];
}

impl<T> Stages<T> {
    /// Makes the value of each level, in their order.
    #[must_use]
    pub fn of(mut value: impl FnMut(Level) -> T) -> Self {
        let [received, applied, persisted] = Level::ALL.map(&mut value);
        Self { received, applied, persisted }
    }

    /// Returns these values, each changed by `change`.
    #[must_use]
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Stages<U> {
        Stages {
            received: change(self.received),
            applied: change(self.applied),
            persisted: change(self.persisted),
        }
    }
}

impl<T> Index<Level> for Stages<T> {
    type Output = T;

    fn index(&self, level: Level) -> &T {
        match level {
            Level::Received => &self.received,
            Level::Applied => &self.applied,
            Level::Persisted => &self.persisted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_level_has_its_own_value() {
        let named = Stages { received: 1, applied: 2, persisted: 3 };
        assert_eq!(Level::ALL.map(|level| named[level]), [1, 2, 3]);
        assert_eq!(Stages::of(|level| named[level] * 2), named.map(|value| value * 2));
    }
}
