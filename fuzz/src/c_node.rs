//! A node and a receiver behind the C ABI, as a Rust host would hold them: each pointer is to a local that outlives the
//! call.
#![allow(unsafe_code, reason = "a C programmer's side of the border")]

use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use towline_core::{Config, FlatCompletion, FlatInput, FlatStep, NodeId, Position, Role};
use towline_ffi::*;

/// The handle, which is freed on drop.
pub(crate) struct CNode(*mut tow_node);

impl Drop for CNode {
    fn drop(&mut self) {
        // SAFETY: the handle comes from tow_node_new, and only `drop` frees it, once.
        unsafe { tow_node_free(self.0) }
    }
}

fn config_of(config: &Config) -> tow_config {
    let config = config.options();
    let mut made = MaybeUninit::uninit();
    // SAFETY: `made` is writable for the size that is passed.
    let done = unsafe { tow_config_init(made.as_mut_ptr(), size_of::<tow_config>()) };
    assert_eq!(done, TOW_OK);
    // SAFETY: the call succeeded, so it has written every field.
    let defaults: tow_config = unsafe { made.assume_init() };
    tow_config {
        batch_bytes: config.batch_bytes,
        backlog_bytes: config.backlog_bytes,
        window_bytes: config.window_bytes,
        piece_window_bytes: config.piece_window_bytes,
        record_bytes_max: config.record_bytes_max,
        piece_bytes_max: config.piece_bytes_max,
        links_max: config.links_max,
        slots_max: config.slots_max,
        ships_max: config.ships_max,
        can_rewind: config.can_rewind.into(),
        beat_ns: config.beat.0,
        idle_ns: config.idle.0,
        handshake_ns: config.handshake.0,
        linger_ns: config.linger.0,
        reconnect_window_ns: config.reconnect_window.0,
        redial_min_ns: config.redial_min.0,
        redial_max_ns: config.redial_max.0,
        ..defaults
    }
}

impl CNode {
    pub(crate) fn new(config: &Config, node: NodeId, seed: [u8; 32], role: Role) -> Self {
        let role = match role {
            Role::Primary => TOW_PRIMARY,
            Role::Replica => TOW_REPLICA,
        };
        let struct_size = u32::try_from(size_of::<tow_boot>()).expect("small");
        let boot = tow_boot {
            struct_size,
            role,
            node: node.0,
            seed,
            unix_zero_ns: 0,
            cursor: null(),
            cursor_len: 0,
        };
        let mut made = null_mut();
        // SAFETY: config, boot and `made` point to live locals of their types; the error may be NULL.
        let done = unsafe { tow_node_new(&config_of(config), &boot, &mut made, null_mut()) };
        assert_eq!(done, TOW_OK);
        Self(made)
    }

    /// Returns the step, or the status and the detail of the node's error.
    pub(crate) fn handle(
        &mut self,
        now: u64,
        input: FlatInput,
        data: &[u8],
    ) -> Result<FlatStep, (tow_status, u64)> {
        // A `tow_step` is a `FlatStep` and a `tow_input` a `FlatInput`, asserted where they are declared.
        let mut step = MaybeUninit::<FlatStep>::uninit();
        let input = (&raw const input).cast::<tow_input>();
        // SAFETY: the handle is not freed before `drop`; input, data and step point to live locals of their types.
        let done =
            unsafe { tow_handle(self.0, now, input, data.as_ptr(), data.len(), step.as_mut_ptr().cast()) };
        if done != TOW_OK {
            return Err((done, self.error().detail));
        }
        // SAFETY: the call succeeded, so it has written every field.
        Ok(unsafe { step.assume_init() })
    }

    fn error(&self) -> tow_error {
        let mut error = MaybeUninit::uninit();
        // SAFETY: the handle is not freed before `drop`; `error` is writable for one tow_error.
        let done = unsafe { tow_node_error(self.0, error.as_mut_ptr()) };
        assert_eq!(done, TOW_OK);
        // SAFETY: the call succeeded, so it has written every field.
        unsafe { error.assume_init() }
    }

    /// Returns the next events, at most `room` at a time.
    pub(crate) fn events(&mut self, room: usize) -> Vec<tow_event> {
        let mut all = Vec::new();
        loop {
            let mut places = vec![tow_event::default(); room];
            let mut count = usize::MAX;
            // SAFETY: the handle is not freed before `drop`; `places` has room for `room` events.
            let done = unsafe { tow_poll_events(self.0, places.as_mut_ptr(), room, &mut count) };
            assert_eq!(done, TOW_OK);
            all.extend_from_slice(&places[..count]);
            if count < room {
                return all;
            }
        }
    }

