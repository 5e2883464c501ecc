//! A node behind its handle: which call may use it now, and what is left of it after a panic.
//!
//! `in_use.rs` lets calls in: one that may change the node, or many that do not. A call at the wrong moment is refused
//! with `TOW_E_REENTERED`; a node in which one panicked takes no more (`TOW_E_POISONED`), but for its error and its
//! end.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use towline_core::{Node, Time};

use crate::border::{status_of, words_of};
use crate::in_use::InUse;
use crate::status::{Refusal, TOW_E_NULL, TOW_OK, tow_status};
use crate::types::{TOW_NO_DEADLINE, tow_error};

/// A replication node. One owner at a time; see the rules for threads.
pub struct tow_node {
    state: InUse,
    /// The deadline as the last change left it, so that asking for it costs next to nothing.
    due: AtomicU64,
    content: UnsafeCell<Content>,
}

/// The part of a handle that it guards.
pub(crate) struct Content {
    pub(crate) node: Node,
    /// The longest record of its configuration.
    pub(crate) record_bytes_max: u32,
    /// The last refusal of a call that may change the node.
    pub(crate) refusal: tow_error,
}

// SAFETY: no two threads reach the content at once unless both only read: each call asks `state` first, which lets in
// many readers or one writer.
unsafe impl Sync for tow_node {}
const _: fn() = || {
    fn moves_between_threads<T: Send>() {}
    moves_between_threads::<tow_node>();
};

impl tow_node {
    pub(crate) fn new(node: Node, record_bytes_max: u32) -> Self {
        let refusal = crate::status::error(TOW_OK, 0, &"");
        Self {
            state: InUse::new(),
            due: AtomicU64::new(due_of(&node)),
            content: UnsafeCell::new(Content { node, record_bytes_max, refusal }),
        }
    }

    /// Returns when the node wants to be told the time; [`TOW_NO_DEADLINE`] if a call is inside, or one panicked.
    #[inline]
    fn due(&self) -> u64 {
        if self.state.is_usable() { self.due.load(Ordering::Relaxed) } else { TOW_NO_DEADLINE }
    }
}

fn due_of(node: &Node) -> u64 {
    node.next_deadline().map_or(TOW_NO_DEADLINE, |Time(due)| due)
}

/// See `tow_next_deadline`.
#[inline]
pub(crate) unsafe fn next_deadline(node: *const tow_node) -> u64 {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: our caller's caller promises it.
    unsafe { handle(node) }.map_or(TOW_NO_DEADLINE, tow_node::due)
}

/// The handle as it is. The caller says that it came from `tow_node_new` and was not freed.
#[inline]
unsafe fn handle<'a>(node: *const tow_node) -> Result<&'a tow_node, Refusal> {
    if node.is_null() || !node.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: it is not NULL and aligned, as just seen, and lives: the caller had it from `tow_node_new` and has not
    // freed it, the header's first rule for handles.
    Ok(unsafe { &*node })
}

/// Runs a call that may change the node.
#[inline]
pub(crate) unsafe fn exclusive(
    node: *mut tow_node,
    work: impl FnOnce(&mut Content) -> Result<(), Refusal>,
) -> tow_status {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: our caller's caller promises it.
    let node = match unsafe { handle(node) } {
        Ok(node) => node,
        Err(refusal) => return refusal.code(),
    };
    if let Err(refused) = node.state.enter() {
        return refused;
    }
    // SAFETY: no other reference to the content lives: `state` let this call in alone, until it leaves below.
    let content = unsafe { &mut *node.content.get() };
    let (status, panicked) = match catch_unwind(AssertUnwindSafe(|| work(content))) {
        Ok(Ok(())) => {
            node.due.store(due_of(&content.node), Ordering::Relaxed);
            (TOW_OK, false)
        }
        // A refused call has changed nothing.
        Ok(Err(refusal)) => (keep(content, &refusal), false),
        Err(payload) => (keep(content, &Refusal::Panic(words_of(&*payload))), true),
    };
    node.state.leave(panicked);
    status
}

#[cold]
fn keep(content: &mut Content, refusal: &Refusal) -> tow_status {
    content.refusal = refusal.error();
    refusal.code()
}

/// Runs a call that changes nothing; also on a poisoned node if `even_poisoned`. Returns the refusal itself: such calls
/// leave no trace in the node.
#[inline]
pub(crate) unsafe fn shared(
    node: *const tow_node,
    even_poisoned: bool,
    work: impl FnOnce(&Content) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: our caller's caller promises it.
    let node = unsafe { handle(node) }?;
    let _inside = node.state.enter_shared(even_poisoned).map_err(Refusal::Status)?;
    // SAFETY: nothing changes the content as long as this reference lives: `state` lets in no writer before `_inside`
    // is dropped.
    let content = unsafe { &*node.content.get() };
    catch_unwind(AssertUnwindSafe(|| work(content))).unwrap_or_else(|payload| {
        node.state.poison();
        Err(Refusal::Panic(words_of(&*payload)))
    })
}

/// Frees a node. One that is in use is not freed: a leak is better than a use after free.
pub(crate) unsafe fn free(node: *mut tow_node) {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: our caller's caller promises it.
    let Ok(inside) = (unsafe { handle(node) }) else { return };
    if !inside.state.enter_last() {
        return;
    }
    let done = crate::border::guarded(|| {
        // SAFETY: the pointer came from `Box::into_raw` in `tow_node_new`, and no other call uses it: `state` let this
        // one in alone, as the last.
        drop(unsafe { Box::from_raw(node) });
        Ok(())
    });
    // There is no place to report this.
    let _ = status_of(done);
}

/// Panics inside a call, for tests of programs that link the library.
#[cfg(feature = "planted")]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn tow_planted_panic(node: *mut tow_node) -> tow_status {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the header asks it of the caller.
    unsafe { exclusive(node, |_| panic!("the planted panic")) }
}
