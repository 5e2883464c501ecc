//! The library's own version, and texts for numbers.

use std::ffi::{CStr, c_char};

use towline_core::Fault;

use crate::status::{
    TOW_E_CONFIG, TOW_E_CURSOR, TOW_E_FAILED, TOW_E_MISUSE, TOW_E_NOMEM, TOW_E_NOT_ASKED, TOW_E_NULL,
    TOW_E_ORDER, TOW_E_PANIC, TOW_E_POISONED, TOW_E_RECORD, TOW_E_REENTERED, TOW_E_SIZE, TOW_E_UNPOLLED,
    TOW_END, TOW_OK, tow_status,
};
use crate::types::TOW_ABI_VERSION;

const VERSION: &CStr = match CStr::from_bytes_with_nul(concat!(env!("CARGO_PKG_VERSION"), "\0").as_bytes()) {
    Ok(version) => version,
    Err(_) => panic!("a version holds no zero byte"),
};

/// Returns the ABI's number of the library; compare it with `TOW_ABI_VERSION`.
#[unsafe(no_mangle)]
pub extern "C" fn tow_abi_version() -> u32 {
    TOW_ABI_VERSION
}

/// Returns the library's version, "MAJOR.MINOR.PATCH". Static.
#[unsafe(no_mangle)]
pub extern "C" fn tow_version() -> *const c_char {
    VERSION.as_ptr()
}

/// Returns a status in words; for a number above 0, the fault of that number (`TOW_EVENT_CLOSE` has one). Static, never
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn tow_status_name(status: tow_status) -> *const c_char {
    status_text(status).as_ptr()
}

pub(crate) fn status_text(status: tow_status) -> &'static CStr {
    match status {
        TOW_OK => c"ok",
        TOW_E_NULL => c"a pointer is NULL or misaligned",
        TOW_E_SIZE => c"a size is wrong",
        TOW_E_CONFIG => c"this configuration cannot work",
        TOW_E_MISUSE => c"a mistake of the host",
        TOW_E_REENTERED => c"the node is in use by another call",
        TOW_E_POISONED => c"an earlier call on this node panicked",
        TOW_E_NOMEM => c"not enough memory",
        TOW_E_RECORD => c"the record is no input",
        TOW_END => c"nothing more",
        TOW_E_CURSOR => c"the cursor cannot be read",
        TOW_E_UNPOLLED => c"a step came before the commands of the last one were done",
        TOW_E_ORDER => c"a step was left out or given twice",
        TOW_E_NOT_ASKED => c"a completion of something that was not asked for",
        TOW_E_FAILED => c"the store failed before",
        TOW_E_PANIC => c"a bug in towline, caught",
        other => {
            let fault = u16::try_from(other).ok().and_then(Fault::from_number);
            fault.map_or(c"unknown", Fault::c_text)
        }
    }
}
