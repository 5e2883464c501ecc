//! A node behind its handle: which calls may use it now, and its state after a panic.
//!
//! States: *free*, *shared* by so many calls that change nothing, *exclusive* to one that may; and, for good,
//! *poisoned*. A call at the wrong moment is refused with `TOW_E_REENTERED`: a mistake between threads is reported, not
//! raced. Invariant: while the word says exclusive, nobody else touches word or content.
//!
//! All of it is one word: a call that may change the node comes in with one locked instruction, which fails for every
//! reason there is, and leaves with a plain store.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use towline_core::{Node, Time};

use crate::border::{status_of, words_of};
use crate::status::{Refusal, TOW_E_NULL, TOW_E_POISONED, TOW_E_REENTERED, TOW_OK, tow_status};
use crate::types::{TOW_NO_DEADLINE, tow_error};

/// The state without users; the low bits count shared users.
const FREE: u32 = 0;
const EXCLUSIVE: u32 = 1 << 30;
const POISONED: u32 = 1 << 31;

/// A replication node. One owner at a time; see the rules for threads.
pub struct tow_node {
    state: AtomicU32,
    /// The deadline after the last change, so that reading it costs next to nothing.
    due: AtomicU64,
    content: UnsafeCell<Content>,
}

/// The content that a handle guards.
pub(crate) struct Content {
    pub(crate) node: Node,
    /// The longest record of its configuration.
    pub(crate) record_bytes_max: u32,
    /// The last refusal of a call that may change the node.
    pub(crate) refusal: tow_error,
}

// SAFETY: content is reached through `state` alone, which lets in many readers or one writer.
unsafe impl Sync for tow_node {}
const _: fn() = || {
    fn moves_between_threads<T: Send>() {}
    moves_between_threads::<tow_node>();
};

impl tow_node {
    pub(crate) fn new(node: Node, record_bytes_max: u32) -> Self {
        let refusal = crate::status::error(TOW_OK, 0, &"");
        Self {
            state: AtomicU32::new(FREE),
            due: AtomicU64::new(due_of(&node)),
            content: UnsafeCell::new(Content { node, record_bytes_max, refusal }),
        }
    }

    /// Returns the node's deadline; [`TOW_NO_DEADLINE`] if a call is inside, or one panicked.
    #[inline]
    fn due(&self) -> u64 {
        let usable = self.state.load(Ordering::Acquire) & (EXCLUSIVE | POISONED) == 0;
        if usable { self.due.load(Ordering::Relaxed) } else { TOW_NO_DEADLINE }
    }

    #[inline]
    fn enter_shared(&self, even_poisoned: bool) -> Result<Shared<'_>, Refusal> {
        let mut state = self.state.load(Ordering::Relaxed);
        loop {
            if state & EXCLUSIVE != 0 || (state & POISONED != 0 && !even_poisoned) {
                return Err(Refusal::Status(refused(state)));
            }
            let more = state + 1;
            match self.state.compare_exchange_weak(state, more, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(Shared(self)),
                Err(now) => state = now,
            }
        }
    }
}

/// Returns why a node in this state refuses a call.
#[cold]
fn refused(state: u32) -> tow_status {
    if state & (EXCLUSIVE | POISONED) == POISONED { TOW_E_POISONED } else { TOW_E_REENTERED }
}

fn due_of(node: &Node) -> u64 {
    node.next_deadline().map_or(TOW_NO_DEADLINE, |Time(due)| due)
}

/// See `tow_next_deadline`.
#[inline]
pub(crate) unsafe fn next_deadline(node: *const tow_node) -> u64 {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { handle(node) }.map_or(TOW_NO_DEADLINE, tow_node::due)
}

/// A shared use, which ends when it is dropped.
struct Shared<'a>(&'a tow_node);

impl Drop for Shared<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.state.fetch_sub(1, Ordering::Release);
    }
}

/// Borrows the node behind a handle, which came from `tow_node_new` and was not freed: the caller's obligation.
#[inline]
unsafe fn handle<'a>(node: *const tow_node) -> Result<&'a tow_node, Refusal> {
    if node.is_null() || !node.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: made by `tow_node_new`, not freed: the header's first rule for handles.
    Ok(unsafe { &*node })
}

/// Runs a call that may change the node.
#[inline]
pub(crate) unsafe fn exclusive(
    node: *mut tow_node,
    work: impl FnOnce(&mut Content) -> Result<(), Refusal>,
) -> tow_status {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    let node = match unsafe { handle(node) } {
        Ok(node) => node,
        Err(refusal) => return refusal.code(),
    };
    if let Err(state) = node.state.compare_exchange(FREE, EXCLUSIVE, Ordering::Acquire, Ordering::Relaxed) {
        return refused(state);
    }
    // SAFETY: `state` is exclusive to this call, so nobody else borrows the content.
    let content = unsafe { &mut *node.content.get() };
    let (status, left) = match catch_unwind(AssertUnwindSafe(|| work(content))) {
        Ok(Ok(())) => {
            node.due.store(due_of(&content.node), Ordering::Relaxed);
            (TOW_OK, FREE)
        }
        // A refused call has changed nothing.
        Ok(Err(refusal)) => (keep(content, &refusal), FREE),
        Err(payload) => (keep(content, &Refusal::Panic(words_of(&*payload))), POISONED),
    };
    node.state.store(left, Ordering::Release);
    status
}

#[cold]
fn keep(content: &mut Content, refusal: &Refusal) -> tow_status {
    content.refusal = refusal.error();
    refusal.code()
}

/// Runs a call that changes nothing; also on a poisoned node if `even_poisoned`. Returns the refusal itself, because
/// such calls leave no trace in the node.
#[inline]
pub(crate) unsafe fn shared(
    node: *const tow_node,
    even_poisoned: bool,
    work: impl FnOnce(&Content) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    let node = unsafe { handle(node) }?;
    let _inside = node.enter_shared(even_poisoned)?;
    // SAFETY: `state` is shared, so nobody borrows the content to change it.
    let content = unsafe { &*node.content.get() };
    catch_unwind(AssertUnwindSafe(|| work(content))).unwrap_or_else(|payload| {
        node.state.fetch_or(POISONED, Ordering::Relaxed);
        Err(Refusal::Panic(words_of(&*payload)))
    })
}

/// Frees a node. One that is in use is not freed: a leak is better than a use after free.
pub(crate) unsafe fn free(node: *mut tow_node) {
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    let Ok(inside) = (unsafe { handle(node) }) else { return };
    let taken =
        |from| inside.state.compare_exchange(from, EXCLUSIVE, Ordering::Acquire, Ordering::Relaxed).is_ok();
    if !taken(FREE) && !taken(POISONED) {
        return;
    }
    let done = crate::border::guarded(|| {
        // SAFETY: made by `Box::into_raw` in `tow_node_new`, and nobody is inside.
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
    // SAFETY: `node` is NULL, or came from `tow_node_new` and was not freed: the caller's obligation.
    unsafe { exclusive(node, |_| panic!("the planted panic")) }
}