    pub(crate) fn peek(&self, link: u32) -> Vec<u8> {
        let (mut slices, mut count) = ([const { MaybeUninit::<tow_slice>::uninit() }; TOW_SLICES_MAX], 0);
        // SAFETY: the handle is not freed before `drop`; `slices` has room for three.
        let done = unsafe { tow_peek_transmit(self.0, link, slices.as_mut_ptr().cast(), &mut count) };
        assert_eq!(done, TOW_OK);
        let mut shown = Vec::new();
        for slice in &slices[..count] {
            // SAFETY: the call wrote `count` slices, which are valid until the next call on the node.
            shown.extend_from_slice(unsafe {
                let slice = slice.assume_init();
                std::slice::from_raw_parts(slice.ptr, slice.len)
            });
        }
        shown
    }

    /// Returns whether there is more; or the status and the detail of the node's error.
    pub(crate) fn consume(&mut self, now: u64, link: u32, bytes: usize) -> Result<bool, (tow_status, u64)> {
        let mut more = 7;
        // SAFETY: the handle is not freed before `drop`; `more` is a live local.
        let done = unsafe { tow_consume(self.0, now, link, bytes, &mut more) };
        if done == TOW_OK { Ok(more == 1) } else { Err((done, self.error().detail)) }
    }

    pub(crate) fn next_deadline(&self) -> u64 {
        // SAFETY: the handle is valid: only `drop` frees it.
        unsafe { tow_next_deadline(self.0) }
    }

    pub(crate) fn cursor(&self, at: Position) -> Vec<u8> {
        let position = tow_position { epoch: at.epoch.0, boundary: at.boundary.0, digest: at.digest };
        let (mut bytes, mut len) = ([0; TOW_CURSOR_BYTES_MAX], 0);
        // SAFETY: the handle is not freed before `drop`; the position is a live local, and `bytes` has the length that
        // is passed.
        let done = unsafe { tow_cursor(self.0, &position, bytes.as_mut_ptr(), bytes.len(), &mut len) };
        assert_eq!(done, TOW_OK);
        bytes[..len].to_vec()
    }

    pub(crate) fn stats(&self) -> tow_stats {
        let mut stats = MaybeUninit::uninit();
        // SAFETY: the handle is not freed before `drop`; `stats` is writable for the size that is passed.
        let done = unsafe { tow_stats_get(self.0, stats.as_mut_ptr(), size_of::<tow_stats>()) };
        assert_eq!(done, TOW_OK);
        // SAFETY: the call succeeded, so it has written every field.
        unsafe { stats.assume_init() }
    }

    pub(crate) fn check(&self) {
        // SAFETY: the handle is not freed before `drop`; the error may be NULL.
        let done = unsafe { tow_node_check(self.0, null_mut()) };
        assert_eq!(done, TOW_OK, "the node's own check");
    }
}

/// A receiver's handle, which is freed on drop.
pub(crate) struct CReceiver(*mut tow_receiver);

impl Drop for CReceiver {
    fn drop(&mut self) {
        // SAFETY: the handle comes from tow_receiver_new, and only `drop` frees it, once.
        unsafe { tow_receiver_free(self.0) }
    }
}

impl CReceiver {
    pub(crate) fn new() -> Self {
        let mut made = null_mut();
        // SAFETY: `made` is a live local of the pointer's type.
        assert_eq!(unsafe { tow_receiver_new(0, &mut made) }, TOW_OK);
        Self(made)
    }

    pub(crate) fn receive(&mut self, node: &CNode, step: FlatStep) -> tow_status {
        // A `tow_step` is a `FlatStep`, asserted where it is declared.
        let step = (&raw const step).cast::<tow_step>();
        // SAFETY: neither handle is freed before its `drop`; `step` points to a live local of its layout.
        unsafe { tow_receiver_receive(self.0, node.0, step, 1) }
    }

    pub(crate) fn poll(&mut self) -> Option<tow_command> {
        self.next(tow_receiver_poll)
    }

    pub(crate) fn work(&mut self) -> Option<tow_command> {
        self.next(tow_receiver_work)
    }

    fn next(
        &mut self,
        ask: unsafe extern "C" fn(*mut tow_receiver, *mut tow_command) -> tow_status,
    ) -> Option<tow_command> {
        let mut command = MaybeUninit::uninit();
        // SAFETY: the handle is not freed before `drop`; `command` is writable for one command.
        let done = unsafe { ask(self.0, command.as_mut_ptr()) };
        assert!(done == TOW_OK || done == TOW_END, "{done}");
        // SAFETY: a call that succeeded has written every field.
        (done == TOW_OK).then(|| unsafe { command.assume_init() })
    }

    pub(crate) fn complete(&mut self, completion: FlatCompletion) -> tow_status {
        // A `tow_completion` is a `FlatCompletion`, asserted where it is declared.
        let completion = (&raw const completion).cast::<tow_completion>();
        // SAFETY: the handle is not freed before `drop`; `completion` points to a live local of its layout.
        unsafe { tow_receiver_complete(self.0, completion) }
    }
}
