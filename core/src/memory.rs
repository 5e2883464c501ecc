//! Every byte a node allocates, by its configuration: the sum over its rooms.

use crate::config::Config;
use crate::deadline::Deadlines;
use crate::events::Events;
use crate::links::Links;
use crate::stream::Stream;

impl Config {
    /// Returns every byte that a node with this configuration allocates, in `Node::new`; afterwards it allocates
    /// nothing.
    #[must_use]
    pub fn memory_bytes(&self) -> u64 {
        Stream::memory_bytes(self)
            + Links::memory_bytes(self)
            + Deadlines::memory_bytes(self)
            + Events::memory_bytes(self)
    }
}
