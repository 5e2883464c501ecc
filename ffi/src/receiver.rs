//! The receiving side of a replica's host: `towline_core::receiver`, behind a handle of its own.
//!
//! A receiver knows no node: a step and the node that brought it are shown to it together, which is the one place where
//! both are inside at once. It allocates nothing but itself, and each call takes constant time.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use towline_core::receiver::{Command, Receiver, ReceiverError, Standing};
use towline_core::{FlatCommand, FlatCompletion, FlatStep};

use crate::border::{Out, guarded, look, status_of};
use crate::in_use::InUse;
use crate::node::{shared, tow_node};
use crate::status::{
    Refusal, TOW_E_FAILED, TOW_E_NOT_ASKED, TOW_E_NULL, TOW_E_ORDER, TOW_E_PANIC, TOW_E_RECORD,
    TOW_E_UNPOLLED, TOW_END, TOW_OK, tow_status,
};
use crate::types::{tow_command, tow_completion, tow_record, tow_step};

/// The receiving side of a replica: what is applied, kept, loaded and said to the node, as commands. One owner at a
/// time; see the rules for threads.
pub struct tow_receiver {
    state: InUse,
    content: UnsafeCell<Receiver>,
}

// SAFETY: no two threads reach the content at once: each call asks `state` first, which lets in one.
unsafe impl Sync for tow_receiver {}

/// Makes a receiver, for a node that has just been made and a spool that is empty. `loads_tail` is 1 if your store can
/// do batches on a snapshot that is still loading (`TOW_COMMAND_LOAD_TAIL`), else 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_receiver_new(loads_tail: u32, out: *mut *mut tow_receiver) -> tow_status {
    status_of(guarded(|| {
        // SAFETY: `out` is NULL or a place that is the caller's to write: the header asks it of the caller.
        let out = unsafe { Out::new(out) }?;
        out.write(std::ptr::null_mut());
        let content = UnsafeCell::new(Receiver::new(flag(loads_tail)?));
        out.write(Box::into_raw(Box::new(tow_receiver { state: InUse::new(), content })));
        Ok(())
    }))
}

/// Frees a receiver. NULL is well; one that another call is using is left alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_receiver_free(receiver: *mut tow_receiver) {
    // SAFETY: `receiver` is NULL, or came from `tow_receiver_new` and was not freed: the header asks it of the caller.
    let Ok(inside) = (unsafe { handle(receiver) }) else { return };
    if inside.state.enter_last() {
        // SAFETY: the pointer came from `Box::into_raw` in `tow_receiver_new`, and no other call uses it: `state` let
        // this one in alone, as the last.
        drop(unsafe { Box::from_raw(receiver) });
    }
}

/// Takes in the step that a `TOW_INPUT_BYTES` of the upstream's link was answered with, one after the other, those
/// without a payload too. `ready` is 1 if your store could apply a batch now, 0 if it is busy. Then do what
/// `tow_receiver_poll` returns, before the next step: its ranges are of that input's data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_receiver_receive(
    receiver: *mut tow_receiver,
    node: *const tow_node,
    step: *const tow_step,
    ready: u32,
) -> tow_status {
    let work = |receiver: &mut Receiver| {
        // SAFETY: `step` is NULL, or a step that the caller leaves as it is during the call, as the header asks; a
        // `tow_step` is a `FlatStep` (asserted in `types`).
        let step = unsafe { look(step.cast::<FlatStep>()) }?;
        let step = step.step().ok_or(Refusal::Status(TOW_E_RECORD))?;
        let ready = flag(ready)?;
        let mut node_is = Standing::default();
        // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the header asks it of the caller.
        unsafe {
            shared(node, false, |content| {
                node_is = Standing::of(&content.node);
                Ok(())
            })
        }?;
        Ok(receiver.receive(&step, node_is, ready)?)
    };
    // SAFETY: `receiver` is NULL, or came from `tow_receiver_new` and was not freed: the header asks it of the caller.
    unsafe { exclusive(receiver, work) }
}

