//! Towline as a module for browsers and node: plain numbers at the border; the API for people is in `ts/`.
//!
//! | class | what it is |
//! |---|---|
//! | [`RawNode`] | the core: inputs and events as 64-byte records in place, bytes through one arena |
//! | [`RawStore`] | a replica's store over towline-kv, and the engine that fills it from a node |
//!
//! Records, answers and the arena are read in place: the caller asks once for their addresses. Memory grows while a
//! store does, so the caller renews its view of it when its buffer is another. A panic ends the instance: the caller
//! poisons it. Without std: see `runtime`, which only the browser's module has.
//!
//! Times are milliseconds as JavaScript has them, nanoseconds inside.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod node;
mod recent;
mod replica;
mod rows;
#[cfg(target_arch = "wasm32")]
mod runtime;
mod store;

pub use node::{CLOSED, MORE, RawNode, RawOptions, WAITS};
#[cfg(target_arch = "wasm32")]
pub use runtime::panic_address;
pub use store::RawStore;

use alloc::string::{String, ToString};

use wasm_bindgen::prelude::wasm_bindgen;

use towline_core::{Cursor, Fault, Misuse, Time};

/// Returns the text of a fault's number, or nothing.
#[wasm_bindgen]
#[must_use]
pub fn fault_text(number: u16) -> Option<String> {
    Fault::from_number(number).map(|fault| fault.to_string())
}

/// Returns the text of a misuse's number, or nothing.
#[wasm_bindgen]
#[must_use]
pub fn misuse_text(number: u16) -> Option<String> {
    Misuse::from_number(number).map(|misuse| misuse.to_string())
}

/// Returns whether the bytes are a cursor that a node can begin from.
#[wasm_bindgen]
#[must_use]
pub fn is_cursor(bytes: &[u8]) -> bool {
    Cursor::describe(bytes).is_some()
}

/// Returns JavaScript's milliseconds as the core's time: NaN is zero, a value that is too large is the last time.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates")]
fn time(now_ms: f64) -> Time {
    // Rounded: truncated, one nanosecond in seventy comes back as the one before it, and a deadline is never reached.
    let ns = now_ms * 1e6;
    let whole = ns as u64;
    Time(whole.saturating_add((ns - whole as f64 >= 0.5).into()))
}

/// Returns nanoseconds as milliseconds: exact to a quarter of a microsecond over thirty years.
fn millis(ns: u64) -> f64 {
    ns as f64 / 1e6
}
