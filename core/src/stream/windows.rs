//! Windows, in bytes: a frame may begin iff sent - released < window.
//!
//! So what is in flight stays below window + one frame, and a frame of any size passes. Each link has two windows that
//! never block each other, one for the stream and one for snapshot pieces. Both sides count from the last JOIN.

use crate::error::Fault;

/// The sender's side of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Credit {
    pub(super) sent: u64,
    pub(super) released: u64,
    pub(super) window: u64,
}

impl Credit {
    pub(super) fn new(window: u64) -> Self {
        Self { sent: 0, released: 0, window }
    }

    /// Bytes that were sent and not released.
    pub(super) fn in_flight(&self) -> u64 {
        self.sent - self.released
    }

    pub(super) fn may_begin(&self) -> bool {
        self.in_flight() < self.window
    }

    pub(super) fn begin(&mut self, frame_bytes: u64) {
        debug_assert!(self.may_begin());
        self.sent += frame_bytes;
    }

    /// Takes back frames that were staged and not begun.
    pub(super) fn take_back(&mut self, frame_bytes: u64) {
        debug_assert!(frame_bytes <= self.in_flight(), "only what was begun is taken back");
        self.sent -= frame_bytes;
    }

    /// Takes note of how much the peer released.
    pub(super) fn release(&mut self, released: u64) -> Result<(), Fault> {
        if released > self.sent {
            return Err(Fault::AckAhead);
        }
        if released < self.released {
            return Err(Fault::AckBackwards);
        }
        self.released = released;
        Ok(())
    }
}

/// The receiver's side of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub(crate) struct Receipt {
    pub(super) received: u64,
    pub(super) released: u64,
    /// The `released` of the last acknowledgement.
    pub(super) acked: u64,
    pub(super) window: u64,
}

impl Receipt {
    pub(super) fn new(window: u64) -> Self {
        Self { received: 0, released: 0, acked: 0, window }
    }

    /// Takes note that a frame came. The sender cannot know of more than we acknowledged.
    pub(super) fn receive(&mut self, frame_bytes: u64) -> Result<(), Fault> {
        debug_assert!(self.acked <= self.released && self.released <= self.received, "in order");
        if self.received - self.acked >= self.window {
            return Err(Fault::Window);
        }
        self.received += frame_bytes;
        Ok(())
    }
}
