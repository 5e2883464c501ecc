//! The border from C's side, in Rust, so that Miri checks every pointer: each function with the arguments it must
//! refuse, and two nodes that talk.
#![allow(
    clippy::multiple_unsafe_ops_per_block,
    reason = "one call after another, all with the same obligations"
)]

use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::{null, null_mut};

use towline_core::{Event, Fault, FlatEvent, FlatInput, Input, LinkId, Offset, Role, Side, SnapshotId};

use super::*;

mod ages;
mod options;
mod receiver;
mod refusals;
mod talk;

/// Returns a small configuration: Miri checks every byte of a node.
fn config() -> tow_config {
    let mut config = MaybeUninit::uninit();
    // SAFETY: `config` is a local with room for one config, and its size is passed.
    let done = unsafe { tow_config_init(config.as_mut_ptr(), size_of::<tow_config>()) };
    assert_eq!(done, TOW_OK);
    // SAFETY: the call succeeded, and then it has written every field.
    let config: tow_config = unsafe { config.assume_init() };
    tow_config {
        backlog_bytes: 4096,
        piece_bytes_max: 256,
        links_max: 2,
        slots_max: 2,
        ships_max: 1,
        ..config
    }
}

fn boot(node: u64, role: u32) -> tow_boot {
    let size = u32::try_from(size_of::<tow_boot>()).unwrap();
    let seed = [u8::try_from(node).unwrap(); 32];
    tow_boot { struct_size: size, role, node, seed, unix_zero_ns: 0, cursor: null(), cursor_len: 0 }
}

/// A node that is freed on drop.
struct Held(*mut tow_node);

impl Held {
    fn new(node: u64, role: u32) -> Self {
        let mut held = null_mut();
        // SAFETY: every pointer is to a live local, or NULL where that is allowed.
        let done = unsafe { tow_node_new(&config(), &boot(node, role), &mut held, null_mut()) };
        assert_eq!(done, TOW_OK);
        Self(held)
    }

    fn try_say(&self, input: tow_input, data: &[u8]) -> Result<tow_step, tow_status> {
        let mut step = MaybeUninit::uninit();
        // SAFETY: the handle is freed on drop only; every other pointer is to a live local.
        let done = unsafe { tow_handle(self.0, 0, &input, data.as_ptr(), data.len(), step.as_mut_ptr()) };
        // SAFETY: the call succeeded, and then it has written every field.
        if done == TOW_OK { Ok(unsafe { step.assume_init() }) } else { Err(done) }
    }

    #[track_caller]
    fn say(&self, input: tow_input, data: &[u8]) -> tow_step {
        self.try_say(input, data).unwrap()
    }

    fn error(&self) -> (tow_status, u64, String) {
        let mut error = MaybeUninit::uninit();
        // SAFETY: the handle is freed on drop only; `error` is a live local.
        let done = unsafe { tow_node_error(self.0, error.as_mut_ptr()) };
        assert_eq!(done, TOW_OK);
        // SAFETY: the call succeeded, and then it has written every field.
        told(unsafe { error.assume_init() })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // SAFETY: the handle came from `tow_node_new`, and only `drop` frees it.
        unsafe { tow_node_free(self.0) }
    }
}

fn told(error: tow_error) -> (tow_status, u64, String) {
    // SAFETY: the text is part of a live local, and the library ended it with a zero byte.
    let text = unsafe { CStr::from_ptr(error.text.as_ptr()) };
    (error.code, error.detail, text.to_str().unwrap().to_owned())
}

fn kind(kind: tow_kind) -> tow_record {
    tow_record { kind, ..tow_record::default() }
}

fn name(status: tow_status) -> &'static str {
    // SAFETY: the library returns a static string that ends with a zero byte.
    unsafe { CStr::from_ptr(tow_status_name(status)) }.to_str().unwrap()
}

