//! The users of a handle at this moment, as one word: a call at the wrong moment is refused, not raced.
//!
//! States: *free*, *shared* by so many calls that change nothing, *exclusive* to one that may; and, for good,
//! *poisoned*. Invariant: while the word says exclusive, no other call touches word or content.
//!
//! A call that may change the content comes in with one locked instruction, which fails for every reason there is, and
//! leaves with a plain store.

use std::sync::atomic::{AtomicU32, Ordering};

use crate::status::{TOW_E_POISONED, TOW_E_REENTERED, tow_status};

/// The low bits count the calls that share.
const FREE: u32 = 0;
const EXCLUSIVE: u32 = 1 << 30;
const POISONED: u32 = 1 << 31;

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct InUse(AtomicU32);

impl InUse {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(FREE))
    }

    /// Returns whether no call has the content to itself, and none panicked.
    #[inline]
    pub(crate) fn is_usable(&self) -> bool {
        self.0.load(Ordering::Acquire) & (EXCLUSIVE | POISONED) == 0
    }

    /// Lets in a call that may change the content; [`Self::leave`] ends it.
    #[inline]
    pub(crate) fn enter(&self) -> Result<(), tow_status> {
        self.take(FREE).map_err(refused)
    }

    /// Lets in the last call of all, of a poisoned content too. Returns whether it may.
    pub(crate) fn enter_last(&self) -> bool {
        self.take(FREE).is_ok() || self.take(POISONED).is_ok()
    }

    #[inline]
    fn take(&self, from: u32) -> Result<(), u32> {
        self.0.compare_exchange(from, EXCLUSIVE, Ordering::Acquire, Ordering::Relaxed).map(|_| ())
    }

    /// The call that [`Self::enter`] let in ends; after a panic no other comes in.
    #[inline]
    pub(crate) fn leave(&self, panicked: bool) {
        self.0.store(if panicked { POISONED } else { FREE }, Ordering::Release);
    }

    /// Lets in a call that changes nothing.
    #[inline]
    pub(crate) fn enter_shared(&self, even_poisoned: bool) -> Result<Shared<'_>, tow_status> {
        let mut state = self.0.load(Ordering::Relaxed);
        loop {
            if state & EXCLUSIVE != 0 || (state & POISONED != 0 && !even_poisoned) {
                return Err(refused(state));
            }
            let more = state + 1;
            match self.0.compare_exchange_weak(state, more, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Ok(Shared(self)),
                Err(now) => state = now,
            }
        }
    }

    /// A call that shares panicked: no other comes in.
    pub(crate) fn poison(&self) {
        self.0.fetch_or(POISONED, Ordering::Relaxed);
    }
}

/// Leaves when it is dropped.
pub(crate) struct Shared<'a>(&'a InUse);

impl Drop for Shared<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Release);
    }
}

/// Returns why a handle in this state lets no call in.
#[cold]
fn refused(state: u32) -> tow_status {
    if state & (EXCLUSIVE | POISONED) == POISONED { TOW_E_POISONED } else { TOW_E_REENTERED }
}
