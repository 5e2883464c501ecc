//! The moment a key ends, as records and digests carry it.
//!
//! Invariant: from 1 to `i64::MAX` milliseconds since the Unix epoch. Zero is the digest's word for "never", and
//! stores that speak redis read the number as signed.
//!
//! It is only a number here: nothing in this crate compares it with a clock.

use core::num::NonZeroU64;

/// Milliseconds since 1970-01-01 00:00 UTC, from 1 to `i64::MAX`; `Option<ExpiryMs>` is eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExpiryMs(NonZeroU64);

impl ExpiryMs {
    /// The earliest moment.
    pub const MIN: Self = Self(NonZeroU64::MIN);
    /// The latest moment.
    pub const MAX: Self = Self(match NonZeroU64::new(i64::MAX.unsigned_abs()) {
        Some(ms) => ms,
        None => NonZeroU64::MIN,
    });

    /// `None` for 0 and for what a signed 64-bit number does not hold.
    #[must_use]
    pub const fn new(ms: u64) -> Option<Self> {
        match NonZeroU64::new(ms) {
            Some(ms) if ms.get() <= Self::MAX.0.get() => Some(Self(ms)),
            Some(_) | None => None,
        }
    }

    /// The milliseconds.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The word of digests and of stored entries: the milliseconds, 0 for "never".
    #[must_use]
    pub const fn word(expiry: Option<Self>) -> u64 {
        match expiry {
            Some(at) => at.get(),
            None => 0,
        }
    }
}

const _: () = assert!(ExpiryMs::MAX.get() == i64::MAX.unsigned_abs() && ExpiryMs::new(0).is_none());
const _: () = assert!(size_of::<Option<ExpiryMs>>() == 8);
