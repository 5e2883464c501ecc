//! The border: everything that C hands over is checked before it is used; panics are stopped before they leave.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Refusal, TOW_E_NULL, TOW_E_SIZE, TOW_OK, tow_status};

/// The longest sized struct of any version.
const STRUCT_BYTES_MAX: usize = 4096;

/// Structs that begin with their size and only ever grow.
///
/// # Safety
/// `repr(C)`, begins with a `u32`, and every bit pattern of its fields is valid.
pub(crate) unsafe trait Sized32: Copy {
    /// Its size in version 1 of the ABI.
    const BYTES_MIN: usize;
}

/// A place for a result, neither NULL nor misaligned.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// Checks a place. The caller owns it for the call's length.
    pub(crate) unsafe fn new(place: *mut T) -> Result<Self, Refusal> {
        if place.is_null() || !place.is_aligned() {
            Err(Refusal::Status(TOW_E_NULL))
        } else {
            Ok(Self(place))
        }
    }

    pub(crate) fn write(&self, value: T) {
        // SAFETY: `new` checked the place, and the caller owns it for the call's length; the old content is never read.
        unsafe { self.0.write(value) }
    }
}

/// Returns the caller's bytes. An empty range is not read.
pub(crate) unsafe fn bytes<'a>(data: *const u8, len: usize) -> Result<&'a [u8], Refusal> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    if isize::try_from(len).is_err() {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    // SAFETY: `len` bytes are there and nobody changes them during the call: the caller's obligation.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// Reads a value of the caller's.
pub(crate) unsafe fn read<T: Copy>(place: *const T) -> Result<T, Refusal> {
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: not NULL and aligned, checked above; initialised: the caller's obligation.
    Ok(unsafe { place.read() })
}

/// Borrows a value of the caller's in place.
#[inline]
pub(crate) unsafe fn look<'a, T: Copy>(place: *const T) -> Result<&'a T, Refusal> {
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: not NULL and aligned, checked above; initialised and unchanged during the call: the caller's obligation.
    Ok(unsafe { &*place })
}

/// Borrows values of the caller's in place.
#[inline]
pub(crate) unsafe fn looks<'a, T: Copy>(place: *const T, count: usize) -> Result<&'a [T], Refusal> {
    if count == 0 {
        return Ok(&[]);
    }
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    // SAFETY: not NULL and aligned, checked above; `count` values, unchanged during the call: the caller's obligation.
    Ok(unsafe { std::slice::from_raw_parts(place, count) })
}

/// Reads a sized struct of the caller's, whose version may be older or newer: missing fields keep their value in
/// `value`, unknown ones must be zero.
pub(crate) unsafe fn read_sized<T: Sized32>(place: *const T, mut value: T) -> Result<T, Refusal> {
    // SAFETY: as for `read`, and every sized struct begins with its size: the caller's obligation.
    let size = unsafe { read(place.cast::<u32>()) }? as usize;
    if !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    if !(T::BYTES_MIN..=STRUCT_BYTES_MAX).contains(&size) {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the struct has `size` bytes, by its own first field; both ends lie inside it.
    let rest = unsafe { bytes(place.cast::<u8>().wrapping_add(known), size - known) }?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    // SAFETY: `known` bytes are there on both sides, and any bits are a value of T.
    unsafe { std::ptr::copy_nonoverlapping(place.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    Ok(value)
}

/// Fills a sized struct of `size` bytes; fields that are unknown here become zero.
pub(crate) unsafe fn write_sized<T: Sized32>(place: *mut T, size: usize, value: &T) -> Result<(), Refusal> {
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    if !(T::BYTES_MIN..=STRUCT_BYTES_MAX).contains(&size) {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: `size` bytes at `place` may be written: the caller's obligation.
    unsafe { place.cast::<u8>().write_bytes(0, size) };
    // SAFETY: `known` is at most `size` and at most the size of T, so both ranges are valid.
    unsafe { std::ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), place.cast::<u8>(), known) };
    Ok(())
}

/// Runs a call that needs no node, and catches its panic.
pub(crate) fn guarded(work: impl FnOnce() -> Result<(), Refusal>) -> Result<(), Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(Refusal::Panic(words_of(&*payload))))
}

pub(crate) fn words_of(payload: &(dyn Any + Send)) -> String {
    if let Some(words) = payload.downcast_ref::<&str>() {
        return (*words).to_owned();
    }
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without a message".to_owned())
}

pub(crate) fn status_of(done: Result<(), Refusal>) -> tow_status {
    done.map_or_else(|refusal| refusal.code(), |()| TOW_OK)
}