/// Returns the next thing to do before the next step; `TOW_END` when there is none. `command` is written on `TOW_OK`.
/// One whose kind is below `TOW_COMMAND_KEEP` is an input: say it to the node as it is, and complete it with
/// `TOW_DONE_ANSWERED` (`tow_receiver_say` does both).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_receiver_poll(
    receiver: *mut tow_receiver,
    command: *mut tow_command,
) -> tow_status {
    // SAFETY: `receiver` is NULL or lives, `command` is NULL or the caller's to write: the header asks it of the
    // caller.
    unsafe { next(receiver, command, Receiver::poll) }
}

/// Returns the next thing to do when there is time: an install, or one batch of the spool. `TOW_END` when nothing
/// waits, or the store has not completed what it was told before. Poll again after it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_receiver_work(
    receiver: *mut tow_receiver,
    command: *mut tow_command,
) -> tow_status {
    // SAFETY: `receiver` is NULL or lives, `command` is NULL or the caller's to write: the header asks it of the
    // caller.
    unsafe { next(receiver, command, Receiver::work) }
}

/// Says that something is done, or how much may be taken: `TOW_DONE_*`. Then poll again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_receiver_complete(
    receiver: *mut tow_receiver,
    completion: *const tow_completion,
) -> tow_status {
    let work = |receiver: &mut Receiver| {
        // SAFETY: `completion` is NULL, or a record that the caller leaves as it is during the call, as the header
        // asks; a `tow_completion` is a `FlatCompletion` (asserted in `types`).
        let completion = unsafe { look(completion.cast::<FlatCompletion>()) }?;
        Ok(completion.complete(receiver).ok_or(Refusal::Status(TOW_E_RECORD))??)
    };
    // SAFETY: `receiver` is NULL, or came from `tow_receiver_new` and was not freed: the header asks it of the caller.
    unsafe { exclusive(receiver, work) }
}

unsafe fn next(
    receiver: *mut tow_receiver,
    command: *mut tow_command,
    ask: fn(&mut Receiver) -> Option<Command>,
) -> tow_status {
    let work = |receiver: &mut Receiver| {
        // SAFETY: `command` is NULL or a place that is the caller's to write, as our caller says.
        let out = unsafe { Out::new(command) }?;
        let command = ask(receiver).ok_or(Refusal::Status(TOW_END))?;
        out.write(tow_record::from(FlatCommand::from(&command)));
        Ok(())
    };
    // SAFETY: `receiver` is NULL, or came from `tow_receiver_new` and was not freed, as our caller says.
    unsafe { exclusive(receiver, work) }
}

/// The handle as it is. The caller says that it came from `tow_receiver_new` and was not freed.
unsafe fn handle<'a>(receiver: *const tow_receiver) -> Result<&'a tow_receiver, Refusal> {
    if receiver.is_null() || !receiver.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: it is not NULL and aligned, as just seen, and lives: the caller had it from `tow_receiver_new` and has
    // not freed it, the header's first rule for handles.
    Ok(unsafe { &*receiver })
}

/// Runs a call on a receiver; a panic in it leaves the receiver poisoned.
pub(crate) unsafe fn exclusive(
    receiver: *mut tow_receiver,
    work: impl FnOnce(&mut Receiver) -> Result<(), Refusal>,
) -> tow_status {
    // SAFETY: `receiver` is NULL, or came from `tow_receiver_new` and was not freed: our caller's caller promises it.
    let inside = match unsafe { handle(receiver) } {
        Ok(inside) => inside,
        Err(refusal) => return refusal.code(),
    };
    if let Err(refused) = inside.state.enter() {
        return refused;
    }
    // SAFETY: no other reference to the content lives: `state` let this call in alone, until it leaves below.
    let content = unsafe { &mut *inside.content.get() };
    let done = catch_unwind(AssertUnwindSafe(|| work(content)));
    inside.state.leave(done.is_err());
    done.map_or(TOW_E_PANIC, |done| done.map_or_else(|refusal| refusal.code(), |()| TOW_OK))
}

fn flag(value: u32) -> Result<bool, Refusal> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Refusal::Status(TOW_E_RECORD)),
    }
}

impl From<ReceiverError> for Refusal {
    fn from(error: ReceiverError) -> Self {
        Self::Status(match error {
            ReceiverError::Unpolled => TOW_E_UNPOLLED,
            ReceiverError::OutOfOrder => TOW_E_ORDER,
            ReceiverError::NotAsked => TOW_E_NOT_ASKED,
            ReceiverError::Failed => TOW_E_FAILED,
        })
    }
}
