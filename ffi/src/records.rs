//! Walking a payload, and the cursor to store.

use towline_core::limits::RECORD_HEAD_BYTES;
use towline_core::{Epoch, Offset, Position, Records};

use crate::border::{Out, bytes, read, status_of};
use crate::node::{Content, shared, tow_node};
use crate::status::{Refusal, TOW_E_NULL, TOW_E_SIZE, TOW_END, tow_status};
use crate::types::{tow_position, tow_slice};

/// Returns the next record of a payload of kind batch or spool. `*pos` begins at 0 and is moved on; the record is a
/// slice of your own bytes. `TOW_END` when there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_next_record(
    payload: *const u8,
    len: usize,
    pos: *mut usize,
    record: *mut tow_slice,
) -> tow_status {
    // Called for every record, so it catches no panic: nothing in it can panic.
    let next = || {
        // SAFETY: `pos` is initialised, or NULL: the caller's obligation for each pointer to a value.
        let at = unsafe { read(pos.cast_const()) }?;
        // SAFETY: `pos` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let (pos, out) = (unsafe { Out::new(pos) }?, unsafe { Out::new(record) }?);
        // SAFETY: `payload` points to `len` bytes, which nobody changes during the call: the caller's obligation.
        let payload = unsafe { bytes(payload, len) }?;
        let rest = payload.get(at..).ok_or(Refusal::Status(TOW_E_SIZE))?;
        let record = Records::new(rest).next().ok_or(Refusal::Status(TOW_END))?;
        out.write(tow_slice { ptr: record.as_ptr(), len: record.len() });
        pos.write(at + RECORD_HEAD_BYTES + record.len());
        Ok(())
    };
    status_of(next())
}

/// Returns the cursor of a position that this node gave out: the bytes to store with the data in one atomic step.
/// `*len` is their number, also when `cap` is less (`TOW_E_SIZE`); `TOW_CURSOR_BYTES_MAX` is always enough.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_cursor(
    node: *const tow_node,
    position: *const tow_position,
    buf: *mut u8,
    cap: usize,
    len: *mut usize,
) -> tow_status {
    let work = |content: &Content| {
        // SAFETY: `len` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let len = unsafe { Out::new(len) }?;
        // SAFETY: `position` is initialised, or NULL: the caller's obligation for each pointer to a value.
        let tow_position { epoch, boundary, digest } = unsafe { read(position) }?;
        let position = Position { epoch: Epoch(epoch), boundary: Offset(boundary), digest };
        let cursor = content.node.cursor(position);
        let bytes = cursor.as_bytes();
        len.write(bytes.len());
        if cap < bytes.len() {
            return Err(Refusal::Status(TOW_E_SIZE));
        }
        if buf.is_null() {
            return Err(Refusal::Status(TOW_E_NULL));
        }
        // SAFETY: `buf` has room for `cap` bytes: the caller's obligation; `bytes` is a local, so they do not overlap.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), buf, bytes.len()) };
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    status_of(unsafe { shared(node, false, work) })
}
