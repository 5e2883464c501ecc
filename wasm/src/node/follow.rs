//! A replica over a store of ours: received bytes go, frame by frame, through the node into the store.
//!
//! The caller reports the bytes with [`RawNode::came`], then calls [`RawNode::work`] until there is no more: a part of
//! the work each time, so that the caller can do something else in between.
//!
//! Invariant: `read` <= `filled` <= the arena's length. Bounds: unread bytes are within the windows that the core
//! grants, because an unread byte is not acknowledged.

use alloc::string::String;

use wasm_bindgen::prelude::wasm_bindgen;

use towline_core::{Input, LinkId, Next};

use crate::node::RawNode;
use crate::store::RawStore;
use crate::time;

/// [`RawNode::work`]: there is nothing to do until more bytes come.
pub const WAITS: u32 = 0;
/// [`RawNode::work`]: there is more to do.
pub const MORE: u32 = 1;
/// [`RawNode::work`]: this link reads no more.
pub const CLOSED: u32 = 2;

#[wasm_bindgen]
impl RawNode {
    /// Records that `bytes` came into the room.
    pub fn came(&mut self, bytes: usize) {
        self.filled += bytes;
        self.needs_more = false;
    }

    /// Does a part of the work: reads some `bytes_max` of the received bytes, and moves as many from the spool or a
    /// piece into the store. Returns [`WAITS`], [`MORE`] or [`CLOSED`].
    ///
    /// # Errors
    /// The reason why the store cannot go on: no primary of this version sends such a thing.
    pub fn work(
        &mut self,
        store: &mut RawStore,
        now_ms: f64,
        link: u32,
        bytes_max: usize,
    ) -> Result<u32, String> {
        let (now, replica, from) = (time(now_ms), &mut store.replica, self.read);
        while !self.needs_more && !replica.holds_piece() && self.read - from < bytes_max {
            let data = &self.arena[self.read..self.filled];
            let Ok(step) = self.node.handle(now, Input::Bytes { link: LinkId(link), data }) else {
                // The link closed in this very turn.
                return Ok(CLOSED);
            };
            replica.receive(&mut self.node, now, data, &step)?;
            self.read += step.used;
            match step.next {
                Next::Again => {}
                Next::NeedBytes => self.needs_more = true,
                Next::Closed => return Ok(CLOSED),
            }
        }
        let more = replica.go_on(&mut self.node, now, bytes_max)?;
        Ok(if more || !self.needs_more { MORE } else { WAITS })
    }

    /// Forgets the bytes that a lost connection left unread.
    pub fn forget(&mut self) {
        (self.read, self.filled, self.needs_more) = (0, 0, true);
    }
}
