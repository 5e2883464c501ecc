//! The verbs: handle, poll, peek, consume, and the next deadline.

use towline_core::{FlatEvent, FlatInput, FlatStep, Input, Level, LinkId, Misuse, More, Time};

use crate::border::{Out, bytes, look, looks, status_of};
use crate::node::{exclusive, next_deadline, shared, tow_node};
use crate::status::{Refusal, TOW_E_RECORD, tow_status};
use crate::types::{tow_event, tow_input, tow_record, tow_slice, tow_step, tow_time};

/// Handles one input. `data`, `len`: the bytes that belong to the input, if any do; for `TOW_INPUT_BYTES` everything
/// unread on the link. The answer is in `step`, which is written only on `TOW_OK`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_handle(
    node: *mut tow_node,
    now: tow_time,
    input: *const tow_input,
    data: *const u8,
    len: usize,
    step: *mut tow_step,
) -> tow_status {
    let work = move |content: &mut crate::node::Content| {
        // SAFETY: `step` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let step = unsafe { Out::new(step.cast::<FlatStep>()) }?;
        // SAFETY: `input` is initialised, or NULL: the caller's obligation. A `tow_input` is a `FlatInput`, see
        // `types`.
        let input = unsafe { look(input.cast::<FlatInput>()) }?;
        // SAFETY: `data` points to `len` bytes, which nobody changes during the call: the caller's obligation.
        let data = unsafe { bytes(data, len) }?;
        let input = input.input(data).ok_or(Refusal::Status(TOW_E_RECORD))?;
        if let Input::Tick = input {
            // A tick's answer is empty, so it is written without reading it.
            content.node.handle(Time(now), input)?;
            step.write(FlatStep::default());
            return Ok(());
        }
        // Read in place: an answer is 120 bytes, and a move of it costs as much as the call.
        match &content.node.handle(Time(now), input) {
            Ok(answer) => step.write(FlatStep::from(answer)),
            Err(misuse) => return Err(Refusal::Misuse(*misuse)),
        }
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { exclusive(node, work) }
}

/// Appends records one after the other, as if each were `TOW_INPUT_WRITE`, in one call: all that a turn of your loop
/// wrote. `*offset` is the offset after the last of them. All are written, or on any refusal none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_write_all(
    node: *mut tow_node,
    now: tow_time,
    records: *const tow_slice,
    count: usize,
    offset: *mut u64,
) -> tow_status {
    let work = move |content: &mut crate::node::Content| {
        // SAFETY: `offset` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let offset = unsafe { Out::new(offset) }?;
        // SAFETY: `records` points to `count` values, or is NULL: the caller's obligation for each array.
        let records = unsafe { looks(records, count) }?;
        let bytes_max = content.record_bytes_max as usize;
        let sound = |record: &tow_slice| record.len <= bytes_max && !(record.ptr.is_null() && record.len > 0);
        if let Some(unsound) = records.iter().find(|record| !sound(record)) {
            // SAFETY: called only for its refusal of a NULL or too long range, which it does not read.
            unsafe { bytes(unsound.ptr, unsound.len) }?;
            return Err(Refusal::Misuse(Misuse::RecordTooLong));
        }
        for record in records {
            // SAFETY: checked above not to be NULL; the bytes are there and unchanged: the caller's obligation.
            let data = unsafe { bytes(record.ptr, record.len) }?;
            content.node.handle(Time(now), Input::Write { data })?;
        }
        offset.write(content.node.acked(Level::Received, 0).0);
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { exclusive(node, work) }
}

/// Takes up to `cap` events. `*count` says how many were written; fewer than `cap` means that there are no more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_poll_events(
    node: *mut tow_node,
    events: *mut tow_event,
    cap: usize,
    count: *mut usize,
) -> tow_status {
    let work = move |content: &mut crate::node::Content| {
        // SAFETY: `count` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let count = unsafe { Out::new(count) }?;
        count.write(0);
        let mut told = 0;
        if cap > 0 {
            // SAFETY: `events` has room for `cap` events, or is NULL: the caller's obligation. All are as aligned as
            // the first.
            unsafe { Out::new(events) }?;
        }
        while told < cap {
            let Some(event) = content.node.poll_event() else { break };
            // SAFETY: below `cap`, and the caller says that so many places are there.
            unsafe { Out::new(events.wrapping_add(told)) }?.write(tow_record::from(FlatEvent::from(event)));
            told += 1;
        }
        count.write(told);
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { exclusive(node, work) }
}

/// Returns the bytes to write on a link, in order: up to `TOW_SLICES_MAX` slices, none of them empty. Changes nothing;
/// they are lent until the next call on this node that is not `const`. A link that is not open has none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_peek_transmit(
    node: *const tow_node,
    link: u32,
    slices: *mut tow_slice,
    count: *mut usize,
) -> tow_status {
    let work = move |content: &crate::node::Content| {
        // SAFETY: `count` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let count = unsafe { Out::new(count) }?;
        // SAFETY: `slices` has room for three, or is NULL: the caller's obligation. All are as aligned as the first.
        unsafe { Out::new(slices) }?;
        let mut shown = 0;
        for slice in content.node.peek_transmit(LinkId(link)).slices() {
            if !slice.is_empty() {
                let slice = tow_slice { ptr: slice.as_ptr(), len: slice.len() };
                // SAFETY: there are three, and the caller says that three places are there.
                unsafe { Out::new(slices.wrapping_add(shown)) }?.write(slice);
                shown += 1;
            }
        }
        count.write(shown);
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    status_of(unsafe { shared(node, false, work) })
}

/// Consumes so many of the bytes that the last peek returned, which were written; an empty peek is consumed with 0.
/// `*more` is 1: peek again; 0: wait for the next `TOW_EVENT_WANTS_WRITE`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_consume(
    node: *mut tow_node,
    now: tow_time,
    link: u32,
    written: usize,
    more: *mut u32,
) -> tow_status {
    let work = move |content: &mut crate::node::Content| {
        // SAFETY: `more` is valid for a write, or NULL: the caller's obligation for each out-pointer.
        let more = unsafe { Out::new(more) }?;
        more.write(match content.node.consume(Time(now), LinkId(link), written)? {
            More::Idle => 0,
            More::More => 1,
        });
        Ok(())
    };
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { exclusive(node, work) }
}

/// Returns the latest time for `TOW_INPUT_TICK`: now while an event waits to be polled, `TOW_NO_DEADLINE` if nothing is
/// ever due, or for a NULL, poisoned or busy node.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_next_deadline(node: *const tow_node) -> tow_time {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { next_deadline(node) }
}