#[test]
fn the_numbers_are_the_cores() {
    let (link, snapshot, upto, data) = (LinkId(1), SnapshotId(2), Offset(3), &[][..]);
    let inputs = [
        (Input::Tick, TOW_INPUT_TICK),
        (Input::Opened { link, side: Side::Upstream }, TOW_INPUT_OPENED),
        (Input::Lost { link }, TOW_INPUT_LOST),
        (Input::DialFailed, TOW_INPUT_DIAL_FAILED),
        (Input::Bytes { link, data }, TOW_INPUT_BYTES),
        (Input::Write { data }, TOW_INPUT_WRITE),
        (Input::Flush, TOW_INPUT_FLUSH),
        (Input::Taken { upto, pieces: 0 }, TOW_INPUT_TAKEN),
        (Input::Applied { upto }, TOW_INPUT_APPLIED),
        (Input::Persisted { upto }, TOW_INPUT_PERSISTED),
        (Input::SnapshotReady { snapshot, cursor: data, bytes: None }, TOW_INPUT_SNAPSHOT_READY),
        (Input::SnapshotPiece { snapshot, piece: 0, data, last: true }, TOW_INPUT_SNAPSHOT_PIECE),
        (Input::SnapshotFailed { snapshot, retry: true }, TOW_INPUT_SNAPSHOT_FAILED),
        (Input::Installed { snapshot }, TOW_INPUT_INSTALLED),
        (Input::Rewound, TOW_INPUT_REWOUND),
        (Input::Promote, TOW_INPUT_PROMOTE),
        (Input::Follow { adopt: true }, TOW_INPUT_FOLLOW),
        (Input::Shutdown, TOW_INPUT_SHUTDOWN),
    ];
    for (input, kind) in inputs {
        assert_eq!(FlatInput::from(input).kind, kind, "{input:?}");
    }
    assert_eq!(FlatInput::from(inputs[1].0).fields[0], TOW_UPSTREAM);
    let (node, fault) = (towline_core::NodeId(1), Fault::Idle);
    let retry_after = towline_core::Span(0);
    let events = [
        (Event::Dial { attempt: 0 }, TOW_EVENT_DIAL),
        (Event::Joined { link, node, from: upto }, TOW_EVENT_JOINED),
        (Event::Close { link, fault, by_peer: false, retry_after }, TOW_EVENT_CLOSE),
        (Event::WantsWrite { link }, TOW_EVENT_WANTS_WRITE),
        (Event::SnapshotWanted { snapshot, from: upto }, TOW_EVENT_SNAPSHOT_WANTED),
        (Event::SnapshotRead { snapshot, piece: 0 }, TOW_EVENT_SNAPSHOT_READ),
        (Event::SnapshotDone { snapshot }, TOW_EVENT_SNAPSHOT_DONE),
        (Event::CaughtUp, TOW_EVENT_CAUGHT_UP),
        (Event::Acked { node, received: upto, applied: upto, persisted: upto }, TOW_EVENT_ACKED),
        (Event::SlotExpired { node, lag: 0 }, TOW_EVENT_SLOT_EXPIRED),
        (Event::Role { role: Role::Primary, epoch: towline_core::Epoch(0), offset: upto }, TOW_EVENT_ROLE),
        (Event::Outranked { number: 0 }, TOW_EVENT_OUTRANKED),
    ];
    for (event, kind) in events {
        assert_eq!(FlatEvent::from(event).kind, kind, "{event:?}");
    }
    assert_eq!(FlatEvent::from(events[10].0).fields[0], u64::from(TOW_PRIMARY));
}

#[test]
fn every_status_and_every_fault_has_words() {
    for status in (TOW_E_FAILED..=TOW_OK).chain([TOW_E_PANIC]) {
        assert_ne!(name(status), "unknown", "{status}");
    }
    for fault in Fault::ALL {
        assert_eq!(name(fault.number().into()), fault.text());
    }
    assert_eq!([name(i32::MIN), name(i32::MAX), name(1000)], ["unknown"; 3]);
    assert_eq!(tow_abi_version(), TOW_ABI_VERSION);
    // SAFETY: the library returns a static string that ends with a zero byte.
    let version = unsafe { CStr::from_ptr(tow_version()) };
    assert_eq!(version.to_str().unwrap(), env!("CARGO_PKG_VERSION"));
}

#[test]
fn a_long_text_is_cut_between_characters() {
    let (code, detail, text) = told(crate::status::error(TOW_E_PANIC, 7, &"\u{e4}".repeat(100)));
    assert_eq!((code, detail, text), (TOW_E_PANIC, 7, "\u{e4}".repeat(55)));
}
