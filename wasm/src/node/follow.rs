//! A replica over a store of ours: bytes that came go, frame by frame, through the node into the store.
//!
//! The caller says that they came, and then [`RawNode::work`] until there is no more: a part of it each time, so that
//! whoever keeps the time may do something else in between.
//!
//! Invariant: `read` <= `filled` <= the arena's length. Bounds: what is unread is within the windows that the core
//! grants, because what is not read is not acknowledged.

use alloc::string::String;

use wasm_bindgen::prelude::wasm_bindgen;

use towline_core::{Input, LinkId, Next};

use crate::node::RawNode;
use crate::store::RawStore;
use crate::time;

/// There is nothing to do until more comes.
pub const WAITS: u32 = 0;
/// There is more to do.
pub const MORE: u32 = 1;
/// This link reads no more.
pub const CLOSED: u32 = 2;

#[wasm_bindgen]
impl RawNode {
    /// `bytes` came into the room.
    pub fn came(&mut self, bytes: usize) {
        self.filled += bytes;
        self.dry = false;
    }

    /// Does a part of what is to be done: some `bytes_max` of what came are read, as many go from where they wait into
    /// the store. Answers [`WAITS`], [`MORE`] or [`CLOSED`].
    ///
    /// # Errors
    /// The store cannot go on, and why: no primary of this version sends such a thing.
    pub fn work(
        &mut self,
        store: &mut RawStore,
        now_ms: f64,
        link: u32,
        bytes_max: usize,
    ) -> Result<u32, String> {
        let (now, replica, from) = (time(now_ms), &mut store.replica, self.read);
        while !self.dry && !replica.holds_piece() && self.read - from < bytes_max {
            let data = &self.arena[self.read..self.filled];
            let Ok(step) = self.node.handle(now, Input::Bytes { link: LinkId(link), data }) else {
                // Told closed in this very turn.
                return Ok(CLOSED);
            };
            replica.receive(&mut self.node, now, data, &step)?;
            self.read += step.used;
            match step.next {
                Next::Again => {}
                Next::NeedBytes => self.dry = true,
                Next::Closed => return Ok(CLOSED),
            }
        }
        let more = replica.go_on(&mut self.node, now, bytes_max)?;
        Ok(if more || !self.dry { MORE } else { WAITS })
    }

    /// The connection is gone, and what it left unread with it.
    pub fn forget(&mut self) {
        (self.read, self.filled, self.dry) = (0, 0, true);
    }
}
