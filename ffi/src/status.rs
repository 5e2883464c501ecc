//! Statuses by number, and the reasons of refusals.

use std::ffi::c_char;
use std::fmt::{Display, Write};

use towline_core::{ConfigError, CursorError, Misuse};

use crate::types::{TOW_ERROR_TEXT_BYTES, tow_error};

/// 0 is success; below 0 is one of `TOW_E_*` (or `TOW_END`). Numbers never change.
pub type tow_status = i32;

/// The call succeeded.
pub const TOW_OK: tow_status = 0;
/// A pointer is NULL or not aligned for its type.
pub const TOW_E_NULL: tow_status = -1;
/// A size is wrong: a `struct_size` that is too small, or larger with non-zero bytes in the part that this version does
/// not know; or a buffer that is too short, whose length out-parameter then has the needed length.
pub const TOW_E_SIZE: tow_status = -2;
/// The configuration or the boot cannot work; the error's text names the option.
pub const TOW_E_CONFIG: tow_status = -3;
/// A mistake of the host: nothing was changed. `tow_node_error` has its number (`detail`, listed in
/// docs/protocol.md) and its text.
pub const TOW_E_MISUSE: tow_status = -4;
/// The node is in use by another call.
pub const TOW_E_REENTERED: tow_status = -5;
/// An earlier call on this node panicked: only `tow_node_error` and `tow_node_free` are left to it.
pub const TOW_E_POISONED: tow_status = -6;
/// There is not as much memory as the node needs (see `tow_config_check`).
pub const TOW_E_NOMEM: tow_status = -7;
/// The record is no input, no completion or no step: its kind is unknown, a flag is neither 0 nor 1, or a field it does
/// not name is not zero.
pub const TOW_E_RECORD: tow_status = -8;
/// There is nothing more to walk. Not an error.
pub const TOW_END: tow_status = -9;
/// The boot's cursor cannot be read: it is damaged, cut short, or of another version.
pub const TOW_E_CURSOR: tow_status = -10;
/// A step came before `tow_receiver_poll` returned `TOW_END` for the one before.
pub const TOW_E_UNPOLLED: tow_status = -11;
/// A payload that cannot follow the one before, or an answer that cannot follow the steps: a step was left out, or
/// given twice.
pub const TOW_E_ORDER: tow_status = -12;
/// A completion of something that the receiver did not ask for.
pub const TOW_E_NOT_ASKED: tow_status = -13;
/// The store failed before (`TOW_DONE_FAILED`): start again, with a new node and a new receiver, from its cursor.
pub const TOW_E_FAILED: tow_status = -14;
/// A bug in the library, caught. The node is poisoned; `tow_node_error` has the panic's message.
pub const TOW_E_PANIC: tow_status = -99;

/// The reason why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    Status(tow_status),
    Misuse(Misuse),
    Config(ConfigError),
    Cursor(CursorError),
    Panic(String),
}

impl From<Misuse> for Refusal {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<ConfigError> for Refusal {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

impl From<CursorError> for Refusal {
    fn from(error: CursorError) -> Self {
        Self::Cursor(error)
    }
}

impl Refusal {
    pub(crate) fn code(&self) -> tow_status {
        match self {
            Self::Status(status) => *status,
            Self::Misuse(_) => TOW_E_MISUSE,
            Self::Config(_) => TOW_E_CONFIG,
            Self::Cursor(_) => TOW_E_CURSOR,
            Self::Panic(_) => TOW_E_PANIC,
        }
    }

    pub(crate) fn error(&self) -> tow_error {
        match self {
            Self::Status(status) => error(*status, 0, &crate::about::status_text(*status).to_string_lossy()),
            Self::Misuse(misuse) => error(TOW_E_MISUSE, misuse.number().into(), misuse),
            Self::Config(wrong) => error(TOW_E_CONFIG, wrong.bound, wrong),
            Self::Cursor(wrong) => error(TOW_E_CURSOR, wrong.bytes, wrong),
            Self::Panic(words) => error(TOW_E_PANIC, 0, words),
        }
    }
}

/// Makes an error with as much of its text as fits, whole characters only, and a zero byte behind it.
pub(crate) fn error(code: tow_status, detail: u64, text: &dyn Display) -> tow_error {
    let mut room = Room { text: [0; TOW_ERROR_TEXT_BYTES], used: 0 };
    // The room itself never fails; text that does not fit is left out.
    write!(room, "{text}").ok();
    tow_error { code, reserved: 0, detail, text: room.text.map(|byte| byte as c_char) }
}

struct Room {
    text: [u8; TOW_ERROR_TEXT_BYTES],
    used: usize,
}

impl Write for Room {
    fn write_str(&mut self, more: &str) -> std::fmt::Result {
        for c in more.chars() {
            let end = self.used + c.len_utf8();
            if end >= TOW_ERROR_TEXT_BYTES {
                break;
            }
            c.encode_utf8(&mut self.text[self.used..end]);
            self.used = end;
        }
        Ok(())
    }
}
