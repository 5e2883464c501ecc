//! What C hands over, looked at before it is touched; and panics, stopped before they leave.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::status::{Refusal, TOW_E_NULL, TOW_E_SIZE, TOW_OK, tow_status};

/// A sized struct longer than this is no struct of any version.
const STRUCT_BYTES_MAX: usize = 4096;

/// Structs that begin with their size and only ever grow.
///
/// # Safety
/// `repr(C)`, begins with a `u32`, and every bit pattern of its fields is sound.
pub(crate) unsafe trait Sized32: Copy {
    /// Its size in version 1 of the ABI.
    const BYTES_MIN: usize;
}

/// A place to be written, neither NULL nor misaligned.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// The caller owns the place for the call's length.
    pub(crate) unsafe fn new(place: *mut T) -> Result<Self, Refusal> {
        if place.is_null() || !place.is_aligned() {
            Err(Refusal::Status(TOW_E_NULL))
        } else {
            Ok(Self(place))
        }
    }

    pub(crate) fn write(&self, value: T) {
        // SAFETY: checked in `new`, and the caller's for the call's length; what was there is never read.
        unsafe { self.0.write(value) }
    }
}

/// The caller's bytes. Nothing is read of an empty range.
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
    // SAFETY: the caller says that `len` bytes are there and stay as they are during the call.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// A value of the caller's.
pub(crate) unsafe fn read<T: Copy>(place: *const T) -> Result<T, Refusal> {
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: not NULL, aligned, and the caller says that it is initialised.
    Ok(unsafe { place.read() })
}

/// A value of the caller's, where it lies.
#[inline]
pub(crate) unsafe fn look<'a, T: Copy>(place: *const T) -> Result<&'a T, Refusal> {
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    // SAFETY: not NULL, aligned, and the caller says that it is initialised and stays as it is during the call.
    Ok(unsafe { &*place })
}

/// Values of the caller's, where they lie.
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
    // SAFETY: not NULL, aligned, and the caller says that `count` are there and stay as they are during the call.
    Ok(unsafe { std::slice::from_raw_parts(place, count) })
}

/// A sized struct of the caller's, whose version may be older or newer: what it lacks keeps its value in `value`, what
/// we do not know must be zero.
pub(crate) unsafe fn read_sized<T: Sized32>(place: *const T, mut value: T) -> Result<T, Refusal> {
    // SAFETY: as for `read`; every sized struct begins with its size.
    let size = unsafe { read(place.cast::<u32>()) }? as usize;
    if !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    if !(T::BYTES_MIN..=STRUCT_BYTES_MAX).contains(&size) {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the struct says that it has `size` bytes; both ends lie inside it.
    let rest = unsafe { bytes(place.cast::<u8>().wrapping_add(known), size - known) }?;
    if rest.iter().any(|byte| *byte != 0) {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    // SAFETY: `known` bytes are there on both sides, and any bits are a value of T.
    unsafe { std::ptr::copy_nonoverlapping(place.cast::<u8>(), (&raw mut value).cast::<u8>(), known) };
    Ok(value)
}

/// Fills a sized struct of `size` bytes; what we do not know of it becomes zero.
pub(crate) unsafe fn write_sized<T: Sized32>(place: *mut T, size: usize, value: &T) -> Result<(), Refusal> {
    if place.is_null() || !place.is_aligned() {
        return Err(Refusal::Status(TOW_E_NULL));
    }
    if !(T::BYTES_MIN..=STRUCT_BYTES_MAX).contains(&size) {
        return Err(Refusal::Status(TOW_E_SIZE));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the caller says that `size` bytes are there.
    unsafe { place.cast::<u8>().write_bytes(0, size) };
    // SAFETY: `known` is within both.
    unsafe { std::ptr::copy_nonoverlapping((&raw const *value).cast::<u8>(), place.cast::<u8>(), known) };
    Ok(())
}

/// Runs what needs no node.
pub(crate) fn guarded(work: impl FnOnce() -> Result<(), Refusal>) -> Result<(), Refusal> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|payload| Err(Refusal::Panic(words_of(&*payload))))
}

pub(crate) fn words_of(payload: &(dyn Any + Send)) -> String {
    if let Some(words) = payload.downcast_ref::<&str>() {
        return (*words).to_owned();
    }
    payload.downcast_ref::<String>().cloned().unwrap_or_else(|| "a panic without words".to_owned())
}

pub(crate) fn status_of(done: Result<(), Refusal>) -> tow_status {
    done.map_or_else(|refusal| refusal.code(), |()| TOW_OK)
}
