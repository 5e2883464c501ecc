//! Towline in a browser's or node's module: plain numbers at the border, everything a person sees is `ts/`.
//!
//! | class | what it is |
//! |---|---|
//! | [`RawNode`] | the core: inputs and events as 64-byte records in place, bytes through one arena |
//! | [`RawStore`] | a replica's store over towline-kv, and the engine that fills it from a node |
//!
//! A record, an answer, an arena: their addresses are asked once and read in place. Memory grows while a store does, so
//! a view of it is made anew whenever its buffer is another. A panic ends the instance: the caller poisons it.
//! Without std: see `ground`, which the browser's module alone has.
//!
//! Times are milliseconds as JavaScript has them, nanoseconds inside.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

#[cfg(target_arch = "wasm32")]
mod ground;
mod node;
mod recent;
mod replica;
mod rows;
mod store;

#[cfg(target_arch = "wasm32")]
pub use ground::panic_address;
pub use node::{CLOSED, MORE, RawNode, RawOptions, WAITS};
pub use store::RawStore;

use alloc::string::{String, ToString};

use wasm_bindgen::prelude::wasm_bindgen;

use towline_core::{Cursor, Fault, Misuse, Time};

/// The text of a fault's number, or nothing.
#[wasm_bindgen]
#[must_use]
pub fn fault_text(number: u16) -> Option<String> {
    Fault::from_number(number).map(|fault| fault.to_string())
}

/// The text of a misuse's number, or nothing.
#[wasm_bindgen]
#[must_use]
pub fn misuse_text(number: u16) -> Option<String> {
    Misuse::from_number(number).map(|misuse| misuse.to_string())
}

/// Whether bytes are a cursor that a node can begin from.
#[wasm_bindgen]
#[must_use]
pub fn is_cursor(bytes: &[u8]) -> bool {
    Cursor::describe(bytes).is_some()
}

/// JavaScript's milliseconds as the core's time: what is no number is zero, what is too late is the end.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast from f64 saturates")]
fn time(now_ms: f64) -> Time {
    // Rounded: cut off, one nanosecond in seventy comes back as the one before it, and a deadline is never reached.
    let ns = now_ms * 1e6;
    let whole = ns as u64;
    Time(whole.saturating_add((ns - whole as f64 >= 0.5).into()))
}

/// Nanoseconds as milliseconds: exact to a quarter of a microsecond over thirty years.
fn millis(ns: u64) -> f64 {
    ns as f64 / 1e6
}
